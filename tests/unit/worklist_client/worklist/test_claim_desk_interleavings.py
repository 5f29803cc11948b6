"""Two desks, one double of a hub, any sequence of actions and faults: in the end one owner, and everybody knows who."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers.ups_double import UNCLEAR, ScriptedServer
from ups.claiming import ClaimKind
from ups.client import UpsClient
from ups.codes import Person
from ups.dialects import HUB, STANDARD, Dialect
from ups.errors import UpsError
from ups.states import ProcedureStepState
from worklist_client.journal import Journal
from worklist_client.worklist.claim import ClaimDesk
from worklist_client.worklist.outcomes import ClaimDeskError, FenceKind, OutputReference

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
UID = "2.25.1"
OUTPUTS = [OutputReference("1.2.3", "1.2.5", "1.9", "1.2.5.1")]
ACTIONS = ("claim", "heartbeat", "release", "fence", "complete", "restart")
STEP = st.tuples(st.sampled_from("ab"), st.sampled_from(ACTIONS), st.sampled_from(("", *UNCLEAR)))
PLACES = (("PUT", "/state"), ("POST", UID), ("GET", UID))


@contextmanager
def two_desks(server: ScriptedServer, dialect: Dialect) -> Iterator[dict[str, tuple[ClaimDesk, Journal]]]:
    """Two readers, each with a journal."""
    counter = itertools.count(1)

    def new_uid() -> str:
        return f"2.25.100{next(counter)}"

    with tempfile.TemporaryDirectory() as folder:
        desks = {}
        journals = []
        for name in "ab":
            journal = Journal.open(Path(folder) / f"{name}.sqlite")
            # What is tested here is order, not the disk: the kill tests prove the fsync.
            journal._database._connection.execute("PRAGMA synchronous=OFF")
            client = UpsClient(
                "http://127.0.0.1:1/hub",
                session=cast(requests.Session, server),
                dialect=dialect,
                reader=Person(name, f"Reader^{name}"),
            )
            desks[name] = (ClaimDesk(journal, client, new_uid, lambda: NOW, wait=lambda _seconds: None), journal)
            journals.append(journal)
        yield desks
        for journal in journals:
            journal.close()


def act(desk: ClaimDesk, action: str, current: str) -> object:
    """One action; what a desk or a server refuses is part of life."""
    calls: dict[str, Callable[[], object]] = {
        "claim": lambda: desk.claim(current),
        "heartbeat": desk.heartbeat,
        "release": lambda: desk.release(current),
        "fence": lambda: desk.fence(current),
        "complete": lambda: desk.complete(current, OUTPUTS),
        "restart": desk.resume,
    }
    try:
        return calls[action]()
    except (ClaimDeskError, UpsError) as error:
        return error


def current_uid(server: ScriptedServer) -> str:
    """The workitem that stands for the study now: the newest of the chain of replacements."""
    return list(server.items)[-1]


@pytest.mark.parametrize("dialect", [HUB, STANDARD], ids=["hub", "foreign"])
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(STEP, st.sampled_from(PLACES)), max_size=14))
def test_any_sequence_of_actions_and_faults_ends_with_one_owner_at_most(
    dialect: Dialect, steps: list[tuple[tuple[str, str, str], tuple[str, str]]]
) -> None:
    server = ScriptedServer(is_hub=dialect is HUB)
    server.add(UID)
    with two_desks(server, dialect) as desks:
        for (name, action, fault), (method, ending) in steps:
            if fault:
                server.fail(fault, method, ending)
            result = act(desks[name][0], action, current_uid(server))
            won = getattr(result, "kind", None) in (ClaimKind.WON, FenceKind.PASSED)
            if won and action in ("claim", "fence"):
                # What a desk was promised was true at that moment.
                row = desks[name][1].claims.open_claim(current_uid(server))
                assert server.locks[row.workitem_uid] == row.transaction_uid
        server.faults.clear()
        for desk, _journal in desks.values():
            desk.resume()
        claims = {
            (row.workitem_uid, row.transaction_uid)
            for _desk, journal in desks.values()
            for row in journal.claims.open_claims()
        }
        held = {(uid, server.locks[uid]) for uid in server.items if server.state(uid) == ProcedureStepState.IN_PROGRESS}
        assert claims == held


def test_a_desk_that_journals_only_the_answer_leaves_a_claim_that_nobody_owns() -> None:
    """The known-bad variant of journal first: it dies between sending the claim and writing down the answer."""
    server = ScriptedServer()
    server.add(UID)
    with two_desks(server, HUB) as desks:
        desk, journal = desks["a"]
        desk._client.change_state(UID, ProcedureStepState.IN_PROGRESS, "2.25.5")
        assert desk.resume() == ()
        claims = {(row.workitem_uid, row.transaction_uid) for row in journal.claims.open_claims()}
        assert claims != {(UID, server.locks[UID])}
