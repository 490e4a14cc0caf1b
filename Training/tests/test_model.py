"""The network: folding, caching, export and reload, metrics."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrtrain import calibrate, export
from cxrtrain.config import NANO, SMALL, TINY
from cxrtrain.evaluate.grounding import average_precision, match
from cxrtrain.evaluate.metrics import auroc, bootstrap
from cxrtrain.labels import LABELS
from cxrtrain.model.reference import Projector, ReferenceModel
from cxrtrain.model.vision import VisionTower
from cxrtrain.phantom.generator import make_phantom
from cxrtrain.text.tokenizer import Chat, corpus, train_tokenizer
from cxrtrain.train.assemble import tell_places
from cxrtrain.train.classify import PLACE_BIAS, Classifier
from cxrtrain.train.common import Shuffled


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> tuple[ReferenceModel, Chat, Path]:
    folder = tmp_path_factory.mktemp("model")
    truths = [make_phantom(seed).truth for seed in range(10)]
    tokenizer = train_tokenizer(corpus(truths, random.Random(0)), TINY.text.text_vocab_size, TINY.vq.codebook_size)
    torch.manual_seed(0)
    chat = Chat(tokenizer, TINY.image_seq_length)
    model = ReferenceModel(TINY, chat.vocabulary).eval()
    export.export(folder, model, tokenizer, [calibrate.Calibration(1.5, -0.2)] * len(LABELS), [])
    export.write_digests(folder)
    return model, chat, folder


def test_folding_batch_norm_changes_nothing() -> None:
    torch.manual_seed(1)
    tower = VisionTower(TINY.vision, normalise=True)
    for _ in range(3):
        tower(torch.randn(4, 1, 64, 64))
    tower.eval()
    x = torch.randn(2, 1, 64, 64)
    assert torch.allclose(tower(x), tower.folded().eval()(x), atol=1e-4)


def test_export_and_reload_give_the_same_answers(exported) -> None:
    model, chat, folder = exported
    again, chat_again = export.load(folder)
    rounded = {k: v.half().float() for k, v in model.state_dict().items() if export.shipped(k)}
    model.load_state_dict({**model.state_dict(), **rounded})
    assert again.config.vision == model.config.vision and again.config.vq == model.config.vq
    x = torch.randn(2, 1, 64, 64)
    tokens, tokens_again = model.vision_tower(x), again.vision_tower(x)
    assert torch.equal(tokens, tokens_again)
    assert torch.equal(model.classify(tokens), again.classify(tokens_again))
    asked = [chat.question("Is there a mass?", image=True)] * 2
    assert model.answer(chat, asked, tokens, 12) == again.answer(chat_again, asked, tokens_again, 12)
    codes = torch.arange(16)[None]
    assert torch.equal(model.vq_model.decode(codes), again.vq_model.decode(codes))
    assert export.calibrations_of(folder)[0] == calibrate.Calibration(1.5, -0.2)


def test_digests_cover_every_file(exported) -> None:
    folder = exported[2]
    listed = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert listed == {p.name for p in folder.iterdir()} - {"SHA256SUMS"}


def test_a_missing_tensor_is_named(exported, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = exported[2]
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    state = load_file(folder / "model.safetensors")
    del state["classifier.bias"]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="classifier.bias"):
        export.load(tmp_path)


def test_decoding_with_a_cache_equals_decoding_without(exported) -> None:
    model = exported[0]
    ids = torch.randint(6, 200, (2, 9))
    whole, _ = model.language_model(model.embed(ids, None))
    part, cache = model.language_model(model.embed(ids[:, :6], None))
    steps = [part]
    for k in range(6, 9):
        part, cache = model.language_model(model.embed(ids[:, k : k + 1], None), cache)
        steps.append(part)
    assert torch.allclose(whole, torch.cat(steps, 1), atol=1e-5)


def test_the_projector_merges_neighbours(exported) -> None:
    """Only the four tokens of a 2x2 cell reach its output vector."""
    model = exported[0]
    grid = model.config.vision.grid
    tokens = torch.randn(1, grid * grid, model.config.vision.hidden_size)
    changed = tokens.clone()
    changed[0, 1 * grid + 3] += 1  # row 1, column 3 belongs to merged row 0, column 1
    difference = (model.multi_modal_projector(tokens) - model.multi_modal_projector(changed)).abs().sum(-1)[0]
    assert torch.nonzero(difference > 1e-6).flatten().tolist() == [1]


def test_the_connector_starts_with_what_stage_0_can_tell() -> None:
    torch.manual_seed(2)
    classifier, projector = Classifier(NANO, drop_path=0.0), Projector(NANO)
    tell_places(projector, classifier)
    tokens = torch.randn(1, NANO.vision.grid**2, NANO.vision.hidden_size)
    # Merged cell 0 joins the tokens 0 and 1 of the first two rows; its third token begins the second row.
    cell = tokens[0, [0, 1, NANO.vision.grid, NANO.vision.grid + 1]].flatten()
    units = projector.linear_1(cell)
    third = tokens[0, NANO.vision.grid]
    count = len(LABELS) + 6
    told = units[2 * count : 3 * count]
    assert torch.allclose(told[: len(LABELS)], classifier.places(third) - PLACE_BIAS / 2, atol=1e-5)
    assert torch.allclose(told[-2:], classifier.here(third), atol=1e-5)


def test_the_shipped_size_fits_the_limit() -> None:
    for config in (NANO, SMALL):
        count = export.parameters(ReferenceModel(config, 2600))
        assert 10e6 < count < 20e6
        assert 2 * count < 37e6  # bytes in F16; the rest of 40 MB is for the parity images


def test_synthesis_is_repeatable_and_in_range(exported) -> None:
    model, chat, _ = exported
    codes, pixels = model.synthesize(chat, ["PA view", "AP view, mass"], 2.0, 1.0, 8, seed=1)
    again, _ = model.synthesize(chat, ["PA view", "AP view, mass"], 2.0, 1.0, 8, seed=1)
    assert torch.equal(codes, again)
    assert pixels.shape == (2, 1, 64, 64) and pixels.min() >= 0 and pixels.max() <= 1


def test_auroc_counts_ties_as_half() -> None:
    assert auroc(np.array([0, 0, 1, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])) == pytest.approx(0.75)
    assert auroc(np.array([0, 1.0]), np.array([0.5, 0.5])) == pytest.approx(0.5)
    assert np.isnan(auroc(np.array([1, 1.0]), np.array([0.5, 0.6])))
    assert auroc(np.array([0, np.nan, 1.0]), np.array([0.1, 0.9, 0.2])) == 1.0


def test_average_precision_falls_with_false_boxes() -> None:
    assert average_precision([(0.9, True), (0.8, True)], 2) == pytest.approx(1.0)
    assert average_precision([(0.9, False), (0.8, True)], 1) == pytest.approx(0.5)
    assert average_precision([], 3) == 0.0
    assert match([(0, 0, 1, 1), (0, 0, 1, 1)], [(0, 0, 1, 1)]) == [True, False]


def test_the_interval_holds_the_value_and_resamples_whole_groups() -> None:
    values = np.r_[np.zeros(50), np.ones(50)]
    value, low, high = bootstrap(lambda i: float(values[i].mean()), np.repeat(["a", "b"], 50), draws=200)
    assert (value, low, high) == (0.5, 0.0, 1.0)


def test_calibration_brings_told_and_true_together() -> None:
    generator = np.random.default_rng(0)
    true_logit = generator.normal(-1, 1.5, 4000)
    truth = (generator.random(4000) < 1 / (1 + np.exp(-true_logit))).astype(float)
    overconfident = true_logit * 3 + 2
    before, _ = calibrate.expected_calibration_error(1 / (1 + np.exp(-overconfident)), truth)
    after, _ = calibrate.expected_calibration_error(calibrate.fit(overconfident, truth).apply(overconfident), truth)
    assert after < 0.03 < before


def test_shuffled_batches_visit_everything_and_depend_on_the_step_only() -> None:
    order = Shuffled(10, 4, seed=3)
    seen = [order.at(step) for step in range(5)]
    assert sorted(np.concatenate(seen)[:10]) == list(range(10))
    assert np.array_equal(Shuffled(10, 4, seed=3).at(3), seen[3])
