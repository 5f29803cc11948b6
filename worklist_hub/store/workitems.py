"""The worklist on a database. `decisions.decide` decides every change; compare-and-set writes it, in one transaction.

The compare-and-set (`WHERE position AND state AND version`) is what makes a second claim impossible, whoever else
writes. The events of a change are rows of the same transaction; `store.feed` delivers them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from ups import dicom_json as dj
from ups.codes import Code
from ups.datetimes import datetime_from_dt, dt_from_datetime
from ups.dicom_json import DicomJson
from ups.identifiers import replacement_uid
from ups.states import Answer, ProcedureStepState
from ups.workitem import Workitem
from ups.workitem_fields import READERS
from worklist_hub.audit.changes import events_of_change
from worklist_hub.audit.ledger import Ledger
from worklist_hub.audit.records import AuditEvent
from worklist_hub.store.clock import OneWay
from worklist_hub.store.columns import changed_columns, columns_of
from worklist_hub.store.database import Address, Database, Held, Job, ask
from worklist_hub.store.feed import EventLog, rows_of
from worklist_hub.store.handed import drop as drop_drafts
from worklist_hub.store.keys import follow, keys_of, note
from worklist_hub.store.lines import Line
from worklist_hub.store.opening import open_database
from worklist_hub.store.quick import Change, Quick
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.search import counted, found_by
from worklist_hub.store.stored import STORED, doubles_of, rivals_of, stored_of
from worklist_hub.store.together import CarryOut, Outcome, Together
from worklist_hub.workitem.decisions import DEFAULT_RULES, decide
from worklist_hub.workitem.events import Raised, events_of
from worklist_hub.workitem.matching import Match
from worklist_hub.workitem.protocol import (
    Caller,
    ChangeState,
    Create,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Stored,
    Update,
)

V = TypeVar("V")
SWAP_TRIES = 5
_FEED = Caller(is_feed=True)
_HELD: sa.ColumnElement[str] = sa.literal_column(f"'{ProcedureStepState.IN_PROGRESS.value}'")
"""As text in the statement: only so SQLite knows that an index of what is held holds all that is asked."""
OPEN = (ProcedureStepState.SCHEDULED.value, ProcedureStepState.IN_PROGRESS.value)
_BY_UID = sa.select(*STORED).where(WORKITEMS.c.uid == sa.bindparam("wanted"))

_SWAP = sa.update(WORKITEMS).where(
    WORKITEMS.c.position == sa.bindparam("was_at"),
    WORKITEMS.c.state == sa.bindparam("was_in"),
    WORKITEMS.c.version == sa.bindparam("was_version"),
    WORKITEMS.c.alive_at == sa.bindparam("was_alive"),
)
"""A sign of life between reading and writing counts: what was silent must not be swept away then."""


class LostRace(Exception):
    """The workitem changed between reading and writing, again and again."""


class WorkitemStore:
    """Workitems in one database; any thread may call. Implements `store.port.Store`.

    Besides what the methods say, each may raise `StoreUnavailable`, and a change `OutcomeUnknown`.
    """

    def __init__(self, address: Address, *, clock: Callable[[], datetime] | None = None) -> None:
        """Open a file or `postgresql://...`; `clock` replaces the server's. Raises `StoreError`."""
        self.database: Database = open_database(address)
        self.reading = self.database.reading
        self.log = EventLog(self.database)
        self._clock = clock
        self._one_way = OneWay(self._newest_moment())
        self.ledger: Ledger | None = None
        """Where each change is written down, in its own transaction."""
        self.rules = DEFAULT_RULES
        """How long the holder of a claim may be silent."""

    def close(self) -> None:
        """Finish what is queued and close the database."""
        self.database.close()

    def carry_out(self, uid: str, request: Request, caller: Caller) -> Decision | Refusal:
        """Decide and write, durably, with the events."""
        if is_claim(request):
            claimed = self.database.do_quickly(lambda quick: self._claim(quick, uid, request, caller))
            if claimed is not None:
                return self._told(claimed)
        return self._write(lambda connection: self._carry_out(connection, uid, request, caller))

    async def carried_out(self, uid: str, request: Request, caller: Caller) -> Decision | Refusal:
        """`carry_out` for an event loop."""
        if is_claim(request):
            claimed = await self.database.done_quickly(lambda quick: self._claim(quick, uid, request, caller))
            if claimed is not None:
                return self._told(claimed)
        return self._told(
            await self.database.done(lambda connection: self._carry_out(connection, uid, request, caller))
        )

    def change(self, job: Job[V]) -> V:
        """Anything else in one durable transaction; it may run more than once."""
        return self.database.do(job)

    def lease(self, name: str) -> Held:
        """The right to do what one process at a time does, such as polling a site. Another process takes it over within
        30 seconds where its holder dies, hangs or is cut off."""
        return self.database.lease(name)

    def read(self, uid: str) -> Stored | None:
        """One workitem as last committed."""
        return ask(self.reading, lambda connection: self.read_in(connection, uid))

    def search(
        self,
        wanted: Sequence[Match],
        *,
        limit: int,
        offset: int = 0,
        visible: sa.ColumnElement[bool] | None = None,
    ) -> list[DicomJson]:
        """Matches in order of creation; `visible`, a condition on `schema.WORKITEMS`, narrows it before anything."""
        return [line.dataset for line in self.lines(wanted, limit=limit, offset=offset, visible=visible)]

    def lines(
        self,
        wanted: Sequence[Match],
        *,
        limit: int,
        offset: int = 0,
        visible: sa.ColumnElement[bool] | None = None,
    ) -> list[Line]:
        """`search`, not parsed."""
        return found_by(self.reading, wanted, limit=limit, offset=offset, visible=visible)

    def silent_claims(self, since: datetime, *, limit: int = 1000) -> tuple[str, ...]:
        """UIDs of claims whose holder has said nothing since a moment, longest first."""
        is_silent = (WORKITEMS.c.state == _HELD, WORKITEMS.c.alive_at < dt_from_datetime(since))
        query = sa.select(WORKITEMS.c.uid).where(*is_silent).order_by(WORKITEMS.c.alive_at).limit(limit)
        return ask(self.reading, lambda connection: tuple(connection.execute(query).scalars()))

    def count(
        self,
        wanted: Sequence[Match],
        *,
        offset: int,
        most: int,
        visible: sa.ColumnElement[bool] | None = None,
    ) -> tuple[int, bool]:
        """How many matches lie behind `offset`, and whether counting ended before they did: at `most`, or at one where
        the datasets themselves would have to be read."""
        return counted(self.reading, wanted, offset=offset, most=most, visible=visible)

    def now(self) -> datetime:
        """The server's clock."""
        if self._clock is not None:
            return self._clock()
        return ask(self.reading, self.database.now)

    def last_position(self) -> int:
        """Of the newest workitem, 0 where there is none."""
        query = sa.select(sa.func.max(WORKITEMS.c.position))
        return ask(self.reading, lambda connection: connection.execute(query).scalar_one()) or 0

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
        asked, only = Update(changes), ProcedureStepState.SCHEDULED
        return _is_written(self._write(lambda connection: self._carry_out(connection, uid, asked, _FEED, only)))

    def update_held(self, uid: str, changes: dict[str, Any]) -> bool:
        """See `store.port.Store`."""
        asked, only = Update(changes), ProcedureStepState.IN_PROGRESS
        return _is_written(self._write(lambda connection: self._carry_out(connection, uid, asked, _FEED, only)))

    def cancel_scheduled(self, uid: str, code: Code, reason: str) -> bool:
        """See `store.port.Store`."""
        asked, only = RequestCancel(reason, code), ProcedureStepState.SCHEDULED
        outcome = self._write(lambda connection: self._carry_out(connection, uid, asked, _FEED, only))
        return isinstance(outcome, Decision)

    def open_workitems(self, site_id: str) -> tuple[Workitem, ...]:
        """See `store.port.Store`."""
        query = sa.select(WORKITEMS.c.dataset).where(WORKITEMS.c.site_id == site_id, WORKITEMS.c.state.in_(OPEN))
        query = query.order_by(WORKITEMS.c.position)
        texts = ask(self.reading, lambda connection: connection.execute(query).scalars().all())
        return tuple(Workitem.from_json(json.loads(text)) for text in texts)

    def write_together(self, work: Callable[[sa.Connection, CarryOut], V]) -> V:
        """Several requests of intake about SCHEDULED workitems in one durable transaction; `work` may run more than
        once."""
        result, has_told = self.database.do(lambda connection: Together(self._carry_out, connection).done(work))
        if has_told:
            self.database.tell()
        return result

    def _write(self, job: Job[Outcome]) -> Decision | Refusal:
        return self._told(self.database.do(job))

    def _told(self, made: Outcome) -> Decision | Refusal:
        outcome, has_told = made
        if has_told:
            self.database.tell()
        return outcome

    def _claim(self, quick: Quick, uid: str, request: Request, caller: Caller) -> Outcome | None:
        """The quick road; None where it does not lead there."""
        found, moment = quick.look(uid)
        if found is None:
            return None
        stored, now = stored_of(found), self._one_way.after(moment if self._clock is None else self._clock())
        outcome = decide(stored, request, caller, now, self.rules)
        if isinstance(outcome, Decision) and outcome.dataset is None:
            return None
        audit = self.ledger.rows_of(events_of_change(uid, request, caller, stored, outcome)) if self.ledger else []
        raised: tuple[Raised, ...] = ()
        if isinstance(outcome, Refusal):
            quick.note(audit)
        else:
            made = outcome.dataset or {}
            values = changed_columns(stored.dataset, made) | _kept_of(stored, outcome, now)
            raised = events_of(stored.dataset, made, position=stored.position)
            if not quick.write(Change(found, values, rows_of(raised, now, made, values["dataset"]), audit)):
                return None
        if self.ledger is not None:
            self.ledger.wrote(audit)
        return outcome, bool(raised)

    # Inside a transaction

    def _carry_out(
        self,
        connection: sa.Connection,
        uid: str,
        request: Request,
        caller: Caller,
        only: ProcedureStepState | None = None,
    ) -> Outcome:
        for _ in range(SWAP_TRIES):
            stored, now = self.read_in(connection, uid), self.tick(connection)
            if only is not None and (stored is None or stored.state is not only):
                return Refusal(Answer.NOT_IN_PROGRESS), False
            replaces = _replaces(request)
            replaced = self.read_in(connection, replaces) if replaces else None
            outcome = decide(stored, request, caller, now, self.rules, (), replaced)
            if isinstance(outcome, Decision) and not caller.is_feed:
                rivals = self._rivals(connection, stored, outcome.dataset)
                outcome = decide(stored, request, caller, now, self.rules, rivals, replaced) if rivals else outcome
            if isinstance(outcome, Refusal):
                _write_down(self.ledger, connection, events_of_change(uid, request, caller, stored, outcome))
                return outcome, False
            raised = self._apply(connection, stored, outcome, now)
            if raised is not None:
                self.log.append(connection, raised, now)
                _write_down(self.ledger, connection, events_of_change(uid, request, caller, stored, outcome))
                return outcome, bool(raised)
        raise LostRace(uid)

    def _apply(
        self, connection: sa.Connection, stored: Stored | None, outcome: Decision, now: datetime
    ) -> tuple[Raised, ...] | None:
        """Write a decision; its events, None where somebody else was quicker."""
        if stored is None:
            return self._insert(connection, outcome.dataset or {})
        if outcome.dataset is None:
            _note_alive(connection, stored, outcome, now)
            notice = outcome.cancel_notice
            if notice is None:
                return ()
            return events_of(stored.dataset, stored.dataset, position=stored.position, cancel_notice=notice)
        if not self._swap(connection, stored, outcome, now):
            return None
        _forget_drafts(connection, outcome)
        follow(connection, self.database, dj.text(stored.dataset, "SOPInstanceUID"), stored.dataset, outcome.dataset)
        raised = events_of(
            stored.dataset, outcome.dataset, position=stored.position, cancel_notice=outcome.cancel_notice
        )
        if outcome.replacement is not None:
            raised += self._insert(connection, outcome.replacement) or ()  # a careful client may have made it before
        return raised

    def _rivals(self, connection: sa.Connection, stored: Stored | None, made: DicomJson | None) -> tuple[Stored, ...]:
        """Other workitems of what becomes a study's name by this decision."""
        if stored is None:
            return rivals_of(connection, self.database, made or {})
        return doubles_of(connection, made) if made and keys_of(made) != keys_of(stored.dataset) else ()

    def read_in(self, connection: sa.Connection, uid: str) -> Stored | None:
        """One workitem as a transaction sees it."""
        found = connection.execute(_BY_UID, {"wanted": uid}).one_or_none()
        return None if found is None else stored_of(found)

    def _swap(self, connection: sa.Connection, stored: Stored, outcome: Decision, now: datetime) -> bool:
        """Compare and set: nobody may have changed it since it was read."""
        unchanged = {
            "was_at": stored.position,
            "was_in": stored.state.value,
            "was_version": stored.version,
            "was_alive": dt_from_datetime(stored.alive_at) if stored.alive_at else "",
        }
        values = changed_columns(stored.dataset, outcome.dataset or {}) | _kept_of(stored, outcome, now)
        return connection.execute(_SWAP, {**values, **unchanged}).rowcount == 1

    def _insert(self, connection: sa.Connection, dataset: DicomJson) -> tuple[Raised, ...] | None:
        """The events of a new workitem, None where its UID is known already."""
        values = {**columns_of(dataset), "version": 1, "alive_at": "", "transaction_hash": ""}
        statement = self.database.insert(WORKITEMS).on_conflict_do_nothing(index_elements=["uid"])
        position = connection.execute(statement.values(values).returning(WORKITEMS.c.position)).scalar_one_or_none()
        if position is None:
            return None
        if not dj.has(dataset, "ReplacedProcedureStepSequence"):
            note(connection, self.database, values["uid"], keys_of(dataset))
        return events_of(None, dataset, position=position)

    def tick(self, connection: sa.Connection) -> datetime:
        """The server's clock, in this process never twice the same and never back: changes sort by it."""
        return self._one_way.after(self.database.now(connection) if self._clock is None else self._clock())

    def _newest_moment(self) -> datetime:
        with self.reading.connect() as connection:
            newest = connection.execute(sa.select(sa.func.max(WORKITEMS.c.modified))).scalar_one()
        return datetime_from_dt(newest) if newest else datetime.min.replace(tzinfo=UTC)


