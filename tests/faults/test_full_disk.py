"""A disk that is really full: what is said, what is kept, and that everything goes on when there is room again."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pacs.port import StoreObject, StoreOutcome
from tests.peers.reading_bench import Bench, new_bench
from tests.unit.delivery.doubles import MemoryPacs, Region, never, report_of
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_state import CannotSign, Standing
from worklist_client.commands.full_disk import NOT_SAVED, NOT_SIGNED
from worklist_client.delivery.service import FULL_DISK_S
from worklist_client.delivery.status import DeliveryState
from worklist_client.journal import Journal, JournalFull, PackageState
from worklist_client.report.draft_json import draft_from_json
from worklist_client.report.model import SignedReport

SIZE_KB = 900


class SmallDisk:
    """A file system of its own that can be filled to the last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        descriptor = os.open(self._filler, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for size in (65536, 4096, 512, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(descriptor, b"x" * size)
        assert os.statvfs(self.folder).f_bavail == 0
        os.close(descriptor)

    def make_room(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", f"size={SIZE_KB}k", "tmpfs", str(folder)]
    if mount is None or os.name != "posix" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(
            "a small file system can be mounted by root on Linux only; the journal's page limit stands in for it"
        )
    yield SmallDisk(folder)
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def bench(disk: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with new_bench(disk.folder, monkeypatch) as made:
        yield made


def written(bench: Bench) -> CaseSession:
    case = bench.opened()
    case.report.set_section("findings", "Opgeslagen.")
    case.keeper.save_now()
    return case


def findings(bench: Bench) -> str:
    [row] = bench.journal.drafts.editable("2.25.1")
    return draft_from_json(row.content).sections["findings"]


def test_signing_on_a_full_disk_says_not_signed_and_where_the_text_is_and_works_when_there_is_room(
    disk: SmallDisk, bench: Bench
) -> None:
    case = written(bench)
    case.report.set_section("findings", "Niet opgeslagen. " * 4000)
    disk.fill()
    with pytest.raises(CannotSign) as caught:
        case.signing.sign()
    assert caught.value.reason == NOT_SIGNED
    assert findings(bench) == "Opgeslagen."
    assert bench.journal.outbox.of_workitem("2.25.1") == []
    assert case.report.draft.sections["findings"].startswith("Niet opgeslagen.")
    disk.make_room()
    case.signing.sign()
    assert bench.journal.outbox.of_workitem("2.25.1")[0].state is PackageState.SIGNED


def test_the_signed_bytes_that_find_no_room_leave_the_draft_as_it_was(
    disk: SmallDisk, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = written(bench)
    rendered = case.signing._render

    def fill_and_render(*given: Any) -> SignedReport:
        disk.fill()
        return rendered(*given)

    monkeypatch.setattr(case.signing, "_render", fill_and_render)
    case.signing.sign()
    assert (case.claim.standing, case.claim.reason) == (Standing.MINE, NOT_SIGNED)
    assert case.editable
    assert findings(bench) == "Opgeslagen."
    disk.make_room()
    monkeypatch.setattr(case.signing, "_render", rendered)
    case.signing.sign()
    assert case.claim.standing is Standing.SIGNED


def test_typing_on_a_full_disk_is_said_and_saved_by_itself_when_there_is_room(disk: SmallDisk, bench: Bench) -> None:
    case = written(bench)
    case.report.set_section("findings", "Later. " * 10_000)
    disk.fill()
    case.keeper.save_soon()
    assert case.notice == NOT_SAVED
    disk.make_room()
    case.keeper.save_soon()
    assert case.notice == ""
    assert findings(bench).startswith("Later.")


def _delivering(region: Region) -> tuple[MemoryPacs, SignedReport]:
    archive = region.add("north")
    report, study = report_of("north", "S1")
    archive.studies.append(study)
    region.sign(report)
    return archive, report


def test_a_delivery_on_a_full_disk_waits_and_arrives_once(disk: SmallDisk, tmp_path: Path) -> None:
    with Journal.open(disk.folder / "journal.sqlite") as journal:
        region = Region(journal)
        archive, report = _delivering(region)
        service = region.service()

        def fill_after(_item: StoreObject) -> StoreOutcome | None:
            disk.fill()
            archive.on_store = None
            return None

        archive.on_store = fill_after
        service.deliver_due(never)
        assert journal.outbox.get(report.report_id).state not in (PackageState.ATTENTION, PackageState.DONE)
        disk.make_room()
        region.clock.forward(FULL_DISK_S)
        service.deliver_due(never)
        assert service.status_of(report.report_id).state is DeliveryState.DONE
        assert sorted(archive.sent) == sorted(item.sop_instance_uid for item in report.objects)


def test_no_room_for_reading_back_is_a_pause_and_no_matter_for_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        region = Region(journal)
        archive, report = _delivering(region)

        def full(*_given: Any) -> Any:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(archive, "retrieve", full)
        region.service().deliver_due(never)
        status = region.service().status_of(report.report_id)
        assert status.state is DeliveryState.RETRY
        assert "disk of this computer is full" in status.reason


def test_a_journal_that_is_full_holds_no_report_up_for_ever_and_ends_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        region = Region(journal)
        _, report = _delivering(region)
        service = region.service()
        advance = journal.outbox.advance

        def full(*_given: Any) -> Any:
            raise JournalFull("the disk is full; nothing was written")

        monkeypatch.setattr(journal.outbox, "advance", full)
        assert service.deliver_due(never) == 1
        monkeypatch.setattr(journal.outbox, "advance", advance)
        assert not service.deliver_one(never)
        region.clock.forward(FULL_DISK_S)
        service.deliver_due(never)
        assert service.status_of(report.report_id).state is DeliveryState.DONE
        assert replace(service.status_of(report.report_id)).reason == ""
