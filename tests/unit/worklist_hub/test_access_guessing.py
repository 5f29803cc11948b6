"""Guessing by many requests at once: limits count before the slow check, and readers do not wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any, cast

import httpx
from starlette.applications import Starlette

from tests.peers.hub import ANN
from worklist_hub.access.limits import Buckets
from worklist_hub.access.refusals import TOO_MANY, WRONG_PASSWORD, NotAdmitted
from worklist_hub.access.settings import AuthSettings, Limits
from worklist_hub.access.sign_in import SignIn
from worklist_hub.accounts.passwords import AT_ONCE
from worklist_hub.accounts.store import Account, AccountStore

LIMIT = 6


class Accounts:
    """Checks slowly; `answer` is what every check ends with."""

    def __init__(self, answer: Account | NotAdmitted) -> None:
        self.answer = answer
        self.lock, self.checks, self.now, self.most = threading.Lock(), 0, 0, 0

    def check_password(self, _login: str, _password: str) -> Account:
        with self.lock:
            self.checks, self.now = self.checks + 1, self.now + 1
            self.most = max(self.most, self.now)
        threading.Event().wait(0.01)
        with self.lock:
            self.now -= 1
        if isinstance(self.answer, NotAdmitted):
            raise self.answer
        return self.answer

    def find(self, _login: str) -> None:
        return None

    def new_refresh_token(self, *_rest: Any) -> str:
        return "refresh"


class Issuer:
    def token(self, *_rest: Any) -> str:
        return "access"


def answers(accounts: Accounts, count: int) -> Counter[int]:
    limits = Limits(sign_ins_per_min=LIMIT)
    store, issuer = cast(AccountStore, accounts), cast(Any, Issuer())
    app = Starlette(routes=SignIn(AuthSettings(accounts=True), limits, store, issuer).routes())
    form = {"grant_type": "password", "username": "ann", "password": "a guess"}

    async def work() -> Counter[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
            told = await asyncio.gather(*(client.post("/region/auth/token", data=form) for _ in range(count)))
        return Counter(answer.status_code for answer in told)

    return asyncio.run(work())


def test_guesses_at_once_from_one_address_are_stopped_at_the_limit() -> None:
    accounts = Accounts(NotAdmitted(WRONG_PASSWORD))
    assert answers(accounts, 40) == {400: LIMIT, 429: 40 - LIMIT}
    assert accounts.checks == LIMIT


def test_right_passwords_at_once_behind_one_address_all_come_in_and_few_are_checked_at_a_time() -> None:
    accounts = Accounts(Account("1", "ann", ANN))
    assert answers(accounts, 3 * LIMIT) == {200: 3 * LIMIT}
    assert accounts.most <= AT_ONCE


def test_what_a_locked_account_refuses_costs_its_address_nothing() -> None:
    accounts = Accounts(NotAdmitted(TOO_MANY, 429, 30))
    assert answers(accounts, 3 * LIMIT) == {429: 3 * LIMIT}
    assert accounts.checks == 3 * LIMIT


def test_what_is_given_back_can_be_taken_again_and_no_more_than_that() -> None:
    buckets = Buckets(1, 2, lambda: 0.0)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 1]
    buckets.give_back("a")
    assert [buckets.take("a") for _ in range(2)] == [0, 1]
    buckets.give_back("never taken")
    assert [buckets.take("never taken") for _ in range(3)] == [0, 0, 1]
