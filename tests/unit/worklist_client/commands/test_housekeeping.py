"""Between readings: the cache is brought down to its budget, and delivered reports are put away with a trace."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_doubles import NOW
from viewer.cancel import CancelToken
from worklist_client.commands.housekeeping import put_away, tidy
from worklist_client.journal import PackageState
from worklist_client.settings.declarations import KEEP_REPORTS_DAYS
from worklist_client.settings.store import Settings


def _desk(bench: Bench, days_later: float) -> Any:
    desk: SimpleNamespace = bench.desk
    return SimpleNamespace(
        **{**vars(desk), "settings": Settings.in_memory(), "now": lambda: NOW + timedelta(days=days_later)}
    )


def _withdrawn(bench: Bench) -> None:
    """A signed report that is finished at NOW."""
    case = bench.opened()
    case.report.set_section("impression", "No bleed.")
    case.signing.sign()
    report = bench.delivery.signed[0].report_id
    bench.journal.outbox.withdraw(report, "taken over", NOW)
    assert bench.journal.outbox.get(report).state is PackageState.WITHDRAWN


def test_a_study_that_was_loaded_makes_room_for_the_next(bench: Bench) -> None:
    bench.opened()
    assert bench.cache.evictions >= 1


def test_finished_reports_are_put_away_after_their_time_with_an_audit_line(bench: Bench) -> None:
    _withdrawn(bench)
    keep = KEEP_REPORTS_DAYS.default
    assert put_away(_desk(bench, keep - 0.1)) == 0
    assert put_away(_desk(bench, keep + 0.1)) == 1
    (line,) = (line for line in bench.journal.audit.lines() if line.event == "report.purged")
    assert (line.study_instance_uid, line.patient_id) == (STUDY, "N1")
    assert bench.journal.audit.first_broken_line() == 0
    assert put_away(_desk(bench, keep + 0.1)) == 0


def test_tidying_does_both(bench: Bench) -> None:
    _withdrawn(bench)
    before = bench.cache.evictions
    tidy(_desk(bench, 9999), CancelToken())
    assert bench.cache.evictions == before + 1
    assert [line.event for line in bench.journal.audit.lines()].count("report.purged") == 1
