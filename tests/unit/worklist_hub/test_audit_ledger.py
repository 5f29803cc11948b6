"""The ledger on a plain SQLite file: durable before it returns, chained, and every tampering found."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from worklist_hub.audit import adoption
from worklist_hub.audit import ledger as ledger_module
from worklist_hub.audit.chain import Verified, verify
from worklist_hub.audit.ledger import AuditUnavailable, Ledger
from worklist_hub.audit.records import Action, Actor, AuditEvent, Outcome, Subject
from worklist_hub.audit.tables import AUDIT_EVENTS, AUDIT_EXPORTS, AUDIT_HEADS, AUDIT_LINKS

TABLES = [AUDIT_EVENTS, AUDIT_LINKS, AUDIT_HEADS, AUDIT_EXPORTS]
ANN = Actor("1", "Ann^A", "North", ("reader",), "9 Chief", "ANN", "192.0.2.7", "iss|ann", "openid")
EVENT = AuditEvent(Action.VIEW, ANN, subjects=(Subject("north", "123", "NH", "1.2.3", "A1", "1.2.9"),), reason="why")


class Book:
    """A database with the audit tables only, and one writer at a time as the hub's has."""

    def __init__(self, folder: Path) -> None:
        self.engine = sa.create_engine(
            f"sqlite:///{folder / 'audit.sqlite'}", connect_args={"check_same_thread": False}
        )
        TABLES[0].metadata.create_all(self.engine, tables=TABLES)
        self.lock = threading.Lock()
        self.commits = 0
        self.is_away = False

    def do(self, job: Callable[[sa.Connection], None]) -> None:
        if self.is_away:
            raise OSError("away")
        with self.lock, self.engine.begin() as connection:
            job(connection)
        self.commits += 1

    def verified(self) -> Verified:
        with self.engine.connect() as connection:
            return verify(connection)

    def bodies(self) -> list[AuditEvent]:
        with self.engine.connect() as connection:
            found = connection.execute(sa.select(AUDIT_EVENTS.c.body).order_by(AUDIT_EVENTS.c.number)).scalars()
            return [AuditEvent.from_text(body) for body in found]

    def tamper(self, statement: sa.Executable) -> None:
        with self.lock, self.engine.begin() as connection:
            connection.execute(statement)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture
def ledger(book: Book) -> Iterator[Ledger]:
    made = Ledger(book.do, process="HUB@here/1/x")
    yield made
    made.close()


def test_an_event_is_durable_when_record_returns(book: Book, ledger: Ledger) -> None:
    ledger.record(EVENT)
    (found,) = book.bodies()
    assert found == EVENT.trimmed(found.at)
    assert datetime.fromisoformat(found.at).tzinfo is not None
    verified = book.verified()
    assert (verified.chains, verified.links, verified.unlinked, verified.faults) == (1, 1, 0, ())


def test_the_same_event_is_the_same_text_and_comes_back_whole() -> None:
    whole = AuditEvent(
        Action.SEARCH, ANN, Outcome.SERIOUS, "2026-01-01T00:00:00+00:00", EVENT.subjects, {"north": 2, "west": 1},
        "PatientName=O*", "why", "text", "reader at north", "permit", emergency=True,
    )  # fmt: skip
    assert AuditEvent.from_text(whole.to_text()) == whole
    assert AuditEvent.from_text(whole.to_text()).to_text() == whole.to_text()


def test_many_askers_share_a_commit(book: Book, ledger: Ledger) -> None:
    def ask(_number: int) -> None:
        for _ in range(10):
            ledger.record(EVENT)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, range(16)))
    assert book.verified().links == 160
    assert book.verified().faults == ()
    assert book.commits < 160


def test_an_event_lives_and_dies_with_the_change_it_tells_of(book: Book, ledger: Ledger) -> None:
    book.do(lambda connection: ledger.write(connection, [EVENT]))

    def rolled_back(connection: sa.Connection) -> None:
        ledger.write(connection, [EVENT])
        raise ValueError

    with pytest.raises(ValueError):
        book.do(rolled_back)
    assert len(book.bodies()) == 1
    ledger.close()
    verified = book.verified()
    assert (verified.links, verified.unlinked, verified.faults) == (1, 0, ())


def test_recorded_waits_for_the_commit_on_the_event_loop(book: Book, ledger: Ledger) -> None:
    async def many() -> None:
        await asyncio.gather(*(ledger.recorded(EVENT) for _ in range(50)))

    asyncio.run(many())
    assert len(book.bodies()) == 50
    assert book.commits < 50


