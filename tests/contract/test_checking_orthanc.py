"""The check of a connection against a real Orthanc that does not let this computer in."""

from __future__ import annotations

import pytest

from pacs.checking import check
from tests.peers.orthanc import OrthancPeer, available

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "Orthanc can be started")


@pytest.mark.parametrize(("echoes", "said"), [(True, "or the AE title WORKLIST is not allowed"), (False, "'WORKLIST'")])
def test_an_ae_title_that_may_not_search_is_not_taken_for_a_wrong_port(echoes: bool, said: str) -> None:
    """Where it allows nothing it rejects the association, where it allows an echo it aborts at the search."""
    with OrthancPeer(known=(), settings={"DicomAlwaysAllowEcho": echoes}) as orthanc:
        told = check("North", orthanc.dimse(), "WORKLIST", lambda _connection_id: None)
    assert not told.works
    assert said in told.advice
