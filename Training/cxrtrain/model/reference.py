"""The whole model, its answers in text, and its images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..config import Config
from ..labels import LABELS
from ..text import prompts
from ..text.tokenizer import IGNORED, IM_END, IMAGE, IMAGE_START, Chat
from .language import LanguageModel
from .vision import VisionTower, pool
from .vq import VQModel


class Projector(nn.Module):
    """2x2 neighbours of the token grid to one vector of the language model."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.merge = config.spatial_merge_size
        self.grid = config.vision.grid
        self.linear_1 = nn.Linear(config.vision.hidden_size * self.merge**2, config.projector_hidden_size)
        self.linear_2 = nn.Linear(config.projector_hidden_size, config.text.hidden_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[batch, grid^2, hidden]` to `[batch, (grid / merge)^2, text hidden]`."""
        m, g = self.merge, self.grid // self.merge
        x = (
            tokens.reshape(-1, g, m, g, m, tokens.shape[-1])
            .permute(0, 1, 3, 2, 4, 5)
            .reshape(-1, g * g, m * m * tokens.shape[-1])
        )
        return self.linear_2(F.gelu(self.linear_1(x)))


class ReferenceModel(nn.Module):
    """Names of submodules are the prefixes of the checkpoint."""

    def __init__(self, config: Config, vocabulary: int) -> None:
        super().__init__()
        self.config = config
        self.vision_tower = VisionTower(config.vision, normalise=False)
        self.classifier = nn.Linear(2 * config.vision.hidden_size, len(LABELS))
        self.multi_modal_projector = Projector(config)
        self.language_model = LanguageModel(config.text, vocabulary)
        self.vq_model = VQModel(config.vq)

    def classify(self, tokens: Tensor) -> Tensor:
        """Vision tokens `[batch, tokens, hidden]` to logits `[batch, labels]`."""
        return self.classifier(pool(tokens))

    def embed(self, ids: Tensor, vision_tokens: Tensor | None) -> Tensor:
        """Token embeddings with the projected image in the place of `<image>`."""
        embeddings = self.language_model.model.embed_tokens(ids)
        if vision_tokens is None:
            return embeddings
        vectors = self.multi_modal_projector(vision_tokens).reshape(-1, embeddings.shape[-1])
        return embeddings.masked_scatter((ids == IMAGE)[..., None], vectors)

    def loss(self, ids: Tensor, labels: Tensor, vision_tokens: Tensor | None) -> Tensor:
        """Mean negative log likelihood of each learned token, `[learned]`, in order of the batch."""
        device = self.classifier.weight.device
        ids, labels = ids.to(device), labels.to(device)
        hidden, _ = self.language_model(
            self.embed(ids, vision_tokens if vision_tokens is None else vision_tokens.to(device))
        )
        wanted = labels[:, 1:]
        chosen = wanted != IGNORED
        return F.cross_entropy(self.language_model.logits(hidden[:, :-1][chosen]), wanted[chosen], reduction="none")

    @torch.no_grad()
    def answer(
        self, chat: Chat, questions: Sequence[list[int]], vision_tokens: Tensor, limit: int = 220
    ) -> list[tuple[list[int], float]]:
        """Greedy answers to one prompt per image, as tokens without `<|im_end|>`, with the mean log probability.

        Prompts may differ in length: equal ones are decoded together.
        """
        answers: list[tuple[list[int], float]] = [([], 0.0)] * len(questions)
        by_length: dict[int, list[int]] = {}
        for index, question in enumerate(questions):
            by_length.setdefault(len(question), []).append(index)
        for members in by_length.values():
            for start in range(0, len(members), 64):
                part = members[start : start + 64]
                prompts_ = torch.tensor([questions[i] for i in part])
                for index, answer in zip(part, self._greedy(prompts_, vision_tokens[part], limit)):
                    answers[index] = answer
        return answers

    def _greedy(self, prompts_: Tensor, vision_tokens: Tensor, limit: int) -> list[tuple[list[int], float]]:
        hidden, cache = self.language_model(self.embed(prompts_, vision_tokens))
        count = len(prompts_)
        tokens: list[list[int]] = [[] for _ in range(count)]
        score, open_ = [0.0] * count, [True] * count
        for _ in range(limit):
            log_probability, best = self.language_model.logits(hidden[:, -1]).log_softmax(-1).max(-1)
            for row, (token, value) in enumerate(zip(best.tolist(), log_probability.tolist())):
                if open_[row]:
                    score[row] += value
                    open_[row] = token != IM_END
                    if open_[row]:
                        tokens[row].append(token)
            if not any(open_):
                break
            hidden, cache = self.language_model(self.language_model.model.embed_tokens(best[:, None]), cache)
        return [(ids, value / (len(ids) + 1)) for ids, value in zip(tokens, score)]

    @torch.no_grad()
    def synthesize(
        self, chat: Chat, conditions: Sequence[str], guidance: float, temperature: float, top_k: int, seed: int
    ) -> tuple[Tensor, Tensor]:
        """Codes `[n, grid^2]` and pixels `[n, 1, side, side]` for texts, with classifier-free guidance."""
        generator = torch.Generator().manual_seed(seed)
        asked = [chat.question(prompts.SYNTHESIZE.format(c), image=False) + [IMAGE_START] for c in conditions]
        dropped = chat.question(prompts.SYNTHESIZE_UNCONDITIONAL, image=False) + [IMAGE_START]
        by_length: dict[int, list[int]] = {}
        for index, ids in enumerate(asked):
            by_length.setdefault(len(ids), []).append(index)
        codes = torch.zeros(len(asked), self.config.vq.grid**2, dtype=torch.long)
        for rows in by_length.values():
            pair = (torch.tensor([asked[i] for i in rows]), torch.tensor([dropped] * len(rows)))
            codes[rows] = self._sample_codes(pair, chat.image_code_offset, guidance, temperature, top_k, generator)
        return codes, self.vq_model.decode(codes)

    def _sample_codes(
        self,
        pair: tuple[Tensor, Tensor],
        offset: int,
        guidance: float,
        temperature: float,
        top_k: int,
        generator: torch.Generator,
    ) -> Tensor:
        """Codes `[n, grid^2]` after prompts with and without condition, `[n, tokens]` each."""
        embed, size = self.language_model.model.embed_tokens, self.config.vq.codebook_size
        states = [self.language_model(embed(ids)) for ids in pair]
        codes = []
        for _ in range(self.config.vq.grid**2):
            with_, without = (self.language_model.logits(h[:, -1])[:, offset : offset + size] for h, _ in states)
            logits = (without + guidance * (with_ - without)) / temperature
            floor = logits.topk(min(top_k, size)).values[:, -1:]
            probabilities = logits.masked_fill(logits < floor, -torch.inf).softmax(-1)
            code = torch.multinomial(probabilities, 1, generator=generator)
            codes.append(code)
            step = embed(code + offset)
            states = [self.language_model(step, cache) for _, cache in states]
        return torch.cat(codes, 1)
