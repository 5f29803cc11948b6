"""Built-in accounts: argon2id, tokens like any provider's, refresh once, and no way to guess."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from ups.codes import Person
from worklist_hub.access import refusals
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.people import REMEMBERED_S, People
from worklist_hub.access.refusals import NotAdmitted
from worklist_hub.access.settings import BUILT_IN, AuthSettings
from worklist_hub.accounts import passwords
from worklist_hub.accounts.issuer import Issuer, SigningKeyError, load_or_make_key
from worklist_hub.accounts.passwords import PasswordError
from worklist_hub.accounts.store import (
    FAILURES_KEPT_S,
    FREE_FAILURES,
    LOCK_S,
    REUSE_GRACE_S,
    AccountError,
    AccountStore,
)
from worklist_hub.store.database import Database
from worklist_hub.store.opening import open_database

PASSWORD = "correct horse battery"
ANN = Person("1", "Ann^A", "North")
GRANTS = (Grant("north", Role.READER, frozenset({"neuro"})),)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "worklist.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def now() -> list[float]:
    return [1_800_000_000.0]


@pytest.fixture
def accounts(database: Database, now: list[float]) -> AccountStore:
    return AccountStore(database, clock=lambda: now[0])


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = passwords.argon2.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", quick)


def people(accounts: AccountStore, issuer: Issuer, now: list[float]) -> People:
    settings = AuthSettings(accounts=True)
    return People(settings, accounts, ("north",), public_key=issuer.public_key, clock=lambda: now[0])


def test_a_password_is_kept_as_argon2id_and_nothing_else(accounts: AccountStore, database: Database) -> None:
    accounts.create("Ann", ANN, GRANTS, PASSWORD)
    with database.reading.connect() as connection:
        kept = connection.exec_driver_sql("SELECT password_hash FROM accounts").scalar_one()
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept
    found = accounts.check_password(" aNN ", PASSWORD)
    assert (found.login, found.reader, found.grants) == ("ann", ANN, GRANTS)


@pytest.mark.parametrize(("login", "password"), [("ann", "wrong"), ("ann", ""), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_name_and_a_wrong_password_are_told_alike(accounts: AccountStore, login: str, password: str) -> None:
    accounts.create("ann", ANN, GRANTS, PASSWORD)
    with pytest.raises(NotAdmitted, match=refusals.WRONG_PASSWORD):
        accounts.check_password(login, password)


def test_the_time_of_an_unknown_name_is_that_of_a_wrong_password() -> None:
    assert not passwords.is_right("", PASSWORD)
    assert passwords._hasher.check_needs_rehash(passwords._NOBODY) in (True, False)  # it is a hash that can be read


def test_guessing_is_slowed_and_a_right_password_ends_it(accounts: AccountStore, now: list[float]) -> None:
    accounts.create("ann", ANN, GRANTS, PASSWORD)
    for _ in range(FREE_FAILURES):
        with pytest.raises(NotAdmitted, match=refusals.WRONG_PASSWORD):
            accounts.check_password("ann", "guess")
    with pytest.raises(NotAdmitted, match=refusals.TOO_MANY) as refused:
        accounts.check_password("ann", PASSWORD)
    assert refused.value.status == 429
    assert 0 < refused.value.retry_after_s <= LOCK_S
    now[0] += LOCK_S
    accounts.check_password("ann", PASSWORD)
    with pytest.raises(NotAdmitted, match=refusals.WRONG_PASSWORD):
        accounts.check_password("ann", "guess")
    accounts.check_password("ann", PASSWORD)


def test_a_name_that_nobody_has_is_slowed_like_one_that_somebody_has(accounts: AccountStore, now: list[float]) -> None:
    accounts.create("ann", ANN, GRANTS, PASSWORD)

    def told(login: str) -> list[tuple[str, int, int]]:
        answers = []
        for _ in range(FREE_FAILURES + 2):
            with pytest.raises(NotAdmitted) as refused:
                accounts.check_password(login, "a wrong password")
            answers.append((refused.value.text, refused.value.status, refused.value.retry_after_s))
        return answers

    assert told("nobody") == told("ann") == told("Nobody else ")
    now[0] += LOCK_S
    assert told("nobody") == told("ann")


def test_guesses_at_once_do_not_pass_together(accounts: AccountStore, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.create("ann", ANN, GRANTS, PASSWORD)
    tried = []

    def is_right(_stored: str, password: str) -> bool:
        tried.append(password)
        if len(tried) < 3 * FREE_FAILURES:  # while this one is being checked, the next one comes
            with pytest.raises(NotAdmitted):
                accounts.check_password("ann", "another guess")
        return False

    monkeypatch.setattr(passwords, "is_right", is_right)
    with pytest.raises(NotAdmitted, match=refusals.WRONG_PASSWORD):
        accounts.check_password("ann", "the first guess")
    assert len(tried) == FREE_FAILURES


def test_tries_of_names_are_forgotten_after_a_day(accounts: AccountStore, database: Database, now: list[float]) -> None:
    for login in ("nobody", "none"):
        with pytest.raises(NotAdmitted):
            accounts.check_password(login, "guess")
        now[0] += FAILURES_KEPT_S + 1
    with database.reading.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM failed_sign_ins").scalar_one() == 1


@pytest.mark.parametrize("password", ["short", "x" * 257])
def test_a_password_has_a_length(accounts: AccountStore, password: str) -> None:
    with pytest.raises(PasswordError, match="12 to 256"):
        accounts.create("ann", ANN, GRANTS, password)


def test_a_name_is_there_once(accounts: AccountStore) -> None:
    accounts.create("ann", ANN, GRANTS, PASSWORD)
    with pytest.raises(AccountError, match="already"):
        accounts.create("ANN", ANN, GRANTS, PASSWORD)
    with pytest.raises(AccountError, match="no account"):
        accounts.set_disabled("bob", True)
    with pytest.raises(AccountError, match=r"no \|"):
        accounts.create("https://idp|ann", ANN, GRANTS, PASSWORD)


def test_no_second_account_gets_the_code_of_another(accounts: AccountStore) -> None:
    accounts.create("ann", ANN, GRANTS, PASSWORD)
    with pytest.raises(AccountError, match="code '1' is that of the account 'ann'"):
        accounts.create("bob", Person(ANN.code, "Bob^B", "South"), GRANTS, PASSWORD)
    assert accounts.find("bob") is None


def test_a_built_in_token_is_like_a_provider_s(accounts: AccountStore, tmp_path: Path, now: list[float]) -> None:
    account = accounts.create("ann", ANN, GRANTS, PASSWORD, responsible="Boss^B")
    issuer = Issuer(BUILT_IN, "worklist-hub", load_or_make_key(tmp_path / "key.pem"))
    token = issuer.token({"sub": account.account_id}, int(now[0]), 600)
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    caller = people(accounts, issuer, now).caller_of(token)
    assert (caller.reader, caller.grants, caller.signed_in_by) == (ANN, GRANTS, "password")
    assert caller.on_behalf_of == Person("", "Boss^B")
    other = Issuer(BUILT_IN, "worklist-hub", load_or_make_key(tmp_path / "other.pem"))
    with pytest.raises(NotAdmitted):
        people(accounts, other, now).caller_of(token)
    with pytest.raises(NotAdmitted):
        people(accounts, issuer, now).caller_of(Issuer(BUILT_IN, "x", issuer._key).token({"sub": "1"}, int(now[0]), 9))


def test_a_disabled_account_is_out_within_seconds(accounts: AccountStore, tmp_path: Path, now: list[float]) -> None:
    account = accounts.create("ann", ANN, GRANTS, PASSWORD)
    issuer = Issuer(BUILT_IN, "worklist-hub", load_or_make_key(tmp_path / "key.pem"))
    token, known = issuer.token({"sub": account.account_id}, int(now[0]), 600), people(accounts, issuer, now)
    assert known.caller_of(token)
    refresh = accounts.new_refresh_token(account, 1000)
    accounts.set_disabled("ann", True)
    now[0] += REMEMBERED_S
    assert known.remembered(token) is None
    with pytest.raises(NotAdmitted):
        known.caller_of(token)
    with pytest.raises(NotAdmitted):
        accounts.renew(refresh)
    with pytest.raises(NotAdmitted, match=refusals.WRONG_PASSWORD):
        accounts.check_password("ann", PASSWORD)


def test_a_refresh_token_that_comes_back_late_ends_the_whole_sign_in(accounts: AccountStore, now: list[float]) -> None:
    account = accounts.create("ann", ANN, GRANTS, PASSWORD)
    first = accounts.new_refresh_token(account, 1000)
    accounts.renew(first)
    now[0] += REUSE_GRACE_S
    _, second = accounts.renew(first)  # its answer was lost
    now[0] += 1
    with pytest.raises(NotAdmitted, match=refusals.EXPIRED):
        accounts.renew(first)  # somebody stole it
    with pytest.raises(NotAdmitted):
        accounts.renew(second)


def test_a_renewed_token_ends_when_the_sign_in_does(accounts: AccountStore, now: list[float]) -> None:
    token = accounts.new_refresh_token(accounts.create("ann", ANN, GRANTS, PASSWORD), 1000)
    now[0] += 990
    _, token = accounts.renew(token)
    now[0] += 10
    with pytest.raises(NotAdmitted, match=refusals.EXPIRED):
        accounts.renew(token)


@pytest.mark.parametrize("thief_first", [True, False])
def test_a_token_stolen_and_used_within_the_minute_ends_the_sign_in_for_both(
    accounts: AccountStore, thief_first: bool
) -> None:
    stolen = accounts.new_refresh_token(accounts.create("ann", ANN, GRANTS, PASSWORD), 1000)
    _, one = accounts.renew(stolen)
    _, other = accounts.renew(stolen)
    for token in (one, other) if thief_first else (other, one):
        try:
            accounts.renew(token)
        except NotAdmitted:
            break
    else:
        raise AssertionError("two sign-ins out of one")
    for token in (one, other, stolen):
        with pytest.raises(NotAdmitted):
            accounts.renew(token)


def test_a_token_that_comes_again_after_its_answer_was_used_ends_the_sign_in(accounts: AccountStore) -> None:
    first = accounts.new_refresh_token(accounts.create("ann", ANN, GRANTS, PASSWORD), 1000)
    _, second = accounts.renew(first)
    _, third = accounts.renew(second)
    for token in (first, third):
        with pytest.raises(NotAdmitted):
            accounts.renew(token)


def test_a_refresh_token_ends_with_its_time_its_password_and_its_sign_out(
    accounts: AccountStore, now: list[float]
) -> None:
    account = accounts.create("ann", ANN, GRANTS, PASSWORD)
    old, changed, out = (accounts.new_refresh_token(account, lasts) for lasts in (10, 1000, 1000))
    accounts.end_sign_in(out)
    now[0] += 10
    for token in (old, out, "made up", ""):
        with pytest.raises(NotAdmitted):
            accounts.renew(token)
    accounts.set_password("ann", PASSWORD + "!")
    with pytest.raises(NotAdmitted):
        accounts.renew(changed)


def test_two_hubs_that_start_at_once_have_one_key(tmp_path: Path) -> None:
    path, barrier, found = tmp_path / "key.pem", threading.Barrier(4), []

    def load() -> None:
        barrier.wait()
        found.append(Issuer("i", "a", load_or_make_key(path)).key_id)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.glob("key.pem*")] == ["key.pem"]


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("no key")
    path.chmod(0o600)
    with pytest.raises(SigningKeyError, match="PEM"):
        load_or_make_key(path)
    path.chmod(0o644)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        load_or_make_key(path)
    with pytest.raises(SigningKeyError, match="No such file"):
        load_or_make_key(tmp_path / "absent" / "key.pem")
