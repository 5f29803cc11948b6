"""The worklist on SQLite. `decisions.decide` decides every change; compare-and-set writes it, in one transaction.

The compare-and-set (`WHERE uid AND state AND version`) is what makes a second claim impossible; the single writer only
makes it quick. Events are handed out after the commit.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ups import dicom_json as dj
from ups.codes import Code
from ups.datetimes import datetime_from_dt, dt_from_datetime
from ups.dicom_json import DicomJson
from ups.identifiers import replacement_uid
from ups.states import Answer, ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.decisions import decide
from worklist_hub.events import Raised, events_of
from worklist_hub.matching import Match, matches, moments
from worklist_hub.protocol import Caller, Create, Decision, Refusal, Request, RequestCancel, Stored, Update
from worklist_hub.store.database import open_engines
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.writer import Writer

Publish = Callable[[Sequence[Raised]], None]
Outcome = tuple[Decision | Refusal, tuple[Raised, ...]]
SWAP_TRIES = 5
_ONE_TICK = timedelta(microseconds=1)
_FEED = Caller(is_feed=True)
_MODIFIED = "ScheduledProcedureStepModificationDateTime"
_COLUMN_OF = {
    "ProcedureStepState": WORKITEMS.c.state,
    "SOPInstanceUID": WORKITEMS.c.uid,
    "StudyInstanceUID": WORKITEMS.c.study_instance_uid,
}


class LostRace(Exception):
    """The workitem changed between reading and writing, again and again."""


def _server_now() -> datetime:
    return datetime.now(UTC)


class WorkitemStore:
    """Workitems in one SQLite file; any thread may call. Implements `store.port.Store`."""

    def __init__(
        self, path: Path, *, clock: Callable[[], datetime] = _server_now, publish: Publish | None = None
    ) -> None:
        self._writing, self.reading = open_engines(path)
        self._clock = clock
        self._clock_lock = threading.Lock()
        self._last = self._newest_moment()
        self.publish: Publish = publish or (lambda _raised: None)
        self.writer = Writer(self._writing)

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self.writer.close()
        self._writing.dispose()
        self.reading.dispose()

    def carry_out(self, uid: str, request: Request, caller: Caller) -> Decision | Refusal:
        """Decide and write, durably; events go out after the commit."""
        return self._write(lambda connection: self._carry_out(connection, uid, request, caller))

    def read(self, uid: str) -> Stored | None:
        """One workitem as last committed."""
        with self.reading.connect() as connection:
            return self._read(connection, uid)

    def search(self, wanted: Sequence[Match], *, limit: int, offset: int = 0) -> list[DicomJson]:
        """Matches in order of creation."""
        query = sa.select(WORKITEMS.c.dataset).order_by(WORKITEMS.c.position)
        rest: list[Match] = []
        for one in wanted:
            condition = _condition(one)
            if condition is None:
                rest.append(one)
            else:
                query = query.where(condition)
        if not rest:
            query = query.limit(limit).offset(offset)
        found: list[DicomJson] = []
        for dataset in self._iter_datasets(query):
            if rest:
                if not matches(dataset, rest):
                    continue
                if offset > 0:
                    offset -= 1
                    continue
            found.append(dataset)
            if len(found) == limit:
                break
        return found

    def last_position(self) -> int:
        """Of the newest workitem, 0 where there is none."""
        with self.reading.connect() as connection:
            return connection.execute(sa.select(sa.func.max(WORKITEMS.c.position))).scalar_one() or 0

    # What intake may do: `store.port.Store`

    def create_if_absent(self, workitem: Workitem) -> bool:
        """See `store.port.Store`."""
        outcome = self.carry_out(workitem.uid, Create(workitem.uid, workitem.to_json()), _FEED)
        if isinstance(outcome, Decision):
            return True
        if outcome.answer is Answer.DUPLICATE:
            return False
        raise dj.DatasetError(outcome.text)

    def update_scheduled(self, uid: str, changes: dict[str, Any]) -> bool:
        """See `store.port.Store`."""
        return self._update_while(ProcedureStepState.SCHEDULED, uid, changes)

    def update_held(self, uid: str, changes: dict[str, Any]) -> bool:
        """See `store.port.Store`."""
        return self._update_while(ProcedureStepState.IN_PROGRESS, uid, changes)

    def cancel_scheduled(self, uid: str, code: Code, reason: str) -> bool:
        """See `store.port.Store`."""

        def job(connection: sa.Connection) -> Outcome:
            stored = self._read(connection, uid)
            if stored is None or stored.state is not ProcedureStepState.SCHEDULED:
                return Refusal(Answer.NOT_IN_PROGRESS), ()
            return self._carry_out(connection, uid, RequestCancel(reason, code), _FEED)

        return isinstance(self._write(job), Decision)

    def latest(self, uid: str) -> Workitem | None:
        """See `store.port.Store`."""
        last = None
        with self.reading.connect() as connection:
            while (stored := self._read(connection, uid)) is not None:
                last, uid = stored, replacement_uid(uid)
        return None if last is None else Workitem.from_json(last.dataset)

    def open_workitems(self, site_id: str) -> tuple[Workitem, ...]:
        """See `store.port.Store`."""
        states = (ProcedureStepState.SCHEDULED.value, ProcedureStepState.IN_PROGRESS.value)
        query = sa.select(WORKITEMS.c.dataset).where(WORKITEMS.c.site_id == site_id, WORKITEMS.c.state.in_(states))
        return tuple(Workitem.from_json(dataset) for dataset in self._iter_datasets(query))

    def _write(self, job: Callable[[sa.Connection], Outcome]) -> Decision | Refusal:
        """In the writer; it also publishes, so that events leave in the order of the commits."""
        return self.writer.submit(job, after_commit=lambda outcome: self.publish(outcome[1])).result()[0]

    def _update_while(self, state: ProcedureStepState, uid: str, changes: dict[str, Any]) -> bool:
        def job(connection: sa.Connection) -> Outcome:
            stored = self._read(connection, uid)
            if stored is None or stored.state is not state:
                return Refusal(Answer.NOT_IN_PROGRESS), ()
            return self._carry_out(connection, uid, Update(changes), _FEED)

        outcome = self._write(job)
        if isinstance(outcome, Refusal) and outcome.answer is Answer.INVALID_ATTRIBUTE:
            raise dj.DatasetError(outcome.text)
        return isinstance(outcome, Decision)

    # Inside a transaction

    def _carry_out(self, connection: sa.Connection, uid: str, request: Request, caller: Caller) -> Outcome:
        for _ in range(SWAP_TRIES):
            stored, now = self._read(connection, uid), self._tick()
            rivals = self._rivals(connection, request) if stored is None and isinstance(request, Create) else ()
            outcome = decide(stored, request, caller, now, rivals)
            if isinstance(outcome, Refusal):
                return outcome, ()
            if stored is None:
                return outcome, self._insert(connection, outcome.dataset or {})
            if outcome.dataset is None:
                self._note_alive(connection, uid, outcome, now)
                if outcome.cancel_notice is None:
                    return outcome, ()
                notice = outcome.cancel_notice
                raised = events_of(stored.dataset, stored.dataset, position=stored.position, cancel_notice=notice)
                return outcome, raised
            if self._swap(connection, stored, outcome, now):
                raised = events_of(stored.dataset, outcome.dataset, position=stored.position)
                if outcome.replacement is not None:
                    raised += self._insert(connection, outcome.replacement)
                return outcome, raised
        raise LostRace(uid)

    def _read(self, connection: sa.Connection, uid: str) -> Stored | None:
        found = connection.execute(sa.select(WORKITEMS).where(WORKITEMS.c.uid == uid)).one_or_none()
        return None if found is None else _stored(found)

    def _rivals(self, connection: sa.Connection, request: Create) -> tuple[Stored, ...]:
        """What is open or COMPLETED of the same study of the same hospital; the oldest first."""
        asked = _columns(dict(request.dataset))
        if not asked["study_instance_uid"]:
            return ()
        same = (
            WORKITEMS.c.study_instance_uid == asked["study_instance_uid"],
            WORKITEMS.c.site_id == asked["site_id"],
            WORKITEMS.c.state != ProcedureStepState.CANCELED.value,
        )
        found = connection.execute(sa.select(WORKITEMS).where(*same).order_by(WORKITEMS.c.position))
        return tuple(_stored(one) for one in found)

    def _swap(self, connection: sa.Connection, stored: Stored, outcome: Decision, now: datetime) -> bool:
        """Compare and set: nobody may have changed it since it was read."""
        unchanged = (
            WORKITEMS.c.position == stored.position,
            WORKITEMS.c.state == stored.state.value,
            WORKITEMS.c.version == stored.version,
        )
        values = _columns(outcome.dataset or {})
        values |= {"version": stored.version + 1, "transaction_hash": outcome.transaction_hash}
        if outcome.is_alive:
            values["alive_at"] = dt_from_datetime(now)
        return connection.execute(sa.update(WORKITEMS).where(*unchanged).values(values)).rowcount == 1

    def _insert(self, connection: sa.Connection, dataset: DicomJson) -> tuple[Raised, ...]:
        values = {**_columns(dataset), "version": 1, "alive_at": "", "transaction_hash": ""}
        statement = sa.insert(WORKITEMS).prefix_with("OR IGNORE").values(values)
        inserted = connection.execute(statement)
        if not inserted.rowcount:
            return ()  # a replacement that a careful client made before us
        position = inserted.inserted_primary_key[0] if inserted.inserted_primary_key else 0
        return events_of(None, dataset, position=position)

    def _note_alive(self, connection: sa.Connection, uid: str, outcome: Decision, now: datetime) -> None:
        if outcome.is_alive:
            alive = sa.update(WORKITEMS).where(WORKITEMS.c.uid == uid).values(alive_at=dt_from_datetime(now))
            connection.execute(alive)

    def _tick(self) -> datetime:
        """The server's clock, never twice the same and never back: changes sort by it."""
        with self._clock_lock:
            self._last = max(self._clock(), self._last + _ONE_TICK)
            return self._last

    def _newest_moment(self) -> datetime:
        with self.reading.connect() as connection:
            newest = connection.execute(sa.select(sa.func.max(WORKITEMS.c.modified))).scalar_one()
        return datetime_from_dt(newest) if newest else datetime.min.replace(tzinfo=UTC)

    def _iter_datasets(self, query: sa.Select[Any]) -> Iterator[DicomJson]:
        with self.reading.connect() as connection:
            for (text,) in connection.execute(query):
                yield json.loads(text)


