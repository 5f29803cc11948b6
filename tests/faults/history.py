"""What clients asked and were told, and whether one worklist could have answered so (linearizable per workitem).

A workitem goes one way only: SCHEDULED, then IN PROGRESS for one Transaction UID, then CANCELED (a release). So a
history fits if there is a winner, a moment of its claim and a later moment of its release, such that every answer was
true at some moment between its question and its answer. An unclear answer may have been carried out at any time after
the question, or never. All conditions are bounds on the two moments: the check is exact.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
CLAIM, ALIVE, RELEASE, READ = "claim", "alive", "release", "read"


@dataclass(frozen=True, slots=True)
class Operation:
    """One question. Times are of the machine's monotonic clock, which all processes share.

    `seen` of a READ: the state, and `holder` who has it, by code.
    """

    client: str
    kind: str
    uid: str
    transaction_uid: str
    asked: float
    answered: float
    outcome: str
    seen: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class Violation:
    """A workitem whose history no worklist could have."""

    uid: str
    why: str


def written(path: Path, operation: Operation) -> None:
    """Append, so that a killed client loses nothing it was told."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(operation)) + "\n")


def read(paths: Iterable[Path]) -> list[Operation]:
    """Every operation of these files; a last line that was cut is left out."""
    found = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                found.append(Operation(**json.loads(line)))
            except ValueError:
                continue
    return found


def check(history: Iterable[Operation]) -> list[Violation]:
    """Every violation."""
    by_workitem: dict[str, list[Operation]] = defaultdict(list)
    for one in history:
        by_workitem[one.uid].append(one)
    return [Violation(uid, why) for uid, found in by_workitem.items() if (why := _why_not(found))]


def _why_not(operations: Sequence[Operation]) -> str:
    """Why no order explains these answers, "" where one does."""
    owners = {one.transaction_uid for one in operations if one.kind != READ and one.outcome == OK}
    if len(owners) > 1:
        return f"{len(owners)} owners were acknowledged"
    if owners:
        candidates: list[str] = [*owners]
    else:
        candidates = ["", *{one.transaction_uid for one in operations if one.kind == CLAIM and one.outcome == UNKNOWN}]
    reasons = [_why_not_owned(operations, candidate) for candidate in candidates]
    return "" if "" in reasons else reasons[0]


@dataclass(slots=True)
class _Bounds:
    """Between which moments something must have happened."""

    low: float = -inf
    high: float = inf

    def after(self, moment: float) -> None:
        self.low = max(self.low, moment)

    def before(self, moment: float) -> None:
        self.high = min(self.high, moment)

    @property
    def is_empty(self) -> bool:
        return self.low > self.high


def _why_not_owned(operations: Sequence[Operation], owner: str) -> str:
    """With `owner` as the one who had it ("" = nobody ever)."""
    claimed, released = _Bounds(), _Bounds()
    claims = [one for one in operations if one.transaction_uid == owner and one.kind == CLAIM]
    releases = [one for one in operations if one.transaction_uid == owner and one.kind == RELEASE]
    claimed.after(_first(claims) if owner else inf)
    released.after(_first(releases) if owner else inf)
    for one in operations:
        if one.outcome == UNKNOWN:
            continue
        if one.kind == READ:
            _seen(one, claimed, released)
        elif one.transaction_uid == owner:
            _by_owner(one, claimed, released)
        elif one.outcome == OK:
            return "somebody else was acknowledged"
        elif one.kind == CLAIM:
            claimed.before(one.answered)  # refused, so it was taken
    if claimed.is_empty:
        return "no moment of the claim explains the answers"
    if released.is_empty:
        return "no moment of the release explains the answers"
    if claimed.low > released.high:
        return "it was given up before it was taken"
    return ""


def _first(operations: Sequence[Operation]) -> float:
    """The earliest moment at which one of them can have been carried out."""
    return min((one.asked for one in operations if one.outcome != REFUSED), default=inf)


def _by_owner(one: Operation, claimed: _Bounds, released: _Bounds) -> None:
    if one.outcome == REFUSED:
        released.before(one.answered)  # its own workitem, refused: only after it was given up
        return
    claimed.before(one.answered)
    if one.kind == RELEASE:
        released.before(one.answered)
    else:
        released.after(one.asked)


def _seen(one: Operation, claimed: _Bounds, released: _Bounds) -> None:
    if one.seen == "SCHEDULED":
        claimed.after(one.asked)
        return
    claimed.before(one.answered)
    if one.seen == "IN PROGRESS":
        released.after(one.asked)
    else:
        released.before(one.answered)
