"""What leaves the hub: DICOM audit messages (PS3.15 A.5.1), syslog frames, JSON lines; each hospital its own."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sqlalchemy as sa
import trustme

from tests.peers.syslog_collector import SyslogCollector
from worklist_hub.audit.dicom_xml import Origin, audit_messages
from worklist_hub.audit.export import Exporter, JsonFiles, Line, SyslogLines
from worklist_hub.audit.ledger import Ledger
from worklist_hub.audit.records import TEXT_LIMIT, Action, Actor, AuditEvent, Outcome, Subject
from worklist_hub.audit.settings import AuditSettingsError, Collector, ExportTarget, audit_settings
from worklist_hub.audit.syslog import SyslogSender, SyslogUnavailable, frame
from worklist_hub.audit.tables import AUDIT_EVENTS, AUDIT_EXPORTS, AUDIT_HEADS, AUDIT_LINKS

AT = "2026-03-01T12:00:00.000+00:00"
ANN = Actor("1", "Ann^A", "North", ("reader",), "9 Chief", "ANN", "192.0.2.7", "iss|ann", "openid")
NORTH = Subject("north", "123", "NH", "1.2.3", "A1", "1.2.9")
WEST = Subject("west", "77", "WH", "1.2.4", "A2", "1.2.8")
ORIGIN = Origin("HUB", "HUB@h/1/x", "20260301", 7, "ab" * 32)

_CODED = ("csd-code", "codeSystemName", "originalText")
_OBJECT = ["ParticipantObjectIDTypeCode", "ParticipantObjectName|ParticipantObjectQuery"]
SCHEMA: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "AuditMessage": (
        (),
        (),
        "EventIdentification (ActiveParticipant )+AuditSourceIdentification (ParticipantObjectIdentification )*",
    ),
    "EventIdentification": (
        ("EventDateTime", "EventOutcomeIndicator"),
        ("EventActionCode",),
        "EventID (EventTypeCode )*(EventOutcomeDescription )?",
    ),
    "EventID": (_CODED, (), ""),
    "EventTypeCode": (_CODED, (), ""),
    "EventOutcomeDescription": ((), (), ""),
    "ActiveParticipant": (
        ("UserID", "UserIsRequestor"),
        ("AlternativeUserID", "UserName", "NetworkAccessPointID", "NetworkAccessPointTypeCode"),
        "(RoleIDCode )*",
    ),
    "RoleIDCode": (_CODED, (), ""),
    "AuditSourceIdentification": (("AuditSourceID",), ("AuditEnterpriseSiteID",), "(AuditSourceTypeCode )*"),
    "AuditSourceTypeCode": (("csd-code",), (), ""),
    "ParticipantObjectIdentification": (
        ("ParticipantObjectID",),
        ("ParticipantObjectTypeCode", "ParticipantObjectTypeCodeRole"),
        "ParticipantObjectIDTypeCode (ParticipantObjectName |ParticipantObjectQuery )"
        "(ParticipantObjectDetail )*(ParticipantObjectDescription )*",
    ),
    "ParticipantObjectIDTypeCode": (_CODED, (), ""),
    "ParticipantObjectName": ((), (), ""),
    "ParticipantObjectQuery": ((), (), ""),
    "ParticipantObjectDetail": (("type", "value"), (), ""),
    "ParticipantObjectDescription": ((), (), "(Accession )*"),
    "Accession": (("Number",), (), ""),
}
"""PS3.15 A.5.1 as (attributes needed, attributes allowed besides, pattern of children)."""


def checked(element: ElementTree.Element) -> None:
    needed, allowed, children = SCHEMA[element.tag]
    assert set(needed) <= set(element.attrib) <= set(needed) | set(allowed), element.tag
    assert re.fullmatch(children, "".join(f"{child.tag} " for child in element)), element.tag
    if "value" in element.attrib:
        base64.b64decode(element.attrib["value"], validate=True)
    for child in element:
        checked(child)


def messages(event: AuditEvent) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(message) for message in audit_messages(event, ORIGIN)]


@pytest.mark.parametrize("action", list(Action))
def test_every_action_is_a_valid_dicom_audit_message(action: Action) -> None:
    event = AuditEvent(
        action, ANN, Outcome.MINOR, AT, (NORTH,), {"north": 1}, "PatientName=O*", "why", "told", "role", "permit", True
    )  # fmt: skip
    (root,) = messages(event)
    checked(root)
    head = root.find("EventIdentification")
    assert head is not None
    assert head.attrib["EventActionCode"] in "CRUDE"
    assert head.attrib["EventOutcomeIndicator"] == "4"


def test_who_whom_and_on_whose_behalf_are_in_the_message() -> None:
    (root,) = messages(AuditEvent(Action.TAKE_OVER, ANN, at=AT, subjects=(NORTH,), reason="no contact"))
    people = root.findall("ActiveParticipant")
    assert [one.attrib["UserID"] for one in people] == ["1", "9 Chief", "HUB@h/1/x"]
    assert people[0].attrib["NetworkAccessPointID"] == "192.0.2.7"
    objects = {one.attrib["ParticipantObjectID"] for one in root.findall("ParticipantObjectIdentification")}
    assert {"1.2.3", "1.2.9", "123^^^NH"} <= objects
    details = {
        one.attrib["type"]: base64.b64decode(one.attrib["value"]) for one in root.iter("ParticipantObjectDetail")
    }
    assert details["reason"] == b"no contact"
    assert details["chain"].split()[1:3] == [b"20260301", b"7"]


def test_a_procedure_record_tells_of_one_patient_only() -> None:
    made = messages(AuditEvent(Action.VIEW, ANN, at=AT, subjects=(NORTH, WEST)))
    found = [
        [one.attrib["ParticipantObjectID"] for one in root.iter("ParticipantObjectIdentification")] for root in made
    ]
    assert len(made) == 2
    assert "123^^^NH" in found[0]
    assert "77^^^WH" not in found[0]


def test_hostile_text_is_still_one_well_formed_message() -> None:
    actor = Actor("1\x00<&", "\ud800]]>\x0b", address="x" * 300)
    (root,) = messages(AuditEvent(Action.REFUSED, actor, at=AT, text="</AuditMessage>\x01", query="\x00" * 9))
    checked(root)


def test_an_event_fits_a_syslog_message_of_32_kilobytes() -> None:
    huge = "\U0001f600" * 10_000
    event = AuditEvent(
        Action.SEARCH, Actor("1", "n" * 64), subjects=(NORTH,) * 20, query=huge, reason=huge, text=huge
    ).trimmed(AT)
    assert len(event.query) == TEXT_LIMIT
    (message,) = audit_messages(event, ORIGIN)
    assert len(message) < 32768


def test_a_frame_is_as_rfc_5424_and_5425_say() -> None:
    length, _, rest = frame(b"<x/>", at=AT, application="worklist-hub", host="h").partition(b" ")
    assert int(length) == len(rest)
    assert re.fullmatch(
        rb"<85>1 2026-03-01T12:00:00.000\+00:00 h worklist-hub \d+ DICOM\+RFC3881 - \xef\xbb\xbf<x/>", rest
    )


class Book:
    """A database with audit tables, and a ledger on it."""

    def __init__(self, folder: Path) -> None:
        self.engine = sa.create_engine(
            f"sqlite:///{folder / 'audit.sqlite'}", connect_args={"check_same_thread": False}
        )
        tables = [AUDIT_EVENTS, AUDIT_LINKS, AUDIT_HEADS, AUDIT_EXPORTS]
        tables[0].metadata.create_all(self.engine, tables=tables)
        self._lock = threading.Lock()
        self.ledger = Ledger(self.do, process="HUB@h/1/x")

    def do(self, job: Callable[[sa.Connection], None]) -> None:
        with self._lock, self.engine.begin() as connection:
            job(connection)

    def exporter(self, receiver: SyslogLines | JsonFiles | Broken, site: str = "", name: str = "t") -> Exporter:
        return Exporter(ExportTarget(name, "json", site), receiver, self.engine, self.do)


class Broken:
    """Takes nothing the first time."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.is_broken = True

    def take(self, lines: Sequence[Line]) -> None:
        if self.is_broken:
            raise OSError("no room")
        self.lines += lines

    def close(self) -> None:
        pass


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path)
    yield made
    made.ledger.close()
    made.engine.dispose()


