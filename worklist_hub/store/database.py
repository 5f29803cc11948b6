"""What the store asks of a database: SQLite for one desk or a small group, PostgreSQL for a region."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from worklist_hub.store.quick import Quick

V = TypeVar("V")
Job = Callable[[sa.Connection], V]
QuickJob = Callable[[Quick], V]
Address = Path | str
"""A file, or `postgresql://...` as libpq takes it (several hosts, `target_session_attrs`, `sslmode` and so on)."""


class StoreError(Exception):
    """The worklist's database cannot be used; the text names it and why, without a password."""


class StoreUnavailable(Exception):
    """Not now: nothing was changed, ask again."""


class OutcomeUnknown(StoreUnavailable):
    """The connection was lost, or a standby did not confirm, while the change was being made durable: it may stand or
    not, and nobody was told that it does. Asking again with the same Transaction UID finds out."""


@dataclass(frozen=True, slots=True)
class Durability:
    """What a PostgreSQL server promises of a commit, as its settings say."""

    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    synchronous_standby_names: str
    standbys: int
    """How many are connected now."""


class Held(Protocol):
    """A right that one process at a time has."""

    def is_held(self) -> bool:
        """Whether this process may act now; never True in two processes for longer than a lost line takes to notice."""
        ...

    def release(self) -> None:
        """Let another process have it at once."""
        ...


class Database(Protocol):
    """One open database. Any thread may call."""

    name: str
    """`sqlite` or `postgresql`."""
    reading: sa.Engine
    """For queries."""
    transaction_id: sa.ColumnElement[int]
    """Of the running transaction, for `events.xid`."""
    is_settled: sa.ColumnElement[bool]
    """For a row of `events`: every transaction that could still add one before it has ended."""

    def do(self, job: Job[V]) -> V:
        """Run in one transaction; returns after it is durable. Raises what the job raises, `StoreUnavailable`,
        `OutcomeUnknown`. The job may run more than once, each time in a new transaction."""
        ...

    async def done(self, job: Job[V]) -> V:
        """`do` for an event loop, which it does not hold up."""
        ...

    def do_quickly(self, job: QuickJob[V]) -> V:
        """`do` for one look and one change, which is durable by itself."""
        ...

    async def done_quickly(self, job: QuickJob[V]) -> V:
        """`do_quickly` for an event loop."""
        ...

    def insert(self, table: sa.Table) -> Any:
        """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""
        ...

    def now(self, connection: sa.Connection) -> datetime:
        """The server's clock: of the database where several processes share it."""
        ...

    def tell(self) -> None:
        """Wake every process that waits in `wait`, this one included; returns at once."""
        ...

    def wait(self, timeout_s: float) -> None:
        """Until somebody told of a change, or the time is over. One thread of the process may wait."""
        ...

    def lease(self, name: str) -> Held:
        """The right to do what one process at a time does; asks for it until it is released."""
        ...

    def durability(self) -> Durability | None:
        """What the server promises of a commit; None where there is no server. Raises `StoreUnavailable`."""
        ...

    def prove(self) -> None:
        """Write something that means nothing, and return after it is durable. Raises `StoreUnavailable`."""
        ...

    def give_up(self) -> None:
        """Let nothing that runs wait any longer: it ends with `StoreUnavailable` or `OutcomeUnknown`."""
        ...

    def close(self) -> None:
        """Finish what runs, close all connections."""
        ...


def ask(engine: sa.Engine, job: Job[V]) -> V:
    """A query; once more on a new connection where the old one was lost. Raises `StoreUnavailable`."""
    try:
        try:
            with engine.connect() as connection:
                return job(connection)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
        with engine.connect() as connection:
            return job(connection)
    except sa.exc.TimeoutError as error:
        raise StoreUnavailable("all connections are busy") from error
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        raise StoreUnavailable(f"the database refuses: {type(error.orig).__name__}") from error


def is_server(address: Address) -> bool:
    """Whether an address means a PostgreSQL server."""
    return isinstance(address, str) and address.startswith(("postgresql://", "postgres://"))
