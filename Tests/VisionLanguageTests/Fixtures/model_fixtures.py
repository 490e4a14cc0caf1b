"""Tiny random models of every architecture in their real layout, and what PyTorch computes with them.

Each folder of `models` is a model directory as Hugging Face saves it, with `expected.safetensors` beside it:
`<case>.features` (what the vision tower hands to the projector), `<case>.projected` (what replaces the image tokens),
`<case>.ids` (the prompt), `<case>.logits` (after the prompt), `<case>.greedy` (64 tokens).
"""

import copy
import json
import shutil
from pathlib import Path

import numpy
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3Processor,
    Gemma3TextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionProcessor,
    LlavaProcessor,
    MistralConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    SiglipVisionConfig,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil

from transformers.models.llava_onevision.video_processing_llava_onevision import LlavaOnevisionVideoProcessor

import tokenizer_fixtures
from corpus import SPECIALS
from image_fixtures import CLIP_MEAN, CLIP_STD, PICTURES
from image_fixtures import PROCESSORS as PIXEL_PROCESSORS

GREEDY = 64
MARGIN = 2e-4
CASES = ("square", "wide", "tall")


class NarrowMargin(Exception):
    """Two tokens so close that rounding decides, or an image placeholder as an answer: tokens not to be compared."""


def attempt(make, seed):
    """The first seed from `seed` on whose tokens are all clear winners."""
    while True:
        try:
            return make(seed)
        except NarrowMargin:
            seed += 100


def randomize(model, seed):
    """Seeded weights with a spread that makes logits differ clearly; norms near one."""
    generator = torch.Generator().manual_seed(seed)
    is_gemma = getattr(getattr(model, "config", None), "model_type", "") == "gemma3"
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim >= 2 and "embed" not in name and "position" not in name:
                fan_in = parameter[0].numel()
                parameter.copy_(1.6 * noise / fan_in**0.5)
            elif "norm" in name and name.endswith("weight"):
                # Gemma's weights are differences from one.
                base = 0.0 if is_gemma and "vision_tower" not in name else 1.0
                parameter.copy_(base + 0.2 * noise)
            elif is_gemma and "embed_tokens" in name:
                # Scaled by sqrt(width) and tied to the head: larger ones would only repeat the last token.
                parameter.copy_(0.03 * noise)
            else:
                parameter.copy_(0.5 * noise)
    return model.eval()


def rounded(model, dtype):
    """Weights as the file will hold them, computed with in fp32; buffers such as rotary frequencies stay as they are."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype).to(torch.float32))
    return model


def save(model, folder, dtype=torch.float32, shard=None, legacy=None):
    """Saves in the new layout, or with keys renamed to the old one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if legacy is None:
        copy.deepcopy(model).to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    else:
        tensors = {legacy(k): v.to(dtype).contiguous() for k, v in model.state_dict().items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        model.config.save_pretrained(folder)


def wrap(tokenizer, **special):
    """A transformers tokenizer around a tokenizers one."""
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=special.pop("bos", None),
        eos_token=special.pop("eos", None),
        extra_special_tokens=special,
    )


def llama_tokenizer(specials=("<image>",), style="metaspace"):
    """The small SentencePiece-type tokenizer."""
    return tokenizer_fixtures.sentencepiece_bpe(tokenizer_fixtures.sentencepiece_bytes(), style, specials=specials)


def save_tokenizer(tokenizer, folder):
    """Compact tokenizer.json."""
    text = json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text)


def finish(folder, tensors):
    """Removes what transformers writes beyond the published layouts and stores the expectations."""
    for name in ("generation_config.json",):
        (folder / name).unlink(missing_ok=True)
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / "expected.safetensors")


def greedy(step, ids, placeholders):
    """Greedy tokens by full recomputation, the logits after the prompt, and the least margin met."""
    ids = list(ids)
    produced, first, margin = [], None, float("inf")
    for _ in range(GREEDY):
        logits = step(ids)
        first = logits if first is None else first
        top = torch.topk(logits, 2).values
        margin = min(margin, float((top[0] - top[1]) / logits.abs().max()))
        token = int(logits.argmax())
        if token in placeholders:
            return produced, first, 0.0
        produced.append(token)
        ids.append(token)
    return produced, first, margin


