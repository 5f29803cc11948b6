"""Claims against an oracle in plain Python: any order of claim, replay, heartbeat, report, fence, release, take-over,
complete, silence, lost requests, lost answers and restarts of the hub.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.peers.hub import ANN, BOB, study_to_read
from ups import changes
from ups.codes import RESCHEDULING_RECOMMENDED, Person
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.sweeper import Sweeper
from worklist_hub.workitem.claims import hash_of
from worklist_hub.workitem.protocol import (
    Caller,
    ChangeState,
    ClaimRules,
    Create,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Sweep,
    Update,
)

RULES = ClaimRules(timedelta(minutes=5), timedelta(minutes=15))
_FAST = Path("/dev/shm")  # hundreds of commits, none of which need survive a power cut
START = datetime(2026, 1, 2, 22, 0, tzinfo=UTC)
DESKS: tuple[Person, ...] = (ANN, ANN, BOB)
"""Three desks; Ann sits at two."""
desk = st.integers(0, len(DESKS) - 1)
way = st.sampled_from(["there and back", "there and back", "there and back", "request lost", "answer lost"])
Way = Literal["there and back", "request lost", "answer lost"]


@dataclass
class Held:
    """The oracle's workitem."""

    state: State = State.SCHEDULED
    transaction_uid: str = ""
    reader: Person | None = None
    alive_at: datetime | None = None
    is_started: bool = False
    is_fenced: bool = False
    has_report: bool = False
    successor: str = ""


