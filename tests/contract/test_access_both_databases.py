"""Accounts on both databases: what two hubs do at the same moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
import sqlalchemy as sa

from tests.peers.hub import ANN
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.refusals import NotAdmitted
from worklist_hub.accounts import passwords, store
from worklist_hub.accounts.store import FREE_FAILURES, AccountStore
from worklist_hub.store.opening import open_database

PASSWORD = "correct horse battery"


def _new_password(accounts: AccountStore, _token: str) -> None:
    accounts.set_password("ann", "another good password")


def _disable_and_enable(accounts: AccountStore, _token: str) -> None:
    accounts.set_disabled("ann", True)
    accounts.set_disabled("ann", False)


def _sign_out(accounts: AccountStore, token: str) -> None:
    accounts.end_sign_in(token)


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


@pytest.mark.parametrize("end", [_new_password, _disable_and_enable, _sign_out])
def test_no_refresh_in_flight_outlives_the_end_of_the_sign_in(
    accounts: AccountStore, monkeypatch: pytest.MonkeyPatch, end: Callable[[AccountStore, str], None]
) -> None:
    account = accounts.find("ann")
    assert account is not None
    token = accounts.new_refresh_token(account, 1000)
    ending, reading = threading.Thread(target=end, args=(accounts, token)), store._locked_account

    def locked(connection: sa.Connection, of: str) -> Any:
        row = reading(connection, of)
        if ending.ident is None:  # the refresh has read its row, and somebody else acts
            ending.start()
            ending.join(0.2)
        return row

    monkeypatch.setattr(store, "_locked_account", locked)
    _, renewed = accounts.renew(token)
    ending.join()
    for one in (token, renewed):
        with pytest.raises(NotAdmitted):
            accounts.renew(one)
