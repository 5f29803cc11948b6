"""What a heartbeat finds out reaches the windows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from tests.peers.hub import ANN, study_to_read
from ups.claiming import LOST, UNKNOWN, WON
from ups.events import Snapshot
from worklist_client.ui.desktop import Desktop
from worklist_client.worklist.entries import StudyEntry
from worklist_client.worklist.live import LiveList
from worklist_client.worklist.outcomes import ClaimResult


def test_a_claim_that_a_heartbeat_proves_is_told_to_its_window() -> None:
    rows = [study_to_read() for _ in range(3)]
    live, told = LiveList(ANN.code), list[StudyEntry]()
    live.apply(Snapshot(tuple(rows), True))
    quiet = SimpleNamespace(emit=lambda: None)
    desktop = SimpleNamespace(
        desk=SimpleNamespace(live=live),
        feed=SimpleNamespace(changed=quiet),
        deliveries=SimpleNamespace(reload=lambda: None),
        actions=SimpleNamespace(told=told.extend),
    )
    kinds = (WON, UNKNOWN, LOST)
    results = tuple(ClaimResult(row.uid, kind) for row, kind in zip(rows, kinds, strict=True))
    Desktop._claims_told(cast(Any, desktop), results)
    assert [entry.workitem_uid for entry in told] == [rows[0].uid]
