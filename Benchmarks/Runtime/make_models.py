#!/usr/bin/env python3
"""Random models of the same dimensions for the gateway's runtime and for llama.cpp: speed does not depend on the values.

Writes `<output>/gateway-q4`, `gateway-q8` (LLaVA directories as `cxrgate model quantize` writes them) and `llama-q4.gguf`,
`llama-q8.gguf`. In all of them embedding and head have 8 bits, blocks of 32 share a 16-bit scale.
"""

import argparse
import json
import struct
from pathlib import Path

import gguf
import numpy

SIZES = {
    "7b": {
        "hidden": 4096, "inner": 11008, "layers": 32, "heads": 32, "vocabulary": 32000,
        "vision": {"hidden": 1024, "inner": 4096, "layers": 24, "heads": 16, "image": 336, "patch": 14},
    },
    "small": {
        "hidden": 512, "inner": 1408, "layers": 4, "heads": 8, "vocabulary": 4096,
        "vision": {"hidden": 128, "inner": 512, "layers": 4, "heads": 2, "image": 112, "patch": 14},
    },
}
PACKED = {"q4": 16, "q8": 32}


class Random:
    """Reproducible bytes, made once and repeated."""

    def __init__(self, seed):
        self.pool = numpy.random.default_rng(seed).integers(0, 256, 1 << 24, dtype=numpy.uint8)

    def bytes(self, count):
        """That many bytes."""
        repeats = -(-count // len(self.pool))
        return numpy.tile(self.pool, repeats)[:count] if repeats > 1 else self.pool[:count]


def gateway_tensors(size, kind):
    """Name, dtype, shape of every tensor of the LLaVA directory."""
    hidden, inner, vocabulary, vision = size["hidden"], size["inner"], size["vocabulary"], size["vision"]

    def packed(name, rows, columns, kind):
        blocks = -(-columns // 32)
        yield f"{name}.weight", "U8", [rows, blocks * PACKED[kind]]
        yield f"{name}.weight_scale", "F16", [rows, blocks]

    def norm(name, width, bias):
        yield f"{name}.weight", "F32", [width]
        if bias:
            yield f"{name}.bias", "F32", [width]

    yield from packed("language_model.model.embed_tokens", vocabulary, hidden, "q8")
    yield from packed("language_model.lm_head", vocabulary, hidden, "q8")
    yield from norm("language_model.model.norm", hidden, False)
    for layer in range(size["layers"]):
        prefix = f"language_model.model.layers.{layer}."
        for name in "qkvo":
            yield from packed(f"{prefix}self_attn.{name}_proj", hidden, hidden, kind)
        yield from packed(f"{prefix}mlp.gate_proj", inner, hidden, kind)
        yield from packed(f"{prefix}mlp.up_proj", inner, hidden, kind)
        yield from packed(f"{prefix}mlp.down_proj", hidden, inner, kind)
        yield from norm(f"{prefix}input_layernorm", hidden, False)
        yield from norm(f"{prefix}post_attention_layernorm", hidden, False)
    width, patch = vision["hidden"], vision["patch"]
    tokens = (vision["image"] // patch) ** 2 + 1
    yield "vision_tower.embeddings.patch_embedding.weight", "F32", [width, 3, patch, patch]
    yield "vision_tower.embeddings.class_embedding", "F32", [width]
    yield "vision_tower.embeddings.position_embedding.weight", "F32", [tokens, width]
    yield from norm("vision_tower.pre_layrnorm", width, True)
    for layer in range(vision["layers"]):
        prefix = f"vision_tower.encoder.layers.{layer}."
        for name in ("q", "k", "v", "out"):
            yield from packed(f"{prefix}self_attn.{name}_proj", width, width, "q8")
            yield f"{prefix}self_attn.{name}_proj.bias", "F32", [width]
        for name, rows, columns in (("fc1", vision["inner"], width), ("fc2", width, vision["inner"])):
            yield from packed(f"{prefix}mlp.{name}", rows, columns, "q8")
            yield f"{prefix}mlp.{name}.bias", "F32", [rows]
        yield from norm(f"{prefix}layer_norm1", width, True)
        yield from norm(f"{prefix}layer_norm2", width, True)
    for name, rows, columns in (("linear_1", hidden, width), ("linear_2", hidden, hidden)):
        yield from packed(f"multi_modal_projector.{name}", rows, columns, "q8")
        yield f"multi_modal_projector.{name}.bias", "F32", [rows]


def values(name, dtype, shape, random):
    """Bytes of one tensor: weights with a spread of about 1/sqrt(width), norms one, biases zero."""
    count = int(numpy.prod(shape))
    if dtype == "U8":
        return random.bytes(count)
    if dtype == "F16":
        spread = 73.0 if shape[1] * 32 and "q8" in name else 4.6
        return numpy.full(count, 1 / (spread * (shape[1] * 32) ** 0.5), numpy.float16)
    if name.endswith("weight") and len(shape) == 1:
        return numpy.ones(count, numpy.float32)
    if name.endswith("bias"):
        return numpy.zeros(count, numpy.float32)
    return ((random.bytes(count).astype(numpy.float32) - 128) / 128 / shape[-1] ** 0.5).astype(numpy.float32)


def write_gateway(directory, size, kind, random):
    """The model directory."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = list(gateway_tensors(size, kind))
    header, offset = {"__metadata__": {"quant_method": "cxrgate"}}, 0
    for name, dtype, shape in tensors:
        length = int(numpy.prod(shape)) * {"U8": 1, "F16": 2, "F32": 4}[dtype]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + length]}
        offset += length
    text = json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with open(directory / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, dtype, shape in tensors:
            file.write(values(name, dtype, shape, random).tobytes())
    vision = size["vision"]
    text_config = {
        "model_type": "llama", "hidden_size": size["hidden"], "intermediate_size": size["inner"],
        "num_hidden_layers": size["layers"], "num_attention_heads": size["heads"],
        "vocab_size": size["vocabulary"], "max_position_embeddings": 4096, "rms_norm_eps": 1e-5,
    }
    vision_config = {
        "model_type": "clip_vision_model", "hidden_size": vision["hidden"], "intermediate_size": vision["inner"],
        "num_hidden_layers": vision["layers"], "num_attention_heads": vision["heads"],
        "image_size": vision["image"], "patch_size": vision["patch"],
    }
    config = {
        "model_type": "llava", "text_config": text_config, "vision_config": vision_config,
        "vision_feature_layer": -1, "quantization_config": {"quant_method": "cxrgate"},
    }
    (directory / "config.json").write_text(json.dumps(config, indent=1))
    image = vision["image"]
    preprocessor = {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": image}, "do_center_crop": True,
        "crop_size": {"height": image, "width": image}, "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    }
    (directory / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    vocabulary = {f"t{i}": i for i in range(size["vocabulary"] - 1)} | {"<image>": size["vocabulary"] - 1}
    tokenizer = {
        "added_tokens": [{"id": size["vocabulary"] - 1, "content": "<image>", "special": True}],
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []}, "decoder": {"type": "Fuse"},
    }
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer))


def write_gguf(path, size, kind, random):
    """The same language model for llama.cpp."""
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(4096)
    writer.add_embedding_length(size["hidden"])
    writer.add_block_count(size["layers"])
    writer.add_feed_forward_length(size["inner"])
    writer.add_head_count(size["heads"])
    writer.add_head_count_kv(size["heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(size["hidden"] // size["heads"])
    writer.add_vocab_size(size["vocabulary"])
    writer.add_tokenizer_model("llama")
    tokens = [b"<unk>", b"<s>", b"</s>"] + [f"t{i}".encode() for i in range(size["vocabulary"] - 3)]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([2, 3, 3] + [1] * (len(tokens) - 3))

    def packed(name, rows, columns, kind):
        blocks = columns // 32
        data = numpy.empty((rows * blocks, PACKED[kind] + 2), numpy.uint8)
        data[:, 2:] = random.bytes(rows * blocks * PACKED[kind]).reshape(-1, PACKED[kind])
        spread = 4.6 if kind == "q4" else 73.0
        data[:, :2] = numpy.frombuffer(numpy.float16(1 / (spread * columns**0.5)).tobytes(), numpy.uint8)
        dtype = gguf.GGMLQuantizationType.Q4_0 if kind == "q4" else gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, data.reshape(rows, -1), raw_dtype=dtype)

    hidden, inner = size["hidden"], size["inner"]
    packed("token_embd.weight", size["vocabulary"], hidden, "q8")
    packed("output.weight", size["vocabulary"], hidden, "q8")
    writer.add_tensor("output_norm.weight", numpy.ones(hidden, numpy.float32))
    for layer in range(size["layers"]):
        prefix = f"blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            packed(f"{prefix}{name}.weight", hidden, hidden, kind)
        packed(f"{prefix}ffn_gate.weight", inner, hidden, kind)
        packed(f"{prefix}ffn_up.weight", inner, hidden, kind)
        packed(f"{prefix}ffn_down.weight", hidden, inner, kind)
        writer.add_tensor(f"{prefix}attn_norm.weight", numpy.ones(hidden, numpy.float32))
        writer.add_tensor(f"{prefix}ffn_norm.weight", numpy.ones(hidden, numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--kinds", nargs="+", choices=list(PACKED), default=list(PACKED))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    random = Random(7)
    for kind in arguments.kinds:
        if not (arguments.output / f"gateway-{kind}/tokenizer.json").exists():
            write_gateway(arguments.output / f"gateway-{kind}", SIZES[arguments.size], kind, random)
        if not (arguments.output / f"llama-{kind}.gguf").exists():
            write_gguf(arguments.output / f"llama-{kind}.gguf", SIZES[arguments.size], kind, random)


if __name__ == "__main__":
    main()
