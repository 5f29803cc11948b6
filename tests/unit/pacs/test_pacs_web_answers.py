"""DICOMweb against a scripted service (a double, not a PACS): paging, STOW bodies, odd answers."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pacs.connect import open_pacs
from pacs.credentials import Credentials
from pacs.errors import Interrupted, NotAuthorised, NotFound, PacsError, ProtocolViolation, Refused, Unreachable
from pacs.port import Pacs, RetrieveRequest, StoreObject, StoreState, StudyQuery
from pacs.site import DicomwebConnection
from pacs.statuses import http_state, store_state


class Double(ThreadingHTTPServer):
    """Answers from a script: (status, headers, body), one a request; the last one stays."""

    daemon_threads = True

    def __init__(self) -> None:
        self.hold = threading.Event()
        self.hold.set()
        self.context: ssl.SSLContext | None = None
        self.script: list[tuple[int, dict[str, str], bytes]] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """On the connection's own thread, where a handshake may take its time; a client may go away as it likes."""
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self.context is not None:
                request = stack.enter_context(self.context.wrap_socket(request, server_side=True))
            super().finish_request(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Double

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        self.server.hold.wait(10)
        script = self.server.script
        status, headers, answer = script.pop(0) if len(script) > 1 else script[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = _answer

    def log_message(self, *_text: Any) -> None:
        """Silent."""


@pytest.fixture
def double() -> Iterator[Double]:
    server = Double()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key, in one file."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    key, made, both = tmp_path / "key.pem", tmp_path / "certificate.pem", tmp_path / "both.pem"
    command = f"{program} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    both.write_bytes(key.read_bytes() + made.read_bytes())
    return both


def test_tls_is_checked_against_the_pinned_authority_and_can_be_cancelled(double: Double, certificate: Path) -> None:
    double.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    double.context.load_cert_chain(certificate)
    double.script = [(200, JSON, studies("1", "2") + b" " * 3_000_000)]
    connection = DicomwebConnection("tls", f"https://127.0.0.1:{double.server_address[1]}/x", timeout_s=5)
    pinned = open_pacs(connection, calling_ae="X", credentials=Credentials(ca_file=str(certificate)))
    assert len(pinned.search_for_studies(StudyQuery(), never)) == 2
    with pytest.raises(Unreachable, match="secure connection"):
        open_pacs(connection, calling_ae="X").search_for_studies(StudyQuery(), never)
    double.hold.clear()
    started = time.monotonic()
    with pytest.raises(Interrupted):
        pinned.search_for_studies(StudyQuery(), lambda: time.monotonic() - started > 0.3)
    assert time.monotonic() - started < 1.3
    double.hold.set()


@pytest.fixture
def pacs(double: Double) -> Pacs:
    url = f"http://127.0.0.1:{double.server_address[1]}/dicom-web/"
    return open_pacs(DicomwebConnection("double", url), calling_ae="X", credentials=Credentials(bearer_token="T0KEN"))


def never() -> bool:
    return False


def studies(*uids: str) -> bytes:
    return json.dumps([{"0020000D": {"vr": "UI", "Value": [uid]}} for uid in uids]).encode()


JSON = {"Content-Type": "application/dicom+json"}


def test_more_pages_are_asked_for_while_the_service_says_there_are_more(double: Double, pacs: Pacs) -> None:
    double.script = [
        (200, {**JSON, "Warning": "299 x: There are 1 additional results"}, studies("1", "2")),
        (200, JSON, studies("3")),
    ]
    found = pacs.search_for_studies(StudyQuery(study_date="20261119-"), never)
    assert [answer.study_instance_uid for answer in found] == ["1", "2", "3"]
    assert "StudyDate=20261119-" in double.seen[0][1]
    assert "offset=2" in double.seen[1][1]


def test_no_content_is_an_empty_list(double: Double, pacs: Pacs) -> None:
    double.script = [(204, {}, b"")]
    assert pacs.search_for_studies(StudyQuery(), never) == []


def test_the_token_goes_along_and_no_compression_is_asked_for(double: Double, pacs: Pacs) -> None:
    double.script = [(200, JSON, b"[]")]
    pacs.echo(never)
    headers = double.seen[0][2]
    assert headers["Authorization"] == "Bearer T0KEN"
    assert headers["Accept-Encoding"] == "identity"
    assert headers["Accept"] == "application/dicom+json"


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotAuthorised), (403, NotAuthorised), (404, NotFound), (500, Refused), (302, Refused)]
)
def test_each_status_has_its_error(status: int, kind: type[PacsError], double: Double, pacs: Pacs) -> None:
    double.script = [(status, {"Location": "http://127.0.0.1:1/elsewhere"}, b"")]
    with pytest.raises(kind) as caught:
        pacs.search_for_studies(StudyQuery(), never)
    assert caught.value.status == status
    assert len(double.seen) == 1, "a redirect is not followed"


@pytest.mark.parametrize("body", [b"<html>login</html>", b'"text"', b"[1, 2]", b"\xff\xfe"])
def test_what_is_no_dicom_json_is_a_protocol_violation(body: bytes, double: Double, pacs: Pacs) -> None:
    double.script = [(200, JSON, body)]
    with pytest.raises(ProtocolViolation):
        pacs.search_for_studies(StudyQuery(), never)


