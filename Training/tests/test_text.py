"""What is written can be read back."""

import random

import pytest

from cxrtrain.boxes import box_text, boxes_text, parse_boxes
from cxrtrain.evaluate.parse import parse
from cxrtrain.evaluate.questions import key_of, normalised
from cxrtrain.evaluate.reports import ALWAYS_NORMAL, compare
from cxrtrain.labels import NIH_LABELS
from cxrtrain.phantom.generator import make_phantom
from cxrtrain.phantom.truth import Lesion, Truth
from cxrtrain.text import dialogue
from cxrtrain.text.grammar import findings, report
from cxrtrain.text.tokenizer import IGNORED, IM_END, IMAGE, SPECIAL, Chat, corpus, train_tokenizer

TRUTHS = [make_phantom(seed).truth for seed in range(40)]


@pytest.fixture(scope="module")
def chat() -> Chat:
    return Chat(train_tokenizer(corpus(TRUTHS, random.Random(0)), 600, 16), image_seq_length=4)


def test_boxes_are_rounded_as_python_prints_them() -> None:
    assert box_text((0.3, 0.05, 0.999, 0.456)) == "[0.3, 0.05, 1.0, 0.46]"
    part = "[0.0, 0.0, 0.5, 0.5]"
    assert boxes_text([(0, 0, 0.5, 0.5)] * 3) == f"{part}, {part} and {part}"


def test_boxes_survive_the_round_trip() -> None:
    rng = random.Random(1)
    for _ in range(200):
        x1, y1 = rng.uniform(0, 0.8), rng.uniform(0, 0.8)
        box = (x1, y1, x1 + rng.uniform(0.02, 0.2), y1 + rng.uniform(0.02, 0.2))
        (back,) = parse_boxes("The mass is located at the coordinates " + box_text(box) + " on the image.")
        assert all(abs(a - b) <= 0.0051 for a, b in zip(back, box))


def test_boxes_without_area_are_not_boxes() -> None:
    assert parse_boxes("[0.5, 0.5, 0.5, 0.9] and [0.6, 0.1, 0.4, 0.2]") == []


def test_a_report_says_all_of_its_truth_and_nothing_else() -> None:
    rng = random.Random(2)
    for truth in TRUTHS:
        for boxes in (False, True):
            text = report(truth, rng, boxes)
            hits, errors = compare(text, truth)
            assert hits[1] == 0 and hits[2] == 0, (text, truth.lesions)
            assert errors.sum() == 0, (text, truth.lesions)


def test_the_parser_sees_negations_and_errors() -> None:
    truth = Truth(lesions=[Lesion("Effusion", "right", "", "large", ((0, 0, 1, 1),))])
    assert parse(ALWAYS_NORMAL)[0] == []
    assert list(compare(ALWAYS_NORMAL, truth)[1]) == [0, 1, 0, 0, 0, 0]
    assert list(compare("There is a small left pleural effusion.", truth)[1]) == [0, 0, 1, 1, 0, 0]
    assert list(compare("Large right pleural effusion has increased.", truth)[1]) == [0, 0, 0, 0, 1, 0]
    assert list(compare("Large right pleural effusion. A nodule is seen.", truth)[1]) == [1, 0, 0, 0, 0, 0]


def test_answers_carry_their_own_key() -> None:
    rng = random.Random(3)
    for truth in TRUTHS:
        for _ in range(8):
            turn = dialogue.question(truth, rng)
            assert key_of(turn.kind, turn.answer) == normalised(turn), turn


def test_yes_and_no_are_balanced_where_there_is_something_to_find() -> None:
    rng = random.Random(4)
    ill = [t for t in TRUTHS if findings(t)]
    keys = [dialogue.presence(t, rng).key for t in ill for _ in range(30)]
    assert 0.42 < keys.count("yes") / len(keys) < 0.58


def test_text_survives_the_tokenizer(chat: Chat) -> None:
    rng = random.Random(5)
    for truth in TRUTHS[:10]:
        text = report(truth, rng, boxes=True)
        assert chat.decode(chat.text(text)) == text
    assert chat.decode(chat.text("Ünknown wörds, 0.37?")) == "Ünknown wörds, 0.37?"


def test_special_tokens_have_the_ids_of_the_layout(chat: Chat) -> None:
    assert [chat.tokenizer.token_to_id(token) for token in SPECIAL] == list(range(6))
    assert chat.tokenizer.token_to_id("<img_15>") == chat.image_code_offset + 15


def test_only_answers_are_learned_and_the_image_stands_first(chat: Chat) -> None:
    turns = dialogue.conversation(TRUTHS[0], random.Random(6))
    encoded = chat.conversation(turns)
    assert encoded.ids.count(IMAGE) == 4
    learned = [t for t in encoded.labels if t != IGNORED]
    assert learned.count(IM_END) == len(turns)
    assert chat.decode(learned) == "".join(t.answer for t in turns)


def test_the_chat_format_is_the_one_of_the_layout(chat: Chat) -> None:
    ids = chat.question("Is there a mass?", image=True)
    text = chat.tokenizer.decode(ids, skip_special_tokens=False).replace(" ", "")
    assert text == "<|im_start|>user\n<image><image><image><image>\nIsthereamass?<|im_end|>\n<|im_start|>assistant\n"


def test_a_synthesis_example_holds_its_codes(chat: Chat) -> None:
    encoded = chat.synthesis("PA view", [0, 15, 7])
    learned = [t for t in encoded.labels if t != IGNORED]
    assert [t - chat.image_code_offset for t in learned[1:4]] == [0, 15, 7]


def test_reports_of_real_labels_are_read_back_too() -> None:
    rng = random.Random(7)
    for name in NIH_LABELS:
        truth = Truth(lesions=[Lesion(name)], source="real")
        for _ in range(30):
            text = report(truth, rng)
            hits, errors = compare(text, truth)
            assert list(hits) == [1, 0, 0] and errors.sum() == 0, text
            assert "bony" not in text and "gas" not in text, text


def test_parts_and_the_whole_string_give_the_same_tokens(chat: Chat) -> None:
    """A runtime may tokenise the conversation as one string."""
    for truth in TRUTHS[:15]:
        turns = dialogue.conversation(truth, random.Random(8))
        text = ""
        for index, turn in enumerate(turns):
            picture = "<image>" * 4 + "\n" if index == 0 else "\n"
            head = "<|im_start|>user\n" + picture if index == 0 else picture + "<|im_start|>user\n"
            text += f"{head}{turn.question}<|im_end|>\n<|im_start|>assistant\n{turn.answer}<|im_end|>"
        assert chat.tokenizer.encode(text, add_special_tokens=False).ids == chat.conversation(turns).ids
