"""The demo's region of two readers: accounts, desks, and what its hub is told. Without a hub and without windows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from worklist_client.demo import desks, readers
from worklist_client.demo.desks import REQUESTS, Desks, join
from worklist_client.demo.hospitals import Hospital, hub_configuration
from worklist_client.demo.shared import HEAD, SharedRegion, prepare_desk, welcome

URL = "http://127.0.0.1:1"


class Process:
    """A desk; open until somebody closes it."""

    def __init__(self) -> None:
        self.status: int | None = None

    def poll(self) -> int | None:
        return self.status


@pytest.fixture
def region(tmp_path: Path) -> SharedRegion:
    run = tmp_path / "night"
    run.mkdir()
    return SharedRegion(tmp_path, run, URL, {"sanne": "sanne's", "peter": "peter's"})


@pytest.fixture
def opened() -> dict[str, Process]:
    return {}


@pytest.fixture
def open_desks(region: SharedRegion, opened: dict[str, Process]) -> Desks:
    def start(profile: str) -> subprocess.Popen[bytes]:
        opened[profile] = Process()
        return opened[profile]  # type: ignore[return-value]

    return Desks(region, start)


def test_passwords_are_long_enough_for_the_hub_and_differ() -> None:
    made = {readers.new_password() for _ in range(50)}
    assert len(made) == 50
    assert all(re.fullmatch(r"([a-z]{4}-){3}[a-z]{4}", one) for one in made)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_the_file_of_passwords_is_for_its_owner_even_where_it_was_not_before(tmp_path: Path) -> None:
    file = tmp_path / readers.PASSWORDS
    file.write_text("old")
    file.chmod(0o644)
    readers.keep(file, {"sanne": "secret"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text()) == {"sanne": "secret"}


def test_the_terminal_says_what_to_type(region: SharedRegion) -> None:
    lines = welcome(region).splitlines()
    assert any(line.split()[-4:-1] == ["Vries", "sanne", "sanne's"] for line in lines)
    assert any("Peter Bakker" in line and "peter's" in line and "coordinator" in line for line in lines)
    assert URL in welcome(region)
    assert "sanne's" not in repr(region)


def test_a_desk_knows_the_hub_and_the_name_and_keeps_what_its_reader_chose(region: SharedRegion) -> None:
    prepare_desk(region, "sanne", "sanne")
    file = region.desks / "profiles" / "sanne" / "settings.json"
    assert json.loads(file.read_text()) == {"hub.url": URL, "hub.login": "sanne"}
    file.write_text(json.dumps({"language": "nl", "hub.url": "http://old"}))
    prepare_desk(region, "sanne", "sanne")
    assert json.loads(file.read_text()) == {"language": "nl", "hub.url": URL, "hub.login": "sanne"}


def test_the_same_reader_gets_a_desk_of_his_own_each_time(open_desks: Desks, opened: dict[str, Process]) -> None:
    assert [open_desks.open(login) for login in ("sanne", "peter", "sanne", "sanne")] == [
        "sanne",
        "peter",
        "sanne-2",
        "sanne-3",
    ]
    assert list(opened) == ["sanne", "peter", "sanne-2", "sanne-3"]


def test_another_terminal_gets_a_desk_and_the_last_one_closed_ends_it(
    open_desks: Desks, opened: dict[str, Process], region: SharedRegion
) -> None:
    open_desks.open("sanne")
    turns = iter(range(99))

    def wait(_seconds: float) -> None:
        turn = next(turns)
        if turn == 0:
            (region.folder / REQUESTS / "sanne.1").touch()
            (region.folder / REQUESTS / "nobody.1").touch()
        elif turn == 1:
            opened["sanne"].status = 0
        elif turn == 3:
            opened["sanne-2"].status = 0

    open_desks.watch(wait)
    assert list(opened) == ["sanne", "sanne-2"]
    assert next(turns) == 4
    assert list((region.folder / REQUESTS).iterdir()) == []


def test_a_closed_desk_is_opened_again_under_its_own_name(open_desks: Desks, opened: dict[str, Process]) -> None:
    open_desks.open("sanne")
    open_desks.open("peter")
    opened["sanne"].status = 0
    turns = iter((False, True))

    def wait(_seconds: float) -> None:
        if next(turns):
            opened["peter"].status = 0
        else:
            assert open_desks.open("sanne") == "sanne"
            opened["sanne"].status = 0

    open_desks.watch(wait)


def test_who_joins_where_nothing_runs_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert join(tmp_path, "sanne") == 1
    (tmp_path / REQUESTS).mkdir()  # of a region that was killed
    waited: list[float] = []
    assert join(tmp_path, "sanne", waited.append) == 1
    assert sum(waited) == pytest.approx(desks.TAKEN_WITHIN_S, abs=desks.POLL_S)
    assert list((tmp_path / REQUESTS).iterdir()) == []
    assert capsys.readouterr().err.count("--two-readers") == 2


def test_who_joins_is_told_once_the_desk_is_taken_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    requests = tmp_path / REQUESTS
    requests.mkdir()
    assert join(tmp_path, "peter", lambda _seconds: [one.unlink() for one in requests.iterdir()]) == 0
    assert "peter" in capsys.readouterr().out


def test_desks_that_share_a_computer_ask_every_hospital_by_c_get() -> None:
    hospitals = [Hospital(one, None, 1) for one in ("north", "south", "west")]  # type: ignore[arg-type]
    shared = hub_configuration(hospitals, head=HEAD.format(port=7))
    assert "C-MOVE" not in shared
    assert "accounts = true" in shared
    assert 'retrieve = "C-MOVE", move_destination_port = 9' in hub_configuration(hospitals, move_port=9)