def test_no_event_means_no_commit(book: Book, ledger: Ledger) -> None:
    ledger.record()
    assert book.commits == 0


def test_a_database_that_is_away_refuses_and_recovers(book: Book, ledger: Ledger) -> None:
    ledger.record(EVENT)
    book.is_away = True
    with pytest.raises(AuditUnavailable):
        ledger.record(EVENT)
    book.is_away = False
    ledger.record(EVENT)
    assert book.verified().faults == ()
    assert len(book.bodies()) == 2


def test_a_commit_whose_answer_was_lost_does_not_break_the_chain(book: Book) -> None:
    lost: list[bool] = []

    def unsure(job: Callable[[sa.Connection], None]) -> None:
        book.do(job)
        if lost:
            lost.clear()
            raise OSError("lost after the commit")

    ledger = Ledger(unsure, process="P")
    ledger.record(EVENT)
    lost.append(True)
    with pytest.raises(AuditUnavailable):
        ledger.record(EVENT)
    ledger.record(EVENT)
    ledger.close()
    assert (book.verified().links, book.verified().faults) == (3, ())


def test_a_closed_ledger_takes_nothing(ledger: Ledger) -> None:
    ledger.close()
    with pytest.raises(AuditUnavailable):
        ledger.record(EVENT)


def test_a_new_day_starts_a_chain_that_hangs_on_the_day_before(book: Book) -> None:
    days = iter([datetime(2026, 1, 1, 23, 59, tzinfo=UTC)] * 2 + [datetime(2026, 1, 2, tzinfo=UTC)] * 2)
    ledger = Ledger(book.do, process="P", clock=lambda: next(days))
    ledger.record(EVENT)
    ledger.record(EVENT)
    ledger.close()
    assert (book.verified().chains, book.verified().faults) == (2, ())
    book.tamper(sa.delete(AUDIT_HEADS).where(AUDIT_HEADS.c.day == "20260101"))
    assert [fault.what for fault in book.verified().faults] == [
        "is not chained to the day before",
        "its head is missing",
    ]


@pytest.mark.parametrize("ahead", [timedelta(seconds=2), timedelta(days=365)], ids=["midnight", "a year"])
def test_a_clock_that_steps_back_over_a_midnight_stops_nothing(book: Book, ahead: timedelta) -> None:
    moment = [datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)]
    ledger = Ledger(book.do, process="P", clock=lambda: moment[0])
    for step in (timedelta(0), ahead, -ahead, timedelta(hours=6), timedelta(days=1)):
        moment[0] += step
        ledger.record(EVENT)
        ledger.record(EVENT)
    ledger.close()
    assert (book.verified().links, book.verified().faults) == (10, ())


MIDDLE = (AUDIT_LINKS.c.seq == 2, AUDIT_EVENTS.c.number == 2)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (sa.update(AUDIT_EVENTS).where(MIDDLE[1]).values(body=EVENT.to_text()), "was changed"),
        (sa.delete(AUDIT_EVENTS).where(MIDDLE[1]), "its event is missing"),
        (sa.delete(AUDIT_LINKS).where(MIDDLE[0]), "is missing"),
        (sa.delete(AUDIT_LINKS).where(AUDIT_LINKS.c.seq == 3), "the end of the chain is not its head"),
        (sa.delete(AUDIT_HEADS), "its head is missing"),
        (sa.update(AUDIT_LINKS).where(MIDDLE[0]).values(event_number=99), "its event is missing"),
    ],
    ids=["changed", "deleted", "link gone", "end cut off", "head gone", "pointed elsewhere"],
)
def test_every_tampering_is_found(book: Book, ledger: Ledger, statement: sa.Executable, what: str) -> None:
    for _ in range(3):
        ledger.record(EVENT)
    book.tamper(statement)
    faults = book.verified().faults
    assert any(what in fault.what for fault in faults), faults


