"""The validators as functions: messages out, allowed ones removed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parent
_BIN = Path(sys.executable).parent


def tool(name: str) -> str:
    """Where a program is; skips with a plain reason where it is not installed."""
    own = _BIN / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def messages(name: str, *arguments: str | Path) -> list[str]:
    """Every line a program says, on both channels."""
    done = subprocess.run([tool(name), *map(str, arguments)], capture_output=True, check=False, timeout=120)
    return (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()


def entity_messages(paths: Iterable[Path]) -> set[str]:
    """What dcentvfy says of files together, without file names and values."""
    lines = messages("dcentvfy", *paths)
    return {re.sub(r" for file <.*", "", line).strip() for line in lines if line.strip()}


def not_allowed(name: str, found: Iterable[str], *, character_sets_differ: bool = False) -> list[str]:
    """Messages that the allow-list does not hold."""
    rules = tomllib.loads((_FOLDER / "allowed_messages.toml").read_text(encoding="utf-8"))["allowed"]
    usable = [
        re.compile(rule["message"])
        for rule in rules
        if rule["tool"] == name and (character_sets_differ or not rule.get("only_if_character_sets_differ"))
    ]
    return sorted(line for line in found if line.strip() and not any(rule.fullmatch(line) for rule in usable))
