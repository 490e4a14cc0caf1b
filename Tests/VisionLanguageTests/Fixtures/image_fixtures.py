"""Resized images and pixel tensors as Pillow and Hugging Face's Pillow-based image processors make them."""

import json
from pathlib import Path

import numpy
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_onevision.image_processing_pil_llava_onevision import LlavaOnevisionImageProcessorPil
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
GRIDS = [[32, 32], [32, 64], [64, 32], [64, 64], [32, 96], [96, 32], [96, 96]]

PROCESSORS = {
    "clip": CLIPImageProcessorPil(
        size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28}, image_mean=CLIP_MEAN, image_std=CLIP_STD
    ),
    "clip-large-crop": CLIPImageProcessorPil(
        do_resize=False, crop_size={"height": 45, "width": 45}, image_mean=CLIP_MEAN, image_std=CLIP_STD
    ),
    "llava-pad": LlavaImageProcessorPil(
        size={"shortest_edge": 28},
        crop_size={"height": 28, "width": 28},
        do_pad=True,
        image_mean=CLIP_MEAN,
        image_std=CLIP_STD,
    ),
    "siglip": SiglipImageProcessorPil(size={"height": 28, "width": 28}, resample=3),
    "gemma3": Gemma3ImageProcessorPil(size={"height": 28, "width": 28}),
    "onevision": LlavaOnevisionImageProcessorPil(
        size={"height": 32, "width": 32},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
        image_grid_pinpoints=GRIDS,
    ),
    "maira2": BitImageProcessorPil(
        size={"shortest_edge": 28},
        crop_size={"height": 28, "width": 28},
        image_mean=[0.5307] * 3,
        image_std=[0.2583] * 3,
    ),
}


def picture(width, height, channels, seed):
    """Smooth shapes, an edge and noise: filters, rounding and clamping all show."""
    generator = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width]
    planes = []
    for channel in range(channels):
        plane = 127 + 90 * numpy.sin(x / (5 + channel)) * numpy.cos(y / (7 - channel))
        plane[(x - width / 3) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2] = 255 if channel != 1 else 0
        planes.append(numpy.clip(plane + generator.normal(0, 25, (height, width)), 0, 255).astype(numpy.uint8))
    return planes[0] if channels == 1 else numpy.stack(planes, axis=-1)


PICTURES = {
    "square": picture(40, 40, 3, 1),
    "wide": picture(61, 37, 3, 2),
    "tall": picture(33, 70, 1, 3),
    "small": picture(19, 23, 1, 4),
}


def min_max(array):
    """MAIRA-2's stretch of the luminance to 0...255 (microsoft/maira-2, processing_maira2.py)."""
    values = numpy.array(Image.fromarray(array).convert("L")).astype(float)
    values -= values.min()
    values /= values.max()
    return (values * 255).astype(numpy.uint8)


def write(directory: Path):
    """Writes images.safetensors and the processors' configurations."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, array in PICTURES.items():
        tensors[f"picture.{name}"] = torch.from_numpy(array.copy())
        image = Image.fromarray(array)
        for filter_name, number in (("bilinear", 2), ("bicubic", 3), ("lanczos", 1), ("box", 4)):
            for width, height in ((16, 16), (57, 21), (image.width, 50)):
                resized = numpy.array(image.resize((width, height), resample=number))
                tensors[f"resize.{name}.{filter_name}.{width}x{height}"] = torch.from_numpy(resized)
        for processor_name, processor in PROCESSORS.items():
            source = Image.fromarray(min_max(array) if processor_name == "maira2" else array).convert("RGB")
            pixels = processor(source, return_tensors="pt")["pixel_values"]
            # 16-bit halves of the bytes would lose the comparison; the tensors are small.
            tensors[f"pixels.{processor_name}.{name}"] = pixels.reshape(-1, *pixels.shape[-3:]).float().contiguous()
    save_file(tensors, directory / "images.safetensors")
    for processor_name, processor in PROCESSORS.items():
        text = json.dumps(processor.to_dict(), indent=1, sort_keys=True, default=str)
        (directory / f"{processor_name}.json").write_text(text)
