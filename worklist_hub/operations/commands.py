"""The administrator's commands besides `serve`. Each prints to stdout and returns the exit code: 0 = all is well."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from ups.codes import Person
from worklist_hub.access.entrance import check_reach, server_options
from worklist_hub.access.grants import Grant, GrantError
from worklist_hub.audit.ledger import Ledger, process_name
from worklist_hub.audit.records import Action, Actor, AuditEvent
from worklist_hub.config import ConfigError, HubConfig
from worklist_hub.store import durability
from worklist_hub.store.database import Database, StoreError, StoreUnavailable
from worklist_hub.store.opening import open_database
from worklist_hub.store.schema import HEAD, WORKITEMS, schema_version
from worklist_hub.store.up_to_date import NoTables, Schema

V = TypeVar("V")
PASSWORD = "WORKLIST_HUB_PASSWORD"
"""Environment variable for the password of `users add` and `users password`; asked for where it is not set."""


@contextlib.contextmanager
def opened(config: HubConfig, schema: Schema = Schema.AS_IS) -> Iterator[Database]:
    """The configured database, closed afterwards; who only looks changes no schema. Raises `StoreError`."""
    database = open_database(config.database_address, schema)
    try:
        yield database
    finally:
        database.close()


def operator() -> Actor:
    """Who gives commands at a terminal of the server."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):
        name = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    return Actor(code=name, name=name, organization="", roles=("operator",), address="127.0.0.1")


@contextlib.contextmanager
def audited(config: HubConfig, database: Database) -> Iterator[Ledger]:
    """A ledger for what an operator does."""
    ledger = Ledger(database.do, process=process_name(f"{config.ae_title[:12]}-cli"))
    try:
        yield ledger
    finally:
        ledger.close()


def migrate(config: HubConfig, _arguments: Namespace) -> int:
    """Opening brings the schema up to date; this does nothing else."""
    with opened(config, Schema.UPGRADE) as database, database.reading.connect() as connection:
        print(f"schema {schema_version(connection)}, as this version needs ({HEAD})")
    return 0


def check(config: HubConfig, arguments: Namespace) -> int:
    """Database, durability, files of TLS, audit receivers, and every connection of every hospital."""
    works = _check_entrance(config)
    works = _check_database(config) and works
    for target in config.audit.exports:
        works = _check_export(target.name, target.folder) and works
    return 0 if _check_sites(config) and works else 1


def _check_entrance(config: HubConfig) -> bool:
    try:
        check_reach(config)
        server_options(config.tls)
    except ConfigError as error:
        print(f"listen: {error}", flush=True)
        return False
    return True


def _check_database(config: HubConfig) -> bool:
    place = "PostgreSQL" if config.database_url else str(config.database)
    try:
        with opened(config) as database:
            durability.check(database, config.durability)
            with database.reading.connect() as connection:
                number = connection.execute(sa.select(sa.func.count()).select_from(WORKITEMS)).scalar_one()
    except NoTables:
        print(f"database: {place} is made at the first start", flush=True)
        return True
    except (StoreError, StoreUnavailable) as error:
        print(f"database: {error}", flush=True)
        return False
    print(f"database: {place} works, {number} workitems", flush=True)
    return True


def _check_export(name: str, folder: Path | None) -> bool:
    if folder is None:
        print(f"audit export {name}: syslog, tried when there is something to send", flush=True)
        return True
    parent = folder if folder.exists() else folder.parent
    is_writable = parent.is_dir() and os.access(parent, os.W_OK)
    print(f"audit export {name}: {folder} {'works' if is_writable else 'cannot be written'}", flush=True)
    return is_writable


def _check_sites(config: HubConfig) -> bool:
    from worklist_hub.operations.checking import check as checked  # noqa: PLC0415 - loads pydicom: serving does not pay for it

    works = bool(config.sites)
    for line, does_work in checked(config):
        works = works and does_work
        print(line, flush=True)
    if not config.sites:
        print(f"{config.source}: no [[site]] is there", flush=True)
    return works


def sites(config: HubConfig, arguments: Namespace) -> int:
    """The directory of hospitals, with how much of each is on the list."""
    counts: dict[tuple[str, str], int] = {}
    with contextlib.suppress(NoTables), opened(config) as database, database.reading.connect() as connection:
        query = sa.select(WORKITEMS.c.site_id, WORKITEMS.c.state, sa.func.count())
        for site_id, state, number in connection.execute(query.group_by(WORKITEMS.c.site_id, WORKITEMS.c.state)):
            counts[site_id, state] = number
    rows = []
    for site in config.sites:
        row = {"site": site.site_id, "name": site.name, "connections": len(site.connections)}
        states = {"scheduled": "SCHEDULED", "claimed": "IN PROGRESS", "completed": "COMPLETED"}
        rows.append(row | {key: counts.get((site.site_id, state), 0) for key, state in states.items()})
    if not rows:
        print(f"worklist-hub: {config.source} names no [[site]]", file=sys.stderr)
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            print("  ".join(f"{key} {value}" for key, value in row.items()))
    return 0


