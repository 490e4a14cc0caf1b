"""Sizes of the model and budgets of the stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True)
class VisionConfig:
    image_size: int = 256
    stem_channels: tuple[int, ...] = (32, 64, 128, 256)
    stem_blocks: tuple[int, ...] = (0, 1, 1, 1)
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int = 1024
    layer_norm_eps: float = 1e-6

    @property
    def patch_size(self) -> int:
        return 2 ** len(self.stem_channels)

    @property
    def hidden_size(self) -> int:
        return self.stem_channels[-1]

    @property
    def grid(self) -> int:
        return self.image_size // self.patch_size


@dataclass(frozen=True)
class TextConfig:
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10000.0
    max_position_embeddings: int = 1024
    text_vocab_size: int = 2048


@dataclass(frozen=True)
class VQConfig:
    image_size: int = 256
    codebook_size: int = 512
    code_dim: int = 32
    decoder_channels: tuple[int, ...] = (128, 128, 64, 32, 16)
    decoder_blocks: tuple[int, ...] = (1, 1, 1, 1, 1)
    norm_num_groups: int = 8
    norm_eps: float = 1e-6

    @property
    def grid(self) -> int:
        return self.image_size // 2 ** (len(self.decoder_channels) - 1)


@dataclass(frozen=True)
class Budget:
    """What each stage may spend: optimiser steps and examples per step."""

    classify_phantom_steps: int = 1500
    classify_steps: int = 1800
    classify_batch: int = 24
    vq_steps: int = 1200
    vq_batch: int = 8
    caption_steps: int = 1500
    caption_batch: int = 16
    instruct_steps: int = 4000
    instruct_batch: int = 16
    judge_steps: int = 900
    phantoms: int = 6000


@dataclass(frozen=True)
class Config:
    vision: VisionConfig = field(default_factory=VisionConfig)
    text: TextConfig = field(default_factory=TextConfig)
    vq: VQConfig = field(default_factory=VQConfig)
    budget: Budget = field(default_factory=Budget)
    spatial_merge_size: int = 2
    projector_hidden_size: int = 512

    @property
    def image_seq_length(self) -> int:
        return (self.vision.grid // self.spatial_merge_size) ** 2

    def to_dict(self) -> dict:
        return asdict(self)


NANO = Config()

SMALL = replace(
    NANO,
    vision=VisionConfig(
        stem_channels=(48, 96, 192, 320), stem_blocks=(1, 2, 2, 2), num_hidden_layers=6, num_attention_heads=5,
        intermediate_size=1280,
    ),
    text=TextConfig(hidden_size=320, intermediate_size=960, num_attention_heads=5, num_key_value_heads=1),
    budget=Budget(
        classify_phantom_steps=12000, classify_steps=6000, classify_batch=64, vq_steps=20000, vq_batch=32,
        caption_steps=10000, caption_batch=64, instruct_steps=60000, instruct_batch=64, judge_steps=4000,
        phantoms=60000,
    ),
)

SIZES: dict[str, Config] = {"nano": NANO, "small": SMALL}
