"""Checking connections: what is asked, and that every failure comes with something to do about it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pacs import checking
from pacs.checking import advice, check, check_sites
from pacs.credentials import Credentials
from pacs.errors import (
    AssociationRejected,
    NotAuthorised,
    NotFound,
    PacsError,
    ProtocolViolation,
    Refused,
    TimedOut,
    Unreachable,
)
from pacs.port import StudyQuery
from pacs.secrets import SecretsError
from pacs.site import Connection, DicomwebConnection, DimseConnection, Site

WEB = DicomwebConnection("west-web", "http://127.0.0.1:1/dicom-web")
GET = DimseConnection("north", "127.0.0.1", 1, "NORTH")
MOVE = DimseConnection("south", "127.0.0.1", 1, "SOUTH", retrieve="C-MOVE", move_destination_port=11113)
FAILURES = (
    Unreachable,
    TimedOut,
    AssociationRejected,
    NotAuthorised,
    Refused,
    ProtocolViolation,
    NotFound,
    SecretsError,
)


class Answering:
    """A double of a PACS that echoes, and answers or refuses a search."""

    def __init__(self, refusal: PacsError | None = None) -> None:
        self.refusal = refusal
        self.asked: list[object] = []

    def echo(self, _cancelled: object) -> None:
        self.asked.append("echo")

    def search_for_studies(self, query: StudyQuery, _cancelled: object) -> list[object]:
        self.asked.append(query)
        if self.refusal is not None:
            raise self.refusal
        return []


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nobody listens: bound, so that nobody else takes it meanwhile."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made.getsockname()[1]


def nothing(_connection_id: str) -> None:
    return None


def _opens(monkeypatch: pytest.MonkeyPatch, peer: Answering) -> None:
    monkeypatch.setattr(checking, "open_pacs", lambda *_args, **_named: peer)


def test_echo_and_search_are_both_asked_for_a_study_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Answering()
    _opens(monkeypatch, peer)
    told = check("North", GET, "DESK", nothing, clock=iter((1.0, 1.25)).__next__)
    assert peer.asked == ["echo", StudyQuery(study_instance_uid="2.25.0", limit=1)]
    assert told.line == "North  north  ok  C-GET NORTH@127.0.0.1:1 answered in 250 ms"


def test_a_pacs_that_echoes_and_refuses_to_search_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    _opens(monkeypatch, Answering(Refused("C-FIND was refused", status=0x0122)))
    told = check("North", GET, "DESK", nothing)
    assert not told.works
    assert "'DESK'" in told.advice
    assert "C-FIND" in told.advice


def test_c_move_reminds_of_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    _opens(monkeypatch, Answering())
    told = check("South", MOVE, "DESK", nothing)
    assert told.works
    assert "11113" in told.advice


@pytest.mark.parametrize("connection", [WEB, GET], ids=["web", "dimse"])
@pytest.mark.parametrize("kind", FAILURES)
def test_every_failure_has_an_advice_of_its_own(kind: type[PacsError], connection: Connection) -> None:
    assert advice(kind("it does not"), connection, "DESK") != advice(PacsError("it does not"), connection, "DESK")


def test_who_may_not_enter_a_web_is_told_how_to_store_the_secret() -> None:
    assert "worklist-client secret west-web" in advice(NotAuthorised("401"), WEB, "DESK")


def test_a_wrong_password_is_told_from_none(monkeypatch: pytest.MonkeyPatch) -> None:
    _opens(monkeypatch, Answering(NotAuthorised("the PACS refuses us", status=401)))
    wrong = Credentials(user="worklist", password="hunter2", source="/data/secrets.toml")
    told = check("West", WEB, "DESK", lambda _id: wrong)
    assert "user worklist from /data/secrets.toml is refused" in told.text
    assert "hunter2" not in told.line
    assert "no user and password" in check("West", WEB, "DESK", nothing).text
    token = Credentials(bearer_token="abc", source="the keychain")
    assert "the bearer token from the keychain is refused" in check("West", WEB, "DESK", lambda _id: token).text


@pytest.mark.parametrize("kind", ["web", "dimse"])
def test_nobody_there_is_said_with_the_address(kind: str, closed_port: int) -> None:
    connection: Connection = (
        DicomwebConnection("a", f"http://127.0.0.1:{closed_port}/dicom-web")
        if kind == "web"
        else DimseConnection("a", "127.0.0.1", closed_port, "NOBODY")
    )
    told = check("A", connection, "DESK", nothing)
    assert not told.works
    assert str(closed_port) in told.text
    assert "firewall" in told.advice


def test_a_secret_that_cannot_be_read_fails_its_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _opens(monkeypatch, Answering())

    def find(connection_id: str) -> None:
        if connection_id == "north":
            raise SecretsError("secrets.toml can be read by others; run: chmod 600 secrets.toml")

    told = list(check_sites([Site("n", "North", "#000000", connections=(GET, WEB))], "DESK", find))
    assert [item.works for item in told] == [False, True]
    assert "chmod 600" in told[0].text


def test_a_hospital_without_connections_is_named() -> None:
    (told,) = check_sites([Site("n", "North", "#000000")], "DESK", nothing)
    assert not told.works
    assert "connection" in told.text
