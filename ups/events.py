"""The event channel: a websocket per AE title (PS3.18 11.10, PS3.4 CC.2.4), and a search after every gap.

Order: subscribe, open, search. What changed before the channel was open is in the answer to the search, what changes
after it comes as an event; so nothing is missed. What is older than what was already told is dropped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from ups import dicom_json as dj
from ups.client import GLOBAL_SUBSCRIPTION, UpsClient
from ups.codes import Person
from ups.datetimes import datetime_from_dt, dt_from_datetime
from ups.errors import NotFound, ProtocolViolation, Unreachable, UpsError
from ups.states import ProcedureStepState
from ups.workitem import Workitem

OVERLAP = timedelta(minutes=2)
"""How far before the newest known modification a search after a gap begins."""
RECEIVE_S = 0.5
"""How long one wait for a frame lasts, and so how soon `cancelled()` is seen."""
KEEPALIVE_S = 15.0
BACKSTOP_S = 60.0
"""Servers raise no event for a new priority or due time: so often the modification times are searched."""
POLL_S = 10.0
"""The same where a server has no event channel."""
RETRY_FIRST_S = 0.25
RETRY_CAP_S = 10.0
MAX_FRAME_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows as they are now. `is_complete`: everything open, forget the rest; else what changed since the gap."""

    workitems: tuple[Workitem, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A complete row, newer than what was told of it before."""

    workitem: Workitem


@dataclass(frozen=True, slots=True)
class Assigned:
    """Event 5: reserved for somebody (None = for nobody any more)."""

    uid: str
    person: Person | None


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Event 2: somebody asks its performer to let go."""

    uid: str
    requesting_ae: str
    reason: str
    contact_name: str = ""
    contact_uri: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Event 3."""

    uid: str
    percent: float
    text: str


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Whether changes by others arrive; the reason is plain English, "" where they do."""

    connected: bool
    reason: str = ""


Event = Snapshot | Changed | Assigned | CancelRequested | Progress | ChannelState
Emit = Callable[[Event], None]


class EventChannel:
    """Everything that changes in a worklist, for one AE title. One thread calls `run`."""

    def __init__(
        self,
        client: UpsClient,
        aet: str,
        *,
        subscription: str = GLOBAL_SUBSCRIPTION,
        filters: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        backstop_s: float = BACKSTOP_S,
        poll_s: float = POLL_S,
    ) -> None:
        self._client, self._aet = client, aet
        self._subscription, self._filters = subscription, filters
        self._clock, self._backstop_s, self._poll_s = clock, backstop_s, poll_s
        self._known: dict[str, str] = {}
        """Workitem UID -> newest modification time told."""
        self._newest = ""
        self._pause_s = RETRY_FIRST_S

    def run(self, emit: Emit, cancelled: Callable[[], bool], wait: Callable[[float], object] = time.sleep) -> None:
        """Until `cancelled()`: connect, search, pass on; reconnect with back-off. Raises only what is not a gap."""
        while not cancelled():
            try:
                if self._client.dialect.event_channel:
                    self._run_connected(emit, cancelled)
                else:
                    self._run_polling(emit, cancelled, wait)
            except UpsError as error:
                emit(ChannelState(False, error.reason))
                self._nap(self._pause_s, cancelled, wait)
                self._pause_s = min(self._pause_s * 2, RETRY_CAP_S)

    def _run_connected(self, emit: Emit, cancelled: Callable[[], bool]) -> None:
        with self._open() as connection:
            self._catch_up(emit)
            self._pause_s = RETRY_FIRST_S
            emit(ChannelState(True))
            searched = self._clock()
            while not cancelled():
                try:
                    frame = connection.recv(timeout=RECEIVE_S)
                except TimeoutError:
                    frame = None
                except ConnectionClosed as error:
                    raise Unreachable("the event channel was closed") from error
                if frame is not None:
                    self._receive(frame, emit)
                if not self._client.dialect.events_carry_row and self._clock() - searched > self._backstop_s:
                    self._catch_up(emit)
                    searched = self._clock()

    def _run_polling(self, emit: Emit, cancelled: Callable[[], bool], wait: Callable[[float], object]) -> None:
        while not cancelled():
            self._catch_up(emit)
            self._pause_s = RETRY_FIRST_S
            emit(ChannelState(True))
            self._nap(self._poll_s, cancelled, wait)

    def _nap(self, seconds: float, cancelled: Callable[[], bool], wait: Callable[[float], object]) -> None:
        until = self._clock() + seconds
        while not cancelled() and (left := until - self._clock()) > 0:
            wait(min(left, RECEIVE_S))

    def _open(self) -> ClientConnection:
        subscription = self._client.subscribe(self._subscription, self._aet, filters=self._filters)
        if not subscription.websocket_url:
            raise ProtocolViolation("the server named no event channel")
        headers = {name: value for name, value in self._client.headers.items() if name != "Accept"}
        try:
            return connect(
                subscription.websocket_url,
                additional_headers=headers,
                open_timeout=5.0,
                ping_interval=KEEPALIVE_S,
                ping_timeout=KEEPALIVE_S,
                close_timeout=1.0,
                max_size=MAX_FRAME_BYTES,
                compression=None,
                proxy=None,
            )
        except (OSError, WebSocketException) as error:
            raise Unreachable("the event channel cannot be opened") from error

    def _catch_up(self, emit: Emit) -> None:
        is_complete = not self._newest
        found: dict[str, Workitem] = {}
        filters = dict(self._filters or {})
        if is_complete:
            for state in (ProcedureStepState.SCHEDULED, ProcedureStepState.IN_PROGRESS):
                for row in self._client.iter_search({**filters, "ProcedureStepState": state.value}):
                    found[row.uid] = row
        else:
            since = dt_from_datetime(datetime_from_dt(self._newest) - OVERLAP)
            filters["ScheduledProcedureStepModificationDateTime"] = f"{since}-"
            found = {row.uid: row for row in self._client.iter_search(filters)}
        emit(Snapshot(tuple(found.values()), is_complete))
        for row in found.values():
            self._note(row)

    def _note(self, row: Workitem) -> bool:
        """Remember it; False where something newer was told already."""
        if row.modified and row.modified < self._known.get(row.uid, ""):
            return False
        self._known[row.uid] = row.modified
        try:
            if not self._newest or datetime_from_dt(row.modified) > datetime_from_dt(self._newest):
                self._newest = dt_from_datetime(datetime_from_dt(row.modified))
        except ValueError:
            pass  # a server that writes no modification time: the next gap is searched from the last one known
        return True

    def _receive(self, frame: str | bytes, emit: Emit) -> None:
        try:
            event = dj.check_dataset(json.loads(frame))
        except ValueError as error:
            raise ProtocolViolation("an event is not DICOM JSON") from error
        uid = dj.text(event, "AffectedSOPInstanceUID") or dj.text(event, "SOPInstanceUID")
        kind = int(dj.number(event, "EventTypeID"))
        if uid:
            self._emit_row(uid, event, emit)
        if kind == 2:
            emit(_cancel_requested(uid, event))
        elif kind == 3:
            item = dj.first_item(event, "ProcedureStepProgressInformationSequence")
            percent = dj.number(item, "ProcedureStepProgress")
            emit(Progress(uid, percent, dj.text(item, "ProcedureStepProgressDescription")))
        elif kind == 5:
            person = dj.first_item(event, "ScheduledHumanPerformersSequence") or event
            is_somebody = dj.has(person, "HumanPerformerCodeSequence")
            emit(Assigned(uid, Person.of(person) if is_somebody else None))

    def _emit_row(self, uid: str, event: dict[str, Any], emit: Emit) -> None:
        carried = self._client.dialect.events_carry_row and dj.has(event, "SOPInstanceUID")
        try:
            row = Workitem.from_json(event) if carried else self._client.retrieve(uid)
        except NotFound:
            return  # gone between the event and the question; the final state came as an event of its own
        except dj.DatasetError as error:
            raise ProtocolViolation(f"an event is not a workitem: {error}") from error
        if self._note(row):
            emit(Changed(row))


def _cancel_requested(uid: str, event: dict[str, Any]) -> CancelRequested:
    return CancelRequested(
        uid,
        dj.text(event, "RequestingAE"),
        dj.text(event, "ReasonForCancellation"),
        dj.text(event, "ContactDisplayName"),
        dj.text(event, "ContactURI"),
    )
