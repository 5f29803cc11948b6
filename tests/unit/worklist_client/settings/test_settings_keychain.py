"""Secrets of connections: where they are looked for, how often, and what is said where there is no keychain."""

from __future__ import annotations

from pathlib import Path

import keyring
import pytest
from keyring.errors import NoKeyringError

from pacs.credentials import Credentials
from pacs.secrets import SecretsError
from worklist_client.settings.keychain import REMEMBERED_S, NoKeychain, Secrets, credentials_for, keep


def _none_here(*_names: str) -> str:
    raise NoKeyringError


@pytest.fixture
def no_keychain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_password", _none_here)
    monkeypatch.setattr(keyring, "set_password", _none_here)


def _file(path: Path, user: str) -> Path:
    path.write_text(f'[a]\nuser = "{user}"\npassword = "p"\n')
    path.chmod(0o600)
    return path


@pytest.mark.usefixtures("no_keychain")
def test_the_first_file_that_knows_the_connection_counts(tmp_path: Path) -> None:
    shared = _file(tmp_path / "shared.toml", "shared")
    assert credentials_for("a", tmp_path / "own.toml", shared) == Credentials(user="shared", password="p")
    own = _file(tmp_path / "own.toml", "own")
    assert credentials_for("a", own, shared) == Credentials(user="own", password="p")


@pytest.mark.usefixtures("no_keychain")
def test_storing_without_a_keychain_says_so() -> None:
    with pytest.raises(NoKeychain):
        keep("a", Credentials(user="u", password="p"))


@pytest.mark.parametrize("kept", ["not json", '{"usr": "u"}', '"text"'])
def test_a_broken_entry_is_an_error_that_does_not_show_it(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "get_password", lambda *_names: kept)
    with pytest.raises(SecretsError) as caught:
        credentials_for("a")
    assert kept not in caught.value.reason


def test_the_keychain_is_asked_once_a_minute_for_each_connection() -> None:
    asked: list[str] = []
    now = [0.0]

    def find(connection_id: str, *_files: Path) -> Credentials | None:
        asked.append(connection_id)
        return None if connection_id == "open" else Credentials(user=f"u{len(asked)}")

    secrets = Secrets((), find, lambda: now[0])
    assert secrets("a") == secrets("a") == Credentials(user="u1")
    assert secrets("open") is None
    assert secrets("open") is None
    assert asked == ["a", "open"]
    now[0] = REMEMBERED_S
    assert secrets("a") == Credentials(user="u3")


def test_an_error_is_not_remembered() -> None:
    tries: list[str] = []

    def find(connection_id: str, *_files: Path) -> Credentials | None:
        tries.append(connection_id)
        if len(tries) == 1:
            raise SecretsError("locked")
        return Credentials(user="u")

    secrets = Secrets((), find)
    with pytest.raises(SecretsError):
        secrets("a")
    assert secrets("a") == Credentials(user="u")
