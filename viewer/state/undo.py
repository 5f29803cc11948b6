"""Undo as a list of states: a frozen stack of values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

T = TypeVar("T")

DEPTH = 200
"""Steps kept; the oldest is forgotten first."""


@dataclass(frozen=True, slots=True)
class UndoStack(Generic[T]):
    """A present value with its past and its undone future."""

    present: T
    past: tuple[T, ...] = ()
    future: tuple[T, ...] = ()

    @property
    def can_undo(self) -> bool:
        """Whether there is an older value."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """Whether something was undone."""
        return bool(self.future)

    def changed(self, value: T) -> UndoStack[T]:
        """A new present; what was undone is forgotten. An equal value is no step."""
        if value == self.present:
            return self
        return UndoStack(value, (*self.past, self.present)[-DEPTH:], ())

    def replaced(self, value: T) -> UndoStack[T]:
        """The present corrected without a step of its own (values computed anew, a drag in progress)."""
        return replace(self, present=value)

    def undone(self) -> UndoStack[T]:
        """One step back; itself where there is none."""
        if not self.past:
            return self
        return UndoStack(self.past[-1], self.past[:-1], (self.present, *self.future))

    def redone(self) -> UndoStack[T]:
        """One step forward; itself where there is none."""
        if not self.future:
            return self
        return UndoStack(self.future[0], (*self.past, self.present), self.future[1:])