class Claims(RuleBasedStateMachine):
    """One study, three desks, a clock, and a hub that may be started again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="claims", dir=_FAST if _FAST.is_dir() else None))
        self.now = START
        self.store = self._open()
        self.oracle: dict[str, Held] = {}
        self.current = ""
        self.number = 0
        self.mine: list[dict[str, str]] = [{} for _ in DESKS]
        """Of each desk, workitem -> Transaction UID, as its journal has it."""

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def _open(self) -> WorkitemStore:
        store = WorkitemStore(self.folder / "worklist.sqlite", clock=lambda: self.now)
        store.rules = RULES
        return store

    def _say(self, index: int, uid: str, request: Request, how: Way) -> Decision | Refusal | None:
        """What the desk hears."""
        if how == "request lost":
            return None
        outcome = self.store.carry_out(uid, request, Caller(DESKS[index], f"DESK{index}"))
        return None if how == "answer lost" else outcome

    @initialize()
    def a_study_arrives(self) -> None:
        study = study_to_read()
        self.store.carry_out(study.uid, Create(study.uid, study.to_json()), Caller(is_feed=True))
        self.oracle[study.uid], self.current = Held(), study.uid

    @rule(index=desk, how=way)
    def claim(self, index: int, how: Way) -> None:
        """A new claim, or the one from the journal once more."""
        uid = self.current
        self.number += 1
        transaction_uid = self.mine[index].setdefault(uid, f"1.2.{index}.{self.number}")
        item = self.oracle[uid]
        is_replay = item.state is State.IN_PROGRESS and item.transaction_uid == transaction_uid
        expected = item.state is State.SCHEDULED or is_replay
        heard = self._say(index, uid, ChangeState(State.IN_PROGRESS, transaction_uid), how)
        assert heard is None or isinstance(heard, Decision) is expected
        if expected and how != "request lost":
            item.alive_at = self.now
            if not is_replay:
                item.state, item.transaction_uid, item.reader = State.IN_PROGRESS, transaction_uid, DESKS[index]

    @rule(index=desk, how=way, what=st.sampled_from(["heartbeat", "start", "fence", "report"]))
    def write(self, index: int, how: Way, what: str) -> None:
        """Whatever a holder writes; an Update with its Transaction UID."""
        for uid, transaction_uid in list(self.mine[index].items()):
            item = self.oracle[uid]
            content = {
                "heartbeat": {},
                "start": changes.started(),
                "fence": changes.fence(),
                "report": changes.performed(
                    [changes.output("1.5", "1.6", [("1.7", "1.8")])], person=DESKS[index], start=START, end=START
                ),
            }[what]
            if what == "start" and item.is_fenced:
                continue  # a desk does not take back what it signed
            expected = item.state is State.IN_PROGRESS and item.transaction_uid == transaction_uid
            heard = self._say(index, uid, Update(content, transaction_uid), how)
            assert heard is None or isinstance(heard, Decision) is expected
            if expected and how != "request lost":
                item.alive_at = self.now
                item.is_started |= what in ("start", "fence")
                item.is_fenced |= what == "fence"
                item.has_report |= what == "report"

    @rule(index=desk, how=way)
    def release(self, index: int, how: Way) -> None:
        for uid, transaction_uid in list(self.mine[index].items()):
            item = self.oracle[uid]
            is_holder = item.state is State.IN_PROGRESS and item.transaction_uid == transaction_uid
            if item.is_fenced and is_holder:
                continue
            percent = 1 if item.is_started else None
            why = changes.progress(percent, reason="over", code=RESCHEDULING_RECOMMENDED)
            told = self._say(index, uid, Update(why, transaction_uid), "there and back")
            assert isinstance(told, Decision) is is_holder
            if is_holder:
                item.alive_at = self.now
            heard = self._say(index, uid, ChangeState(State.CANCELED, transaction_uid), how)
            again = item.state is State.CANCELED and item.transaction_uid == transaction_uid
            assert heard is None or isinstance(heard, Decision) is (is_holder or again)
            if is_holder and how != "request lost":
                self._replaced(uid)

    @rule(index=desk, how=way, reason=st.sampled_from(["", "the patient is getting worse"]))
    def take_over(self, index: int, how: Way, reason: str) -> None:
        uid, reader = self.current, DESKS[index]
        item = self.oracle[uid]
        if item.state is State.SCHEDULED:
            return  # that would take the study off the list
        is_open = item.state is State.IN_PROGRESS and not item.is_fenced
        is_own = item.reader is not None and item.reader.code == reader.code
        is_taken = is_open and (is_own or (self._is_silent(item, RULES.stale_after) and reason != ""))
        heard = self._say(index, uid, RequestCancel(reason), how)
        if heard is not None:
            refused = item.state is State.COMPLETED or item.is_fenced
            refused = refused or (is_open and not is_taken and self._is_silent(item, RULES.stale_after))
            assert isinstance(heard, Refusal) is refused
            assert (isinstance(heard, Decision) and heard.replacement is not None) is is_taken
        if is_taken and how != "request lost":
            self._replaced(uid)

    @rule(index=desk, how=way)
    def complete(self, index: int, how: Way) -> None:
        for uid, transaction_uid in list(self.mine[index].items()):
            item = self.oracle[uid]
            is_holder = item.transaction_uid == transaction_uid
            expected = is_holder and (
                (item.state is State.IN_PROGRESS and item.has_report) or item.state is State.COMPLETED
            )
            heard = self._say(index, uid, ChangeState(State.COMPLETED, transaction_uid), how)
            assert heard is None or isinstance(heard, Decision) is expected
            if expected and how != "request lost":
                item.state = State.COMPLETED

    @rule(minutes=st.sampled_from([1, 4, 6, 20, 600]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(hours=st.integers(1, 3))
    def the_clock_is_set_back(self, hours: int) -> None:
        """Nobody who is alive seems silent by it."""
        if self._is_silent(self.oracle[self.current], RULES.stale_after):
            return
        before, self.now = self.now, self.now - timedelta(hours=hours)
        Sweeper(self.store).sweep()
        self.now = before

    @rule()
    def the_hub_sweeps(self) -> None:
        Sweeper(self.store).sweep()
        item = self.oracle[self.current]
        limit = RULES.release_unstarted_after
        assert limit is not None
        if item.state is State.IN_PROGRESS and self._is_silent(item, limit) and not item.is_started:
            self._replaced(self.current)

    @rule()
    def the_hub_is_started_again(self) -> None:
        self.store.close()
        self.store = self._open()

    @precondition(lambda self: self.oracle[self.current].state in (State.COMPLETED, State.CANCELED))
    @rule()
    def what_is_final_stays_so(self) -> None:
        uid = self.current
        for request in (Update(changes.progress(3)), ChangeState(State.IN_PROGRESS, "1.9.9"), Sweep()):
            self.store.carry_out(uid, request, Caller(BOB))
        found = self.store.read(uid)
        assert found is not None
        assert found.state is self.oracle[uid].state

    @invariant()
    def the_hub_agrees_with_the_oracle(self) -> None:
        for uid, item in self.oracle.items():
            found = self.store.read(uid)
            assert found is not None
            assert found.state is item.state
            if item.transaction_uid:
                assert found.transaction_hash == hash_of(item.transaction_uid)
            if item.successor:
                new = self.store.read(item.successor)
                assert new is not None
                assert Workitem.from_json(new.dataset).replaces == uid

    @invariant()
    def one_is_open_at_most(self) -> None:
        rows = [Workitem.from_json(row) for row in self.store.search([], limit=100)]
        assert len(rows) == len(self.oracle)
        assert sum(not row.state.is_final for row in rows) <= 1

    def _is_silent(self, item: Held, limit: timedelta) -> bool:
        return item.alive_at is not None and self.now - item.alive_at > limit

    def _replaced(self, uid: str) -> None:
        item = self.oracle[uid]
        assert not item.is_fenced
        item.state, item.successor = State.CANCELED, replacement_uid(uid)
        self.current = item.successor
        self.oracle[self.current] = Held()


@pytest.mark.timeout(180)
def test_claims_in_any_order_agree_with_the_oracle() -> None:
    run_state_machine_as_test(
        Claims,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            phases=(Phase.reuse, Phase.generate),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