def told(folder: Path) -> list[dict[str, object]]:
    files = sorted(folder.glob("audit-*.jsonl"))
    return [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]


def test_json_lines_hold_every_event_once_in_order_with_its_link(book: Book, tmp_path: Path) -> None:
    exporter = book.exporter(JsonFiles(tmp_path / "out"))
    for number in range(450):
        book.ledger.record(AuditEvent(Action.VIEW, ANN, subjects=(NORTH,), text=str(number)))
    assert exporter.behind() == 450
    assert exporter.run_once() == 450
    assert (exporter.run_once(), exporter.behind()) == (0, 0)
    lines = told(tmp_path / "out")
    assert [line["text"] for line in lines] == [str(number) for number in range(450)]
    assert [line["chain"]["seq"] for line in lines] == list(range(1, 451))  # type: ignore[index]
    (path,) = (tmp_path / "out").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_hospital_gets_its_own_lines_and_no_others(book: Book, tmp_path: Path) -> None:
    book.ledger.record(AuditEvent(Action.VIEW, ANN, subjects=(NORTH,)))
    book.ledger.record(AuditEvent(Action.VIEW, ANN, subjects=(WEST,)))
    book.ledger.record(AuditEvent(Action.SEARCH, ANN, subjects=(NORTH, WEST), found={"north": 1, "west": 1}))
    book.ledger.record(AuditEvent(Action.SIGN_IN, ANN))
    book.exporter(JsonFiles(tmp_path / "west"), "west").run_once()
    lines = told(tmp_path / "west")
    assert [line["action"] for line in lines] == ["view", "search"]
    assert "123" not in json.dumps([line["subjects"] for line in lines])


