"""Fixtures of the architectures that transformers does not implement: LLaVA-Rad, MAIRA-2, the reference model.

Their forward passes are written out here from the published code (microsoft/llava-rad, microsoft/maira-2) and from
`Training/LAYOUT.md`.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy
import sentencepiece
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from transformers import Dinov2Config, Dinov2Model, LlamaConfig, LlamaForCausalLM

import tokenizer_fixtures
from image_fixtures import CLIP_MEAN, CLIP_STD, PICTURES, CLIPImageProcessorPil, min_max
from image_fixtures import PROCESSORS as PIXEL_PROCESSORS
from model_fixtures import CASES, attempt, expectations, llama_tokenizer, randomize, rounded, save_tokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "Training" / "convert"))
import llava_rad  # noqa: E402


def with_image(model, ids, image_token, projected):
    """Logits of the last position, the image token's places taken by the projected features."""
    tokens = torch.tensor(ids)
    embedded = model.get_input_embeddings()(tokens.clamp(max=model.config.vocab_size - 1))
    embedded[tokens == image_token] = projected.to(embedded.dtype)
    with torch.no_grad():
        return model(inputs_embeds=embedded[None]).logits[0, -1]


def write_json(path, value):
    """Stable JSON."""
    path.write_text(json.dumps(value, indent=1, sort_keys=True, default=str))