def expectations(cases, folder, extra=None, placeholders=()):
    """Runs every case; the margin must be wide enough for greedy tokens to be comparable between implementations."""
    tensors = dict(extra or {})
    for case, (ids, features, projected, step) in cases.items():
        produced, first, margin = greedy(step, ids, placeholders)
        print(f"{folder.name} {case}: {len(ids)} prompt tokens, margin {margin:.1e}, {len(set(produced))} distinct")
        if margin < MARGIN:
            raise NarrowMargin(folder.name)
        tensors[f"{case}.ids"] = torch.tensor(ids, dtype=torch.int32)
        tensors[f"{case}.features"] = features.reshape(-1, features.shape[-1]).float()
        tensors[f"{case}.projected"] = projected.reshape(-1, projected.shape[-1]).float()
        tensors[f"{case}.logits"] = first.float()
        tensors[f"{case}.greedy"] = torch.tensor(produced, dtype=torch.int32)
    finish(folder, tensors)


def hugging_face_cases(model, processor, prompt, capture):
    """Cases of a model that transformers implements, through its own processor."""
    cases = {}
    for case in CASES:
        image = Image.fromarray(PICTURES[case]).convert("RGB")
        inputs = processor(images=image, text=prompt, return_tensors="pt")
        extra = {k: v for k, v in inputs.items() if k not in ("input_ids", "attention_mask", "token_type_ids")}
        has_types = "token_type_ids" in inputs

        def step(ids, extra=extra, has_types=has_types):
            tokens = torch.tensor([ids])
            types = {"token_type_ids": (tokens == model.config.image_token_id).long()} if has_types else {}
            with torch.no_grad():
                return model(input_ids=tokens, **extra, **types).logits[0, -1]

        with torch.no_grad():
            features, projected = capture(model, extra)
        cases[case] = (inputs["input_ids"][0].tolist(), features, projected, step)
    return cases


def llava_capture(model, extra):
    """Selected features and projected tokens of a LLaVA."""
    inner = model.model
    hidden = inner.vision_tower(extra["pixel_values"], output_hidden_states=True).hidden_states
    features = hidden[model.config.vision_feature_layer][:, 1:]
    return features, inner.multi_modal_projector(features)


def legacy_llava(key):
    """New to old key layout of LLaVA checkpoints."""
    if key.startswith("lm_head."):
        return "language_model." + key
    key = key.removeprefix("model.")
    if key.startswith("language_model."):
        return "language_model.model." + key.removeprefix("language_model.")
    if key.startswith("vision_tower.") and not key.startswith("vision_tower.vision_model."):
        return "vision_tower.vision_model." + key.removeprefix("vision_tower.")
    return key


def clip_vision():
    """A CLIP tower with the published quirks: quick_gelu, pre_layrnorm."""
    return CLIPVisionConfig(
        hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=28, patch_size=7
    )


def llava(directory, seed, name, text, dtype, legacy=None, shard=None):
    """LLaVA-1.5 with a given language model."""
    tokenizer = llama_tokenizer()
    image_token = tokenizer.token_to_id("<image>")
    text.vocab_size = tokenizer.get_vocab_size() + 3
    config = LlavaConfig(
        vision_config=clip_vision(),
        text_config=text,
        image_token_index=image_token,
        image_seq_length=16,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )
    model = rounded(randomize(LlavaForConditionalGeneration(config), seed), dtype)
    folder = directory / name
    save(model, folder, dtype, shard=shard, legacy=legacy)
    save_tokenizer(tokenizer, folder)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, image_mean=CLIP_MEAN, image_std=CLIP_STD
        ),
        tokenizer=wrap(tokenizer, bos="<s>", eos="</s>", image_token="<image>"),
        patch_size=7,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    processor.image_processor.save_pretrained(folder)
    prompt = "USER: <image>\nIs there a pneumothorax? ASSISTANT:"
    expectations(hugging_face_cases(model, processor, prompt, llava_capture), folder, placeholders=[image_token])


