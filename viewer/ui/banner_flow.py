"""How the texts of a banner break into rows: nothing that identifies is cut, the description takes what is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

GAP = 14.0
"""Between two facts."""
WORTH_PX = 90.0
"""A text that may be cut starts a row of its own where less than this is left."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One text. A fact that `may_cut` is shortened at the end of its row; any other breaks into rows."""

    text: str
    color: str
    bold: bool = False
    may_cut: bool = False
    starts_row: bool = False
    is_plate: bool = False
    """Stands on a plate of its color: the one word that must be seen at a glance."""


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a fact in its place; `width` is its room."""

    row: int
    x: float
    width: float
    text: str
    fact: Fact


Measure = Callable[[str, bool], float]


def flow(facts: Sequence[Fact], width: float, measure: Measure) -> list[Run]:
    """Place facts one after the other into rows of this width."""
    runs: list[Run] = []
    row, x = 0, 0.0
    for fact in facts:
        if not fact.text:
            continue
        if fact.starts_row and row == 0 and x > 0:
            row, x = 1, 0.0
        left = width - x - (GAP if x else 0.0)
        needed = measure(fact.text, fact.bold)
        if x and (left < needed if not fact.may_cut else left < min(needed, WORTH_PX)):
            row, x, left = row + 1, 0.0, width
        x += GAP if x else 0.0
        if needed <= left or fact.may_cut:
            runs.append(Run(row, x, left, fact.text, fact))
            x += min(needed, left)
            continue
        for piece in _broken(fact, width, measure):
            row += 1 if x else 0
            runs.append(Run(row, 0.0, width, piece, fact))
            x = measure(piece, fact.bold)
    return runs


def _broken(fact: Fact, width: float, measure: Measure) -> Iterator[str]:
    """At spaces, and within a word only where it is longer than a row."""
    line = ""
    for word in fact.text.split(" "):
        longer = f"{line} {word}" if line else word
        if measure(longer, fact.bold) <= width:
            line = longer
            continue
        if line:
            yield line
        line = word
        while len(line) > 1 and measure(line, fact.bold) > width:
            fitting = max(
                1, next(n for n in range(len(line), 0, -1) if n == 1 or measure(line[:n], fact.bold) <= width)
            )
            yield line[:fitting]
            line = line[fitting:]
    if line:
        yield line
