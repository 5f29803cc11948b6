"""What is past its time: finished workitems become numbers, told events go.

A finished workitem stays while anything of its study is open, for then a report waits; and while somebody has a
deletion lock on it (PS3.4 CC.2.3). Work is done in small transactions: a long one would hold back the events of all
processes.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from ups import dicom_json as dj
from ups.datetimes import datetime_from_dt, dt_from_datetime
from ups.states import ProcedureStepState
from worklist_hub.store.database import StoreUnavailable, ask
from worklist_hub.store.keys import forget
from worklist_hub.store.schema import STATISTICS, SUBSCRIPTIONS, WORKITEMS
from worklist_hub.store.subscriptions import Subscriber, subscribers_in
from worklist_hub.store.workitems import WorkitemStore

KEPT: Final = timedelta(days=730)
"""Where `[retention]` of hub.toml says nothing."""
BATCH: Final = 200
PAUSE_S: Final = 300.0
MOST: Final = 5_000
"""Of workitems in one go, so that a stop need not wait long."""
_log = logging.getLogger("wl.hub.store")
_FINAL = (ProcedureStepState.COMPLETED.value, ProcedureStepState.CANCELED.value)
_OPEN = (ProcedureStepState.SCHEDULED.value, ProcedureStepState.IN_PROGRESS.value)
_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
_KEY = ("month", "site_id", "state", "modality", "expertise", "priority")


@dataclass(frozen=True, slots=True)
class Cleared:
    """What one run did."""

    workitems: int = 0
    events: int = 0


class Retention:
    """Runs now and then, in one process at a time (`store.lease("retention")`)."""

    def __init__(self, store: WorkitemStore, *, kept: timedelta = KEPT, batch: int = BATCH) -> None:
        self._store, self._kept, self._batch = store, kept, batch

    def run(self, now: datetime, *, most: int = 10_000) -> Cleared:
        """Clear away up to `most` workitems, and every event that is too old."""
        events = self._store.change(lambda connection: self._store.log.forget(connection, now))
        before, cleared, last = dt_from_datetime(now - self._kept), 0, ""
        while cleared < most:
            found = self._candidates(before, last)
            if not found:
                break
            last = found[-1].modified
            cleared += self._store.change(lambda connection, found=found: self._clear(connection, found))  # type: ignore[misc]
        return Cleared(cleared, events)

    def _candidates(self, before: str, after: str) -> Sequence[Any]:
        """The longest finished of those that are past their time, whether or not something keeps them."""
        query = sa.select(WORKITEMS.c.position, WORKITEMS.c.modified)
        query = query.where(WORKITEMS.c.modified < before, WORKITEMS.c.modified > after)
        query = query.where(WORKITEMS.c.state.in_(_FINAL)).order_by(WORKITEMS.c.modified).limit(self._batch)
        return ask(self._store.reading, lambda connection: connection.execute(query).all())

    def _clear(self, connection: sa.Connection, found: Sequence[Any]) -> int:
        """In one transaction: count them, then delete them."""
        other = WORKITEMS.alias("other")
        is_waiting = sa.exists().where(
            other.c.study_instance_uid == WORKITEMS.c.study_instance_uid,
            other.c.site_id == WORKITEMS.c.site_id,
            other.c.state.in_(_OPEN),
        )
        is_locked = sa.exists().where(SUBSCRIPTIONS.c.uid == WORKITEMS.c.uid, SUBSCRIPTIONS.c.deletion_lock)
        query = sa.select(WORKITEMS).where(
            WORKITEMS.c.position.in_([row.position for row in found]),
            WORKITEMS.c.state.in_(_FINAL),
            sa.not_(is_waiting),
            sa.not_(is_locked),
        )
        subscribers = subscribers_in(connection)
        rows = [row for row in connection.execute(query).all() if not _is_locked(row, subscribers)]
        positions = [row.position for row in rows]
        self._count(connection, rows)
        forget(connection, [row.uid for row in rows])
        deleted = connection.execute(sa.delete(WORKITEMS).where(WORKITEMS.c.position.in_(positions))).rowcount
        if deleted != len(rows):
            raise RuntimeError("a workitem was cleared away by two")  # rolled back: nothing is counted twice
        return deleted

    def _count(self, connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> None:
        workitems: Counter[tuple[str, ...]] = Counter()
        measured: Counter[tuple[str, ...]] = Counter()
        seconds: Counter[tuple[str, ...]] = Counter()
        for row in rows:
            key = (row.modified[:6], row.site_id, row.state, row.modality, row.expertise, row.priority)
            workitems[key] += 1
            turnaround = turnaround_s(row.start_at, json.loads(row.dataset))
            if turnaround is not None:
                measured[key] += 1
                seconds[key] += turnaround
        for one in sorted(workitems):
            numbers = {"workitems": workitems[one], "measured": measured[one], "turnaround_s": seconds[one]}
            statement = self._store.database.insert(STATISTICS).values({**dict(zip(_KEY, one, strict=True)), **numbers})
            added = {name: STATISTICS.c[name] + value for name, value in numbers.items()}
            connection.execute(statement.on_conflict_do_update(index_elements=list(_KEY), set_=added))


class Housekeeper:
    """Clears away now and then, from a thread of its own; of several hub processes one does."""

    def __init__(self, store: WorkitemStore, *, kept: timedelta = KEPT, pause_s: float = PAUSE_S) -> None:
        self._store, self._pause_s = store, pause_s
        self.retention = Retention(store, kept=kept)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="store-housekeeper", daemon=True)

    def start(self) -> None:
        """From now on; the first time after a pause."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the batch at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        lease = self._store.lease("housekeeping")
        while not self._stop.wait(self._pause_s):
            if not lease.is_held():
                continue
            try:
                cleared = self.retention.run(self._store.change(self._store.database.now), most=MOST)
            except (StoreUnavailable, sa.exc.SQLAlchemyError) as error:
                _log.warning("clearing away failed: error=%s", type(error).__name__)
                continue
            except Exception:  # noqa: BLE001 - the border of a loop that must go on
                _log.exception("clearing away failed")
                continue
            if cleared != Cleared():
                _log.info("cleared away: workitems=%d events=%d", cleared.workitems, cleared.events)
        lease.release()


def _is_locked(row: sa.Row[Any], subscribers: Sequence[Subscriber]) -> bool:
    """Whether a subscription to everything, or to what matches, keeps it."""
    excepted = {one.ae_title for one in subscribers if one.uid == row.uid and one.is_exception}
    locking = [one for one in subscribers if one.is_global and one.deletion_lock and one.ae_title not in excepted]
    if not locking:
        return False
    dataset = json.loads(row.dataset)
    return any(one.covers(row.position, dataset) for one in locking)


def turnaround_s(start_at: str, dataset: dict[str, Any]) -> int | None:
    """Seconds from the scheduled start to the end of the performed step; None where one of them is not known."""
    ended = dj.text(dj.first_item(dataset, _PERFORMED), "PerformedProcedureStepEndDateTime")
    try:
        return max(int((datetime_from_dt(ended) - datetime_from_dt(start_at)).total_seconds()), 0)
    except ValueError:
        return None
