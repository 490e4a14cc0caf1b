"""Questions: accuracy per type beside the question-only baseline; and consistency within a conversation."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import numpy as np

from ..data.pool import Pool
from ..labels import DEVICES
from ..text import dialogue, prompts
from ..text.dialogue import Turn
from ..text.terms import NOUNS, canonical, with_article
from .answers import Reader
from .metrics import bootstrap
from .parse import names_in

PER_IMAGE = 4


def key_of(kind: str, answer: str) -> str:
    """What an answer says, in the form of `Turn.key`."""
    text = answer.lower()
    if kind in ("presence", "heart"):
        return "yes" if text.startswith("yes") else "no" if text.startswith("no") else ""
    if kind == "side":
        return next((s for s in ("bilateral", "right", "left") if s in text), "")
    if kind == "zone":
        return next((z for z in ("upper", "mid", "lower") if z in text), "")
    if kind == "severity":
        return next((w for w in ("small", "moderate", "large", "mild", "severe") if w in text), "")
    if kind == "view":
        return "AP" if " ap " in text else "PA" if " pa " in text else ""
    names = names_in(text)
    if kind == "devices":
        return ",".join(canonical(n) for n in DEVICES if n in names) or "none"
    return ",".join(canonical(n) for n in NOUNS if n in names)


def sample(pool: Pool, seed: int) -> list[tuple[int, Turn]]:
    """Random questions on a pool."""
    rng = random.Random(seed)
    return [(i, dialogue.question(truth, rng)) for i, truth in enumerate(pool.truths) for _ in range(PER_IMAGE)]


def normalised(turn: Turn) -> str:
    """Classification keys in a fixed order, so that lists compare as sets."""
    return key_of(turn.kind, turn.answer) if turn.kind == "classification" else turn.key


def evaluate_questions(reader: Reader, train: Pool) -> dict:
    """Per type: questions, accuracy with interval, and that of answering from the question alone."""
    asked = sample(reader.pool, seed=5)
    answers = reader.ask([i for i, _ in asked], [t.question for _, t in asked], limit=80)
    habits: dict[str, Counter] = defaultdict(Counter)
    general: dict[str, Counter] = defaultdict(Counter)
    for _, turn in sample(train, seed=6):
        habits[turn.question][normalised(turn)] += 1
        general[turn.kind][normalised(turn)] += 1
    by_kind: dict[str, list[tuple[str, bool, bool]]] = defaultdict(list)
    for (index, turn), (text, _) in zip(asked, answers):
        blind = (habits.get(turn.question) or general[turn.kind] or Counter({"": 1})).most_common(1)[0][0]
        wanted = normalised(turn)
        by_kind[turn.kind].append((reader.pool.patients[index], key_of(turn.kind, text) == wanted, blind == wanted))
    by_kind["all"] = [row for rows in list(by_kind.values()) for row in rows]
    out = {}
    for kind, rows in by_kind.items():
        right, blind = np.array([r[1] for r in rows], float), np.array([r[2] for r in rows], float)
        value, low, high = bootstrap(lambda i: float(right[i].mean()), np.array([r[0] for r in rows]), draws=300)
        out[kind] = {
            "questions": len(rows),
            "accuracy": {"value": value, "interval": [low, high]},
            "question_only": float(blind.mean()),
        }
    return out


def evaluate_conversation(reader: Reader, limit: int = 100) -> dict:
    """One conversation per image: a list of abnormalities, then yes-or-no questions on one listed and one unlisted
    finding, then the first question again. Consistent: listed is affirmed, unlisted denied, the repeat is the same."""
    rng = random.Random(9)
    affirmed, denied, repeated = [], [], []
    for index in range(min(limit, len(reader.pool))):
        listed = names_in(reader.ask([index], [prompts.CLASSIFY[0]])[0][0].lower())
        askable = dialogue.askable(reader.pool.truths[index])
        inside = [n for n in askable if n in listed]
        outside = [n for n in askable if n not in listed]
        chosen = [(n, True) for n in inside[:1]] + [(rng.choice(outside), False)]
        rng.shuffle(chosen)
        questions = (
            [prompts.CLASSIFY[0]]
            + [dialogue.PRESENCE[0].format(with_article(canonical(n))) for n, _ in chosen]
            + [prompts.CLASSIFY[0]]
        )
        answers = reader.converse(index, questions)
        for (_, is_listed), answer in zip(chosen, answers[1:]):
            (affirmed if is_listed else denied).append(key_of("presence", answer) == ("yes" if is_listed else "no"))
        repeated.append(set(names_in(answers[-1].lower())) == set(names_in(answers[0].lower())))

    def share(values: list[bool]) -> dict:
        return {"count": len(values), "share": float(np.mean(values)) if values else None}

    return {
        "listed_then_affirmed": share(affirmed),
        "unlisted_then_denied": share(denied),
        "same_list_when_asked_again": share(repeated),
    }