def test_what_could_not_be_delivered_is_delivered_later(book: Book) -> None:
    receiver = Broken()
    exporter = book.exporter(receiver)
    book.ledger.record(AuditEvent(Action.VIEW, ANN))
    with pytest.raises(OSError, match="no room"):
        exporter.run_once()
    receiver.is_broken = False
    assert exporter.run_once() == 1
    assert [line.seq for line in receiver.lines] == [1]


def tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return context, path


def test_audit_messages_go_over_tls_and_survive_a_cut_connection(book: Book, tmp_path: Path) -> None:
    context, ca_file = tls(tmp_path)
    with SyslogCollector(context, cut_after=3) as collector:
        sender = SyslogSender(Collector("localhost", collector.port, ca_file=ca_file))
        exporter = book.exporter(SyslogLines(sender, "HUB", "north"), "north")
        for number in range(5):
            book.ledger.record(AuditEvent(Action.VIEW, ANN, subjects=(NORTH,), text=str(number)))
            for _ in range(3):
                try:
                    exporter.run_once()
                    break
                except SyslogUnavailable:
                    continue
        assert collector.wait_for(lambda messages: len({_told(one) for one in messages}) == 5)
        exporter.close()
    root = ElementTree.fromstring(collector.messages[0].partition(b"\xef\xbb\xbf")[2])
    source = root.find("AuditSourceIdentification")
    assert source is not None
    assert source.attrib["AuditEnterpriseSiteID"] == "north"


def _told(message: bytes) -> str:
    root = ElementTree.fromstring(message.partition(b"\xef\xbb\xbf")[2])
    return root.findtext("EventIdentification/EventOutcomeDescription", "")


def test_a_collector_with_a_foreign_certificate_gets_nothing(book: Book, tmp_path: Path) -> None:
    context, _ = tls(tmp_path)
    _, other = tls(tmp_path)
    with SyslogCollector(context) as collector:
        sender = SyslogSender(Collector("localhost", collector.port, ca_file=other))
        book.ledger.record(AuditEvent(Action.VIEW, ANN))
        with pytest.raises(SyslogUnavailable):
            book.exporter(SyslogLines(sender, "HUB", "")).run_once()
    assert collector.messages == []


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"exprt": []}, "exprt is unknown"),
        ({"export": {}}, r"must be written as \[\[audit.export\]\]"),
        ({"export": [{"kind": "mail"}]}, "kind must be one of json, syslog"),
        ({"export": [{"kind": "json", "path": "x"}]}, "name is needed"),
        ({"export": [{"kind": "json", "name": "a"}]}, "path is needed"),
        ({"export": [{"kind": "json", "name": "a", "path": "x", "tls": True}]}, "tls is unknown for kind 'json'"),
        ({"export": [{"kind": "json", "name": "a", "path": "x", "site": "mars"}]}, "site 'mars' is no"),
        ({"export": [{"kind": "syslog", "name": "a", "address": "host"}]}, "address must be 'host:port'"),
        ({"export": [{"kind": "syslog", "name": "a", "address": "h:6514", "tls": False}]}, "on this machine only"),
        ({"export": [{"kind": "syslog", "name": "a", "address": "h:6514", "ca_file": "no.pem"}]}, "no.pem is no file"),
        ({"export": [{"kind": "syslog", "name": "a", "address": "h:1", "certificate": "x"}]}, "belong together"),
        ({"export": [{"kind": "json", "name": "a", "path": "x"}] * 2}, "twice"),
    ],
)
def test_a_wrong_setting_is_named(table: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(AuditSettingsError, match=said):
        audit_settings(table, tmp_path, frozenset({"north"}))
