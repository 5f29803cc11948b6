"""Numbers for Prometheus, in its text format (version 0.0.4). No label ever holds a person, a patient or a UID."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_Labels = tuple[str, ...]
Sampled = Mapping[_Labels, float] | float
"""One value, or one for each combination of labels."""


class Metric:
    """One family: name, help, type and its values by labels."""

    def __init__(self, name: str, told: str, kind: str, labels: Sequence[str] = ()) -> None:
        self.name, self.told, self.kind, self.labels = name, told, kind, tuple(labels)
        self._lock = threading.Lock()
        self._values: dict[_Labels, float] = {}

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Count up."""
        with self._lock:
            self._values[labels] = self._values.get(labels, 0.0) + amount

    def lines(self) -> Iterable[str]:
        """As text."""
        with self._lock:
            values = dict(self._values)
        yield from _head(self.name, self.told, self.kind)
        for labels, value in sorted(values.items()):
            yield f"{self.name}{_braces(self.labels, labels)} {_number(value)}"


class Histogram:
    """How long something takes, in seconds."""

    def __init__(self, name: str, told: str, labels: Sequence[str] = (), bounds: Sequence[float] = SECONDS) -> None:
        self.name, self.told, self.labels, self._bounds = name, told, tuple(labels), tuple(bounds)
        self._lock = threading.Lock()
        self._counts: dict[_Labels, list[int]] = {}
        self._sums: dict[_Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """One more."""
        with self._lock:
            counts = self._counts.setdefault(labels, [0] * (len(self._bounds) + 1))
            counts[bisect_left(self._bounds, seconds)] += 1
            self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def lines(self) -> Iterable[str]:
        """As text: cumulative buckets, sum and count."""
        with self._lock:
            found = {labels: (list(counts), self._sums[labels]) for labels, counts in self._counts.items()}
        yield from _head(self.name, self.told, "histogram")
        for labels, (counts, total) in sorted(found.items()):
            running = 0
            for bound, count in zip((*self._bounds, math.inf), counts, strict=True):
                running += count
                braces = _braces((*self.labels, "le"), (*labels, _number(bound)))
                yield f"{self.name}_bucket{braces} {running}"
            yield f"{self.name}_sum{_braces(self.labels, labels)} {_number(total)}"
            yield f"{self.name}_count{_braces(self.labels, labels)} {running}"


class Sample:
    """A value asked for at the moment of reading; where asking fails the family is left out."""

    def __init__(
        self, name: str, told: str, ask: Callable[[], Sampled], *, labels: Sequence[str] = (), kind: str = "gauge"
    ) -> None:
        self.name, self.told, self.kind, self.labels, self._ask = name, told, kind, tuple(labels), ask

    def lines(self) -> Iterable[str]:
        """As text."""
        try:
            found = self._ask()
        except Exception:  # noqa: BLE001 - the border: one number that cannot be had costs no other
            return
        yield from _head(self.name, self.told, self.kind)
        values = found if isinstance(found, Mapping) else {(): float(found)}
        for labels, value in sorted(values.items()):
            yield f"{self.name}{_braces(self.labels, labels)} {_number(value)}"


Family = Metric | Histogram | Sample
F = TypeVar("F", Metric, Histogram, Sample)


class Registry:
    """Every family of a process."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def counter(self, name: str, told: str, labels: Sequence[str] = ()) -> Metric:
        """A number that only grows."""
        return self._keep(Metric(name, told, "counter", labels))

    def histogram(self, name: str, told: str, labels: Sequence[str] = ()) -> Histogram:
        """See `Histogram`."""
        return self._keep(Histogram(name, told, labels))

    def sample(
        self, name: str, told: str, ask: Callable[[], Sampled], *, labels: Sequence[str] = (), kind: str = "gauge"
    ) -> None:
        """See `Sample`."""
        self._keep(Sample(name, told, ask, labels=labels, kind=kind))

    def text(self) -> str:
        """The whole page."""
        return "".join(f"{line}\n" for family in self._families.values() for line in family.lines())

    def _keep(self, family: F) -> F:
        if family.name in self._families:
            raise ValueError(f"{family.name} is there already")
        self._families[family.name] = family
        return family


def _head(name: str, told: str, kind: str) -> Iterable[str]:
    escaped = told.replace("\\", "\\\\").replace("\n", "\\n")
    yield f"# HELP {name} {escaped}"
    yield f"# TYPE {name} {kind}"


def _braces(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if value == math.inf:
        return "+Inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
