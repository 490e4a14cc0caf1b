"""Byte-level BPE trained on the grammar, and the chat format."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from ..phantom.truth import Truth
from . import dialogue, grammar, prompts
from .dialogue import Turn

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<|image_start|>", "<|image_end|>")
PAD, IM_START, IM_END, IMAGE, IMAGE_START, IMAGE_END = range(6)
IGNORED = -100


def corpus(truths: Sequence[Truth], rng: random.Random) -> Iterable[str]:
    """Everything that training may say about `truths`."""
    for truth in truths:
        for turn in (
            dialogue.report_turn(truth, rng),
            dialogue.report_turn(truth, rng, boxes=True),
            dialogue.grounding(truth, rng),
            dialogue.question(truth, rng),
        ):
            yield f"{turn.question}\n{turn.answer}"
        yield prompts.SYNTHESIZE.format(grammar.description(truth, rng))


def train_tokenizer(texts: Iterable[str], text_vocabulary: int, image_codes: int) -> Tokenizer:
    """`text_vocabulary` ids (special tokens first), then `<img_0>`... as added tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=text_vocabulary,
        special_tokens=list(SPECIAL),
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(f"<img_{i}>", special=True, normalized=False) for i in range(image_codes)])
    return tokenizer


@dataclass(frozen=True)
class Encoded:
    """`ids`: tokens with `<image>` already repeated; `labels`: the ids to learn, `IGNORED` elsewhere."""

    ids: list[int]
    labels: list[int]


class Chat:
    """Turns to tokens and back."""

    def __init__(self, tokenizer: Tokenizer, image_seq_length: int) -> None:
        self.tokenizer = tokenizer
        self.image_seq_length = image_seq_length
        self.image_code_offset = tokenizer.token_to_id("<img_0>")

    @classmethod
    def load(cls, path: Path, image_seq_length: int) -> Chat:
        return cls(Tokenizer.from_file(str(path)), image_seq_length)

    @property
    def vocabulary(self) -> int:
        return self.tokenizer.get_vocab_size()

    def text(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def question(self, text: str, image: bool, first: bool = True) -> list[int]:
        """A user turn and the head of the answer. Turns after the first begin with a line break."""
        head = [] if first else self.text("\n")
        picture = [IMAGE] * self.image_seq_length + self.text("\n") if image else []
        return [
            *head,
            IM_START,
            *self.text("user\n"),
            *picture,
            *self.text(text),
            IM_END,
            *self.text("\n"),
            IM_START,
            *self.text("assistant\n"),
        ]

    def conversation(self, turns: Sequence[Turn]) -> Encoded:
        """The image stands in the first turn; answers and their `<|im_end|>` are learned."""
        ids: list[int] = []
        labels: list[int] = []
        for index, turn in enumerate(turns):
            asked = self.question(turn.question, image=index == 0, first=index == 0)
            told = [*self.text(turn.answer), IM_END]
            ids += asked + told
            labels += [IGNORED] * len(asked) + told
        return Encoded(ids, labels)

    def synthesis(self, condition: str | None, codes: Sequence[int]) -> Encoded:
        """A synthesis example; `None` drops the condition."""
        prompt = prompts.SYNTHESIZE_UNCONDITIONAL if condition is None else prompts.SYNTHESIZE.format(condition)
        asked = self.question(prompt, image=False)
        told = [IMAGE_START, *(self.image_code_offset + c for c in codes), IMAGE_END, IM_END]
        return Encoded(asked + told, [IGNORED] * len(asked) + told)