def onevision(directory, seed):
    """RadVLM's architecture."""
    tokenizer = tokenizer_fixtures.byte_level(
        tokenizer_fixtures.split(tokenizer_fixtures.QWEN2),
        tokenizer_fixtures.normalizers.NFC(),
        specials=SPECIALS + ["<video>"],
    )
    config = LlavaOnevisionConfig(
        vision_config=SiglipVisionConfig(
            hidden_size=36,
            intermediate_size=44,
            num_hidden_layers=2,
            num_attention_heads=3,
            image_size=32,
            patch_size=8,
            vision_use_head=False,
        ),
        text_config=Qwen2Config(
            vocab_size=tokenizer.get_vocab_size() + 1,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            rope_theta=1e6,
            tie_word_embeddings=False,
        ),
        image_token_index=tokenizer.token_to_id("<image>"),
        image_grid_pinpoints=PIXEL_PROCESSORS["onevision"].image_grid_pinpoints,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_4",
    )
    model = rounded(randomize(LlavaOnevisionForConditionalGeneration(config), seed), torch.float16)
    folder = directory / "onevision"
    save(model, folder, torch.float16)
    save_tokenizer(tokenizer, folder)
    processor = LlavaOnevisionProcessor(
        image_processor=PIXEL_PROCESSORS["onevision"],
        tokenizer=wrap(tokenizer, eos="<|im_end|>", image_token="<image>", video_token="<video>"),
        video_processor=LlavaOnevisionVideoProcessor(),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_4",
    )
    PIXEL_PROCESSORS["onevision"].save_pretrained(folder)
    prompt = "<|im_start|>user\n<image>\nProvide a report.<|im_end|>\n<|im_start|>assistant\n"

    def capture(model, extra):
        inner = model.model
        pixels = extra["pixel_values"][0]
        features = inner.vision_tower(pixels, output_hidden_states=True).hidden_states[-1]
        projected, _ = inner.pack_image_features(
            [inner.multi_modal_projector(features)],
            extra["image_sizes"],
            image_newline=inner.image_newline,
            vision_aspect_ratio=model.config.vision_aspect_ratio,
        )
        return features, projected[0]

    cases = hugging_face_cases(model, processor, prompt, capture)
    expectations(cases, folder, placeholders=[config.image_token_id])


def gemma3(directory, seed):
    """MedGemma's architecture."""
    specials = ("<start_of_image>", "<end_of_image>", "<image_soft_token>", "<start_of_turn>", "<end_of_turn>")
    tokenizer = llama_tokenizer(specials, "gemma")
    config = Gemma3Config(
        text_config=Gemma3TextConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=12,
            query_pre_attn_scalar=12,
            # Wider than an image, as in the published models: releases differ in what a narrower one hides.
            sliding_window=20,
            layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
            rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
            },
        ),
        vision_config=SiglipVisionConfig(
            hidden_size=24,
            intermediate_size=40,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=4,
            vision_use_head=False,
        ),
        mm_tokens_per_image=16,
        boi_token_index=tokenizer.token_to_id("<start_of_image>"),
        eoi_token_index=tokenizer.token_to_id("<end_of_image>"),
        image_token_index=tokenizer.token_to_id("<image_soft_token>"),
    )
    model = rounded(randomize(Gemma3ForConditionalGeneration(config), seed), torch.bfloat16)
    model.tie_weights()
    folder = directory / "gemma3"
    save(model, folder, torch.bfloat16)
    save_tokenizer(tokenizer, folder)
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": 32, "width": 32}),
        tokenizer=wrap(
            tokenizer,
            bos="<s>",
            eos="</s>",
            boi_token="<start_of_image>",
            eoi_token="<end_of_image>",
            image_token="<image_soft_token>",
        ),
        image_seq_length=16,
    )
    processor.image_processor.save_pretrained(folder)
    prompt = "<start_of_turn>user\n<start_of_image>Describe this.<end_of_turn>\n<start_of_turn>model\n"

    def capture(model, extra):
        features = model.model.vision_tower(extra["pixel_values"]).last_hidden_state
        return features, model.model.multi_modal_projector(features)

    cases = hugging_face_cases(model, processor, prompt, capture)
    expectations(cases, folder, placeholders=[config.image_token_id])


def write(directory: Path):
    """Writes every model folder."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    attempt(
        lambda seed: llava(
            directory, seed, "llava", LlamaConfig(**small, rms_norm_eps=1e-5), torch.bfloat16, shard="40KB"
        ),
        11,
    )
    attempt(
        lambda seed: llava(
            directory, seed, "llava-old-keys", LlamaConfig(**small), torch.float16, legacy=legacy_llava
        ),
        12,
    )
    mistral = {"num_key_value_heads": 2, "head_dim": 8, "sliding_window": 20}
    attempt(
        # The keys of the modules themselves, as some releases of transformers saved them.
        lambda seed: llava(
            directory, seed, "llava-mistral", MistralConfig(**small, **mistral), torch.float32, legacy=str
        ),
        13,
    )
    attempt(lambda seed: onevision(directory, seed), 14)
    attempt(lambda seed: gemma3(directory, seed), 15)
