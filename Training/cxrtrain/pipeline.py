"""All stages in order. Every step leaves its result in the work directory, so a stopped run goes on where it was."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from . import ablations, calibrate, export, parity
from .config import Config
from .data.pool import Pool, join, pasted_pool, phantom_pool, real_pool
from .model.reference import ReferenceModel
from .text.tokenizer import Chat, corpus, train_tokenizer
from .train.assemble import assemble
from .train.classify import predict, train_classifier
from .train.language import Examples, compute_examples, stages, train_stage
from .train.tokenize_images import encode_pool, prepare
from .train.tokenize_images import train_tokenizer as train_vq

TOKENIZER_TRUTHS = 2000
SHARES = {"phantom": 0.5, "pasted": 0.2, "real": 0.3}


@dataclass
class Data:
    """Everything a run learns from and is checked on; test pools are made by the evaluation alone."""

    real: Pool
    phantom: Pool
    pasted: Pool
    validation: Pool
    drawn_validation: Pool


def load_data(config: Config, folder: Path, work: Path, workers: int) -> Data:
    """Decodes the real images and draws what is missing, cached in `work/cache`."""
    cache, budget = work / "cache", config.budget
    real, validation = (real_pool(folder, cache, split) for split in ("train", "validation"))
    return Data(
        real=real,
        phantom=phantom_pool(cache, "train", budget.phantoms, workers),
        pasted=pasted_pool(real, cache, "train", budget.pasted),
        validation=validation,
        drawn_validation=join(
            [
                phantom_pool(cache, "validation", budget.held_out, workers),
                pasted_pool(validation, cache, "validation", budget.held_out),
            ]
        ),
    )


def make_tokenizer(config: Config, data: Data, work: Path) -> Tokenizer:
    path = work / "tokenizer.json"
    if not path.exists():
        rng = random.Random(0)
        truths = data.phantom.truths[:TOKENIZER_TRUTHS] + data.real.truths + data.pasted.truths[: TOKENIZER_TRUTHS // 2]
        train_tokenizer(corpus(truths, rng), config.text.text_vocab_size, config.vq.codebook_size).save(str(path))
    return Tokenizer.from_file(str(path))


def examples_for(config: Config, model: ReferenceModel, data: Data) -> Examples:
    """Features and codes for stages 2 and 3."""
    pools = [
        (data.phantom, 1, SHARES["phantom"]),
        (data.pasted, 1, SHARES["pasted"]),
        (data.real, config.budget.views, SHARES["real"]),
    ]
    coded = [(pool, encode_pool(model.vq_model, pool), views, share) for pool, views, share in pools]
    return compute_examples(config, model.vision_tower, coded, seed=0)


def train_all(
    config: Config, folder: Path, work: Path, output: Path, workers: int, with_ablations: bool, device: str
) -> None:
    """Stages 0 to 3, ablations, calibration, export. `device` does the training; everything else runs on the processor."""
    work.mkdir(parents=True, exist_ok=True)
    data = load_data(config, folder, work, workers)
    drawn = join([data.phantom, data.pasted])
    classifier = train_classifier(
        config,
        config.budget.classify,
        data.real,
        drawn,
        data.validation,
        data.drawn_validation,
        work,
        device=device,
    )

    tokenizer = make_tokenizer(config, data, work)
    chat = Chat(tokenizer, config.image_seq_length)
    model = assemble(config, chat, classifier)
    images = prepare(config, classifier, join([data.real, drawn]), config.budget.vq_images, seed=3)
    model.vq_model.load_state_dict(
        train_vq(config, classifier, images, work, True, config.budget.vq_steps, device=device).state_dict()
    )

    examples = examples_for(config, model, data)
    for stage in stages(config):
        train_stage(model, chat, examples, stage, work, stage.name, device=device)
    if with_ablations:
        ablations.run(
            config,
            data.phantom,
            data.validation,
            data.drawn_validation,
            classifier,
            images,
            examples,
            chat,
            work,
            device,
        )

    folded = [predict(classifier, pool, config.vision.image_size) for pool in (data.validation, data.drawn_validation)]
    calibrations, points = calibrate.calibrate(
        folded[0], data.validation.labels, folded[1], data.drawn_validation.labels
    )
    export.export(output, model, tokenizer, calibrations, points)
    parity.write_parity(output)
    if (work / "ablations.json").exists():
        (output / "ablations.json").write_text((work / "ablations.json").read_text())
    export.write_digests(output)
    # The judge of synthesised images: other seed, no part in any other stage, asked by the evaluation alone.
    train_classifier(
        config,
        config.budget.judge,
        data.real,
        drawn,
        data.validation,
        data.drawn_validation,
        work,
        seed=7,
        name="judge",
        device=device,
    )
