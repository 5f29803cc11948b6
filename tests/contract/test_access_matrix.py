"""Every route x {other site, other role, other expertise, expired, forged, none}, on both databases, against an oracle.

The oracle below is written by hand from the issue, in plain words of its own; it imports nothing of the policy.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pacs.site import Site
from tests.peers.hub import running_hub, study_to_read
from tests.peers.identity import IdentityProvider, running_provider
from ups import dicom_json as dj
from ups.codes import Person
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.settings import AuthSettings, GroupGrant, Limits
from worklist_hub.service import Hub
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ChangeState

DICOM_JSON = {"Content-Type": "application/dicom+json"}
GLOBAL = "1.2.840.10008.5.1.4.34.5"
SITES = (Site("north", "North", "#f00"), Site("south", "South", "#0f0"))
TRANSACTION = "1.2.3.4.5"
SECRETS = ("SECRET-ID", "SECRET-QUESTION", "SECRET-ACCESSION", "19600502")
"""In attributes that the line of the list does not need."""


@dataclass(frozen=True)
class Who:
    """Somebody of the matrix: grants as (site, role, expertise)."""

    name: str
    code: str
    grants: tuple[tuple[str, str, str], ...]

    @property
    def group(self) -> str:
        return f"group-{self.name}"


PEOPLE = (
    Who("reader", "ann", (("north", "reader", ""),)),
    Who("neuro", "nel", (("north", "reader", "neuro"),)),
    Who("msk", "max", (("north", "reader", "msk"),)),
    Who("elsewhere", "els", (("south", "reader", ""),)),
    Who("both", "bo", (("north", "observer", ""), ("south", "reader", ""))),
    Who("coordinator", "cor", (("north", "coordinator", ""),)),
    Who("administrator", "adm", (("north", "site_administrator", ""),)),
    Who("intake", "in", (("north", "intake", ""),)),
    Who("observer", "obs", (("north", "observer", ""),)),
    Who("everywhere", "eve", (("*", "reader", ""),)),
)


@dataclass(frozen=True)
class Row:
    """A workitem of the matrix; `holder` and `reserved` are codes, "me" = of whoever asks, "namesake" = with the same
    code, but another person for the provider."""

    site: str
    expertise: str = "neuro"
    holder: str = ""
    reserved: str = ""
    is_over: bool = False
    """Given back: what replaces it is another row."""


ROWS = (
    Row("north"),
    Row("north", expertise=""),
    Row("north", holder="other"),
    Row("north", holder="me"),
    Row("north", holder="namesake"),
    Row("north", holder="other", is_over=True),
    Row("north", holder="me", is_over=True),
    Row("north", reserved="other"),
    Row("north", reserved="me"),
    Row("south"),
    Row("south", holder="other"),
    Row("south", holder="me"),
    Row("south", holder="namesake"),
    Row("south", holder="me", is_over=True),
    Row("", expertise=""),
)

# --- the oracle ---

MAY = {
    "reader": {"see", "read", "reserve", "take over", "read elsewhere"},
    "coordinator": {"see", "details", "assign", "reserve", "read elsewhere", "correct", "create"},
    "site_administrator": {"see", "read elsewhere"},
    "intake": {"see", "details", "create", "correct", "read elsewhere"},
    "observer": {"see"},
}


def rights(who: Who, row: Row) -> set[str]:
    """What the grants give on a row."""
    found: set[str] = set()
    for site, role, expertise in who.grants:
        is_here = site in ("*", row.site)
        if is_here and (role != "reader" or expertise in ("", row.expertise) or not row.expertise):
            found |= MAY[role]
    return found


def sees(who: Who, row: Row) -> str:
    """nothing, the line, or everything."""
    has = rights(who, row)
    if is_mine_now(row):
        return "everything"
    if "see" not in has:
        return "nothing"
    return "everything" if "details" in has or ("read" in has and row.holder in ("", "me")) else "the line"


def is_mine_now(row: Row) -> bool:
    """What I hold is mine until it is over, whatever my grants say."""
    return row.holder == "me" and not row.is_over


def expected(who: Who, row: Row, act: str) -> int:
    """404 hidden, 403 forbidden, 200 let through to the state machine, whatever that says."""
    has = rights(who, row)
    if act == "create":
        return 200 if "create" in has else 403
    if act in ("stolen update", "stolen complete") and row.holder == "me":
        return 200  # not stolen at all: who is late is told that it is over
    if not is_mine_now(row) and "see" not in has:
        return 404
    if act in ("retrieve", "subscribe"):
        return 200
    needed = {
        "claim": "read",
        "reserve for me": "assign" if row.reserved == "other" else "reserve",
        "reserve for another": "assign",
        "let go of the reservation": "assign" if row.reserved == "other" else "reserve",
        "correct": "correct",
        "cancel": "take over" if row.holder else "read elsewhere",
    }
    if act in ("stolen update", "stolen complete"):
        return 403
    if act in ("update as holder", "complete"):
        return 200
    if is_mine_now(row) and act in ("claim", "cancel"):
        return 200
    return 200 if needed[act] in has else 403


ACTS = (
    "retrieve",
    "subscribe",
    "claim",
    "reserve for me",
    "reserve for another",
    "let go of the reservation",
    "correct",
    "cancel",
    "update as holder",
    "complete",
    "create",
)
STOLEN = ("stolen update", "stolen complete")


# --- the bench ---


class Bench:
    """A hub with the scripted provider, and rows made in process."""

    def __init__(self, hub: Hub, provider: IdentityProvider) -> None:
        self.hub, self.provider, self.http = hub, provider, requests.Session()

    def token(self, who: Who, **more: Any) -> str:
        return self.provider.token(sub=who.name, preferred_username=who.code, groups=[who.group], **more)

    def ask(self, who: Who | None, method: str, path: str, body: Any = None, token: str = "") -> requests.Response:
        token = token or (self.token(who) if who is not None else "")
        headers = ({"Authorization": f"Bearer {token}"} if token else {}) | (DICOM_JSON if body is not None else {})
        data = json.dumps(body).encode() if body is not None else None
        return self.http.request(method, self.hub.url + path, data=data, headers=headers, timeout=10)

    def make(self, row: Row, who: Who | None = None) -> str:
        """A workitem as the row says, seen from `who`."""
        made = workitem(row)
        me = who.code if who is not None else "?"
        codes = {"me": me, "namesake": me, "other": "somebody"}
        names = {"me": who.name if who is not None else "?", "namesake": "somebody-else", "other": "somebody"}
        if row.reserved:
            person = Person(codes[row.reserved], f"Name^{codes[row.reserved]}")
            made = Workitem.from_json({**made.to_json(), **performers(person)})
        assert self.hub.store.create_if_absent(made)
        if row.holder:
            subject = f"{self.provider.issuer}|{names[row.holder]}"
            holder = Caller(Person(codes[row.holder], f"Name^{codes[row.holder]}"), subject=subject)
            self.hub.store.carry_out(made.uid, ChangeState(State.IN_PROGRESS, TRANSACTION), holder)
            if row.is_over:
                self.hub.store.carry_out(made.uid, ChangeState(State.CANCELED, TRANSACTION), holder)
        return made.uid


def workitem(row: Row) -> Workitem:
    return study_to_read(
        site_id=row.site,
        site_name=row.site,
        expertise=row.expertise,
        patient_id="SECRET-ID",
        clinical_question="SECRET-QUESTION",
        accession_number="SECRET-ACCESSION",
        birth_date="19600502",
        modalities=("CT",),
    )


def performers(person: Person | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    dj.put_items(changes, "ScheduledHumanPerformersSequence", [person.item()] if person else [])
    return changes


def request_of(act: str, uid: str, who: Who, row: Row) -> tuple[str, str, Any]:
    """Method, path and body of an act."""
    one = f"/workitems/{uid}"
    me = Person(who.code, f"Name^{who.code}")
    stolen = TRANSACTION if act in STOLEN else "1.9"
    state = dj.make(ProcedureStepState="COMPLETED", TransactionUID=stolen)
    claim = dj.make(ProcedureStepState="IN PROGRESS", TransactionUID="1.8")
    update = dj.make(ScheduledProcedureStepPriority="HIGH")
    table: dict[str, tuple[str, str, Any]] = {
        "retrieve": ("GET", one, None),
        "subscribe": ("POST", f"{one}/subscribers/DESK", None),
        "claim": ("PUT", f"{one}/state", claim),
        "reserve for me": ("POST", one, performers(me)),
        "reserve for another": ("POST", one, performers(Person("third", "Third"))),
        "let go of the reservation": ("POST", one, performers(None)),
        "correct": ("POST", one, update),
        "cancel": ("POST", f"{one}/cancelrequest", {}),
        "update as holder": ("POST", f"{one}?transaction=1.9", update),
        "stolen update": ("POST", f"{one}?transaction={TRANSACTION}", update),
        "complete": ("PUT", f"{one}/state", state),
        "stolen complete": ("PUT", f"{one}/state/DESK", state),
        "create": ("POST", f"/workitems?workitem={random_uid()}", {**workitem(row).to_json()} | _without_uid()),
    }
    return table[act]


def _without_uid() -> dict[str, Any]:
    return dj.make(SOPInstanceUID="")


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as found:
        yield found


@pytest.fixture
def bench(any_database: Path | str, provider: IdentityProvider, tmp_path: Path) -> Iterator[Bench]:
    groups = tuple(
        GroupGrant(who.group, Grant(site, Role(role), frozenset({expertise} if expertise else ())))
        for who in PEOPLE
        for site, role, expertise in who.grants
    )
    auth = AuthSettings(issuer=provider.issuer, groups=groups, accounts=True, signing_key_file=str(tmp_path / "key"))
    store = WorkitemStore(any_database)
    many = Limits(requests_per_s=1e6, burst=10**6, channels=100)
    with running_hub(tmp_path, store=store, sites=SITES, auth=auth, limits=many) as hub:
        made = Bench(hub, provider)
        yield made
        made.http.close()


@pytest.mark.timeout(300)
def test_each_act_on_each_row_is_let_through_forbidden_or_hidden_as_the_oracle_says(bench: Bench) -> None:
    wrong: list[str] = []
    for who in PEOPLE:
        for row in ROWS:
            for act in (*ACTS, *(STOLEN if row.holder else ())):
                uid = bench.make(row, who)
                method, path, body = request_of(act, uid, who, row)
                answer = bench.ask(who, method, path, body)
                status = answer.status_code if answer.status_code in (401, 403, 404) else 200
                if status != expected(who, row, act) or answer.status_code >= 500:
                    wrong.append(f"{who.name} {row} {act}: {answer.status_code} {answer.text[:80]}")
                if status == 404:
                    unknown = bench.ask(who, *request_of(act, random_uid(), who, row))
                    if _told(answer) != _told(unknown):
                        wrong.append(f"{who.name} {row} {act}: {_told(answer)} is not {_told(unknown)}")
    assert not wrong, "\n".join(wrong)


def _told(answer: requests.Response) -> tuple[int, str, str]:
    """Everything an answer tells."""
    return answer.status_code, answer.headers.get("Warning", ""), answer.text


def test_a_search_and_a_retrieve_show_what_the_oracle_says(bench: Bench) -> None:
    for who in PEOPLE:
        uids = {bench.make(row, who): row for row in ROWS}
        queries = ("", "&PatientID=SECRET-ID", "&ReferencedRequestSequence.AccessionNumber=SECRET-ACCESSION")
        for query in queries:
            found: dict[str, Any] = {}
            for offset in range(0, 10_000, 7):  # by pages: rows that may not be seen are not counted either
                answer = bench.ask(who, "GET", f"/workitems?includefield=all&limit=7&offset={offset}{query}")
                rows = answer.json() if answer.status_code == 200 else []
                found |= {dj.text(one, "SOPInstanceUID"): one for one in rows}
                if len(rows) < 7:
                    break
            wanted = {uid for uid, row in uids.items() if sees(who, row) in _enough(query)}
            assert found.keys() & uids.keys() == wanted, (who.name, query)
            for uid in wanted:
                is_whole = all(secret in str(found[uid]) for secret in SECRETS)
                assert is_whole is (sees(who, uids[uid]) == "everything"), (who.name, uids[uid])
                if not is_whole:
                    assert not any(secret in str(found[uid]) for secret in SECRETS), (who.name, uids[uid])
                alone = bench.ask(who, "GET", f"/workitems/{uid}").json()
                assert alone == [found[uid]]


def _enough(query: str) -> tuple[str, ...]:
    return ("everything",) if query else ("everything", "the line")


def test_events_show_what_a_search_would_show(bench: Bench) -> None:
    with ExitStack() as stack:
        channels: dict[str, ClientConnection] = {}
        for who in PEOPLE:  # all with the same AE title: theirs are apart all the same
            answer = bench.ask(who, "POST", f"/workitems/{GLOBAL}/subscribers/DESK")
            assert answer.status_code == 201
            header = {"Authorization": f"Bearer {bench.token(who)}"}
            url = answer.headers["Content-Location"]
            channels[who.name] = stack.enter_context(connect(url, additional_headers=header, proxy=None))
        rows = [row for row in ROWS if row.holder in ("", "other") and row.reserved != "me"]
        uids = {bench.make(row): row for row in rows}
        last = {who.name: bench.make(Row(_a_site_of(who), expertise="")) for who in PEOPLE}
        for who in PEOPLE:
            frames = _frames_until(channels[who.name], last[who.name])
            for uid, row in uids.items():
                told = [frame for frame in frames if dj.text(frame, "AffectedSOPInstanceUID") == uid]
                free = Row(row.site, row.expertise, "", row.reserved)
                assert bool(told) is (sees(who, free) != "nothing"), (who.name, row)
                for frame in told:
                    then = free if dj.text(frame, "ProcedureStepState") == "SCHEDULED" else row
                    has = any(secret in str(frame) for secret in SECRETS)
                    assert has is (sees(who, then) == "everything"), (who.name, then)


def _a_site_of(who: Who) -> str:
    return "south" if all(site == "south" for site, _, _ in who.grants) else "north"


def _frames_until(channel: ClientConnection, uid: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found.append(json.loads(channel.recv(timeout=10)))
        if dj.text(found[-1], "AffectedSOPInstanceUID") == uid:
            return found
    raise AssertionError("the last event did not come")


def test_nobody_ends_the_subscription_of_another_with_the_same_ae_title(bench: Bench) -> None:
    ann, els = PEOPLE[0], PEOPLE[3]
    path = f"/workitems/{GLOBAL}/subscribers/DESK"
    assert bench.ask(ann, "POST", path).status_code == 201
    assert bench.ask(els, "DELETE", path).status_code == 404
    assert bench.ask(els, "POST", f"{path}/suspend").status_code == 404
    assert bench.ask(ann, "POST", f"{path}/suspend").status_code == 200
    assert bench.ask(ann, "DELETE", path).status_code == 200


OPEN = {"/region/auth", "/region/auth/token", "/region/auth/revoke", "/region/auth/jwks"}
OPEN_BY_DESIGN = {"/health", "/ready", "/metrics"}
"""Answered in front of the guard, to machines; they hold nothing of patients."""


def test_every_route_of_the_hub_sends_away_who_is_expired_forged_or_nobody(bench: Bench) -> None:
    ann, provider = PEOPLE[0], bench.provider
    good = bench.token(ann)
    head, payload, signature = good.split(".")
    with running_provider() as stranger:
        stranger.issuer = provider.issuer
        tokens = {
            "none": "",
            "garbage": "x" * 40,
            "expired": bench.token(ann, exp=int(time.time()) - 60),
            "for another": bench.token(ann, aud="worklist-desktop"),
            "by another": bench.token(ann, iss="https://evil.example"),
            "forged": stranger.token(sub="ann", preferred_username="ann", groups=[ann.group]),
            "changed": f"{head}.{payload[:-4]}AAAA.{signature}",
            "unsigned": f"{head}.{payload}.",
        }
    uid = bench.make(ROWS[0], ann)
    routes = [one for one in bench.hub.routes if isinstance(one, Route | WebSocketRoute)]
    assert len(routes) > 15
    for route in routes:
        path = route.path.replace("{uid}", uid).replace("{aet}", "DESK")
        if path in OPEN or path in OPEN_BY_DESIGN:
            continue
        for kind, token in tokens.items():
            if isinstance(route, WebSocketRoute):
                header = {"Authorization": f"Bearer {token}"} if token else {}
                with pytest.raises((InvalidStatus, ConnectionClosed)):
                    connect(bench.hub.url.replace("http", "ws") + path, additional_headers=header, proxy=None)
                continue
            for method in (route.methods or set()) - {"HEAD"}:
                answer = bench.ask(None, method, path, {} if method in ("POST", "PUT") else None, token=token)
                assert answer.status_code == 401, (method, path, kind)
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert bench.ask(None, "GET", "/no/such/path").status_code == 401
    assert bench.hub.store.read(uid) is not None


def test_signed_in_without_a_grant_opens_nothing(bench: Bench) -> None:
    nobody = Who("nobody", "nob", ())
    for path in ("/workitems", "/region/sites", "/region/me", f"/workitems/{bench.make(ROWS[0])}"):
        answer = bench.ask(nobody, "GET", path)
        assert answer.status_code == 403
        assert "no hospital" in answer.text


def test_the_hub_says_who_it_takes_the_caller_for(bench: Bench) -> None:
    told = bench.ask(PEOPLE[1], "GET", "/region/me").json()
    assert told["code"] == "nel"
    assert told["grants"] == [{"site": "north", "role": "reader", "expertise": ["neuro"]}]