def test_what_was_exported_convicts_who_rewrites_the_whole_chain(book: Book, ledger: Ledger) -> None:
    for _ in range(3):
        ledger.record(EVENT)
    with book.engine.connect() as connection:
        rows = connection.execute(sa.select(AUDIT_LINKS)).all()
    witness = {(row.process, row.day, row.seq): row.hash for row in rows}
    last = rows[-1]
    shortened = rows[-2]
    book.tamper(sa.delete(AUDIT_LINKS).where(AUDIT_LINKS.c.seq == last.seq))
    book.tamper(sa.delete(AUDIT_EVENTS).where(AUDIT_EVENTS.c.number == last.event_number))
    book.tamper(sa.update(AUDIT_HEADS).values(seq=shortened.seq, hash=shortened.hash))
    assert book.verified().faults == ()
    with book.engine.connect() as connection:
        (fault,) = verify(connection, witness).faults
    assert fault.what == "was exported, but is gone"


def test_another_process_links_what_a_killed_one_left(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "AFTER", timedelta(0))
    monkeypatch.setattr(ledger_module, "ADOPT_EVERY_S", 0.01)
    monkeypatch.setattr(ledger_module, "ADOPT_SOON_S", 0.01)
    killed = Ledger(book.do, process="KILLED")
    killed.close()  # its thread is gone: what is written now is linked by nobody of it
    book.do(lambda connection: killed.write(connection, [EVENT]))
    other = Ledger(book.do, process="OTHER")
    for _ in range(1000):
        if book.verified().unlinked == 0:
            break
        other.record(EVENT)
    other.close()
    assert (book.verified().unlinked, book.verified().faults) == (0, ())


@pytest.mark.parametrize("age", [timedelta(days=4), timedelta(days=400)])
def test_what_a_process_left_that_was_killed_days_ago_is_linked_after_the_next_start(
    book: Book, monkeypatch: pytest.MonkeyPatch, age: timedelta
) -> None:
    """In pieces: 30 old events, of which the killed process had linked some."""
    monkeypatch.setattr(adoption, "PIECE", 4)
    monkeypatch.setattr(ledger_module, "ADOPT_SOON_S", 0.01)
    monkeypatch.setattr(ledger_module, "BATCH", 3)
    old = datetime.now(UTC) - age
    killed = Ledger(book.do, process="KILLED", clock=lambda: old)
    for _ in range(10):
        killed.record(EVENT)
    killed.close()
    for process in ("A", "KILLED", "Z"):
        other = Ledger(book.do, process=process, clock=lambda: old)
        other.close()
        other._numbers = itertools.count(100)
        book.do(lambda connection, other=other: other.write(connection, [EVENT] * 7))  # type: ignore[misc]
    assert book.verified().unlinked == 21
    assert book.verified().oldest_unlinked == old.isoformat(timespec="milliseconds")
    started = Ledger(book.do, process="STARTED")
    until = time.monotonic() + 20.0
    while book.verified().unlinked:
        assert time.monotonic() < until
    started.close()
    assert (book.verified().links, book.verified().oldest_unlinked, book.verified().faults) == (31, "", ())
    book.tamper(sa.delete(AUDIT_EVENTS).where(AUDIT_EVENTS.c.number == 103, AUDIT_EVENTS.c.process == "A"))
    assert [fault.what for fault in book.verified().faults] == ["its event is missing"]


def test_a_hospital_reads_nothing_of_another_ones_patients() -> None:
    both = AuditEvent(
        Action.SEARCH, ANN, subjects=(*EVENT.subjects, Subject("west", "77", "WH")), found={"north": 3, "west": 9}
    )
    assert both.sites == {"north", "west"}
    mine = both.for_site("west")
    assert [one.patient for one in mine.subjects] == ["WH|77"]
    assert mine.found == {"west": 9}
    assert "123" not in mine.to_text()


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_log_that_cannot_be_written_is_said_until_it_can_though_nobody_asks(
    book: Book, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute later the hub called itself ready, and was sent readers whom it could not serve."""
    monkeypatch.setattr(ledger_module, "ADOPT_SOON_S", 0.02)
    monkeypatch.setattr(ledger_module, "ADOPT_EVERY_S", 0.02)
    book.tamper(sa.text("CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'full'); END"))
    with pytest.raises(AuditUnavailable):
        ledger.record(EVENT)
    tried: list[bool] = []
    rest = ledger._try_to_write

    def counted(connection: sa.Connection) -> None:
        tried.append(ledger.is_failing)
        rest(connection)

    monkeypatch.setattr(ledger, "_try_to_write", counted)
    _until(lambda: len(tried) > 2)
    assert all(tried)
    assert ledger.is_failing
    book.tamper(sa.text("DROP TRIGGER full"))
    _until(lambda: not ledger.is_failing)
    assert book.bodies() == []
