"""The demo's accounts at the real hub, made by the hub's own command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from worklist_client.demo.readers import AccountsError, make_accounts


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "hub.toml"
    file.write_text('[hub]\nlisten = "127.0.0.1:0"\ndatabase = "w.sqlite"\n\n[auth]\naccounts = true\n')
    return file


def test_each_start_gives_the_same_two_readers_new_passwords(config: Path) -> None:
    first = make_accounts(config)
    second = make_accounts(config)
    assert set(first) == set(second) == {"sanne", "peter"}
    assert not set(first.values()) & set(second.values())
    command = [sys.executable, "-m", "worklist_hub", "users", "list", "--config", str(config)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(listed) == 2
    assert "coordinator@*" in next(line for line in listed if line.startswith("peter"))
    assert "coordinator@*" not in next(line for line in listed if line.startswith("sanne"))


def test_what_the_hub_says_against_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="missing"):
        make_accounts(tmp_path / "missing.toml")
