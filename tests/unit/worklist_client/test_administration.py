"""The administrator's commands: a secret is stored or said how to, a check tells of every connection."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from pacs import checking
from pacs.checking import Check
from pacs.credentials import Credentials
from pacs.errors import NotAuthorised
from pacs.secrets import from_file
from pacs.site import DicomwebConnection, Site
from worklist_client import administration
from worklist_client.settings.keychain import NoKeychain
from worklist_client.worklist.embedded import EmbeddedHubError, HubAddress
from worklist_client.worklist.region import About

ROOT = Path(__file__).resolve().parents[3]
Kept = dict[str, Credentials]


@pytest.fixture(autouse=True)
def set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data directory as an administrator has made it."""
    (tmp_path / "hub.toml").write_text("", encoding="utf-8")
    monkeypatch.setattr("keyring.get_password", lambda *_asked: None)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    found: Kept = {}

    def keep(connection_id: str, credentials: Credentials) -> str:
        found[connection_id] = credentials
        return "Test keychain"

    monkeypatch.setattr(administration, "keep", keep)
    return found


def secret(tmp_path: Path, *answers: str) -> int:
    given: Iterator[str] = iter(answers)
    command = ["secret", "west-web", "--data-dir", str(tmp_path)]
    return administration.main(command, lambda _text: next(given), lambda _text: next(given))