def _stored(found: Any) -> Stored:
    return Stored(
        json.loads(found.dataset),
        ProcedureStepState(found.state),
        found.transaction_hash,
        datetime_from_dt(found.alive_at) if found.alive_at else None,
        found.version,
        found.position,
    )


def _columns(dataset: DicomJson) -> dict[str, Any]:
    site = dj.first_item(dataset, "ScheduledStationGeographicLocationCodeSequence")
    request = dj.first_item(dataset, "ReferencedRequestSequence")
    return {
        "uid": dj.text(dataset, "SOPInstanceUID"),
        "state": dj.text(dataset, "ProcedureStepState"),
        "modified": dj.text(dataset, _MODIFIED),
        "site_id": dj.text(site, "CodeValue"),
        "study_instance_uid": dj.text(dataset, "StudyInstanceUID") or dj.text(request, "StudyInstanceUID"),
        "dataset": json.dumps(dataset, ensure_ascii=False, separators=(",", ":")),
    }


def _condition(wanted: Match) -> sa.ColumnElement[bool] | None:
    """The same match in SQL, where a column can answer it wholly."""
    if not wanted.value:
        return sa.true()
    if wanted.is_plain and wanted.keyword in _COLUMN_OF:
        return _COLUMN_OF[wanted.keyword] == wanted.value
    if wanted.path == (_MODIFIED,):
        first, last = moments(wanted.value)
        conditions: list[sa.ColumnElement[bool]] = [sa.true()]
        if first:
            conditions.append(WORKITEMS.c.modified >= dt_from_datetime(datetime_from_dt(first)))
        if last:
            conditions.append(WORKITEMS.c.modified <= dt_from_datetime(datetime_from_dt(last)))
        return sa.and_(*conditions)
    return None
