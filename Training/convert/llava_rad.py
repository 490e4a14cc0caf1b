#!/usr/bin/env python3
"""Converts LLaVA-Rad's published pickles to one safetensors directory that the gateway loads.

    python3 -m venv .venv-convert
    .venv-convert/bin/pip install -r Training/convert/requirements.txt
    .venv-convert/bin/python Training/convert/llava_rad.py \
        --base vicuna-7b-v1.5 --adapter llava-rad --vision biomedclipcxr_518_checkpoint.pt --output llava-rad-merged

The base is a Vicuna directory (safetensors or pytorch_model*.bin); the adapter directory holds adapter_config.json,
adapter_model.bin (or .safetensors) and non_lora_trainables.bin. LoRA is merged: W += (alpha / r) B A. Pickles are read
with `weights_only=True`, so that nothing in them is executed. One tensor is in memory at a time beyond the adapter.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

SHARD_BYTES = 4 << 30
MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]


class ConversionError(Exception):
    """What is wrong with the input, for people."""


def read_pickle(path):
    """Tensors of a pickle; anything but tensors and plain containers is refused by PyTorch."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model"):
        if isinstance(content.get(key), dict):
            content = content[key]
    return {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}


def base_tensors(directory):
    """Name and tensor of every weight of the base model."""
    safetensors = sorted(directory.glob("*.safetensors"))
    for path in safetensors:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():
                yield name, file.get_tensor(name)
    if safetensors:
        return
    pickles = sorted(directory.glob("pytorch_model*.bin"))
    if not pickles:
        raise ConversionError(f"{directory} holds neither *.safetensors nor pytorch_model*.bin")
    for path in pickles:
        yield from read_pickle(path).items()


def lora_pairs(directory):
    """For each base weight its A, B and scale."""
    config = json.loads((directory / "adapter_config.json").read_text())
    scale = config["lora_alpha"] / config["r"]
    path = directory / "adapter_model.bin"
    tensors = read_pickle(path) if path.exists() else load_file(directory / "adapter_model.safetensors")
    pairs = {}
    for name, tensor in tensors.items():
        target = name.removeprefix("base_model.model.").replace(".default", "")
        for side in ("A", "B"):
            marker = f".lora_{side}.weight"
            if target.endswith(marker):
                pairs.setdefault(target.removesuffix(marker) + ".weight", {})[side] = tensor
    incomplete = [name for name, pair in pairs.items() if len(pair) != 2]
    if incomplete or not pairs:
        raise ConversionError(f"{path}: LoRA pairs are incomplete: {incomplete or 'none found'}")
    return pairs, scale


def vision_tensors(path):
    """The visual trunk of the BiomedCLIP checkpoint, in timm's names."""
    result = {}
    for name, tensor in read_pickle(path).items():
        name = name.removeprefix("module.")
        if name.startswith("visual.trunk."):
            result["vision_tower." + name.removeprefix("visual.trunk.")] = tensor
    if not result:
        raise ConversionError(f"{path} holds no visual.trunk.*")
    return result


class ShardedWriter:
    """Collects tensors and writes shards of a bounded size with their index."""

    def __init__(self, directory, dtype):
        self.directory, self.dtype = directory, dtype
        self.pending, self.size, self.shards = {}, 0, []

    def add(self, name, tensor):
        """Adds one tensor."""
        tensor = tensor.to(self.dtype).contiguous()
        self.pending[name] = tensor
        self.size += tensor.numel() * tensor.element_size()
        if self.size >= SHARD_BYTES:
            self.flush()

    def flush(self):
        """Writes what is pending as one shard."""
        if not self.pending:
            return
        name = f"shard-{len(self.shards) + 1:05d}.safetensors"
        save_file(self.pending, self.directory / name, metadata={"format": "pt"})
        self.shards.append((name, sorted(self.pending)))
        self.pending, self.size = {}, 0

    def finish(self):
        """Renames the shards as Hugging Face does and writes the index."""
        self.flush()
        if len(self.shards) == 1:
            (self.directory / self.shards[0][0]).rename(self.directory / "model.safetensors")
            return
        weight_map = {}
        for number, (name, tensors) in enumerate(self.shards, start=1):
            final = f"model-{number:05d}-of-{len(self.shards):05d}.safetensors"
            (self.directory / name).rename(self.directory / final)
            weight_map.update({tensor: final for tensor in tensors})
        index = {"metadata": {}, "weight_map": weight_map}
        (self.directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=1, sort_keys=True))


def vision_configuration(tensors, heads):
    """Sizes of the tower, read off its tensors."""
    width, _, patch, _ = tensors["vision_tower.patch_embed.proj.weight"].shape
    tokens = tensors["vision_tower.pos_embed"].shape[1] - 1
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("vision_tower.blocks."))
    return {
        "model_type": "timm_dinov2",
        "hidden_size": width,
        "intermediate_size": tensors["vision_tower.blocks.0.mlp.fc1.weight"].shape[0],
        "num_hidden_layers": layers,
        "num_attention_heads": heads or max(1, width // 64),
        "patch_size": patch,
        "image_size": round(tokens**0.5) * patch,
        "layer_norm_eps": 1e-6,
    }


def convert(base, adapter, vision, output, dtype=torch.bfloat16, heads=None):
    """Writes the merged directory."""
    output.mkdir(parents=True, exist_ok=True)
    pairs, scale = lora_pairs(adapter)
    writer = ShardedWriter(output, dtype)
    for name, tensor in base_tensors(base):
        if name.endswith("rotary_emb.inv_freq"):
            continue
        pair = pairs.pop(name, None)
        if pair is not None:
            tensor = tensor.float() + scale * (pair["B"].float() @ pair["A"].float())
        writer.add("language_model." + name, tensor)
    if pairs:
        raise ConversionError(f"LoRA weights without a base weight: {', '.join(sorted(pairs)[:4])}")
    tower = vision_tensors(vision)
    for name, tensor in tower.items():
        writer.add(name, tensor)
    for name, tensor in read_pickle(adapter / "non_lora_trainables.bin").items():
        name = name.split("mm_projector.")[-1] if "mm_projector." in name else None
        if name is not None:
            writer.add("multi_modal_projector." + name, tensor)
    writer.finish()

    text = json.loads((base / "config.json").read_text())
    text.pop("auto_map", None)
    vision_config = vision_configuration(tower, heads)
    config = {
        "architectures": ["LlavaRadForConditionalGeneration"],
        "model_type": "llava_rad",
        "text_config": text,
        "vision_config": vision_config,
        "vision_feature_layer": -2,
        "projector_hidden_act": "gelu",
    }
    (output / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True))
    size = vision_config["image_size"]
    preprocessor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }
    (output / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=1, sort_keys=True))
    for name in ("tokenizer.model", "tokenizer.json", "tokenizer_config.json", "added_tokens.json"):
        if (base / name).exists():
            shutil.copy(base / name, output / name)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--vision", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--dtype", choices=["float32", "float16", "bfloat16"], default="bfloat16")
    parser.add_argument("--vision-heads", type=int, help="attention heads of the tower, where they are not width / 64")
    arguments = parser.parse_args()
    try:
        convert(
            arguments.base,
            arguments.adapter,
            arguments.vision,
            arguments.output,
            getattr(torch, arguments.dtype),
            arguments.vision_heads,
        )
    except (ConversionError, FileNotFoundError, KeyError) as error:
        sys.exit(f"llava_rad: {error}")
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
