"""How asking the hospitals goes, as everybody may know it: what a hospital does not tell is missing from the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from worklist_hub.intake.gaps import Gap

ANSWERS, WAITING, SILENT = "answers", "waiting", "silent"
FIRST_POLL: Final = timedelta(seconds=60)
"""A first poll reads every study of the lookback; one that takes longer than this is said to be missing."""
LONG_POLL: Final = timedelta(minutes=5)
"""The same of any other poll."""
NO_END: Final = "it does not answer in time"
_REASONS: Mapping[str, str] = {
    "Unreachable": "it cannot be reached",
    "TimedOut": NO_END,
    "AssociationRejected": "it refuses the connection",
    "NotAuthorised": "it refuses the hub's credentials",
    "Refused": "it refuses the question",
    "ProtocolViolation": "its answer cannot be understood",
    "UnsafeName": "its answer cannot be understood",
}
"""By the error's name: the error's own words may name what was asked for."""
_ANY_REASON = "asking it failed"


class Polled(Protocol):
    """What intake says of a hospital: what `store.intake_states` keeps, and `intake.runner.SiteState`."""

    @property
    def failures(self) -> int:
        """In a row."""
        ...

    @property
    def error(self) -> str:
        """The last error's name."""
        ...

    @property
    def polled_at(self) -> datetime | None:
        """The last poll that ended well."""
        ...

    @property
    def undated(self) -> int:
        """How many studies stay off the list because they have no Study Date."""
        ...

    @property
    def gap(self) -> Gap | None:
        """The last time the hospital was not heard for longer than its lookback."""
        ...


@dataclass(frozen=True, slots=True)
class SiteIntake:
    """One hospital. `since`: the list is as this hospital was then; where it never answered, when asking began."""

    site_id: str
    state: str
    since: datetime
    last_success: datetime | None = None
    reason: str = ""
    undated: int = 0
    gap: Gap | None = None

    def as_json(self) -> dict[str, str]:
        """For `GET /region/intake`; moments are in UTC, an unknown one is empty."""
        last = self.last_success.isoformat() if self.last_success else ""
        since = self.since.isoformat()
        return {
            "site_id": self.site_id,
            "state": self.state,
            "since": since,
            "last_success": last,
            "reason": self.reason,
            "undated": str(self.undated),
            "gap_from": self.gap.heard_at.isoformat() if self.gap else "",
            "gap_until": self.gap.until.isoformat() if self.gap else "",
            "gap_asked_from": self.gap.asked_from.isoformat() if self.gap else "",
        }


class IntakeStates:
    """Follows one intake after the other: an edited configuration starts a new one, and what was heard stays known.

    What is heard may come from another process, and from before this one began.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._states: Callable[[], Mapping[str, Polled]] = dict
        self._began: dict[str, datetime] = {}
        self._heard: dict[str, datetime] = {}

    def follow(self, states: Callable[[], Mapping[str, Polled]], asked: Iterable[str]) -> None:
        """From now on `states` says how it goes with these hospitals. It may block, and is not called here."""
        for site_id in asked:
            self._began.setdefault(site_id, self._clock())
        self._states = states

    def now(self) -> tuple[SiteIntake, ...]:
        """Every hospital that is asked."""
        return tuple(self._one(site_id, polled) for site_id, polled in self._states().items())

    def _one(self, site_id: str, polled: Polled) -> SiteIntake:
        if polled.polled_at is not None:
            self._heard[site_id] = polled.polled_at
        heard, began = self._heard.get(site_id), self._began[site_id]
        since, is_heard = heard or began, heard is not None and heard >= began
        state, reason = ANSWERS if is_heard else WAITING, ""
        if polled.failures:
            state, reason = SILENT, _REASONS.get(polled.error, _ANY_REASON)
        elif self._clock() - max(since, began) > (LONG_POLL if is_heard else FIRST_POLL):
            state, reason = SILENT, NO_END
        return SiteIntake(site_id, state, since, heard, reason, polled.undated, polled.gap)