def _write_down(ledger: Ledger | None, connection: sa.Connection, events: Sequence[AuditEvent]) -> None:
    if ledger is not None:
        ledger.write(connection, events)


def _is_written(outcome: Decision | Refusal) -> bool:
    """Of an update by the feed. Raises `DatasetError` for what may not stand there."""
    if isinstance(outcome, Refusal) and outcome.answer is Answer.INVALID_ATTRIBUTE:
        raise dj.DatasetError(outcome.text)
    return isinstance(outcome, Decision)


def _replaces(request: Request) -> str:
    """What a new workitem says that it replaces."""
    return READERS["replaces"](request.dataset) if isinstance(request, Create) else ""


def is_claim(request: Request) -> bool:
    """Whether it may take the quick road."""
    return isinstance(request, ChangeState) and request.state is ProcedureStepState.IN_PROGRESS


def _note_alive(connection: sa.Connection, stored: Stored, outcome: Decision, now: datetime) -> None:
    if outcome.is_alive:
        same = (WORKITEMS.c.position == stored.position, WORKITEMS.c.transaction_hash == stored.transaction_hash)
        connection.execute(sa.update(WORKITEMS).where(*same).values(alive_at=dt_from_datetime(now)))


def _kept_of(stored: Stored, outcome: Decision, now: datetime) -> dict[str, Any]:
    """The columns that do not follow from the dataset."""
    kept: dict[str, Any] = {"version": stored.version + 1, "transaction_hash": outcome.transaction_hash}
    return {**kept, "alive_at": dt_from_datetime(now)} if outcome.is_alive else kept


def _forget_drafts(connection: sa.Connection, outcome: Decision) -> None:
    """With its claim a draft that was handed over ends; one that waits for the next reader only by a release."""
    uid, state = dj.text(outcome.dataset or {}, "SOPInstanceUID"), dj.text(outcome.dataset or {}, "ProcedureStepState")
    if ProcedureStepState(state).is_final:
        is_release = outcome.replacement is not None and outcome.cancel_notice is None
        drop_drafts(connection, [uid] if is_release else [uid, replacement_uid(uid)])
