"""The shipped directory: configuration, weights, tokenizer, digests, and numbers for parity tests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from .calibrate import Calibration
from .config import Config, TextConfig, VisionConfig, VQConfig
from .data.geometry import CLIP_VALUE, PAD_VALUE
from .labels import LABELS, evidence
from .model.reference import ReferenceModel
from .text.tokenizer import IM_END, IMAGE, IMAGE_END, IMAGE_START, PAD, Chat

GUIDANCE, TEMPERATURE, TOP_K = 3.0, 1.0, 100


def config_json(config: Config, chat: Chat, calibrations: list[Calibration]) -> dict:
    """`config.json`, as LAYOUT.md describes it."""
    v, t, q = config.vision, config.text, config.vq
    return {
        "model_type": "cxr_reference",
        "architectures": ["CXRReferenceForConditionalGeneration"],
        "torch_dtype": "float16",
        "image_token_index": IMAGE,
        "image_seq_length": config.image_seq_length,
        "spatial_merge_size": config.spatial_merge_size,
        "projector_hidden_size": config.projector_hidden_size,
        "projector_hidden_act": "gelu",
        "bos_token_id": None,
        "eos_token_id": IM_END,
        "pad_token_id": PAD,
        "vision_config": {
            "model_type": "conv_stem_vit",
            "image_size": v.image_size,
            "num_channels": 1,
            "patch_size": v.patch_size,
            "stem_channels": list(v.stem_channels),
            "stem_blocks": list(v.stem_blocks),
            "stem_act": "relu",
            "hidden_size": v.hidden_size,
            "intermediate_size": v.intermediate_size,
            "num_hidden_layers": v.num_hidden_layers,
            "num_attention_heads": v.num_attention_heads,
            "hidden_act": "gelu",
            "layer_norm_eps": v.layer_norm_eps,
        },
        "text_config": {
            "model_type": "llama",
            "vocab_size": chat.vocabulary,
            "hidden_size": t.hidden_size,
            "intermediate_size": t.intermediate_size,
            "num_hidden_layers": t.num_hidden_layers,
            "num_attention_heads": t.num_attention_heads,
            "num_key_value_heads": t.num_key_value_heads,
            "head_dim": t.head_dim,
            "hidden_act": "silu",
            "rms_norm_eps": t.rms_norm_eps,
            "rope_theta": t.rope_theta,
            "max_position_embeddings": t.max_position_embeddings,
            "attention_bias": False,
            "tie_word_embeddings": True,
        },
        "vq_config": {
            "image_size": q.image_size,
            "grid": q.grid,
            "codebook_size": q.codebook_size,
            "code_dim": q.code_dim,
            "decoder_channels": list(q.decoder_channels),
            "decoder_blocks": list(q.decoder_blocks),
            "norm_num_groups": q.norm_num_groups,
            "norm_eps": q.norm_eps,
            "image_code_offset": chat.image_code_offset,
            "image_start_token_id": IMAGE_START,
            "image_end_token_id": IMAGE_END,
        },
        "classifier_config": {
            "pooling": "mean_max",
            "labels": [
                {"name": name, "evidence": evidence(name), "temperature": c.temperature, "bias": c.bias}
                for name, c in zip(LABELS, calibrations)
            ],
        },
    }


def config_from_json(value: dict) -> Config:
    """The sizes back from `config.json`; budgets are not part of it."""
    v, t, q = value["vision_config"], value["text_config"], value["vq_config"]
    return Config(
        vision=VisionConfig(
            v["image_size"],
            tuple(v["stem_channels"]),
            tuple(v["stem_blocks"]),
            v["num_hidden_layers"],
            v["num_attention_heads"],
            v["intermediate_size"],
            v["layer_norm_eps"],
        ),
        text=TextConfig(
            t["hidden_size"],
            t["intermediate_size"],
            t["num_hidden_layers"],
            t["num_attention_heads"],
            t["num_key_value_heads"],
            t["head_dim"],
            t["rms_norm_eps"],
            t["rope_theta"],
            t["max_position_embeddings"],
            t["vocab_size"] - q["codebook_size"],
        ),
        vq=VQConfig(
            q["image_size"],
            q["codebook_size"],
            q["code_dim"],
            tuple(q["decoder_channels"]),
            tuple(q["decoder_blocks"]),
            q["norm_num_groups"],
            q["norm_eps"],
        ),
        spatial_merge_size=value["spatial_merge_size"],
        projector_hidden_size=value["projector_hidden_size"],
    )


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=True) + "\n")


def export(
    folder: Path, model: ReferenceModel, tokenizer: Tokenizer, calibrations: list[Calibration], points: list[dict]
) -> None:
    """Writes everything but the evaluation and the card."""
    folder.mkdir(parents=True, exist_ok=True)
    chat = Chat(tokenizer, model.config.image_seq_length)
    write_json(folder / "config.json", config_json(model.config, chat, calibrations))
    state = {name: value.half().contiguous() for name, value in model.state_dict().items() if shipped(name)}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "CXRReferenceImageProcessor",
            "do_standardize": True,
            "std_floor": 0.001,
            "do_pad": True,
            "pad_value": PAD_VALUE,
            "do_resize": True,
            "size": {"height": model.config.vision.image_size, "width": model.config.vision.image_size},
            "resample": 2,
            "clip_value": CLIP_VALUE,
        },
    )
    write_json(
        folder / "generation_config.json",
        {
            "do_sample": False,
            "eos_token_id": IM_END,
            "pad_token_id": PAD,
            "max_new_tokens": 220,
            "image": {"guidance": GUIDANCE, "temperature": TEMPERATURE, "top_k": TOP_K},
        },
    )
    write_json(folder / "operating_points.json", points)


def shipped(name: str) -> bool:
    """The VQ encoder and the statistics of the codebook serve training only."""
    return not name.startswith(("vq_model.encoder.", "vq_model.codebook.use", "vq_model.codebook.total"))


def load(folder: Path) -> tuple[ReferenceModel, Chat]:
    """The shipped model as PyTorch, in F32. Its VQ encoder is not shipped and stays random."""
    value = json.loads((folder / "config.json").read_text())
    config = config_from_json(value)
    model = ReferenceModel(config, value["text_config"]["vocab_size"])
    state = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()}
    absent = [name for name in model.load_state_dict(state, strict=False).missing_keys if shipped(name)]
    if absent:
        raise ValueError(f"{folder / 'model.safetensors'} lacks {', '.join(absent)}")
    return model.eval(), Chat.load(folder / "tokenizer.json", config.image_seq_length)


def calibrations_of(folder: Path) -> list[Calibration]:
    labels = json.loads((folder / "config.json").read_text())["classifier_config"]["labels"]
    return [Calibration(label["temperature"], label["bias"]) for label in labels]


def write_digests(folder: Path) -> None:
    """`SHA256SUMS` of every other file, in the format of sha256sum."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "SHA256SUMS"
    ]
    (folder / "SHA256SUMS").write_text("\n".join(lines) + "\n")


def parameters(model: ReferenceModel) -> int:
    """Numbers that are shipped."""
    return sum(value.numel() for name, value in model.state_dict().items() if shipped(name) and torch.is_tensor(value))