def test_user_and_password_go_to_the_keychain_and_not_to_the_screen(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert secret(tmp_path, "anna", "hunter2") == 0
    assert kept == {"west-web": Credentials(user="anna", password="hunter2")}
    said = capsys.readouterr().out
    assert "Test keychain" in said
    assert "hunter2" not in said


def test_without_a_user_it_is_a_bearer_token(kept: Kept, tmp_path: Path) -> None:
    assert secret(tmp_path, "", "abc") == 0
    assert kept == {"west-web": Credentials(bearer_token="abc")}


def test_an_empty_password_stores_nothing(kept: Kept, tmp_path: Path) -> None:
    assert secret(tmp_path, "anna", "") == 2
    assert kept == {}


@pytest.mark.parametrize(
    ("piped", "stored"),
    [
        ("anna:hun:ter2\n", Credentials(user="anna", password="hun:ter2")),
        ("bearer:abc", Credentials(bearer_token="abc")),
    ],
)
def test_without_a_terminal_one_line_of_the_input_is_the_secret(
    piped: str, stored: Credentials, kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(piped))
    assert administration.main(["secret", "west-web", "--data-dir", str(tmp_path)]) == 0
    assert kept == {"west-web": stored}


@pytest.mark.parametrize(
    ("piped", "said"), [("", "user:password"), ("hunter2\n", "user:password"), ("anna:", "nothing")]
)
def test_an_input_without_a_secret_says_what_it_should_be(
    piped: str,
    said: str,
    kept: Kept,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(piped))
    assert administration.main(["secret", "west-web", "--data-dir", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "hunter2" not in told
    assert kept == {}


def test_an_end_of_input_at_the_question_stores_nothing(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(_text: str) -> str:
        raise EOFError

    assert administration.main(["secret", "west-web", "--data-dir", str(tmp_path)], ended, ended) == 2
    assert "nothing is stored" in capsys.readouterr().err
    assert kept == {}


@pytest.fixture
def no_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_here(*_given: object) -> str:
        raise NoKeychain("this computer has no keychain that can be used")

    monkeypatch.setattr(administration, "keep", none_here)


@pytest.mark.usefixtures("no_keychain")
def test_without_a_keychain_the_private_file_beside_the_hub_file_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert secret(tmp_path, "anna", "hunter2") == 0
    file = tmp_path / "secrets.toml"
    said = capsys.readouterr().out
    assert str(file) in said
    assert "hunter2" not in said
    assert from_file(file, "west-web") == Credentials(user="anna", password="hunter2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_secret_that_a_file_holds_is_changed_in_that_file(
    kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secrets.toml"
    file.touch(mode=0o600)
    file.write_text(
        '[west-web]\nuser = "anna"\npassword = "old"\nca_file = "/ca.pem"\n[other]\nuser = "o"\n', encoding="utf-8"
    )
    assert secret(tmp_path, "anna", 'n"\\w') == 0
    assert from_file(file, "west-web") == Credentials(user="anna", password='n"\\w', ca_file="/ca.pem")
    assert from_file(file, "other") == Credentials(user="o")
    assert kept == {}, "a keychain would hide the authority file of the other place"
    assert str(file) in capsys.readouterr().out


def test_a_refused_desk_is_told_the_command_for_its_own_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "secrets.toml"
    file.touch(mode=0o600)
    file.write_text('[hill-web]\nuser = "worklist"\npassword = "hunter2"\n', encoding="utf-8")
    connection = DicomwebConnection("hill-web", "http://127.0.0.1:1/dicom-web")
    monkeypatch.setattr(administration, "start_or_join", lambda _folder: HubAddress("http://127.0.0.1:1", "t"))
    monkeypatch.setattr(administration, "about", lambda *_given: About("HUB", "1", True, True, problem=""))
    site = Site("h", "Hill", "#000000", connections=(connection,))
    monkeypatch.setattr(administration, "sites", lambda _client: (site,))
    monkeypatch.setattr(checking, "_ask", refused)
    assert administration.main(["check", "--data-dir", str(tmp_path), "--profile", "night"]) == 1
    said = capsys.readouterr().out
    assert f"user worklist from {file} is refused" in said
    assert f"worklist-client secret hill-web --data-dir {tmp_path} --profile night" in said
    assert "hunter2" not in said


def refused(_port: object) -> None:
    raise NotAuthorised("the PACS refuses us", status=401)


@pytest.mark.parametrize(("works", "code"), [((True, True), 0), ((True, False), 1)])
def test_a_check_tells_of_every_connection_and_fails_with_the_first_that_does(
    works: tuple[bool, ...],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(administration, "start_or_join", lambda _folder: HubAddress("http://127.0.0.1:1", "t"))
    monkeypatch.setattr(administration, "about", lambda *_given: About("HUB", "1", True, True, problem=""))
    monkeypatch.setattr(administration, "sites", lambda _client: (Site("n", "North", "#000000"),))
    checks = [Check("North", f"c{place}", one, "words", "" if one else "do this") for place, one in enumerate(works)]
    monkeypatch.setattr(administration, "check_sites", lambda *_given, **_named: iter(checks))
    assert administration.main(["check", "--data-dir", str(tmp_path), "--profile", "night"]) == code
    said = capsys.readouterr().out
    assert "'WL_NIGHT'" in said
    assert all(check.line in said for check in checks)


def test_no_hospital_names_the_file_to_write(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(administration, "start_or_join", lambda _folder: HubAddress("http://127.0.0.1:1", "t"))
    monkeypatch.setattr(administration, "about", lambda *_given: About("HUB", "1", True, True, problem=""))
    monkeypatch.setattr(administration, "sites", lambda _client: ())
    assert administration.main(["check", "--data-dir", str(tmp_path)]) == 1
    assert str(tmp_path / "hub.toml") in capsys.readouterr().out


def test_a_hub_that_does_not_start_is_said_with_its_advice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_folder: Path) -> HubAddress:
        raise EmbeddedHubError("the hub ended", "Undo the change of hub.toml")

    monkeypatch.setattr(administration, "start_or_join", fails)
    assert administration.main(["check", "--data-dir", str(tmp_path)]) == 2
    assert "Undo the change" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["check"], ["secret", "west-web"]])
@pytest.mark.parametrize(("folder", "said"), [("regio", "there is no folder"), ("empty", "there is no hub.toml in")])
def test_a_mistyped_data_directory_is_said_and_nothing_is_made(
    command: list[str], folder: str, said: str, tmp_path: Path, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    given = [*command, "--data-dir", str(tmp_path / folder)]
    assert administration.main(given, lambda _text: "anna", lambda _text: "hunter2") == 2
    assert f"{said} {tmp_path / folder}" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
    assert kept == {}


def test_a_desk_of_a_shared_list_needs_no_hub_file(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").unlink()
    settings = tmp_path / "profiles" / "default" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"hub.url": "http://127.0.0.1:1"}', encoding="utf-8")
    assert secret(tmp_path, "anna", "hunter2") == 0
    monkeypatch.setattr(administration, "about", lambda *_given: About("HUB", "1", True, True, problem=""))
    monkeypatch.setattr(administration, "sites", lambda _client: ())
    assert administration.main(["check", "--data-dir", str(tmp_path)]) == 1
    assert "http://127.0.0.1:1 has no [[site]]" in capsys.readouterr().out


def test_it_needs_no_windows() -> None:
    code = "import sys, worklist_client.administration; sys.exit('PySide6' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
