"""The colleague of the demo's night reads along at a real hub, and gives back what he claimed."""

from __future__ import annotations

from pathlib import Path

from pacs.site import Site
from tests.peers.hub import BOB, client_of, running_hub, study_to_read
from ups.states import ProcedureStepState as State
from worklist_client.demo.night import COLLEAGUE_READS_S, COLLEAGUE_RESTS_S, _colleague


def test_what_the_colleague_claims_comes_back_on_the_list(tmp_path: Path) -> None:
    seen: list[list[State]] = []
    with (
        running_hub(tmp_path, sites=(Site("north", "North", "#ff0000"),), intake_enabled=False) as hub,
        client_of(hub, BOB) as client,
    ):
        client.create(study_to_read(priority="LOW"))

        def wait(seconds: float) -> bool:
            """Looks at the list instead of waiting; the night ends when he rests for the second time."""
            if seconds in (COLLEAGUE_READS_S, COLLEAGUE_RESTS_S):
                seen.append(sorted(one.state for one in client.search({})))
            return len(seen) == 4

        _colleague(client, wait)
        assert len(client.search({"ProcedureStepState": "SCHEDULED"})) == 1
    assert [State.IN_PROGRESS in states for states in seen] == [True, False, True, False]
