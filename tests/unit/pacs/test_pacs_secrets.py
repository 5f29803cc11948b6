"""Secrets come from keychain, environment or a private file, and are refused where others can read them."""

from __future__ import annotations

from pathlib import Path

import keyring
import pytest
from keyring.errors import NoKeyringError

from pacs.credentials import Credentials
from pacs.secrets import SecretsError, find, from_environment, from_file, variable_of, write
from worklist_client.settings import keychain


def _file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "secrets.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_variable_of_a_connection_is_plain() -> None:
    assert variable_of("west-web.1") == "WORKLIST_SECRET_WEST_WEB_1"


def test_user_and_password_with_colons_come_from_the_environment() -> None:
    assert from_environment("a", {"WORKLIST_SECRET_A": "me:p:w"}) == Credentials(user="me", password="p:w")


def test_a_bearer_token_comes_from_the_environment() -> None:
    assert from_environment("a", {"WORKLIST_SECRET_A": "bearer:abc"}) == Credentials(bearer_token="abc")


def test_a_secret_without_colon_is_refused_without_being_shown() -> None:
    with pytest.raises(SecretsError) as caught:
        from_environment("a", {"WORKLIST_SECRET_A": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match="chmod 600"):
        from_file(_file(tmp_path, '[a]\nuser = "me"\n', 0o644), "a")


def test_an_unknown_field_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretsError, match=r"\[a\]"):
        from_file(_file(tmp_path, '[a]\npasword = "x"\n'), "a")


@pytest.mark.parametrize(("text", "mode"), [('[a]\nuser = "me"\n', 0o644), ('[a]\npasword = "x"\n', 0o600)])
def test_a_connection_that_has_no_secret_in_a_bad_file_goes_on(tmp_path: Path, text: str, mode: int) -> None:
    path = _file(tmp_path, text, mode)
    assert find("b", path) is None
    assert keychain.credentials_for("b", path) is None
    with pytest.raises(SecretsError):
        find("a", path)


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path, '[a]\nuser = "file"\npassword = "p"\n')
    assert find("a", path) == Credentials(user="file", password="p")
    monkeypatch.setenv("WORKLIST_SECRET_A", "env:p")
    assert find("a", path) == Credentials(user="env", password="p")
    assert find("b", path) is None


@pytest.mark.parametrize("word", ["plain", 'quo"te\\back', "tab\tline\n", "Zoë\x7f"])
@pytest.mark.parametrize("name", ["hill-web", "hill.web 2"])
def test_what_is_written_is_what_is_read(tmp_path: Path, name: str, word: str) -> None:
    path = tmp_path / "secrets.toml"
    write(path, name, Credentials(user="me", password="before"))
    write(path, name, Credentials(user="me", password=word))
    assert from_file(path, name) == Credentials(user="me", password=word)
    assert [one.name for one in tmp_path.iterdir()] == ["secrets.toml"]


def test_adding_a_connection_leaves_the_rest_of_the_file_as_it_is(tmp_path: Path) -> None:
    text = '# of Ann\n[a]\nuser = "me" # twice a year\n'
    path = _file(tmp_path, text)
    write(path, "b", Credentials(bearer_token="abc"))
    assert path.read_text(encoding="utf-8").startswith(text)
    assert from_file(path, "b") == Credentials(bearer_token="abc")


def test_a_file_that_is_no_toml_is_not_written_over(tmp_path: Path) -> None:
    path = _file(tmp_path, "[a\n")
    with pytest.raises(SecretsError, match="not valid TOML"):
        write(path, "b", Credentials(bearer_token="abc"))
    assert path.read_text(encoding="utf-8") == "[a\n"


def test_the_keychain_wins_and_a_machine_without_one_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path, '[a]\nuser = "file"\npassword = "p"\n')
    kept: dict[str, str] = {}
    monkeypatch.setattr(keyring, "set_password", lambda _service, name, text: kept.__setitem__(name, text))
    monkeypatch.setattr(keyring, "get_password", lambda _service, name: kept.get(name))
    keychain.keep("a", Credentials(user="chain", password="q"))
    assert keychain.credentials_for("a", path) == Credentials(user="chain", password="q")

    def none_here(*_names: str) -> str:
        raise NoKeyringError

    monkeypatch.setattr(keyring, "get_password", none_here)
    assert keychain.credentials_for("a", path) == Credentials(user="file", password="p")
