"""Stage 1: the VQ image tokenizer, with the pixel term weighted by what the frozen classifier looks at.

Loss: w |x - x'| + l_grad |grad x - grad x'|^2 + l_feat |phi(x) - phi(x')|^2 + commitment, where w is the magnitude of the
gradient of the classifier's evidence with respect to the pixels, smoothed and scaled to mean 1. This is our reading of
"clinical gradient-weighted tokenization" (MAViLT, arXiv 2502.05926), which gives no formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config
from ..data import augment
from ..data.geometry import CLIP_VALUE, PAD_VALUE, STD_FLOOR
from ..data.pool import Pool
from ..model.vq import VQModel
from ..progress import Progress
from .classify import Classifier
from .common import Checkpoint, MovingAverage, Shuffled, adamw, batches, cosine, device_of, seed_everything, set_rate

GRADIENT_WEIGHT = 4.0
FEATURE_WEIGHT = 0.2
COMMITMENT_WEIGHT = 0.5
FLOOR = 0.4  # least weight of a pixel, so that nothing is left to chance
CEILING = 5.0
SMOOTHING = 8  # side in pixels of the cells over which gradients are averaged


@dataclass
class TokenizerImages:
    """Images in [0, 1] `[n, 1, side, side]` with pixel weights of mean 1, `[n, 1, side / 8, side / 8]`."""

    pixels: Tensor
    weights: Tensor


def standardise(pixels: Tensor, masks: Tensor) -> Tensor:
    """The differentiable form of the preprocessing for images that already have the network's size."""
    area = masks.sum((1, 2, 3), keepdim=True).clamp_min(1)
    mean = (pixels * masks).sum((1, 2, 3), keepdim=True) / area
    spread = (((pixels - mean) ** 2 * masks).sum((1, 2, 3), keepdim=True) / area).sqrt()
    z = (pixels - mean) / spread.clamp_min(STD_FLOOR)
    return torch.where(masks > 0, z, torch.full_like(z, PAD_VALUE)).clamp(-CLIP_VALUE, CLIP_VALUE)


def clinical_weights(classifier: Classifier, pixels: Tensor, masks: Tensor) -> Tensor:
    """Pixel weights from the gradient of the summed log-evidence of all labels, `[n, 1, side / 8, side / 8]`."""
    source = pixels.clone().requires_grad_(True)
    logits = classifier(standardise(source, masks))[0]
    gradient = torch.autograd.grad(F.softplus(logits).sum(), source)[0].abs() * masks
    coarse = F.avg_pool2d(gradient, SMOOTHING)
    coarse = F.avg_pool2d(F.pad(coarse, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    scaled = coarse / coarse.mean((1, 2, 3), keepdim=True).clamp_min(1e-12)
    limited = scaled.clamp(FLOOR, CEILING)
    return (limited / limited.mean((1, 2, 3), keepdim=True)).detach()


def prepare(config: Config, classifier: Classifier, source: Pool, count: int, seed: int) -> TokenizerImages:
    """`count` random images of a pool with their weights."""
    chosen = np.random.default_rng(seed).permutation(len(source))[:count]
    side = config.vq.image_size
    pixels, weights = [], []
    with Progress("pixel weights", -(-len(chosen) // 16)) as progress:
        for indices in batches(chosen, 16):
            image, mask = source.images(indices)
            if side != image.shape[-1]:
                image, mask = (F.interpolate(v, size=(side, side), mode="area") for v in (image, mask))
            weights.append(clinical_weights(classifier, image, (mask > 0.5).float()))
            pixels.append(image)
            progress.advance()
    return TokenizerImages(torch.cat(pixels), torch.cat(weights))


def differences(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def reconstruction_loss(x: Tensor, y: Tensor, weights: Tensor, classifier: Classifier) -> Tensor:
    """The loss without its commitment term; `weights` all 1 is the unweighted arm of the ablation."""
    pixel = (F.interpolate(weights, size=x.shape[-2:], mode="bilinear") * (x - y).abs()).mean()
    gradient = sum(((a - b) ** 2).mean() for a, b in zip(differences(x), differences(y)))
    stem = classifier.vision_tower.stem[:2]

    def features(image: Tensor) -> Tensor:
        z = (image - 0.5) / 0.25
        for stage in stem:
            z = stage(z)
        return z

    with torch.no_grad():
        wanted = features(x)
    perceptual = ((features(y) - wanted) ** 2).mean()
    return pixel + GRADIENT_WEIGHT * gradient + FEATURE_WEIGHT * perceptual


def train_tokenizer(
    config: Config,
    classifier: Classifier,
    images: TokenizerImages,
    work: Path,
    weighted: bool,
    steps: int,
    name: str = "vq",
    seed: int = 0,
    device: str = "cpu",
) -> VQModel:
    """Trains the tokenizer, resuming from `work/name.running`; the moving average is kept in `work/name.pt`."""
    final, running = work / f"{name}.pt", Checkpoint(work / f"{name}.running")
    model = VQModel(config.vq)
    if final.exists():
        model.load_state_dict(torch.load(final))
        return model.eval()
    generator = seed_everything(seed + 100)
    model = VQModel(config.vq).to(device)
    classifier.eval().requires_grad_(False).to(device)
    average = MovingAverage(model, decay=0.99)
    optimiser = adamw(model, 1e-3, 0.01)
    done = 0
    if (state := running.load()) is not None:
        model.load_state_dict(state["model"])
        average.module.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        average.updates = done = state["done"]
    order = Shuffled(len(images.pixels), config.budget.vq_batch, seed)
    with Progress(name, steps, done) as progress:
        for step in range(done, steps):
            set_rate(optimiser, cosine(step, steps, 1e-3, min(50, steps // 5 + 1)))
            loss = _step(model, classifier, images, order.at(step), weighted, generator)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            average.update(model)
            progress.advance(loss=loss.item())
            if (step + 1) % 100 == 0:
                running.save(
                    model=model.state_dict(),
                    average=average.module.state_dict(),
                    optimiser=optimiser.state_dict(),
                    done=step + 1,
                )
    average.module.cpu()
    classifier.cpu()
    torch.save(average.module.state_dict(), final)
    running.path.unlink(missing_ok=True)
    return average.module.eval()


def _step(
    model: VQModel,
    classifier: Classifier,
    images: TokenizerImages,
    indices: np.ndarray,
    weighted: bool,
    generator: torch.Generator,
) -> Tensor:
    model.train()
    x, weights = images.pixels[indices], images.weights[indices]
    exponent = torch.exp((torch.rand(len(x), 1, 1, 1, generator=generator) * 2 - 1) * augment.MILD.gamma)
    x = x.clamp_min(1e-4) ** exponent
    x, weights = x.to(device_of(model)), weights.to(device_of(model))
    y, _, commitment = model(x)
    used = weights if weighted else torch.ones_like(weights)
    return reconstruction_loss(x, y, used, classifier) + COMMITMENT_WEIGHT * commitment


@torch.no_grad()
def encode_pool(model: VQModel, source: Pool) -> np.ndarray:
    """Codes of every image of a pool, `[n, grid^2]`, 16-bit."""
    side = model.config.image_size
    rows = []
    for indices in batches(len(source), 32):
        image, _ = source.images(indices)
        if side != image.shape[-1]:
            image = F.interpolate(image, size=(side, side), mode="area")
        rows.append(model.encode(image))
    return torch.cat(rows).numpy().astype(np.int16)
