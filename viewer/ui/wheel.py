"""Wheel movements as whole steps, the remainder kept: high-resolution wheels lose no image (viewer.md §6.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass

NOTCH = 120
"""Eighths of a degree of one notch, as Qt counts."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """What is left of earlier movements."""

    remainder: int = 0

    def turned(self, angle_delta: int) -> tuple[Wheel, int]:
        """The wheel after a movement, and whole steps: positive = on through the stack (toward the user)."""
        total = self.remainder - angle_delta
        steps = math.trunc(total / NOTCH)
        return Wheel(total - steps * NOTCH), steps
