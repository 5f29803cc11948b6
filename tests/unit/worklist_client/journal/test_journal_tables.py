"""The journal's tables: what each step allows, and that nothing half-done is ever seen."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worklist_client.journal import (
    AlreadySigned,
    AuditRow,
    ClaimState,
    DraftRow,
    DraftState,
    Journal,
    JournalDamaged,
    JournalFull,
    JournalSuspect,
    JournalTooNew,
    LinkRow,
    ObjectRow,
    ObjectState,
    PackageRow,
    PackageState,
    ProfileInUse,
    RowMissing,
    StaleRevision,
    WrongRowState,
    database,
)
from worklist_client.journal.database import Database, text_from_time, time_from_text
from worklist_client.journal.migrations import MIGRATIONS
from worklist_client.journal.rows import MAIN_PACKAGE_STATES

NOW = datetime(2026, 3, 1, 3, 12, 5, 123456, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        yield opened


def draft(**changes: object) -> DraftRow:
    row = DraftRow("d1", "w1", "north", "1.2.3", "ISS", "P1", "text", 1, NOW)
    return replace(row, **changes)  # type: ignore[arg-type]


def package(**changes: object) -> PackageRow:
    row = PackageRow("r1", "w1", "north", "1.2.3", "ISS", "P1", "A1", "signed text", NOW)
    return replace(row, **changes)  # type: ignore[arg-type]


def objects(report_id: str = "r1", study: str = "1.2.3") -> list[ObjectRow]:
    return [
        ObjectRow(
            report_id, position, kind, "1.9", f"2.25.{report_id}.{position}", "2.25.7", study, "1.2.840.10008.1.2.1",
            hashlib.sha256(kind.encode()).hexdigest(), kind.encode() * 50,
        )
        for position, kind in enumerate(("GSPS", "SR"))
    ]  # fmt: skip


def signed(journal: Journal) -> PackageRow:
    journal.drafts.save(draft())
    return journal.outbox.sign(package(), objects(), "d1")


def deliver_objects(journal: Journal, state: ObjectState) -> None:
    for row in journal.outbox.objects("r1"):
        journal.outbox.set_object(row.sop_instance_uid, state, "found in archive", NOW)


# opening


@pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX modes")
def test_journal_files_are_readable_by_their_user_alone(journal: Journal, tmp_path: Path) -> None:
    journal.drafts.save(draft())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) >= 3
    assert set(modes.values()) == {0o600}


def test_journal_commits_to_the_disk_before_it_returns(journal: Journal) -> None:
    with journal._database.transaction() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_second_opening_names_the_window_that_has_the_profile(journal: Journal, tmp_path: Path) -> None:
    with pytest.raises(ProfileInUse) as caught:
        Journal.open(tmp_path / "journal.sqlite")
    assert caught.value.holder_pid == os.getpid()
    assert "another window" in caught.value.reason


def test_another_process_is_refused_too_and_gets_it_after_closing(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    code = (
        "import sys; from pathlib import Path\n"
        "from worklist_client.journal import Journal, ProfileInUse\n"
        "try:\n    Journal.open(Path(sys.argv[1])).close(); print('open')\n"
        "except ProfileInUse as error:\n    print('used by', error.holder_pid)\n"
    )

    def other() -> str:
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    with Journal.open(path):
        assert other() == f"used by {os.getpid()}"
    assert other() == "open"


def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is a letter" * 100)
    with pytest.raises(JournalDamaged):
        Journal.open(path)
    assert path.read_bytes().startswith(b"this is a letter")
    with pytest.raises(JournalDamaged):  # and the profile lock was freed
        Journal.open(path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE cookies (name TEXT)")
    connection.close()
    with pytest.raises(JournalDamaged, match="another program"):
        Journal.open(path)


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=999")
    connection.close()
    with pytest.raises(JournalTooNew) as caught:
        Journal.open(path)
    assert caught.value.found == 999


def test_a_failed_disk_makes_the_journal_suspect_until_reopened(tmp_path: Path) -> None:
    database = Database(tmp_path / "journal.sqlite")
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    with pytest.raises(JournalSuspect), database.transaction():
        raise error
    with pytest.raises(JournalSuspect):
        database.rows("SELECT 1")
    database.close()


def test_a_full_disk_rolls_back_and_says_so(journal: Journal) -> None:
    journal.drafts.save(draft())
    with journal._database.transaction() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    journal._database._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalFull):
        journal.drafts.save(draft(revision=2, content="x" * 1_000_000))
    assert journal.drafts.get("d1").content == "text"


def test_times_keep_their_order_as_text() -> None:
    assert time_from_text(text_from_time(NOW)) == NOW
    assert text_from_time(NOW) < text_from_time(NOW + timedelta(microseconds=1))


# claims


def test_asking_twice_keeps_the_first_transaction_uid(journal: Journal) -> None:
    first = journal.claims.ask("w1", "t1", NOW)
    second = journal.claims.ask("w1", "t2", LATER)
    assert second == first
    assert first.state is ClaimState.ASKED


def test_a_lost_claim_is_closed_and_the_next_one_is_new(journal: Journal) -> None:
    journal.claims.ask("w1", "t1", NOW)
    lost = journal.claims.set_state("w1", ClaimState.LOST, LATER, holder="Vries^Anna", reason="taken")
    assert (lost.holder, lost.is_open) == ("Vries^Anna", False)
    with pytest.raises(RowMissing):
        journal.claims.open_claim("w1")
    assert journal.claims.ask("w1", "t2", LATER).transaction_uid == "t2"
    assert [row.transaction_uid for row in journal.claims.history("w1")] == ["t1", "t2"]


def test_open_claims_are_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as first:
        first.claims.ask("w1", "t1", NOW, site_id="north", study_instance_uid="1.2.3")
        first.claims.ask("w2", "t2", LATER)
        first.claims.set_state("w2", ClaimState.COMPLETED, LATER)
    with Journal.open(path) as second:
        assert [(row.workitem_uid, row.transaction_uid) for row in second.claims.open_claims()] == [("w1", "t1")]


def test_outputs_survive_a_change_of_state_that_does_not_name_them(journal: Journal) -> None:
    journal.claims.ask("w1", "t1", NOW)
    journal.claims.set_state("w1", ClaimState.COMPLETING, NOW, outputs="[1]")
    assert journal.claims.set_state("w1", ClaimState.COMPLETED, LATER).outputs == "[1]"


def test_changing_a_claim_that_is_not_open_is_an_error(journal: Journal) -> None:
    with pytest.raises(RowMissing):
        journal.claims.set_state("w1", ClaimState.HELD, NOW)


def test_transaction_uid_and_patient_are_not_in_any_repr(journal: Journal) -> None:
    row = journal.claims.ask("w1", "2.25.4711", NOW)
    assert "4711" not in repr(row)
    assert "P1" not in repr(draft()) + repr(package())
    assert "signed text" not in repr(package())


# drafts


def test_a_draft_is_saved_updated_and_read_back(journal: Journal) -> None:
    journal.drafts.save(draft(content="ő ≥ ё"))
    saved = journal.drafts.save(draft(content="more", revision=2, saved_at=LATER))
    assert saved == journal.drafts.get("d1")
    assert (saved.content, saved.created_at, saved.saved_at) == ("more", NOW, LATER)


@pytest.mark.parametrize("revision", [1, 2])
def test_an_older_text_never_overwrites_a_newer(journal: Journal, revision: int) -> None:
    journal.drafts.save(draft(revision=2, content="new"))
    with pytest.raises(StaleRevision):
        journal.drafts.save(draft(revision=revision, content="old"))
    assert journal.drafts.get("d1").content == "new"


def test_a_workitem_has_one_editable_draft(journal: Journal) -> None:
    journal.drafts.save(draft())
    with pytest.raises(WrongRowState):
        journal.drafts.save(draft(draft_uid="d2"))


def test_a_draft_stays_with_its_study(journal: Journal) -> None:
    journal.drafts.save(draft())
    with pytest.raises(WrongRowState):
        journal.drafts.save(draft(revision=2, study_instance_uid="9.9"))


def test_an_orphan_keeps_its_text_and_reason_and_takes_no_more(journal: Journal) -> None:
    journal.drafts.save(draft())
    assert [row.draft_uid for row in journal.drafts.orphan_of_workitem("w1", "taken over")] == ["d1"]
    orphan = journal.drafts.get("d1")
    assert (orphan.state, orphan.content, orphan.reason) == (DraftState.ORPHAN, "text", "taken over")
    with pytest.raises(WrongRowState):
        journal.drafts.save(draft(revision=2))
    assert journal.drafts.orphan("d1", "again").reason == "taken over"
    assert journal.drafts.in_state(DraftState.ORPHAN) == [orphan]


def test_an_orphan_can_be_adopted_by_a_new_claim_of_the_study(journal: Journal) -> None:
    journal.drafts.save(draft())
    journal.drafts.orphan("d1", "given back")
    adopted = journal.drafts.adopt("d1", "w2", LATER)
    assert (adopted.state, adopted.workitem_uid, adopted.content) == (DraftState.EDITING, "w2", "text")
    assert adopted.revision == 2


def test_adopting_never_pushes_another_draft_aside(journal: Journal) -> None:
    journal.drafts.save(draft())
    journal.drafts.orphan("d1", "given back")
    journal.drafts.save(draft(draft_uid="d2", workitem_uid="w2"))
    with pytest.raises(WrongRowState):
        journal.drafts.adopt("d1", "w2", LATER)
    assert journal.drafts.get("d1").state is DraftState.ORPHAN


def test_a_discarded_draft_is_over(journal: Journal) -> None:
    journal.drafts.save(draft())
    journal.drafts.discard("d1", "by its author")
    with pytest.raises(WrongRowState):
        journal.drafts.orphan("d1", "x")
    assert journal.drafts.editable("w1") == []


# outbox


def test_signing_stores_text_bytes_and_hashes_and_ends_the_draft(journal: Journal) -> None:
    row = signed(journal)
    assert (row.state, row.reached, row.tries, row.draft_uid) == (PackageState.SIGNED, PackageState.SIGNED, 0, "d1")
    assert journal.outbox.objects("r1") == objects()
    assert journal.drafts.get("d1").state is DraftState.SIGNED


def test_signing_is_all_or_nothing(journal: Journal) -> None:
    journal.drafts.save(draft())
    twice = [objects()[0], replace(objects()[0], position=1)]
    with pytest.raises(Exception, match="SQLITE_CONSTRAINT"):
        journal.outbox.sign(package(), twice, "d1")
    assert journal.drafts.get("d1").state is DraftState.EDITING
    assert journal.outbox.undelivered() == []


def test_signing_again_with_the_same_bytes_changes_nothing(journal: Journal) -> None:
    signed(journal)
    journal.outbox.advance("r1", PackageState.FENCED, NOW)
    assert journal.outbox.sign(package(), objects(), "d1").state is PackageState.FENCED


def test_signed_bytes_never_change(journal: Journal) -> None:
    signed(journal)
    other = [replace(objects()[0], data=b"other"), objects()[1]]
    with pytest.raises(AlreadySigned):
        journal.outbox.sign(package(), other, "d1")


def test_a_workitem_gets_one_report(journal: Journal) -> None:
    signed(journal)
    with pytest.raises(AlreadySigned):
        journal.outbox.sign(package(report_id="r2"), objects("r2"), "d1")


def test_an_object_of_another_study_is_refused(journal: Journal) -> None:
    journal.drafts.save(draft())
    with pytest.raises(ValueError, match="another report or study"):
        journal.outbox.sign(package(), objects(study="9.9"), "d1")
    with pytest.raises(ValueError, match="at least one"):
        journal.outbox.sign(package(), [], "d1")


def test_an_orphan_draft_cannot_be_signed(journal: Journal) -> None:
    journal.drafts.save(draft())
    journal.drafts.orphan("d1", "taken over")
    with pytest.raises(WrongRowState):
        journal.outbox.sign(package(), objects(), "d1")


def test_the_whole_way_home(journal: Journal) -> None:
    signed(journal)
    outbox = journal.outbox
    outbox.advance("r1", PackageState.FENCED, NOW)
    deliver_objects(journal, ObjectState.STORED)
    outbox.advance("r1", PackageState.STORED, NOW)
    deliver_objects(journal, ObjectState.VERIFIED)
    outbox.advance("r1", PackageState.VERIFIED, NOW)
    done = outbox.advance("r1", PackageState.DONE, LATER)
    assert (done.state, done.changed_at) == (PackageState.DONE, LATER)
    assert outbox.undelivered() == []
    assert outbox.triable() == []


@pytest.mark.parametrize("how", ["done", "withdrawn"])
def test_what_was_finished_long_ago_is_removed_and_its_orphan_and_audit_stay(journal: Journal, how: str) -> None:
    signed(journal)
    journal.audit.append(AuditRow(NOW, "study.opened", "R1", workitem_uid="w1"))
    outbox = journal.outbox
    if how == "withdrawn":
        outbox.withdraw("r1", "taken over", LATER)
    else:
        for state, objects_are in zip(MAIN_PACKAGE_STATES[1:], (None, "STORED", "VERIFIED", None), strict=True):
            if objects_are is not None:
                deliver_objects(journal, ObjectState(objects_are))
            outbox.advance("r1", state, LATER)
    assert outbox.purge(LATER) == []
    assert [row.report_id for row in outbox.purge(LATER + timedelta(seconds=1))] == ["r1"]
    assert outbox.of_workitem("w1") == []
    assert outbox.objects("r1") == []
    assert [row.event for row in journal.audit.lines()] == ["study.opened"]
    if how == "withdrawn":
        assert journal.drafts.get("d1").state is DraftState.ORPHAN
    else:
        with pytest.raises(RowMissing):
            journal.drafts.get("d1")


def test_what_is_not_finished_is_never_removed(journal: Journal) -> None:
    signed(journal)
    journal.outbox.attention("r1", "look", NOW)
    assert journal.outbox.purge(NOW + timedelta(days=9999)) == []
    assert len(journal.outbox.objects("r1")) == 2


def test_no_step_is_skipped(journal: Journal) -> None:
    signed(journal)
    for far in (PackageState.STORED, PackageState.VERIFIED, PackageState.DONE):
        with pytest.raises(WrongRowState):
            journal.outbox.advance("r1", far, NOW)
    with pytest.raises(WrongRowState):
        journal.outbox.advance("r1", PackageState.RETRY, NOW)


def test_a_package_is_never_further_than_its_objects(journal: Journal) -> None:
    signed(journal)
    journal.outbox.advance("r1", PackageState.FENCED, NOW)
    journal.outbox.set_object(objects()[0].sop_instance_uid, ObjectState.STORED, "accepted", NOW)
    with pytest.raises(WrongRowState, match="behind"):
        journal.outbox.advance("r1", PackageState.STORED, NOW)


def test_nothing_is_stored_before_the_fence(journal: Journal) -> None:
    signed(journal)
    with pytest.raises(WrongRowState):
        journal.outbox.set_object(objects()[0].sop_instance_uid, ObjectState.STORED, "accepted", NOW)


def test_an_object_that_is_missing_after_all_is_sent_again(journal: Journal) -> None:
    signed(journal)
    journal.outbox.advance("r1", PackageState.FENCED, NOW)
    deliver_objects(journal, ObjectState.STORED)
    journal.outbox.advance("r1", PackageState.STORED, NOW)
    journal.outbox.set_object(objects()[1].sop_instance_uid, ObjectState.WAITING, "", LATER)
    assert journal.outbox.get("r1").reached is PackageState.FENCED
    assert [row.state for row in journal.outbox.objects("r1")] == [ObjectState.STORED, ObjectState.WAITING]


def test_side_states_keep_what_was_reached_and_why(journal: Journal) -> None:
    signed(journal)
    outbox = journal.outbox
    outbox.advance("r1", PackageState.FENCED, NOW)
    retry = outbox.retry("r1", "the hospital does not answer", LATER, NOW)
    assert (retry.state, retry.reached, retry.tries) == (PackageState.RETRY, PackageState.FENCED, 1)
    assert [row.report_id for row in outbox.triable()] == ["r1"]
    attention = outbox.attention("r1", "the patient changed", LATER)
    assert (attention.tries, attention.next_attempt) == (2, None)
    assert outbox.triable() == []
    assert [row.report_id for row in outbox.undelivered()] == ["r1"]
    resumed = outbox.resume("r1", LATER)
    assert (resumed.state, resumed.reason) == (PackageState.FENCED, "")
    assert outbox.block("r1", "sign in", LATER).state is PackageState.BLOCKED


def test_stat_reports_are_due_first(journal: Journal) -> None:
    signed(journal)
    journal.drafts.save(draft(draft_uid="d2", workitem_uid="w2"))
    later = package(report_id="r2", workitem_uid="w2", stat=True, signed_at=LATER)
    journal.outbox.sign(later, objects("r2"), "d2")
    assert [row.report_id for row in journal.outbox.triable()] == ["r2", "r1"]


def test_a_refused_fence_turns_the_report_into_an_orphan_draft(journal: Journal) -> None:
    signed(journal)
    row = journal.outbox.withdraw("r1", "taken over by another reader", LATER)
    assert row.state is PackageState.WITHDRAWN
    orphan = journal.drafts.get("d1")
    assert (orphan.state, orphan.reason) == (DraftState.ORPHAN, "taken over by another reader")
    assert journal.outbox.undelivered() == []
    assert journal.outbox.withdraw("r1", "again", LATER) == row


def test_after_the_fence_nothing_is_withdrawn(journal: Journal) -> None:
    signed(journal)
    journal.outbox.advance("r1", PackageState.FENCED, NOW)
    with pytest.raises(WrongRowState):
        journal.outbox.withdraw("r1", "x", LATER)


def test_what_is_done_stays_done(journal: Journal) -> None:
    test_the_whole_way_home(journal)
    with pytest.raises(WrongRowState):
        journal.outbox.retry("r1", "x", LATER, NOW)
    with pytest.raises(WrongRowState):
        journal.outbox.resume("r1", NOW)


def test_bytes_that_changed_on_the_disk_are_never_sent(journal: Journal) -> None:
    signed(journal)
    with journal._database.transaction() as connection:
        connection.execute("UPDATE objects SET data = ? WHERE position = 1", (b"rotten",))
    with pytest.raises(JournalDamaged):
        journal.outbox.objects("r1")


# audit and links


def test_the_audit_spool_is_a_chain_and_a_change_shows(journal: Journal) -> None:
    lines = [journal.audit.append(AuditRow(NOW, "study opened", "r1", reason=str(number))) for number in range(3)]
    assert [line.sequence for line in lines] == [1, 2, 3]
    assert lines[1].previous_hash == lines[0].line_hash
    assert journal.audit.lines() == lines
    assert journal.audit.first_broken_line() == 0
    with journal._database.transaction() as connection:
        connection.execute("UPDATE audit SET reason = 'other' WHERE sequence = 2")
    assert journal.audit.first_broken_line() == 2


def test_a_line_that_was_removed_breaks_the_chain(journal: Journal) -> None:
    for number in range(3):
        journal.audit.append(AuditRow(NOW, "study opened", "r1", reason=str(number)))
    with journal._database.transaction() as connection:
        connection.execute("DELETE FROM audit WHERE sequence = 2")
    assert journal.audit.first_broken_line() == 3


def test_sent_lines_leave_the_spool(journal: Journal) -> None:
    for number in range(3):
        journal.audit.append(AuditRow(NOW, "e", "r1", reason=str(number)))
    journal.audit.mark_sent(2)
    assert [line.sequence for line in journal.audit.unsent()] == [3]


def test_a_link_is_of_one_workitem(journal: Journal) -> None:
    row = LinkRow("w1", "A", "1", "B", "2", "probable", ("birth_date", "family_name"), "[]", "r1", NOW)
    journal.links.confirm(row)
    journal.links.confirm(replace(row, reader_code="r2"))
    assert journal.links.of_workitem("w1") == [replace(row, reader_code="r2")]
    assert journal.links.of_workitem("w2") == []


def test_many_threads_write_at_once(journal: Journal) -> None:
    def write(number: int) -> None:
        for step in range(5):
            journal.claims.ask(f"w{number}-{step}", f"t{number}-{step}", NOW)
            journal.audit.append(AuditRow(NOW, "e", str(number)))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert len(journal.claims.open_claims()) == 30
    assert journal.audit.first_broken_line() == 0


def test_a_journal_of_the_first_version_opens_with_its_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.sqlite"
    monkeypatch.setattr(database, "MIGRATIONS", MIGRATIONS[:1])
    with Journal.open(path) as first:
        first.drafts.save(draft())
        with first._database.transaction() as connection:
            row = package()
            values = (row.report_id, row.workitem_uid, row.site_id, row.study_instance_uid, "", "P1", "A1", "text")
            stamp = text_from_time(NOW)
            connection.execute(
                "INSERT INTO packages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'SIGNED', 'SIGNED', '', 0, NULL, ?, 'd1')",
                (*values, stamp, stamp),
            )
    monkeypatch.setattr(database, "MIGRATIONS", MIGRATIONS)
    with Journal.open(path) as second:
        [found] = second.outbox.undelivered()
        assert (found.report_id, found.beside) == ("r1", ())
        second.outbox.attention("r1", "look", NOW)
        assert second.outbox.send_beside("r1", ["1.2", "1.3", "1.2"], NOW).beside == ("1.2", "1.3")
