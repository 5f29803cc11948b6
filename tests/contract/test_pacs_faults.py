"""What goes wrong on the line is a clear, typed error; what came by then is kept and is not fetched again."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification

from pacs.connect import open_pacs
from pacs.credentials import Credentials
from pacs.dimse.storage_scp import StorageScp
from pacs.errors import (
    AssociationRejected,
    Interrupted,
    NotAuthorised,
    PacsError,
    ProtocolViolation,
    Refused,
    TimedOut,
    Unreachable,
)
from pacs.port import Pacs, Received, RetrieveRequest, StoreObject, StoreState, StudyQuery
from pacs.receipt import Receipt
from pacs.site import Connection, DicomwebConnection, DimseConnection
from tests.peers.fixtures import CALLING_AE
from tests.peers.orthanc import OrthancPeer, free_port
from tests.peers.proxy import FaultProxy
from tests.peers.synthetic import ct_series, ct_slice, uid_of

STUDY = "faults"
SLICES = 20
KINDS = ["dicomweb", "C-GET"]


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def loaded(orthanc_b: OrthancPeer) -> OrthancPeer:
    orthanc_b.load(ct_series(STUDY, SLICES, size=256))
    return orthanc_b


def through(kind: str, orthanc: OrthancPeer, proxy: FaultProxy, timeout_s: float = 8.0) -> Pacs:
    connection: Connection
    if kind == "dicomweb":
        url = f"http://127.0.0.1:{proxy.port}/dicom-web"
        connection = orthanc.dicomweb(base_url=url, timeout_s=timeout_s)
    else:
        connection = orthanc.dimse(port=proxy.port, timeout_s=timeout_s)
    return open_pacs(connection, calling_ae=CALLING_AE, credentials=orthanc.credentials)


def upstream_port(kind: str, orthanc: OrthancPeer) -> int:
    return orthanc.http_port if kind == "dicomweb" else orthanc.dicom_port


@pytest.mark.parametrize("kind", KINDS)
def test_a_transfer_cut_in_the_middle_is_an_error_keeps_what_came_and_resumes(
    kind: str, loaded: OrthancPeer, tmp_path: Path
) -> None:
    request = RetrieveRequest(uid_of(STUDY), str(tmp_path))
    got: list[Received] = []
    with FaultProxy(upstream_port(kind, loaded), cut_after=1_000_000) as proxy:
        with pytest.raises(ProtocolViolation):
            through(kind, loaded, proxy).retrieve(request, got.append, never)
        assert 3 <= len(got) < SLICES
        assert len(list(tmp_path.iterdir())) == len(got), "only complete objects are there"
        before = len(got)
        proxy.cut_after = -1
        already = frozenset(item.sop_instance_uid for item in got)
        resumed = RetrieveRequest(uid_of(STUDY), str(tmp_path), already=already)
        result = through(kind, loaded, proxy).retrieve(resumed, got.append, never)
    assert (result.received, result.missing) == (SLICES - before, ())
    assert len({item.sop_instance_uid for item in got}) == SLICES


@pytest.mark.parametrize("kind", KINDS)
def test_a_peer_that_falls_silent_is_noticed_in_time(kind: str, loaded: OrthancPeer, tmp_path: Path) -> None:
    with FaultProxy(upstream_port(kind, loaded), silent_after=600_000) as proxy:
        started = time.monotonic()
        got: list[Received] = []
        pacs = through(kind, loaded, proxy, timeout_s=0.5)
        with pytest.raises(TimedOut):
            pacs.retrieve(RetrieveRequest(uid_of(STUDY), str(tmp_path)), got.append, never)
        assert time.monotonic() - started < 5
    assert got
    assert len(list(tmp_path.iterdir())) == len(got)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cancel_reaches_a_silent_socket_within_a_second(kind: str, loaded: OrthancPeer, tmp_path: Path) -> None:
    asked_at: list[float] = []

    def cancelled() -> bool:
        if got and not asked_at:
            asked_at.append(time.monotonic())
        return bool(asked_at) and time.monotonic() - asked_at[0] > 0.2

    with FaultProxy(upstream_port(kind, loaded), silent_after=600_000) as proxy:
        got: list[Received] = []
        pacs = through(kind, loaded, proxy, timeout_s=30)
        with pytest.raises(Interrupted):
            pacs.retrieve(RetrieveRequest(uid_of(STUDY), str(tmp_path)), got.append, cancelled)
        assert time.monotonic() - asked_at[0] < 1.2


def each_call(pacs: Pacs, folder: Path) -> list[Callable[[], object]]:
    return [
        lambda: pacs.echo(never),
        lambda: pacs.search_for_studies(StudyQuery(patient_id="P1"), never),
        lambda: pacs.retrieve(RetrieveRequest(uid_of(STUDY), str(folder)), lambda _received: None, never),
    ]


def fails_with(kind: type[PacsError], pacs: Pacs, folder: Path) -> None:
    for call in each_call(pacs, folder):
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.reason


def an_object() -> StoreObject:
    return StoreObject("1.2.840.10008.5.1.4.1.1.2", "1.2.3", "1.2.840.10008.1.2.1", "1.2", b"x" * 200)


def test_nobody_listening_is_unreachable_and_a_store_may_be_retried(tmp_path: Path) -> None:
    for connection in (
        DimseConnection("gone", "127.0.0.1", free_port(), "GONE"),
        DicomwebConnection("gone", f"http://127.0.0.1:{free_port()}/dicom-web"),
    ):
        pacs = open_pacs(connection, calling_ae=CALLING_AE)
        fails_with(Unreachable, pacs, tmp_path)
        [outcome] = pacs.store([an_object()], never)
        assert outcome.state is StoreState.RETRY


def test_a_wrong_called_ae_title_is_named_and_blocks_a_store(loaded: OrthancPeer, tmp_path: Path) -> None:
    pacs = open_pacs(loaded.dimse(called_ae="WRONG"), calling_ae=CALLING_AE)
    with pytest.raises(AssociationRejected, match="does not answer to this AE title") as caught:
        pacs.echo(never)
    assert caught.value.status == 0x010107
    fails_with(AssociationRejected, pacs, tmp_path)
    [outcome] = pacs.store([an_object()], never)
    assert outcome.state is StoreState.BLOCKED


def test_an_unknown_calling_ae_title_is_a_typed_error(loaded: OrthancPeer, tmp_path: Path) -> None:
    """Orthanc accepts the association and aborts at the first message (report.md 9.2)."""
    pacs = open_pacs(loaded.dimse(), calling_ae="NOBODY")
    for call in each_call(pacs, tmp_path):
        with pytest.raises((AssociationRejected, ProtocolViolation, Refused)):
            call()


def test_a_wrong_password_is_not_authorised(loaded: OrthancPeer, tmp_path: Path) -> None:
    pacs = open_pacs(loaded.dicomweb(), calling_ae=CALLING_AE, credentials=Credentials("tester", "wrong"))
    fails_with(NotAuthorised, pacs, tmp_path)
    [outcome] = pacs.store([an_object()], never)
    assert outcome.state is StoreState.BLOCKED


@pytest.fixture
def black_hole() -> Iterator[int]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


def test_a_black_hole_times_out_and_can_be_cancelled(black_hole: int, tmp_path: Path) -> None:
    for connection in (
        DicomwebConnection("hole", f"http://127.0.0.1:{black_hole}/dicom-web", timeout_s=0.3),
        DimseConnection("hole", "127.0.0.1", black_hole, "HOLE", timeout_s=0.3),
    ):
        pacs = open_pacs(connection, calling_ae=CALLING_AE)
        deadline = time.monotonic() + 0.3
        with pytest.raises((Interrupted, TimedOut)):
            pacs.echo(lambda until=deadline: time.monotonic() > until)  # type: ignore[misc]
        assert time.monotonic() - deadline < 1


def test_a_peer_that_is_no_dicom_peer_is_a_protocol_violation(loaded: OrthancPeer) -> None:
    pacs = open_pacs(loaded.dimse(port=loaded.http_port), calling_ae=CALLING_AE)
    with pytest.raises(ProtocolViolation):
        pacs.echo(never)
    pacs = open_pacs(loaded.dicomweb(base_url=f"http://127.0.0.1:{loaded.dicom_port}/x", timeout_s=1), calling_ae="X")
    with pytest.raises((ProtocolViolation, TimedOut)):
        pacs.echo(never)


def scp_for(loaded: OrthancPeer, folder: Path, port: int, got: list[Received]) -> StorageScp:
    connection = loaded.dimse(retrieve="C-MOVE", move_destination_port=port)
    receipt = Receipt(RetrieveRequest(uid_of("pushed"), str(folder)), got.append)
    return StorageScp(connection, CALLING_AE, receipt, never)


@pytest.mark.parametrize(
    ("calling", "called", "originator", "study", "status"),
    [
        ("right", CALLING_AE, 77, "pushed", 0x0000),
        ("right", CALLING_AE, None, "pushed", 0x0124),
        ("right", CALLING_AE, 78, "pushed", 0x0124),
        ("right", CALLING_AE, 77, "another", 0x0124),
        ("WRONG", CALLING_AE, 77, "pushed", None),
        ("right", "WRONG", 77, "pushed", None),
    ],
)
def test_only_what_a_c_move_asked_for_is_taken(
    calling: str,
    called: str,
    originator: int | None,
    study: str,
    status: int | None,
    loaded: OrthancPeer,
    tmp_path: Path,
) -> None:
    port = free_port()
    with scp_for(loaded, tmp_path, port, []) as scp:
        scp.expect(77)
        entity = AE(ae_title=loaded.ae_title if calling == "right" else calling)
        entity.add_requested_context(CTImageStorage)
        association = entity.associate("127.0.0.1", port, ae_title=called)
        assert association.is_established is (status is not None)
        if status is not None:
            dataset = ct_slice(study, 1)
            answer = association.send_c_store(
                dataset, originator_id=originator, originator_aet=None if originator is None else CALLING_AE
            )
            assert answer.Status == status
            association.release()
        assert len(scp.take()) == len(list(tmp_path.iterdir())) == (1 if status == 0 else 0)


def test_nothing_is_taken_while_no_c_move_is_open(loaded: OrthancPeer, tmp_path: Path) -> None:
    port = free_port()
    with scp_for(loaded, tmp_path, port, []) as scp:
        entity = AE(ae_title=loaded.ae_title)
        entity.add_requested_context(CTImageStorage)
        association = entity.associate("127.0.0.1", port, ae_title=CALLING_AE)
        assert association.send_c_store(ct_slice("pushed", 1), originator_id=0).Status == 0x0124
        association.release()
        assert scp.take() == []


def is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(100):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def test_idle_connections_and_a_giant_pdu_do_not_lock_the_scp(loaded: OrthancPeer, tmp_path: Path) -> None:
    port = free_port()
    with scp_for(loaded, tmp_path, port, []):
        idle = [socket.create_connection(("127.0.0.1", port)) for _number in range(5)]
        with socket.create_connection(("127.0.0.1", port)) as giant:
            giant.sendall(b"\x01\x00\xff\xff\xff\xff" + b"x" * 1000)
            giant.settimeout(5)
            assert is_closed(giant)
        entity = AE(ae_title=loaded.ae_title)
        entity.add_requested_context(Verification)
        association = entity.associate("127.0.0.1", port, ae_title=CALLING_AE)
        assert association.is_established
        assert association.send_c_echo().Status == 0
        association.release()
        for one in idle:
            one.close()


def test_a_c_move_without_a_port_of_our_own_says_so(loaded: OrthancPeer, tmp_path: Path) -> None:
    pacs = open_pacs(loaded.dimse(retrieve="C-MOVE"), calling_ae=CALLING_AE)
    with pytest.raises(Refused, match="port of our own"):
        pacs.retrieve(RetrieveRequest(uid_of(STUDY), str(tmp_path)), lambda _received: None, never)


def test_two_c_moves_at_once_take_turns_at_the_port(loaded: OrthancPeer, tmp_path: Path, move_port: int) -> None:
    pacs = open_pacs(loaded.dimse(retrieve="C-MOVE", move_destination_port=move_port), calling_ae=CALLING_AE)
    received: list[int] = []

    def fetch(name: str) -> None:
        request = RetrieveRequest(uid_of(STUDY), str(tmp_path / name))
        received.append(pacs.retrieve(request, lambda _received: None, never).received)

    threads = [threading.Thread(target=fetch, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert received == [SLICES, SLICES]
