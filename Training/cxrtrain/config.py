"""Sizes of the model and budgets of the stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True)
class VisionConfig:
    image_size: int = 192
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
    image_size: int = 128
    codebook_size: int = 512
    code_dim: int = 32
    decoder_channels: tuple[int, ...] = (96, 96, 48, 24)
    decoder_blocks: tuple[int, ...] = (1, 1, 1, 1)
    norm_num_groups: int = 8
    norm_eps: float = 1e-6

    @property
    def grid(self) -> int:
        return self.image_size // 2 ** (len(self.decoder_channels) - 1)


@dataclass(frozen=True)
class Phase:
    """Stage 0 at one image size: `real` of each batch's `batch` images are real, the rest phantoms and pasted lesions."""

    size: int
    steps: int
    batch: int
    real: int
    rate: float


@dataclass(frozen=True)
class Budget:
    """What each stage may spend: images drawn once, optimiser steps, examples per step."""

    phantoms: int = 5000
    pasted: int = 1500
    held_out: int = 300  # phantoms, and as many pasted images, of the validation and the test split each
    classify: tuple[Phase, ...] = (
        Phase(128, 1500, 24, 0, 1e-3),
        Phase(128, 500, 36, 20, 1e-3),
        Phase(192, 350, 30, 16, 5e-4),
    )
    vq_images: int = 2500
    vq_steps: int = 900
    vq_batch: int = 8
    caption_steps: int = 600
    instruct_steps: int = 1800
    batch: int = 24  # of stages 2 and 3
    views: int = 4  # augmented copies of every real image in stages 2 and 3
    judge: tuple[Phase, ...] = (Phase(128, 500, 24, 0, 1e-3), Phase(128, 300, 36, 20, 1e-3))
    ablation_share: float = 0.1  # of the steps of a stage that each arm of an ablation gets


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
        image_size=256,
        stem_channels=(32, 64, 160, 320),
        stem_blocks=(1, 1, 1, 1),
        num_hidden_layers=4,
        num_attention_heads=5,
        intermediate_size=1280,
    ),
    vq=VQConfig(image_size=256, decoder_channels=(128, 128, 64, 48, 24), decoder_blocks=(1, 1, 1, 1, 1)),
    text=TextConfig(hidden_size=320, intermediate_size=960, num_attention_heads=5, num_key_value_heads=1),
    budget=Budget(
        phantoms=60000,
        pasted=12000,
        held_out=1000,
        classify=(
            Phase(128, 12000, 64, 0, 1e-3),
            Phase(128, 8000, 96, 56, 1e-3),
            Phase(256, 5000, 80, 48, 3e-4),
        ),
        vq_images=40000,
        vq_steps=20000,
        vq_batch=32,
        caption_steps=8000,
        instruct_steps=40000,
        batch=64,
        views=8,
        judge=(Phase(128, 5000, 64, 0, 1e-3), Phase(128, 4000, 96, 56, 1e-3)),
        ablation_share=0.1,
    ),
)

# For the tests: every part at its smallest.
TINY = Config(
    vision=VisionConfig(
        image_size=64,
        stem_channels=(8, 8, 16, 32),
        stem_blocks=(0, 0, 1, 1),
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    ),
    text=TextConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        text_vocab_size=400,
    ),
    vq=VQConfig(
        image_size=64, codebook_size=16, code_dim=8, decoder_channels=(16, 16, 16, 8, 8), decoder_blocks=(1, 1, 1, 1, 1)
    ),
    budget=Budget(
        phantoms=12,
        pasted=4,
        held_out=6,
        classify=(Phase(32, 2, 6, 3, 1e-3), Phase(64, 2, 6, 3, 1e-3)),
        vq_images=8,
        vq_steps=2,
        vq_batch=2,
        caption_steps=2,
        instruct_steps=2,
        batch=4,
        views=1,
        judge=(Phase(32, 2, 4, 2, 1e-3),),
        ablation_share=0.5,
    ),
    projector_hidden_size=32,
)

SIZES: dict[str, Config] = {"tiny": TINY, "nano": NANO, "small": SMALL}
