"""Where the refresh token of a desk lies between two starts."""

from __future__ import annotations

import keyring
import pytest

from worklist_client.settings.session import KeychainVault

HUB = "https://hub.example"


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The keychain of one person at one computer."""
    entries: dict[str, str] = {}
    monkeypatch.setattr(keyring, "get_password", lambda _service, name: entries.get(name))
    monkeypatch.setattr(keyring, "set_password", lambda _service, name, text: entries.__setitem__(name, text))
    monkeypatch.setattr(keyring, "delete_password", lambda _service, name: entries.pop(name))
    return entries


def test_two_readers_of_one_computer_are_not_signed_in_as_each_other() -> None:
    sanne, peter = KeychainVault("sanne"), KeychainVault("peter")
    assert sanne.write(HUB, "token of sanne")
    assert peter.read(HUB) == ""
    assert peter.write(HUB, "token of peter")
    assert sanne.read(HUB) == "token of sanne"


def test_a_long_token_is_kept_in_pieces_and_forgotten_whole(kept: dict[str, str]) -> None:
    vault = KeychainVault("sanne")
    vault.write(HUB, "t" * 2500)
    assert (len(kept), vault.read(HUB)) == (3, "t" * 2500)
    vault.write(HUB, "")
    assert (kept, vault.read(HUB)) == ({}, "")
