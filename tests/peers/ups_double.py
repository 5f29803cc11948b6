"""A double of a UPS-RS server, behind `requests.Session`: one workitem each UID, PS3.4 CC by the letter, and faults.

It says of itself that it is a double. A fault is put on the next matching request: the request gets lost, or it is
carried out and its answer gets lost, late, or becomes a 5xx.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from ups import dicom_json as dj
from ups.codes import Person
from ups.identifiers import replacement_uid
from ups.replacement import replacement_of
from ups.states import ProcedureStepState
from ups.workitem import Workitem

LOST_REQUEST, LOST_ANSWER, TIME_OUT, CARRIED_OUT_500, REFUSED_503 = (
    "lost request",
    "lost answer",
    "time-out",
    "500 although carried out",
    "503 and not carried out",
)
UNCLEAR = (LOST_REQUEST, LOST_ANSWER, TIME_OUT, CARRIED_OUT_500, REFUSED_503)


@dataclass
class Fault:
    """On the next request whose method and path match."""

    kind: str
    method: str
    ending: str = ""


@dataclass
class ScriptedServer:
    """`is_hub`: replaying a claim succeeds, a release makes its replacement, the holder is written at the claim."""

    is_hub: bool = True
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    is_away: bool = False
    status_for_all: int = 0

    def add(self, uid: str, **changes: Any) -> None:
        """A SCHEDULED workitem."""
        made = Workitem(uid=uid, readiness="READY", label="Read", study_instance_uid="1.2.3", site_id="north")
        self.items[uid] = made.to_json() | Workitem(uid=uid, **changes).to_json()

    def state(self, uid: str) -> str:
        return dj.text(self.items[uid], "ProcedureStepState")

    def take_over(self, uid: str, by: Person) -> None:
        """Somebody else holds it from now on."""
        self.locks[uid] = "2.25.999"
        self._set_state(uid, ProcedureStepState.IN_PROGRESS, by)

    def fail(self, kind: str, method: str, ending: str = "", times: int = 1) -> None:
        self.faults += [Fault(kind, method, ending)] * times

    # what requests.Session offers

    def mount(self, prefix: str, adapter: object) -> None:
        """Nothing to mount."""

    def close(self) -> None:
        """Nothing to close."""

    def request(
        self, method: str, url: str, *, data: bytes = b"", headers: Any = None, timeout: Any = None, **_rest: Any
    ) -> requests.Response:
        split = urlsplit(url)
        path = split.path.removeprefix("/hub")
        self.requests.append((method, path))
        if self.is_away:
            raise requests.ConnectionError("nobody listens")
        if self.status_for_all:
            return _response(self.status_for_all)
        found = next((one for one in self.faults if one.method == method and path.endswith(one.ending)), None)
        if found is not None:
            self.faults.remove(found)
            if found.kind == LOST_REQUEST:
                raise requests.ConnectionError("reset")
            if found.kind == REFUSED_503:
                return _response(503)
        answer = self._answer(method, path, parse_qs(split.query), json.loads(data or b"{}"))
        if found is None:
            return answer
        if found.kind == CARRIED_OUT_500:
            return _response(500)
        raise requests.ReadTimeout("late") if found.kind == TIME_OUT else requests.ConnectionError("reset")

    def _answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> requests.Response:
        parts = path.strip("/").split("/")
        if method == "POST" and len(parts) == 1:
            return self._create(query["workitem"][0], body)
        uid = parts[1]
        if uid not in self.items:
            return _response(404)
        if method == "GET":
            return _response(200, [self.items[uid]])
        if parts[-1] == "state":
            return self._change_state(uid, dj.text(body, "ProcedureStepState"), dj.text(body, "TransactionUID"))
        if parts[-1] == "cancelrequest":
            if self.state(uid) != "SCHEDULED":
                return _response(202)
            self.items[uid] |= {k: v for k, v in body.items() if k != "00081195"}
            self._set_state(uid, ProcedureStepState.CANCELED, None)
            return _response(202)
        return self._update(uid, query.get("transaction-uid", [""])[0], body)

    def _create(self, uid: str, body: Any) -> requests.Response:
        if uid in self.items:
            return _response(409)
        self.items[uid] = body[0] if isinstance(body, list) else body
        dj.put(self.items[uid], "SOPInstanceUID", uid)
        return _response(201)

    def _change_state(self, uid: str, wanted: str, transaction_uid: str) -> requests.Response:
        state, is_holder = self.state(uid), self.locks.get(uid) == transaction_uid
        if wanted == "IN PROGRESS":
            if state == "IN PROGRESS" and is_holder and self.is_hub:
                return _response(200)
            if state != "SCHEDULED":
                return _response(409)
            self.locks[uid] = transaction_uid
            self._set_state(uid, ProcedureStepState.IN_PROGRESS, Person("r1", "Vries^Anna") if self.is_hub else None)
            return _response(200)
        if state == wanted:
            return _response(200)
        if state != "IN PROGRESS":
            return _response(409)
        if not is_holder:
            return _response(400, warning="The Transaction UID is incorrect")
        if wanted == "COMPLETED" and not dj.has(self.items[uid], "UnifiedProcedureStepPerformedProcedureSequence"):
            return _response(409)
        self._set_state(uid, ProcedureStepState(wanted), None)
        if wanted == "CANCELED" and self.is_hub:
            new_uid = replacement_uid(uid)
            self.items[new_uid] = replacement_of(self.items[uid])
        return _response(200)

    def _update(self, uid: str, transaction_uid: str, body: Any) -> requests.Response:
        state = self.state(uid)
        if state in ("COMPLETED", "CANCELED") or (state == "SCHEDULED" and transaction_uid):
            return _response(409)
        if state == "IN PROGRESS" and self.locks.get(uid) != transaction_uid:
            return _response(400, warning="The Transaction UID is incorrect")
        self.items[uid] |= body
        return _response(200)

    def _set_state(self, uid: str, state: ProcedureStepState, holder: Person | None) -> None:
        dj.put(self.items[uid], "ProcedureStepState", state.value)
        if holder is not None:
            item: dict[str, Any] = {}
            dj.put_items(item, "ActualHumanPerformersSequence", [holder.item()])
            dj.put_items(self.items[uid], "UnifiedProcedureStepPerformedProcedureSequence", [item])


def _response(status: int, body: Any = None, warning: str = "") -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = json.dumps(body).encode() if body is not None else b""
    made.headers["Content-Type"] = "application/dicom+json"
    if warning:
        made.headers["Warning"] = f"299 double: {warning}"
    return made
