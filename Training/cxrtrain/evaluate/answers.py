"""Asking the shipped model: features of a pool once, then any prompts on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data import augment
from ..data.pool import Pool
from ..model.reference import ReferenceModel
from ..text.tokenizer import IM_END, Chat
from ..train.common import batches


@dataclass
class Reader:
    """A pool as the shipped model sees it. `tokens`: `[n, tokens, hidden]`."""

    model: ReferenceModel
    chat: Chat
    pool: Pool
    tokens: Tensor

    def ask(self, indices: list[int], questions: list[str], limit: int = 220) -> list[tuple[str, float]]:
        """Greedy answers and mean log probabilities, one question per index."""
        prompts = [self.chat.question(q, image=True) for q in questions]
        answers = self.model.answer(self.chat, prompts, self.tokens[indices], limit)
        return [(self.chat.decode(ids), score) for ids, score in answers]

    def converse(self, index: int, questions: list[str]) -> list[str]:
        """Answers of one conversation, each turn seeing the earlier ones."""
        history: list[int] = []
        answers = []
        for turn, question in enumerate(questions):
            history = history + self.chat.question(question, image=turn == 0, first=turn == 0)
            ids, _ = self.model.answer(self.chat, [history], self.tokens[[index]])[0]
            answers.append(self.chat.decode(ids))
            history = history + ids + [IM_END]
        return answers

    def logits(self) -> np.ndarray:
        """Label logits, `[n, labels]`."""
        with torch.no_grad():
            return self.model.classify(self.tokens).numpy()


@torch.no_grad()
def read(model: ReferenceModel, chat: Chat, pool: Pool) -> Reader:
    generator = torch.Generator().manual_seed(0)
    rows = []
    for indices in batches(len(pool), 32):
        images, _ = augment.to_input(*pool.images(indices), model.config.vision.image_size, augment.NONE, generator)
        rows.append(model.vision_tower(images))
    return Reader(model, chat, pool, torch.cat(rows))