def test_an_answer_without_objects_is_a_protocol_violation(double: Double, pacs: Pacs, tmp_path: Path) -> None:
    double.script = [(200, {"Content-Type": "text/html"}, b"login")]
    with pytest.raises(ProtocolViolation):
        pacs.retrieve(RetrieveRequest("1.2", str(tmp_path)), lambda _received: None, never)


def test_half_a_surrogate_pair_becomes_a_replacement_character(double: Double, pacs: Pacs) -> None:
    """JSON can name it and no file can hold it: it stopped the intake of the whole hospital."""
    body = b"""[{"0020000D": {"vr": "UI", "Value": ["1.2"]}, "00201208": {"vr": "IS", "Value": [1e999]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A\\ud800"}]},
        "00081030": {"vr": "LO", "Value": ["CT \\ud83d", "\\ud83e\\uddb4"]}}]"""
    double.script = [(200, {"Content-Type": "application/dicom+json"}, body)]
    [answer] = pacs.search_for_studies(StudyQuery(), never)
    assert (answer.patient_name, answer.study_description) == ("A\ufffd", "CT \ufffd\\\U0001f9b4")
    assert answer.number_of_instances is None


def test_names_join_their_component_groups(double: Double, pacs: Pacs) -> None:
    name = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}
    double.script = [(200, JSON, json.dumps([{"00100010": {"vr": "PN", "Value": [name]}}]).encode())]
    [answer] = pacs.search_for_studies(StudyQuery(), never)
    assert answer.patient_name == "Yamada^Tarou=山田^太郎"


def objects(*uids: str) -> list[StoreObject]:
    return [
        StoreObject("1.2.840.10008.5.1.4.1.1.88.22", uid, "1.2.840.10008.1.2.1", "1", b"DATA" + uid.encode())
        for uid in uids
    ]


def stow(stored: dict[str, int], failed: dict[str, int]) -> bytes:
    def item(uid: str, tag: str, value: int) -> dict[str, Any]:
        found: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid]}}
        if value:
            found[tag] = {"vr": "US", "Value": [value]}
        return found

    answer = {
        "00081199": {"vr": "SQ", "Value": [item(uid, "00081196", value) for uid, value in stored.items()]},
        "00081198": {"vr": "SQ", "Value": [item(uid, "00081197", value) for uid, value in failed.items()]},
    }
    return json.dumps(answer).encode()


@pytest.mark.parametrize("status", [200, 202, 400, 409])
def test_the_body_decides_for_each_object_whatever_the_status(status: int, double: Double, pacs: Pacs) -> None:
    double.script = [(status, JSON, stow({"1": 0, "2": 0xB000}, {"3": 0x0122, "4": 0xA700, "5": 0xA778, "6": 0x0111}))]
    outcomes = pacs.store(objects("1", "2", "3", "4", "5", "6"), never)
    assert [outcome.state for outcome in outcomes] == [
        StoreState.STORED,
        StoreState.STORED_WITH_WARNING,
        StoreState.NOT_SUPPORTED,
        StoreState.RETRY,
        StoreState.HELD,
        StoreState.UNKNOWN,
    ]
    assert b"DATA1" in double.seen[0][3]


def test_an_object_that_a_success_does_not_mention_is_unknown_not_stored(double: Double, pacs: Pacs) -> None:
    double.script = [(200, JSON, stow({"1": 0}, {}))]
    assert [one.state for one in pacs.store(objects("1", "2"), never)] == [StoreState.STORED, StoreState.UNKNOWN]


def test_what_a_refused_request_does_not_mention_goes_again_alone(double: Double, pacs: Pacs) -> None:
    double.script = [(400, {}, b""), (400, {}, b""), (200, JSON, stow({"2": 0}, {}))]
    assert [one.state for one in pacs.store(objects("1", "2"), never)] == [StoreState.HELD, StoreState.STORED]


@pytest.mark.parametrize(
    ("status", "state"),
    [(401, "BLOCKED"), (404, "BLOCKED"), (413, "HELD"), (429, "RETRY"), (503, "RETRY"), (200, "UNKNOWN")],
)
def test_a_status_without_a_body_decides_alone(status: int, state: str) -> None:
    assert http_state(status) == state


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0x0000, "STORED"),
        (0xB000, "STORED_WITH_WARNING"),
        (0xB007, "STORED_WITH_WARNING"),
        (0xA700, "RETRY"),
        (0xA769, "RETRY"),
        (0xA770, "HELD"),
        (0xA779, "HELD"),
        (0xA77A, "RETRY"),
        (0x0110, "RETRY"),
        (0x0111, "UNKNOWN"),
        (0x0122, "NOT_SUPPORTED"),
        (0x0124, "BLOCKED"),
        (0xA900, "HELD"),
        (0xC000, "HELD"),
    ],
)
def test_c_store_statuses_are_read_as_the_reference_says(status: int, state: str) -> None:
    assert store_state(status) == state
