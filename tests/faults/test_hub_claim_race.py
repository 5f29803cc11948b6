"""The must-hold of claiming: one winner a workitem; and the same check fails a store that reads and then writes."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.peers.hub import client_of, running_hub, study_to_read
from ups import changes
from ups import dicom_json as dj
from ups.codes import RESCHEDULING_RECOMMENDED, Person
from ups.errors import Conflict
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.decisions import decide, holder_of
from worklist_hub.workitem.protocol import Caller, ChangeState, Decision, Refusal, Request, Update

THREADS, WORKITEMS_RACED = 50, 200
Claim = Callable[[str, str], bool]
"""(workitem UID, Transaction UID) -> whether it was won."""


def race(uids: list[str], claims: list[Claim]) -> dict[str, list[str]]:
    """Every claimer asks for every workitem; workitem UID -> Transaction UIDs that were told they won."""
    winners: dict[str, list[str]] = {uid: [] for uid in uids}
    start = threading.Barrier(len(claims))
    errors: list[BaseException] = []

    def run(claim: Claim) -> None:
        try:
            start.wait()
            for uid in uids:
                transaction_uid = random_uid()
                if claim(uid, transaction_uid):
                    winners[uid].append(transaction_uid)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(claim,)) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    return winners


def one_winner_each(winners: dict[str, list[str]]) -> bool:
    """The check."""
    return all(len(found) == 1 for found in winners.values())


def claims_of(store: WorkitemStore, count: int) -> list[Claim]:
    def claim_as(caller: Caller) -> Claim:
        def claim(uid: str, transaction_uid: str) -> bool:
            outcome = store.carry_out(uid, ChangeState(State.IN_PROGRESS, transaction_uid), caller)
            return isinstance(outcome, Decision)

        return claim

    return [claim_as(Caller(Person(str(number), f"Reader^{number}"))) for number in range(count)]


def filled(store: WorkitemStore, count: int) -> list[str]:
    made = [study_to_read() for _ in range(count)]
    for item in made:
        assert store.create_if_absent(item)
    return [item.uid for item in made]


class ReadThenWriteStore(WorkitemStore):
    """Known bad: reads, waits until a second claimer has read too, and then writes without looking again."""

    def __init__(self, address: Path | str) -> None:
        super().__init__(address)
        self._read_by: dict[str, int] = {}
        self._readers = threading.Condition()

    def carry_out(self, uid: str, request: Request, caller: Caller) -> Decision | Refusal:
        if not isinstance(request, ChangeState):
            return super().carry_out(uid, request, caller)
        stored = self.read(uid)
        outcome = decide(stored, request, caller, self.change(self.tick))
        with self._readers:
            self._read_by[uid] = self._read_by.get(uid, 0) + 1
            self._readers.notify_all()
            assert self._readers.wait_for(lambda: self._read_by[uid] >= 2, timeout=60)
        if isinstance(outcome, Decision):
            values = {"state": "IN PROGRESS", "transaction_hash": outcome.transaction_hash}
            written = sa.update(WORKITEMS).where(WORKITEMS.c.uid == uid).values(values)
            self.change(lambda connection: connection.execute(written).rowcount)
        return outcome


def test_fifty_threads_race_over_two_hundred_workitems_and_each_has_one_winner(any_database: Path | str) -> None:
    store = WorkitemStore(any_database)
    try:
        uids = filled(store, WORKITEMS_RACED)
        winners = race(uids, claims_of(store, THREADS))
        assert one_winner_each(winners)
        for uid in uids:
            stored = store.read(uid)
            assert stored is not None
            (transaction_uid,) = winners[uid]
            replay = ChangeState(State.IN_PROGRESS, transaction_uid)
            assert isinstance(store.carry_out(uid, replay, Caller(holder_of(stored.dataset))), Decision)
    finally:
        store.close()


@pytest.mark.parametrize("attempt", range(3))
def test_a_store_that_reads_and_then_writes_fails_the_same_check_every_time(
    any_database: Path | str, attempt: int
) -> None:
    store = ReadThenWriteStore(any_database)
    try:
        assert not one_winner_each(race(filled(store, 10), claims_of(store, THREADS)))
    finally:
        store.close()


def test_three_stores_over_one_database_still_have_one_winner_each(any_database: Path | str) -> None:
    """The compare-and-set holds by itself, not because one thread writes."""
    stores = [WorkitemStore(any_database) for _ in range(3)]
    try:
        uids = filled(stores[0], 40)
        assert one_winner_each(race(uids, [claim for store in stores for claim in claims_of(store, 4)]))
    finally:
        for store in stores:
            store.close()


def test_fifty_clients_race_over_http_and_each_workitem_has_one_winner(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub, client_of(hub) as client:
        uids = filled(hub.store, 20)

        def claim_with(reader: Person) -> Claim:
            def claim(uid: str, transaction_uid: str) -> bool:
                try:
                    client.change_state(uid, State.IN_PROGRESS, transaction_uid)
                except Conflict:
                    return False
                return True

            return claim

        winners = race(uids, [claim_with(Person(str(number), "R")) for number in range(THREADS)])
        assert one_winner_each(winners)
        assert all(row.state is State.IN_PROGRESS for row in client.iter_search({}))


def test_racing_claims_releases_and_completions_keep_one_live_workitem_a_study(any_database: Path | str) -> None:
    """Threads claim, release and drop at random: of every study there is always exactly one open workitem."""
    store = WorkitemStore(any_database)
    try:
        uids = filled(store, 10)
        studies = {dj.text(store.read(uid).dataset, "StudyInstanceUID") for uid in uids}  # type: ignore[union-attr]

        def run(seed: int) -> None:
            dice, caller = random.Random(seed), Caller(Person(str(seed), f"Reader^{seed}"))
            for _ in range(40):
                item = dice.choice(store.open_workitems("north"))
                transaction_uid = random_uid()
                won = store.carry_out(item.uid, ChangeState(State.IN_PROGRESS, transaction_uid), caller)
                if isinstance(won, Decision):
                    leave(store, item.uid, transaction_uid, caller)

        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = [item.study_instance_uid for item in store.open_workitems("north")]
        assert sorted(left) == sorted(studies)
    finally:
        store.close()


def leave(store: WorkitemStore, uid: str, transaction_uid: str, caller: Caller) -> None:
    """Give it back, twice, as a client with a bad line would."""
    store.carry_out(uid, Update(changes.progress(1, code=RESCHEDULING_RECOMMENDED), transaction_uid), caller)
    for _ in range(2):
        assert isinstance(store.carry_out(uid, ChangeState(State.CANCELED, transaction_uid), caller), Decision)
