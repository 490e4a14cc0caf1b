"""Progress of long work on standard error: what, how far, how fast, how long still."""

from __future__ import annotations

import sys
import time


class Progress:
    """`with Progress("stage 0", 1500) as p: ... p.advance(loss=0.31)`; prints a line about every ten seconds."""

    def __init__(self, title: str, total: int, start: int = 0, interval: float = 10.0) -> None:
        self.title, self.total, self.done, self.first = title, total, start, start
        self.interval = interval
        self.began = self.printed = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self.done > self.first:
            self._print({})

    def advance(self, **values: float) -> None:
        self.done += 1
        if time.monotonic() - self.printed >= self.interval:
            self._print(values)

    def _print(self, values: dict[str, float]) -> None:
        self.printed = time.monotonic()
        spent = self.printed - self.began
        rate = (self.done - self.first) / max(spent, 1e-6)
        left = (self.total - self.done) / max(rate, 1e-9)
        figures = "".join(f"  {name} {value:.4f}" for name, value in values.items())
        print(
            f"{self.title}: {self.done}/{self.total}  {spent:.0f} s  about {left:.0f} s left{figures}",
            file=sys.stderr,
            flush=True,
        )
