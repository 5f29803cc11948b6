"""Doubles of other vendors' UPS servers. They are doubles: they play the manners that workflow notes of those servers
describe, row by row, and nothing else. Each says so in its `Server` header.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ups import dicom_json as dj
from ups.dialects import DCM4CHEE, DCM4CHEE_OLD, MICROSOFT, STANDARD, Dialect
from ups.dicom_json import DicomJson

DOUBLE = "double, not the real server"


@dataclass(frozen=True, slots=True)
class Manners:
    """How one server behaves, said independently of `ups.dialects`."""

    name: str
    dialect: Dialect
    """What our client is told about it; the test is that the two fit."""
    update_takes: str
    state_needs_aet: bool = False
    cancel_needs_aet: bool = False
    create_takes: str = "workitem="
    wants_array: bool = False
    wrong_transaction: int = 400
    wrong_transaction_text: str = '299 double: "The Transaction UID is incorrect"'
    tie_answer: int = 409
    cancels_scheduled: bool = True
    subscribes: bool = True
    filters: bool = True


MANNERS = (
    Manners("standard", STANDARD, "transaction-uid=", cancels_scheduled=False),
    Manners(
        "dcm4chee-arc 5.35.0",
        DCM4CHEE_OLD,
        "body",
        state_needs_aet=True,
        cancel_needs_aet=True,
        wrong_transaction=409,
        wrong_transaction_text="",
        tie_answer=500,
    ),
    Manners("dcm4chee-arc 5.36", DCM4CHEE, "transaction-uid=", wrong_transaction=409, tie_answer=500),
    Manners("Microsoft DICOM service", MICROSOFT, "bare", create_takes="bare", wants_array=True, subscribes=False),
)


class UpsDouble:
    """State of one double: its workitems, the faults it is told to make, and what it was asked."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.workitems: dict[str, DicomJson] = {}
        self.transactions: dict[str, str] = {}
        self.faults: list[tuple[str, str]] = []
        """(method, fault): "500 after", "500 before", "drop after", "drop before"; each happens once, in order."""
        self.asked: list[str] = []
        self.lock = threading.Lock()

    def state(self, uid: str) -> str:
        return dj.text(self.workitems[uid], "ProcedureStepState")

    def answer(self, method: str, path: str, query: str, body: Any) -> tuple[int, dict[str, str], Any]:
        """(status, headers, JSON) for one request."""
        parts = [unquote(part) for part in path.removeprefix("/dicom/workitems").split("/") if part]
        if method in ("POST", "PUT") and body is not None and isinstance(body, list) != self.manners.wants_array:
            return 400, {"Warning": '299 double: "wrong kind of body"'}, None
        if isinstance(body, list):
            (body,) = body
        if not parts:
            return self._search(query) if method == "GET" else self._create(query, body)
        if parts[0] not in self.workitems and "subscribers" not in parts:
            return 404, {}, None
        if parts[1:] == []:
            return (200, {}, [self.workitems[parts[0]]]) if method == "GET" else self._update(parts[0], query, body)
        if parts[1] == "state":
            return self._state(parts, body)
        if parts[1] == "cancelrequest":
            return self._cancel(parts)
        return self._subscribe(query)

    def _search(self, query: str) -> tuple[int, dict[str, str], Any]:
        asked = parse_qs(query)
        wanted = asked.get("ProcedureStepState", [""])[0]
        rows = [row for row in self.workitems.values() if wanted in ("", dj.text(row, "ProcedureStepState"))]
        first, most = int(asked["offset"][0]), int(asked["limit"][0])
        page = rows[first : first + most]
        return (200, {}, page) if page else (204, {}, None)

    def _create(self, query: str, body: DicomJson) -> tuple[int, dict[str, str], Any]:
        named = query.removeprefix("workitem=") if query.startswith("workitem=") else ""
        uid = named if self.manners.create_takes == "workitem=" else query
        if not uid or "=" in uid:
            return 400, {}, None
        if uid in self.workitems:
            return 409, {}, None
        self.workitems[uid] = {**body, **dj.make(SOPInstanceUID=uid)}
        return 201, {}, None

    def _update(self, uid: str, query: str, body: DicomJson) -> tuple[int, dict[str, str], Any]:
        takes, given = self.manners.update_takes, ""
        if takes == "body":
            if query:
                return 400, {"Warning": '299 double: "no query here"'}, None
            given = dj.text(body, "TransactionUID")
        elif query:
            if takes != "bare" and not query.startswith(takes):
                return 400, {}, None
            given = query.removeprefix(takes)
        dj.remove(body, "TransactionUID")
        state = self.state(uid)
        if state in ("COMPLETED", "CANCELED"):
            return 400, {"Warning": '299 double: "final state"'}, None
        if (state == "IN PROGRESS") != (given != ""):
            return self._wrong()
        if given and given != self.transactions.get(uid):
            return self._wrong()
        self.workitems[uid].update(body)
        return 200, {}, None

    def _state(self, parts: list[str], body: DicomJson) -> tuple[int, dict[str, str], Any]:
        if (len(parts) == 3) != self.manners.state_needs_aet:
            return 404, {}, None
        uid, wanted, given = parts[0], dj.text(body, "ProcedureStepState"), dj.text(body, "TransactionUID")
        state = self.state(uid)
        if wanted == "IN PROGRESS":
            if state != "SCHEDULED":
                return 409, {"Warning": '299 double: "already IN PROGRESS"'}, None
            self.transactions[uid] = given
        elif state == "SCHEDULED":
            return 409, {}, None
        elif given != self.transactions.get(uid):
            return self._wrong()
        dj.put(self.workitems[uid], "ProcedureStepState", wanted)
        return 200, {}, None

    def _cancel(self, parts: list[str]) -> tuple[int, dict[str, str], Any]:
        if (len(parts) == 3) != self.manners.cancel_needs_aet:
            return 404, {}, None
        if self.state(parts[0]) == "SCHEDULED":
            if not self.manners.cancels_scheduled:
                return 409, {}, None
            dj.put(self.workitems[parts[0]], "ProcedureStepState", "CANCELED")
        return 202, {}, None

    def _subscribe(self, query: str) -> tuple[int, dict[str, str], Any]:
        if not self.manners.subscribes:
            return 404, {}, None
        if "filter" in query and not self.manners.filters:
            return 403, {}, None
        return 201, {"Content-Location": "ws://127.0.0.1:1/ws/subscribers/DESK"}, None

    def _wrong(self) -> tuple[int, dict[str, str], Any]:
        said = {"Warning": self.manners.wrong_transaction_text} if self.manners.wrong_transaction_text else {}
        return self.manners.wrong_transaction, said, None