def backup(config: HubConfig, arguments: Namespace) -> int:
    """See `operations.backup`."""
    from worklist_hub.operations.backup import BackupError, copy_of  # noqa: PLC0415 - only here

    if config.database_url:
        raise ConfigError("backup copies a file; for PostgreSQL use pg_basebackup or pg_dump (docs/operation.md)")
    try:
        copy_of(config.database, arguments.to)
    except BackupError as error:
        print(f"worklist-hub: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.to}: whole and checked")
    return 0


def users(config: HubConfig, arguments: Namespace) -> int:
    """Accounts of the built-in store. Every change is an audit line."""
    from worklist_hub.accounts.passwords import PasswordError  # noqa: PLC0415 - argon2: no desk needs it
    from worklist_hub.accounts.store import AccountError, AccountStore  # noqa: PLC0415 - as above

    with opened(config, Schema.AS_IS if arguments.what == "list" else Schema.MAKE) as database:
        if arguments.what == "list":
            for account in AccountStore(database).all():
                granted = " ".join(f"{grant.role}@{grant.site_id}" for grant in account.grants) or "nothing granted"
                state = "disabled" if account.is_disabled else "active"
                print(f"{account.login}  {account.reader.code} {account.reader.name}  {state}  {granted}")
            return 0
        granted = f" {' '.join(arguments.grant)}" if arguments.what in ("add", "grants") else ""
        text = f"{arguments.what} {arguments.login}{granted}"
        with audited(config, database) as ledger:
            told = AuditEvent(Action.ACCOUNT, operator(), text=text)
            try:
                _change_account(AccountStore(_WithLine(database, ledger, told)), arguments)
            except (AccountError, PasswordError, GrantError) as error:
                print(f"worklist-hub: {error}", file=sys.stderr)
                return 1
    print(text)
    for site in unknown_sites(arguments, config):
        print(f"worklist-hub: note: no [[site]] is called {site!r} in {config.source}", file=sys.stderr)
    return 0


def unknown_sites(arguments: Namespace, config: HubConfig) -> list[str]:
    """Hospitals of the grants that this configuration does not know: such a grant opens nothing here."""
    granted = arguments.grant if arguments.what in ("add", "grants") else ()
    known = {"*", *(site.site_id for site in config.sites)}
    return sorted({grant_of(one).site_id for one in granted} - known)


class _WithLine:
    """The database of an account store for one change, which stands with its line of the audit or not at all."""

    def __init__(self, database: Database, ledger: Ledger, told: AuditEvent) -> None:
        self.reading = database.reading
        self._database, self._ledger, self._told = database, ledger, told
        self._is_told = False

    def do(self, job: Callable[[sa.Connection], V]) -> V:
        """Raises what the job raises, `StoreUnavailable`."""

        def both(connection: sa.Connection) -> V:
            result = job(connection)
            if result == 0 or self._is_told:  # 0: there is no such account, and nothing was changed
                return result
            try:
                self._ledger.write(connection, [self._told])
            except sa.exc.IntegrityError as error:
                raise StoreUnavailable("the audit log cannot be written, so nothing was changed") from error
            return result

        result = self._database.do(both)
        self._is_told = result != 0
        return result

    def insert(self, table: sa.Table) -> Any:
        """See `Database`."""
        return self._database.insert(table)


def _change_account(accounts: object, arguments: Namespace) -> None:
    from worklist_hub.accounts.store import AccountStore  # noqa: PLC0415 - argon2: no desk needs it

    assert isinstance(accounts, AccountStore)
    login, what = arguments.login, arguments.what
    if what == "add":
        reader = Person(arguments.code, arguments.name, arguments.organisation)
        accounts.create(login, reader, [grant_of(one) for one in arguments.grant], asked_password())
    elif what == "password":
        accounts.set_password(login, asked_password())
    elif what == "grants":
        accounts.set_grants(login, [grant_of(one) for one in arguments.grant])
    else:
        accounts.set_disabled(login, what == "disable")


def grant_of(text: str) -> Grant:
    """`role@site` or `role@site:expertise,expertise`; site `*` = all. Raises `GrantError`."""
    role, at, rest = text.partition("@")
    site, _, expertise = rest.partition(":")
    if not at:
        raise GrantError(f"a grant is written role@site or role@site:expertise, not {text!r}")
    told: dict[str, object] = {"site": site, "role": role}
    return Grant.from_json(told | ({"expertise": expertise.split(",")} if expertise else {}))


def asked_password(*, is_new: bool = True) -> str:
    """From the environment, the terminal (a new one twice), or a line of stdin. Raises `ConfigError`."""
    given = os.environ.get(PASSWORD)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    try:
        first = getpass.getpass("Password: ")
        again = getpass.getpass("Again: ") if is_new else first
    except (EOFError, KeyboardInterrupt) as error:
        print(file=sys.stderr)
        raise ConfigError("no password was given, nothing was changed") from error
    if again != first:
        raise ConfigError("the two passwords differ")
    return first
