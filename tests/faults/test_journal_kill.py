"""kill -9 of the process that writes the journal, at random moments: what it acknowledged is there, nothing is torn.

The known-bad variant (commits that are not awaited before acknowledging) must fail the same check.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from worklist_client.journal import DraftState, Journal, PackageState

WRITER = Path(__file__).with_name("journal_writer.py")
KILLS = 10

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")


def killed_after(path: Path, acknowledged: int, mode: str = "honest") -> list[list[str]]:
    """Run the writer, kill it once it acknowledged so many steps; all acknowledgements it got out."""
    with subprocess.Popen([sys.executable, str(WRITER), str(path), mode], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for _ in range(acknowledged):
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
        process.wait(30)
    # The last line may be cut off in the middle; then it was not acknowledged.
    return [line.split() for line in lines if line.endswith("\n")]


def lost(journal: Journal, acknowledgements: list[list[str]]) -> list[list[str]]:
    """Acknowledged steps that the journal does not hold."""
    return [words for words in acknowledgements if not _holds(journal, words)]


def _holds(journal: Journal, words: list[str]) -> bool:
    match words:
        case ["claim", workitem, transaction]:
            return any(row.transaction_uid == transaction for row in journal.claims.history(workitem))
        case ["draft", draft_uid, revision]:
            return any(
                row.draft_uid == draft_uid and row.revision >= int(revision)
                for state in DraftState
                for row in journal.drafts.in_state(state)
            )
        case ["sign", report_id]:
            return any(row.report_id == report_id for row in _packages(journal))
        case ["advance", report_id, state]:
            order = list(PackageState)
            return any(
                row.report_id == report_id and order.index(row.reached) >= order.index(PackageState(state))
                for row in _packages(journal)
            )
    raise AssertionError(words)


def _packages(journal: Journal) -> list:  # type: ignore[type-arg]
    workitems = {row.workitem_uid for state in DraftState for row in journal.drafts.in_state(state)}
    return [row for workitem in workitems for row in journal.outbox.of_workitem(workitem)]


def check_whole(journal: Journal, path: Path) -> None:
    """Nothing is half done: a signed draft has its package with all its bytes, and SQLite finds no fault."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()
    signed = {row.draft_uid for row in journal.drafts.in_state(DraftState.SIGNED)}
    packages = _packages(journal)
    assert {row.draft_uid for row in packages} == signed
    for package in packages:
        objects = journal.outbox.objects(package.report_id)
        assert [row.position for row in objects] == [0, 1]
        assert all(hashlib.sha256(row.data).hexdigest() == row.content_sha256 for row in objects)


def test_nothing_acknowledged_is_lost_by_kill_minus_nine(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    chosen = random.Random(20260301)
    everything: list[list[str]] = []
    for _ in range(KILLS):
        everything += killed_after(path, chosen.randint(1, 60))
        with Journal.open(path) as journal:  # the dead holder's profile lock is free at once
            assert lost(journal, everything) == []
            check_whole(journal, path)
    assert {words[0] for words in everything} == {"claim", "draft", "sign", "advance"}


def test_acknowledging_before_the_commit_fails_the_same_check(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    acknowledgements = killed_after(path, 40, "known-bad")
    assert len(acknowledgements) >= 40
    with Journal.open(path) as journal:
        assert lost(journal, acknowledgements) != []
