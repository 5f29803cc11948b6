"""Accounts and their sign-ins in the worklist's database."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from ups.codes import Person
from worklist_hub.access.grants import Grant
from worklist_hub.access.refusals import EXPIRED, TOO_MANY, WRONG_PASSWORD, NotAdmitted
from worklist_hub.accounts import passwords
from worklist_hub.accounts.tables import ACCOUNTS, FAILED_SIGN_INS, SIGN_INS
from worklist_hub.store.database import ask

V = TypeVar("V")
FREE_FAILURES = 5
LOCK_S = 30
"""After `FREE_FAILURES` wrong passwords in a row each further one costs this long. Short: a stranger who guesses must
not keep a reader out of his night; guessing by the thousand is stopped all the same."""
FAILURES_KEPT_S = 86400
REUSE_GRACE_S = 60
"""A refresh token that comes again within this time is one whose answer was lost, not a stolen one."""


_VOID = 1
"""In `used_at`: given in an answer that was lost; whoever comes with it ends the whole sign-in."""


class AccountError(ValueError):
    """What was asked cannot be done; the text says why."""


class Database(Protocol):
    """Of `store.database.Database` what accounts need."""

    reading: sa.Engine

    def do(self, job: Callable[[sa.Connection], V]) -> V:
        """Run in a writing transaction."""
        ...

    def insert(self, table: sa.Table) -> Any:
        """An INSERT that may say what to do on a conflict."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in."""

    account_id: str
    login: str
    reader: Person
    grants: tuple[Grant, ...] = ()
    responsible: str = ""
    is_disabled: bool = False
    has_password: bool = True