def llava_rad_model(directory, seed):
    """LLaVA-Rad through the project's converter: Vicuna, LoRA on all linears, a timm tower with pickled names."""
    model_bytes = tokenizer_fixtures.sentencepiece_bytes()
    processor = sentencepiece.SentencePieceProcessor(model_proto=model_bytes)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    language = randomize(LlamaForCausalLM(LlamaConfig(**small, vocab_size=processor.vocab_size())), seed)
    tower = randomize(
        timm.models.vision_transformer.VisionTransformer(
            img_size=28, patch_size=7, embed_dim=24, depth=3, num_heads=3, init_values=1e-5, num_classes=0
        ),
        seed + 1,
    )
    projector = randomize(nn.Sequential(nn.Linear(24, 32), nn.GELU(), nn.Linear(32, 32)), seed + 2)
    generator = torch.Generator().manual_seed(seed + 3)
    rank, alpha = 4, 8
    lora, merged = {}, {k: v.clone() for k, v in language.state_dict().items()}
    for name, weight in language.state_dict().items():
        if "_proj.weight" in name:
            a = torch.randn(rank, weight.shape[1], generator=generator) / weight.shape[1] ** 0.5
            b = torch.randn(weight.shape[0], rank, generator=generator) / rank**0.5
            stem = "base_model.model." + name.removesuffix(".weight")
            lora[stem + ".lora_A.weight"], lora[stem + ".lora_B.weight"] = a, b
            merged[name] = weight + alpha / rank * (b @ a)
    folder = directory / "llava-rad"
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        base, adapter = Path(scratch) / "base", Path(scratch) / "adapter"
        base.mkdir()
        adapter.mkdir()
        torch.save(language.state_dict(), base / "pytorch_model.bin")
        write_json(base / "config.json", {"model_type": "llama", **small, "vocab_size": processor.vocab_size()})
        (base / "tokenizer.model").write_bytes(model_bytes)
        torch.save(lora, adapter / "adapter_model.bin")
        write_json(adapter / "adapter_config.json", {"r": rank, "lora_alpha": alpha})
        torch.save(
            {f"base_model.model.model.mm_projector.{k}": v for k, v in projector.state_dict().items()},
            adapter / "non_lora_trainables.bin",
        )
        vision = Path(scratch) / "vision.pt"
        torch.save({"state_dict": {f"module.visual.trunk.{k}": v for k, v in tower.state_dict().items()}}, vision)
        llava_rad.convert(base, adapter, vision, folder, torch.float32, heads=3)
    language.load_state_dict(merged)

    image_processor = CLIPImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, image_mean=CLIP_MEAN, image_std=CLIP_STD
    )
    before = "A chat. USER: "
    after = "\nProvide a description of the findings given the following indication: cough. ASSISTANT:"
    cases = {}
    for case in CASES:
        pixels = image_processor(Image.fromarray(PICTURES[case]).convert("RGB"), return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            tokens = tower._pos_embed(tower.patch_embed(pixels))
            for block in tower.blocks[:-1]:
                tokens = block(tokens)
            features = tokens[0, 1:]
            projected = projector(features)
        # tokenizer_image_token of LLaVA: the text on each side is tokenised by itself.
        ids = [1] + processor.encode(before) + [-200] * len(projected) + processor.encode(after)
        cases[case] = (
            ids,
            features,
            projected,
            lambda ids, projected=projected: with_image_negative(language, ids, projected),
        )
    expectations(cases, folder)


def with_image_negative(model, ids, projected):
    """LLaVA's own placeholder -200 is no token."""
    return with_image(model, [model.config.vocab_size + 7 if i == -200 else i for i in ids], model.config.vocab_size + 7, projected)


def published_dino(key):
    """DINOv2's keys in the published files, before transformers 5 renamed them in memory."""
    for new, old in (("q", "query"), ("k", "key"), ("v", "value")):
        key = key.replace(f".attention.{new}_proj.", f".attention.attention.{old}.")
    return key.replace(".attention.o_proj.", ".attention.output.dense.")


def maira2(directory, seed):
    """MAIRA-2: DINOv2 with its final norm, four linears, Vicuna with linearly scaled rotary positions."""
    tokenizer = llama_tokenizer(("<image>", "<obj>", "</obj>", "<box>", "</box>", "<x0>", "<y0>"))
    image_token = tokenizer.token_to_id("<image>")
    vision_config = Dinov2Config(
        hidden_size=24, num_hidden_layers=2, num_attention_heads=3, mlp_ratio=2, image_size=28, patch_size=7
    )
    text_config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        rope_parameters={"rope_type": "linear", "factor": 1.5, "rope_theta": 10000.0},
    )
    tower = rounded(randomize(Dinov2Model(vision_config), seed), torch.bfloat16)
    language = rounded(randomize(LlamaForCausalLM(text_config), seed + 1), torch.bfloat16)
    layers = [nn.Linear(24, 32)]
    for _ in range(3):
        layers += [nn.GELU(), nn.Linear(32, 32)]
    projector = rounded(randomize(nn.Sequential(*layers), seed + 2), torch.bfloat16)
    folder = directory / "maira2"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tensors = {f"vision_tower.{published_dino(k)}": v for k, v in tower.state_dict().items()}
    tensors |= {f"multi_modal_projector.layers.{k}": v for k, v in projector.state_dict().items()}
    tensors |= {f"language_model.{k}": v for k, v in language.state_dict().items()}
    save_file({k: v.to(torch.bfloat16).contiguous() for k, v in tensors.items()}, folder / "model.safetensors")
    vision = {k: getattr(vision_config, k) for k in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
    vision |= {"model_type": "dinov2", "mlp_ratio": 2, "image_size": 28, "patch_size": 7, "layer_norm_eps": 1e-6}
    vision |= {"apply_layernorm": True, "out_features": ["stage2"], "reshape_hidden_states": False}
    text = {k: getattr(text_config, k) for k in ("vocab_size", "hidden_size", "intermediate_size")}
    text |= {"model_type": "llama", "num_hidden_layers": 2, "num_attention_heads": 4, "rms_norm_eps": 1e-6}
    text |= {"rope_scaling": {"type": "linear", "factor": 1.5}, "rope_theta": 10000.0}
    write_json(
        folder / "config.json",
        {
            "architectures": ["Maira2ForConditionalGeneration"],
            "model_type": "maira2",
            "image_token_index": image_token,
            "projector_hidden_act": "gelu",
            "projector_n_layers": 4,
            "text_config": text,
            "vision_config": vision,
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "default",
        },
    )
    save_tokenizer(tokenizer, folder)
    PIXEL_PROCESSORS["maira2"].save_pretrained(folder)
    cases = {}
    for case in CASES:
        image = Image.fromarray(min_max(PICTURES[case])).convert("RGB")
        pixels = PIXEL_PROCESSORS["maira2"](image, return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            features = tower(pixels).last_hidden_state[0, 1:]
            projected = projector(features)
        prompt = "USER: Given the current frontal image only" + "<image>" * len(projected) + " Describe. ASSISTANT:"
        ids = tokenizer.encode(prompt).ids
        cases[case] = (
            ids,
            features,
            projected,
            lambda ids, projected=projected: with_image(language, ids, image_token, projected),
        )
    expectations(cases, folder, placeholders=[image_token])


class Reference(nn.Module):
    """`Training/LAYOUT.md`, literally."""

    def __init__(self, config, language):
        super().__init__()
        vision, vq = config["vision_config"], config["vq_config"]
        self.config_dict, self.language_model = config, language
        width, inner, stems = vision["hidden_size"], vision["intermediate_size"], vision["stem_channels"]
        self.vision_tower = nn.Module()
        self.vision_tower.stem = nn.ModuleList()
        previous = vision["num_channels"]
        for channels, blocks in zip(stems, vision["stem_blocks"]):
            stage = nn.Module()
            stage.conv = nn.Conv2d(previous, channels, 3, stride=2, padding=1)
            stage.blocks = nn.ModuleList()
            for _ in range(blocks):
                block = nn.Module()
                block.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
                block.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
                stage.blocks.append(block)
            self.vision_tower.stem.append(stage)
            previous = channels
        side = vision["image_size"] // vision["patch_size"]
        self.vision_tower.position_embedding = nn.Parameter(torch.zeros(side * side, width))
        self.vision_tower.encoder = nn.Module()
        self.vision_tower.encoder.layers = nn.ModuleList()
        for _ in range(vision["num_hidden_layers"]):
            layer = nn.Module()
            layer.layer_norm1, layer.layer_norm2 = nn.LayerNorm(width, 1e-6), nn.LayerNorm(width, 1e-6)
            layer.self_attn, layer.mlp = nn.Module(), nn.Module()
            for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                setattr(layer.self_attn, name, nn.Linear(width, width))
            layer.mlp.fc1, layer.mlp.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
            self.vision_tower.encoder.layers.append(layer)
        self.vision_tower.post_layernorm = nn.LayerNorm(width, 1e-6)
        self.classifier = nn.Linear(2 * width, len(config["classifier_config"]["labels"]))
        merge = config["spatial_merge_size"] ** 2
        hidden = config["projector_hidden_size"]
        self.multi_modal_projector = nn.Module()
        self.multi_modal_projector.linear_1 = nn.Linear(merge * width, hidden)
        self.multi_modal_projector.linear_2 = nn.Linear(hidden, config["text_config"]["hidden_size"])
        self.vq_model = nn.Module()
        self.vq_model.codebook = nn.Embedding(vq["codebook_size"], vq["code_dim"])
        decoder = nn.Module()
        levels = vq["decoder_channels"]
        decoder.conv_in = nn.Conv2d(vq["code_dim"], levels[0], 3, padding=1)
        decoder.levels = nn.ModuleList()
        for index, channels in enumerate(levels):
            level = nn.Module()
            level.blocks = nn.ModuleList()
            for _ in range(vq["decoder_blocks"][index]):
                block = nn.Module()
                block.norm1 = nn.GroupNorm(vq["norm_num_groups"], channels, 1e-6)
                block.norm2 = nn.GroupNorm(vq["norm_num_groups"], channels, 1e-6)
                block.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
                block.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
                level.blocks.append(block)
            if index + 1 < len(levels):
                level.upsample = nn.Conv2d(channels, levels[index + 1], 3, padding=1)
            decoder.levels.append(level)
        decoder.norm_out = nn.GroupNorm(vq["norm_num_groups"], levels[-1], 1e-6)
        decoder.conv_out = nn.Conv2d(levels[-1], 1, 3, padding=1)
        self.vq_model.decoder = decoder

    def encode(self, pixels):
        """Tokens after the final norm."""
        x = pixels
        for stage in self.vision_tower.stem:
            x = functional.relu(stage.conv(x))
            for block in stage.blocks:
                x = functional.relu(x + block.conv2(functional.relu(block.conv1(x))))
        t = x.flatten(2).transpose(1, 2)[0] + self.vision_tower.position_embedding
        heads = self.config_dict["vision_config"]["num_attention_heads"]
        for layer in self.vision_tower.encoder.layers:
            y = layer.layer_norm1(t)
            q, k, v = (
                getattr(layer.self_attn, n)(y).view(len(y), heads, -1).transpose(0, 1)
                for n in ("q_proj", "k_proj", "v_proj")
            )
            y = functional.scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(len(y), -1)
            t = t + layer.self_attn.out_proj(y)
            t = t + layer.mlp.fc2(functional.gelu(layer.mlp.fc1(layer.layer_norm2(t))))
        return self.vision_tower.post_layernorm(t)

    def project(self, t):
        """Merged neighbours through the two linears."""
        side, merge = round(len(t) ** 0.5), self.config_dict["spatial_merge_size"]
        x = t.view(side // merge, merge, side // merge, merge, -1).permute(0, 2, 1, 3, 4)
        x = x.reshape((side // merge) ** 2, -1)
        return self.multi_modal_projector.linear_2(functional.gelu(self.multi_modal_projector.linear_1(x)))

    def decode(self, codes):
        """Pixels of a grid of codes."""
        grid, decoder = self.config_dict["vq_config"]["grid"], self.vq_model.decoder
        x = decoder.conv_in(self.vq_model.codebook(codes).T.reshape(1, -1, grid, grid))
        for index, level in enumerate(decoder.levels):
            for block in level.blocks:
                y = block.conv1(functional.silu(block.norm1(x)))
                x = x + block.conv2(functional.silu(block.norm2(y)))
            if index + 1 < len(decoder.levels):
                x = level.upsample(functional.interpolate(x, scale_factor=2, mode="nearest"))
        return ((decoder.conv_out(functional.silu(decoder.norm_out(x))) + 1) / 2).clamp(0, 1)[0, 0]


def reference_pixels(array, size):
    """Standardise, pad to a square, shrink with Pillow's triangle on floats, clamp."""
    image = numpy.array(Image.fromarray(array).convert("L")).astype(numpy.float64) / 255
    z = ((image - image.mean()) / max(image.std(), 0.001)).astype(numpy.float32)
    side = max(z.shape)
    square = numpy.full((side, side), -2, numpy.float32)
    top, left = (side - z.shape[0]) // 2, (side - z.shape[1]) // 2
    square[top : top + z.shape[0], left : left + z.shape[1]] = z
    resized = numpy.array(Image.fromarray(square).resize((size, size), resample=2))
    return torch.from_numpy(numpy.clip(resized, -3, 3))[None, None]


def reference(directory, seed):
    """The project's own small model with random weights."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<|image_start|>", "<|image_end|>"]
    codes = [f"<img_{i}>" for i in range(16)]
    pre = tokenizer_fixtures.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = tokenizer_fixtures.byte_level(pre, specials=specials + codes)
    token = tokenizer.token_to_id
    text = {
        "model_type": "llama",
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
    }
    config = {
        "model_type": "cxr_reference",
        "architectures": ["CXRReferenceForConditionalGeneration"],
        "image_token_index": token("<image>"),
        "image_seq_length": 16,
        "spatial_merge_size": 2,
        "projector_hidden_size": 40,
        "projector_hidden_act": "gelu",
        "eos_token_id": token("<|im_end|>"),
        "vision_config": {
            "model_type": "conv_stem_vit",
            "image_size": 32,
            "num_channels": 1,
            "patch_size": 4,
            "stem_channels": [8, 24],
            "stem_blocks": [0, 1],
            "stem_act": "relu",
            "hidden_size": 24,
            "intermediate_size": 40,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-6,
        },
        "text_config": text,
        "vq_config": {
            "image_size": 16,
            "grid": 4,
            "codebook_size": 16,
            "code_dim": 8,
            "decoder_channels": [16, 8, 8],
            "decoder_blocks": [1, 1, 0],
            "norm_num_groups": 4,
            "norm_eps": 1e-6,
            "image_code_offset": token("<img_0>"),
            "image_start_token_id": token("<|image_start|>"),
            "image_end_token_id": token("<|image_end|>"),
        },
        "classifier_config": {
            "pooling": "mean_max",
            "labels": [
                {"name": "Atelectasis", "evidence": "real", "temperature": 1.31, "bias": -0.42},
                {"name": "Fracture", "evidence": "phantom", "temperature": 1.0, "bias": 0.0},
            ],
        },
    }
    language = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in text.items() if k != "model_type"}))
    model = rounded(randomize(Reference(config, language), seed), torch.float16)
    language.tie_weights()
    folder = directory / "reference"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tensors = {k: v for k, v in model.state_dict().items() if not k.endswith("lm_head.weight")}
    save_file({k: v.to(torch.float16).contiguous() for k, v in tensors.items()}, folder / "model.safetensors")
    write_json(folder / "config.json", config)
    save_tokenizer(tokenizer, folder)
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "CXRReferenceImageProcessor",
            "do_standardize": True,
            "do_pad": True,
            "pad_value": -2,
            "do_resize": True,
            "size": {"height": 32, "width": 32},
            "resample": 2,
            "clip_value": 3,
        },
    )
    cases, extra = {}, {}
    generator = torch.Generator().manual_seed(seed)
    for case in CASES:
        pixels = reference_pixels(PICTURES[case], 32)
        with torch.no_grad():
            features = model.encode(pixels)
            projected = model.project(features)
            pooled = torch.cat([features.mean(0), features.max(0).values])
            grid = torch.randint(0, 16, (16,), generator=generator)
            extra[f"{case}.classes"] = model.classifier(pooled)
            extra[f"{case}.codes"] = grid.int()
            extra[f"{case}.synthesis"] = model.decode(grid)
            extra[f"{case}.pixels"] = pixels
        prompt = f"<|im_start|>user\n{'<image>' * 16}\nList all abnormalities.<|im_end|>\n<|im_start|>assistant\n"
        ids = tokenizer.encode(prompt).ids
        cases[case] = (
            ids,
            features,
            projected,
            lambda ids, projected=projected: with_image(language, ids, token("<image>"), projected),
        )
    expectations(cases, folder, extra, [token("<image>")])


def write(directory: Path):
    """Writes the three folders."""
    attempt(lambda seed: llava_rad_model(directory, seed), 40)
    attempt(lambda seed: maira2(directory, seed), 60)
    attempt(lambda seed: reference(directory, seed), 80)
