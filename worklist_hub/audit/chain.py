"""Checks the hash chains: each link binds its event to everything before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from worklist_hub.audit.adoption import UNLINKED
from worklist_hub.audit.links import genesis, link_hash
from worklist_hub.audit.tables import AUDIT_EVENTS, AUDIT_HEADS, AUDIT_LINKS

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Fault:
    """One place where the log is not what was written."""

    process: str
    day: str
    seq: int
    what: str

    def __str__(self) -> str:
        return f"{self.process} {self.day} line {self.seq}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked, and every fault found."""

    chains: int
    links: int
    unlinked: int
    """Events that no chain holds (yet)."""
    oldest_unlinked: str
    """The moment of the oldest of them, ""."""
    faults: tuple[Fault, ...]


def verify(connection: sa.Connection, witness: Mapping[tuple[str, str, int], str] | None = None) -> Verified:
    """Recompute every chain. `witness` = hashes of links as exported earlier, by (process, day, seq)."""
    heads = connection.execute(sa.select(AUDIT_HEADS).order_by(AUDIT_HEADS.c.process, AUDIT_HEADS.c.day)).all()
    faults: list[Fault] = []
    seen: set[tuple[str, str]] = set()
    links, before = 0, ("", "")
    for head in heads:
        expected = before[1] if before[0] == head.process else genesis(head.process)
        if head.previous != expected:
            faults.append(Fault(head.process, head.day, 0, "is not chained to the day before"))
        links += head.seq
        seen.add((head.process, head.day))
        faults += _chain_faults(connection, head, witness or {})
        before = (head.process, head.hash)
    faults += _headless(connection, seen)
    faults += [
        Fault(*key, "was exported, but its chain is gone") for key in (witness or {}) if (key[0], key[1]) not in seen
    ]
    return Verified(len(heads), links, *_unlinked(connection), tuple(faults))


def _chain_faults(
    connection: sa.Connection,
    head: sa.Row[tuple[str, str, int, str, str, str]],
    witness: Mapping[tuple[str, str, int], str],
) -> Iterator[Fault]:
    hash_so_far, expected_seq = head.previous, 0
    for seq, stored_hash, body in _rows(connection, head.process, head.day, head.seq):
        expected_seq += 1
        where = (head.process, head.day, expected_seq)
        if seq != expected_seq:
            yield Fault(*where, "is missing")
            expected_seq = seq
            where = (head.process, head.day, seq)
        elif body is None:
            yield Fault(*where, "its event is missing")
        elif link_hash(hash_so_far, head.process, head.day, seq, body) != stored_hash:
            yield Fault(*where, "was changed after it was written")
        if witness.get(where, stored_hash) != stored_hash:
            yield Fault(*where, "differs from what was exported")
        hash_so_far = stored_hash
    if expected_seq != head.seq or hash_so_far != head.hash:
        yield Fault(head.process, head.day, expected_seq + 1, "the end of the chain is not its head")
    beyond = [key for key in witness if key[:2] == (head.process, head.day) and key[2] > expected_seq]
    for process, day, seq in sorted(beyond):
        yield Fault(process, day, seq, "was exported, but is gone")


def _rows(connection: sa.Connection, process: str, day: str, until: int) -> Iterator[tuple[int, str, str | None]]:
    """Up to the head as it was read: a running hub adds links behind it."""
    last = 0
    joined = AUDIT_LINKS.outerjoin(
        AUDIT_EVENTS,
        sa.and_(
            AUDIT_EVENTS.c.process == AUDIT_LINKS.c.event_process, AUDIT_EVENTS.c.number == AUDIT_LINKS.c.event_number
        ),
    )
    while True:
        query = (
            sa.select(AUDIT_LINKS.c.seq, AUDIT_LINKS.c.hash, AUDIT_EVENTS.c.body)
            .select_from(joined)
            .where(AUDIT_LINKS.c.process == process, AUDIT_LINKS.c.day == day)
            .where(AUDIT_LINKS.c.seq > last, AUDIT_LINKS.c.seq <= until)
            .order_by(AUDIT_LINKS.c.seq)
            .limit(_PAGE)
        )
        page = connection.execute(query).all()
        for seq, stored_hash, body in page:
            yield seq, stored_hash, body
            last = seq
        if len(page) < _PAGE:
            return


def _headless(connection: sa.Connection, seen: Iterable[tuple[str, str]]) -> Iterator[Fault]:
    known = set(seen)
    for process, day in connection.execute(sa.select(AUDIT_LINKS.c.process, AUDIT_LINKS.c.day).distinct()).all():
        key = (AUDIT_HEADS.c.process == process, AUDIT_HEADS.c.day == day)
        if (process, day) not in known and not connection.execute(sa.select(AUDIT_HEADS.c.seq).where(*key)).all():
            yield Fault(process, day, 0, "its head is missing")


def _unlinked(connection: sa.Connection) -> tuple[int, str]:
    """How many events no chain holds, and the oldest: the newest ones of a running hub, and what a killed one left."""
    query = sa.select(sa.func.count(), sa.func.min(AUDIT_EVENTS.c.at)).where(UNLINKED)
    count, oldest = connection.execute(query).one()
    return count, oldest or ""