class AccountStore:
    """Any thread may call."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def all(self) -> tuple[Account, ...]:
        """Every account, by name."""
        return self._select(sa.select(ACCOUNTS).order_by(ACCOUNTS.c.login))

    def find(self, login: str) -> Account | None:
        """By name (without case)."""
        return next(iter(self._select(sa.select(ACCOUNTS).where(ACCOUNTS.c.login == _login(login)))), None)

    def by_id(self, account_id: str) -> Account | None:
        """By what its tokens name as `sub`."""
        return next(iter(self._select(sa.select(ACCOUNTS).where(ACCOUNTS.c.account_id == account_id))), None)

    def create(
        self, login: str, reader: Person, grants: Iterable[Grant], password: str = "", responsible: str = ""
    ) -> Account:
        """A new account; without a password it is somebody of a provider, `login` = `issuer|subject`.

        Raises `AccountError`, `PasswordError`.
        """
        if not 1 <= len(login) <= 512 or not login.isprintable() or (password and "|" in login):
            raise AccountError("a name has 1 to 512 printable characters and no |")
        if not reader.code or not reader.name or len(reader.code) > 64:
            raise AccountError("code (up to 64 characters) and name of the reader are needed")
        values = {
            "account_id": secrets.token_hex(16),
            "login": _login(login),
            "password_hash": passwords.hash_of(password) if password else "",
            "code": reader.code,
            "person_name": reader.name,
            "organisation": reader.organisation,
            "responsible": responsible,
            "grants": _written(grants),
            "is_disabled": False,
            "failures": 0,
            "locked_until": 0,
        }

        def insert(connection: sa.Connection) -> None:
            if connection.execute(sa.select(ACCOUNTS.c.login).where(ACCOUNTS.c.login == values["login"])).first():
                raise AccountError(f"there is an account {values['login']!r} already")
            has_code = sa.select(ACCOUNTS.c.login).where(ACCOUNTS.c.code == reader.code)
            if other := connection.execute(has_code).scalars().first():
                raise AccountError(f"the code {reader.code!r} is that of the account {other!r}; each has its own")
            connection.execute(sa.insert(ACCOUNTS).values(values))

        self._database.do(insert)
        made = self.find(login)
        assert made is not None
        return made

    def set_password(self, login: str, password: str) -> None:
        """Also ends every sign-in of the account. Raises `AccountError`, `PasswordError`."""
        self._change(login, {"password_hash": passwords.hash_of(password)}, ends=True)

    def set_grants(self, login: str, grants: Iterable[Grant]) -> None:
        """Seen by every hub within seconds. Raises `AccountError`."""
        self._change(login, {"grants": _written(grants)})

    def set_disabled(self, login: str, disabled: bool) -> None:
        """A disabled account is let in no more, within seconds. Raises `AccountError`."""
        self._change(login, {"is_disabled": disabled}, ends=disabled)

    def check_password(self, login: str, password: str) -> Account:
        """Slow on purpose. Raises `NotAdmitted`."""
        if wait_s := self._database.do(lambda connection: self._count_try(connection, login)):
            raise NotAdmitted(TOO_MANY, 429, wait_s)
        query = sa.select(ACCOUNTS).where(ACCOUNTS.c.login == _login(login))
        row = ask(self._database.reading, lambda connection: connection.execute(query).one_or_none())
        right = passwords.is_right(row.password_hash if row is not None and not row.is_disabled else "", password)
        if row is None or not right:
            raise NotAdmitted(WRONG_PASSWORD)
        self._database.do(lambda connection: connection.execute(_without_tries(login)) and None)
        if passwords.needs_rehash(row.password_hash):
            self._change(row.login, {"password_hash": passwords.hash_of(password)})
        return _account(row)

    def _count_try(self, connection: sa.Connection, login: str) -> int:
        """Before the slow check, so that guesses at once do not pass together; a right password takes it back. The
        seconds to wait where it may not be tried."""
        now, of = int(self._clock()), FAILED_SIGN_INS.c
        mine = of.login_hash == _hash(_login(login))
        first = {"login_hash": _hash(_login(login)), "failures": 0, "locked_until": 0, "at": now}
        connection.execute(self._database.insert(FAILED_SIGN_INS).values(first).on_conflict_do_nothing())
        row = connection.execute(sa.select(FAILED_SIGN_INS).where(mine).with_for_update()).one()
        if row.locked_until > now:
            return int(row.locked_until - now)
        failures = row.failures + 1
        until = now + LOCK_S if failures >= FREE_FAILURES else 0
        values = {"failures": failures, "locked_until": until, "at": now}
        connection.execute(sa.update(FAILED_SIGN_INS).where(mine).values(values))
        connection.execute(sa.delete(FAILED_SIGN_INS).where(of.at < now - FAILURES_KEPT_S))
        return 0

    def new_refresh_token(self, account: Account, lasts_s: int) -> str:
        """Opaque; only its hash is kept."""
        token, ends = secrets.token_urlsafe(32), int(self._clock()) + lasts_s
        values = _sign_in(token, account.account_id, secrets.token_hex(16), ends)
        self._database.do(lambda connection: connection.execute(sa.insert(SIGN_INS).values(values)) and None)
        return token

    def renew(self, token: str) -> tuple[Account, str]:
        """Whose it is, and the next one, which ends when this one would have ended: a shift, not for ever. One
        transaction: who changes the password meanwhile ends the next one too. Raises `NotAdmitted`."""
        following = secrets.token_urlsafe(32)
        row = self._database.do(lambda connection: self._renewed(connection, token, following))
        if row is None:
            raise NotAdmitted(EXPIRED)
        return _account(row), following

    def _renewed(self, connection: sa.Connection, token: str, following: str) -> Any:
        """The account's row; None where the sign-in has ended."""
        now, mine = int(self._clock()), SIGN_INS.c.token_hash == _hash(token)
        account = _locked_account(connection, token)
        row = connection.execute(sa.select(SIGN_INS).where(mine)).one_or_none()
        if account is None or account.is_disabled or row is None or row.expires_at <= now:
            return None
        of_this = SIGN_INS.c.made_from == row.token_hash
        if row.used_at:
            was_answered = sa.select(SIGN_INS.c.token_hash).where(of_this, SIGN_INS.c.used_at > _VOID)
            if now - row.used_at > REUSE_GRACE_S or connection.execute(was_answered).first():
                connection.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.family == row.family))
                return None
            # The answer was lost, and what it held is nobody's; or somebody stole this: then the other one comes back.
            connection.execute(sa.update(SIGN_INS).where(of_this).values(used_at=_VOID))
        else:
            connection.execute(sa.update(SIGN_INS).where(mine).values(used_at=now))
        made = _sign_in(following, row.account_id, row.family, row.expires_at, row.token_hash)
        connection.execute(sa.insert(SIGN_INS).values(made))
        connection.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.expires_at <= now))
        return account

    def end_sign_in(self, token: str) -> None:
        """Sign out: this desk's tokens end, also one that is being made."""
        family = sa.select(SIGN_INS.c.family).where(SIGN_INS.c.token_hash == _hash(token)).scalar_subquery()

        def end(connection: sa.Connection) -> None:
            _locked_account(connection, token)
            connection.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.family == family))

        self._database.do(end)

    def _change(self, login: str, values: Mapping[str, Any], *, ends: bool = False) -> None:
        chosen = ACCOUNTS.c.login == _login(login)

        def change(connection: sa.Connection) -> int:
            count = connection.execute(sa.update(ACCOUNTS).where(chosen).values(values)).rowcount
            if ends:  # after the row is ours: a token that is just being renewed is there by now
                ids = sa.select(ACCOUNTS.c.account_id).where(chosen).scalar_subquery()
                connection.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.account_id == ids))
            if "password_hash" in values:
                connection.execute(_without_tries(login))
            return count

        if not self._database.do(change):
            raise AccountError(f"there is no account {login!r}")

    def _select(self, query: sa.Select[Any]) -> tuple[Account, ...]:
        rows = ask(self._database.reading, lambda connection: connection.execute(query).all())
        return tuple(_account(row) for row in rows)


def _account(row: Any) -> Account:
    grants = tuple(Grant.from_json(one) for one in json.loads(row.grants))
    reader = Person(row.code, row.person_name, row.organisation)
    return Account(
        row.account_id, row.login, reader, grants, row.responsible, bool(row.is_disabled), bool(row.password_hash)
    )


def _written(grants: Iterable[Grant]) -> str:
    return json.dumps([grant.as_json() for grant in grants])


def _login(login: str) -> str:
    return login if "|" in login else login.strip().casefold()


def _sign_in(token: str, account_id: str, family: str, expires_at: int, made_from: str = "") -> dict[str, Any]:
    """A row of `SIGN_INS`."""
    made = {"token_hash": _hash(token), "family": family, "account_id": account_id, "expires_at": expires_at}
    return {**made, "used_at": 0, "made_from": made_from}


def _locked_account(connection: sa.Connection, token: str) -> Any:
    """Whose token it is, for this transaction alone; None where it is nobody's."""
    whose = sa.select(SIGN_INS.c.account_id).where(SIGN_INS.c.token_hash == _hash(token)).scalar_subquery()
    return connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.account_id == whose).with_for_update()).one_or_none()


def _without_tries(login: str) -> sa.Delete:
    return sa.delete(FAILED_SIGN_INS).where(FAILED_SIGN_INS.c.login_hash == _hash(_login(login)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
