"""How long to wait until a hospital is asked again. Pure: chance and time are passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CAP_S: Final = 120.0
"""A hospital that was away is noticed again within this time."""
SPREAD: Final = 0.1
"""Share of the interval by which polls are spread, so that the hospitals of a region are not asked all at once."""
LEAST: Final = 0.1
"""A poll that took longer than its interval leaves the PACS at least this share of it alone."""

CALM: Final = 20
"""So many new studies a poll are no rush; with more of them the hospital is asked sooner, for the new ones alone."""

Chance = Callable[[], float]
"""A random number from 0 up to 1, such as `random.random`."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Of polling one hospital: `poll_s` from the start of one poll to the start of the next."""

    poll_s: float
    cap_s: float = CAP_S

    def pause_s(self, failures: int, took_s: float, chance: Chance, new: int = 0) -> float:
        """Seconds to wait now.

        Parameters
        ----------
        failures : in a row; each doubles the wait, up to the cap, of which a random part of up to a half is taken off:
            hubs and hospitals that failed together do not come back together
        took_s : how long the poll ran, by a clock that nobody sets
        new : studies that it put on the list; in a rush the next one comes sooner, so that none finds too many
        """
        if failures:
            whole = min(max(self.cap_s, self.poll_s), self.poll_s * 2.0 ** min(failures, 10))
            return whole * (0.5 + 0.5 * chance())
        spread = self.poll_s * (1 - SPREAD + 2 * SPREAD * chance())
        return max(self.poll_s * LEAST, spread * min(1.0, CALM / max(new, 1)) - took_s)

    def is_whole(self, since_s: float) -> bool:
        """Whether a poll so long after the last whole one is a whole one again: what has changed, stands still or is
        gone shows over a whole interval only. Between them there are glances, at what is new."""
        return since_s >= self.poll_s * (1 - SPREAD)