class _Server(ThreadingHTTPServer):
    def __init__(self, double: UpsDouble) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.double = double
        self.open_sockets: set[socket.socket] = set()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = DOUBLE
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.server.open_sockets.add(self.connection)

    def finish(self) -> None:
        super().finish()
        self.server.open_sockets.discard(self.connection)

    def _do(self) -> None:
        double = self.server.double
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        with double.lock:
            double.asked.append(f"{self.command} {self.path}")
            fault = ""
            if double.faults and double.faults[0][0] == self.command:
                fault = double.faults.pop(0)[1]
            answer: tuple[int, dict[str, str], Any] = (500, {}, None)
            if not fault.endswith("before"):
                answer = double.answer(self.command, url.path, url.query, json.loads(raw) if raw else None)
        if fault.startswith("drop"):
            self.close_connection = True
            return
        self._send(*((500, {}, None) if fault.startswith("500") else answer))

    def _send(self, status: int, headers: dict[str, str], content: Any) -> None:
        body = json.dumps(content).encode() if content is not None else b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/dicom+json")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _do

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@contextmanager
def running_double(manners: Manners) -> Iterator[tuple[UpsDouble, str]]:
    """(double, base URL) until the block ends."""
    server = _Server(UpsDouble(manners))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="ups-double")
    thread.start()
    try:
        yield server.double, f"http://127.0.0.1:{server.server_address[1]}/dicom"
    finally:
        server.shutdown()
        for one in tuple(server.open_sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        server.server_close()
        thread.join()
