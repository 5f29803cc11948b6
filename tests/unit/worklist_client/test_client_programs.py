"""`worklist-client` starts what its first word names."""

from __future__ import annotations

import subprocess
import sys

import pytest

from worklist_client import administration, app
from worklist_client.demo import region
from worklist_client.programs import PROGRAMS, main


@pytest.mark.parametrize(
    ("arguments", "started"),
    [([], app), (["--language", "nl"], app), (["demo", "--play"], region), (["check"], administration)],
)
def test_the_first_word_names_the_program(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], started: object
) -> None:
    seen: list[tuple[object, list[str]]] = []
    for module in (administration, app, region):
        monkeypatch.setattr(module, "main", lambda given, module=module: seen.append((module, given)) or 7)
    assert main(arguments) == 7
    assert seen == [(started, arguments)]


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_each_program_says_how_it_is_used(name: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "worklist_client", name, "--help"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert f"worklist-client {name}" in answer.stdout
