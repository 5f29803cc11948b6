"""Accounts on both databases: what two hubs do at the same moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest

from tests.peers.hub import ANN
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.refusals import NotAdmitted
from worklist_hub.accounts import passwords
from worklist_hub.accounts.store import FREE_FAILURES, AccountStore
from worklist_hub.store.opening import open_database

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(any_database: Path | str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccountStore]:
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", quick)
    database = open_database(any_database)
    made = AccountStore(database)
    made.create("ann", ANN, (Grant("north", Role.READER),), PASSWORD)
    yield made
    database.close()


@pytest.mark.parametrize("login", ["ann", "nobody"])
def test_of_many_guesses_at_once_only_the_free_ones_are_tried(accounts: AccountStore, login: str) -> None:
    barrier, told = threading.Barrier(12), Counter[int]()

    def guess() -> None:
        barrier.wait()
        with pytest.raises(NotAdmitted) as refused:
            accounts.check_password(login, "a guess")
        told[refused.value.status] += 1

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == {401: FREE_FAILURES, 429: 12 - FREE_FAILURES}
