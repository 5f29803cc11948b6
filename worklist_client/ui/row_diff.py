"""How to get from one order of rows to another in the words of a table model: remove, move, insert. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

Range = tuple[int, int]
"""First and last row, both included."""


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Apply `removals` in their order (from the bottom up), then the new order of survivors, then `insertions`."""

    removals: tuple[Range, ...]
    reordered: bool
    insertions: tuple[Range, ...]


def plan_rows(old: Sequence[K], new: Sequence[K]) -> RowPlan:
    """Compare two sequences of unique keys."""
    remaining, coming = set(new), set(old)
    removals = _ranges([row for row, key in enumerate(old) if key not in remaining])
    insertions = _ranges([row for row, key in enumerate(new) if key not in coming])
    survivors_old = [key for key in old if key in remaining]
    survivors_new = [key for key in new if key in coming]
    return RowPlan(tuple(reversed(removals)), survivors_old != survivors_new, insertions)


def _ranges(rows: Sequence[int]) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for row in rows:
        if ranges and ranges[-1][1] == row - 1:
            ranges[-1] = (ranges[-1][0], row)
        else:
            ranges.append((row, row))
    return tuple(ranges)
