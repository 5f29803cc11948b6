"""The DIMSE adapter against DCMTK."""

from __future__ import annotations

import io

import pydicom
import pytest

from pacs.connect import open_pacs
from pacs.errors import AssociationRejected, Refused
from pacs.port import StoreObject, StoreState, StudyQuery
from tests.peers.dcmtk import PROGRAM, StoreScpPeer
from tests.peers.synthetic import ct_slice

pytestmark = pytest.mark.skipif(not PROGRAM, reason="DCMTK is not installed")


def never() -> bool:
    return False


def an_object(number: int, size: int) -> StoreObject:
    dataset = ct_slice("dcmtk", number, size=size)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    return StoreObject(
        str(dataset.SOPClassUID), str(dataset.SOPInstanceUID), syntax, str(dataset.StudyInstanceUID), buffer.getvalue()
    )


def test_objects_small_and_large_arrive_equal() -> None:
    objects = [an_object(1, 8), an_object(2, 512), an_object(3, 300)]
    with StoreScpPeer() as peer:
        pacs = open_pacs(peer.connection(), calling_ae="TEST")
        pacs.echo(never)
        assert [outcome.state for outcome in pacs.store(objects, never)] == [StoreState.STORED] * 3
        stored = {str(file.SOPInstanceUID): file for file in map(pydicom.dcmread, peer.folder.iterdir())}
        assert len(stored) == 3
        for item in objects:
            assert stored[item.sop_instance_uid] == pydicom.dcmread(io.BytesIO(item.data))


def test_a_class_that_the_peer_does_not_take_is_named() -> None:
    strange = an_object(1, 8)
    strange = StoreObject("1.2.3.4.5", strange.sop_instance_uid, strange.transfer_syntax_uid, "1", strange.data)
    with StoreScpPeer(options=()) as peer:
        outcomes = open_pacs(peer.connection(), calling_ae="TEST").store([strange, an_object(2, 8)], never)
    assert [outcome.state for outcome in outcomes] == [StoreState.NOT_SUPPORTED, StoreState.STORED]


def test_a_service_that_the_peer_does_not_offer_is_refused() -> None:
    with StoreScpPeer() as peer, pytest.raises(Refused, match="does not offer"):
        open_pacs(peer.connection(), calling_ae="TEST").search_for_studies(StudyQuery(), never)


def test_a_refused_association_is_a_typed_error_and_a_store_may_be_retried() -> None:
    with StoreScpPeer(options=("--refuse",)) as peer:
        pacs = open_pacs(peer.connection(), calling_ae="TEST")
        with pytest.raises(AssociationRejected) as caught:
            pacs.echo(never)
        assert (caught.value.status or 0) >> 16 in (1, 2)
        [outcome] = pacs.store([an_object(1, 8)], never)
        assert outcome.state is StoreState.RETRY
