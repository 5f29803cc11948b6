"""How asking the hospitals goes, in the worklist's database: one of several hub processes asks, and each is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from ups.datetimes import datetime_from_dt, dt_from_datetime
from worklist_hub.intake import states as intake_states
from worklist_hub.intake.gaps import Gap
from worklist_hub.store.database import StoreError, StoreUnavailable, ask
from worklist_hub.store.schema import INTAKE_STATES
from worklist_hub.store.workitems import WorkitemStore

WRITTEN_EACH: Final = timedelta(seconds=20)
"""So often a hospital that goes on answering is noted again: every poll would be a commit."""
_log = logging.getLogger("wl.hub.store")


@dataclass(frozen=True, slots=True)
class Polled:
    """How polling a hospital went last; `polled_at` is the last poll that ended well, by whatever process."""

    failures: int = 0
    error: str = ""
    polled_at: datetime | None = None
    undated: int = 0
    gap: Gap | None = None


class StoredStates:
    """Written by the process that polls, read by all."""

    def __init__(self, store: WorkitemStore, clock: Callable[[], datetime]) -> None:
        self._store, self._clock = store, clock
        self._written: dict[str, tuple[bool, datetime]] = {}

    def note(self, site_id: str, polled: intake_states.Polled) -> None:
        """What a poll came to. A database that is away is no reason to stop polling: the next note follows."""
        now, is_failing, polled_at = self._clock(), polled.failures > 0, polled.polled_at
        was_failing, at = self._written.get(site_id, (not is_failing, now))
        if was_failing == is_failing and now - at < WRITTEN_EACH:
            return
        values = {"site_id": site_id, "failures": polled.failures, "error": polled.error[:64]}
        heard: dict[str, Any] = {}
        if polled_at is not None:
            heard = {"polled_at": dt_from_datetime(polled_at), "undated": polled.undated, **_columns_of(polled.gap)}
        fresh = {"polled_at": "", "undated": 0, **values, **heard}
        statement = self._store.database.insert(INTAKE_STATES).values(fresh)
        # A process that took over knows of no answer yet: the one before it does.
        statement = statement.on_conflict_do_update(index_elements=["site_id"], set_={**values, **heard})
        try:
            self._store.change(lambda connection: connection.execute(statement).rowcount)
        except (StoreUnavailable, StoreError, sa.exc.SQLAlchemyError) as error:
            _log.warning("intake state not written: site=%s error=%s", site_id, type(error).__name__)
            return
        self._written[site_id] = (is_failing, now)

    def of(self, site_ids: Iterable[str]) -> dict[str, Polled]:
        """Of these hospitals, in their order. Raises `StoreUnavailable`."""
        query = sa.select(INTAKE_STATES)
        rows = ask(self._store.reading, lambda connection: connection.execute(query).all())
        found = {row.site_id: _polled(row) for row in rows}
        return {site_id: found.get(site_id, Polled()) for site_id in site_ids}

    def heard_at(self, site_id: str) -> datetime | None:
        """When a hospital answered last, by whatever process. Raises `StoreUnavailable`."""
        return self.of([site_id])[site_id].polled_at


def _polled(row: sa.Row[Any]) -> Polled:
    polled_at = datetime_from_dt(row.polled_at) if row.polled_at else None
    return Polled(row.failures, row.error, polled_at, row.undated, _gap(row))


def _columns_of(gap: Gap | None) -> dict[str, str]:
    """None of a process that knows of no gap: the one before it may have."""
    if gap is None:
        return {}
    said = {"gap_from": gap.heard_at, "gap_until": gap.until, "gap_asked_from": gap.asked_from}
    return {name: dt_from_datetime(moment) for name, moment in said.items()}


def _gap(row: sa.Row[Any]) -> Gap | None:
    if not row.gap_from:
        return None
    return Gap(*(datetime_from_dt(text) for text in (row.gap_from, row.gap_until, row.gap_asked_from)))
