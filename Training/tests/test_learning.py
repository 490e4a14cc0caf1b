"""Each stage can learn: on a handful of examples its loss falls, and what it says depends on the image."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrtrain.config import TINY, Phase
from cxrtrain.data.pool import Pool
from cxrtrain.model.reference import ReferenceModel
from cxrtrain.phantom.cache import lesion_grid
from cxrtrain.phantom.generator import Plan, make_phantom
from cxrtrain.text.dialogue import Turn
from cxrtrain.text.tokenizer import Chat, corpus, train_tokenizer
from cxrtrain.train.classify import Classifier, predict, train_classifier
from cxrtrain.train.language import collate
from cxrtrain.train.tokenize_images import TokenizerImages, reconstruction_loss
from cxrtrain.train.tokenize_images import train_tokenizer as train_vq


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Eight phantoms: four with a large effusion, four healthy."""
    phantoms = [make_phantom(40 + k, Plan(lesions=(("Effusion", "right"),)) if k < 4 else Plan()) for k in range(8)]
    return Pool(
        np.stack([np.round(p.pixels * 255).astype(np.uint8) for p in phantoms]),
        [p.square for p in phantoms],
        [p.truth for p in phantoms],
        np.stack([p.truth.label_vector() for p in phantoms]),
        [[lesion_grid(m) for m in p.masks] for p in phantoms],
        [str(k) for k in range(8)],
    )


def test_the_classifier_learns_to_tell_effusions(pool: Pool, tmp_path: Path) -> None:
    phase = Phase(size=64, steps=150, batch=8, real=4, rate=3e-3)
    real = replace(pool, labels=np.nan_to_num(pool.labels))  # NIH knows all of its own labels
    model = train_classifier(TINY, (phase,), real, pool, real, pool, tmp_path)
    score = predict(model, pool, 64)[:, 2]
    assert score[:4].mean() > score[4:].mean() + 0.3


def test_the_image_tokenizer_learns_to_reconstruct(pool: Pool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    classifier = Classifier(TINY, 0.0).eval()
    pixels = torch.nn.functional.interpolate(pool.images(np.arange(4))[0], size=(64, 64), mode="area")
    images = TokenizerImages(pixels, torch.ones(4, 1, 8, 8))
    losses = []
    for steps in (1, 150):
        model = train_vq(
            replace(TINY, budget=replace(TINY.budget, vq_batch=4)),
            classifier,
            images,
            tmp_path,
            True,
            steps,
            name=f"vq{steps}",
        )
        again = model.decode(model.encode(pixels))
        losses.append(float(reconstruction_loss(pixels, again, images.weights, classifier)))
    assert losses[1] < 0.6 * losses[0]


def test_answers_come_from_the_image_and_not_from_the_question() -> None:
    """The same question on two images: the model can learn both answers only by looking."""
    torch.manual_seed(0)
    truths = [make_phantom(seed).truth for seed in range(6)]
    chat = Chat(train_tokenizer(corpus(truths, random.Random(0)), 400, 16), TINY.image_seq_length)
    model = ReferenceModel(TINY, chat.vocabulary)
    features = torch.randn(2, TINY.vision.grid**2, TINY.vision.hidden_size)
    turns = [Turn("Is there a mass?", "Yes.", "presence"), Turn("Is there a mass?", "No.", "presence")]
    ids, labels = collate([chat.conversation([turn]) for turn in turns])
    optimiser = torch.optim.AdamW(
        [*model.language_model.parameters(), *model.multi_modal_projector.parameters()], lr=3e-3
    )
    for _ in range(120):
        loss = model.loss(ids, labels, features).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    asked = [chat.question("Is there a mass?", image=True)] * 2
    told = [chat.decode(answer) for answer, _ in model.eval().answer(chat, asked, features, 8)]
    assert told == ["Yes.", "No."]


def test_examples_without_place_teach_no_place(pool: Pool) -> None:
    unknown = replace(pool, grids=[None] * 8)
    targets, known, boxes = unknown.lesion_targets(np.arange(8))
    assert targets.sum() == 0 and known.sum() == 0 and bool(boxes.isnan().all())
    targets, known, boxes = pool.lesion_targets(np.arange(8))
    assert bool((targets[:4, 2].sum((1, 2)) > 0).all()) and known.sum() == 8
    for row in range(4):
        (lesion,) = pool.truths[row].lesions
        cells = boxes[row][:, ~boxes[row][0].isnan()]
        assert torch.allclose(cells, torch.tensor(lesion.boxes[0])[:, None].expand_as(cells))
