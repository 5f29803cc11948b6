"""The log of a hub that runs for weeks stays small, and nobody else reads it."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from worklist_hub.operations.own_log import OwnLog


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("wl", logging.INFO, "", 0, text, None, None)


def test_the_log_never_grows_beyond_its_bound_and_keeps_the_newest(tmp_path: Path) -> None:
    handler = OwnLog(tmp_path / "hub.log", limit_bytes=1000, kept=2)
    for number in range(500):
        handler.emit(record(f"poll failed: site=north failures={number:03d}"))
    handler.close()
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["hub.log", "hub.log.1", "hub.log.2"]
    assert sum(file.stat().st_size for file in files) <= 3000
    assert files[0].read_text().rstrip().endswith("failures=499")


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
def test_every_file_of_the_log_is_for_its_owner_only(tmp_path: Path) -> None:
    handler = OwnLog(tmp_path / "hub.log", limit_bytes=10, kept=1)
    for _number in range(3):
        handler.emit(record("0123456789"))
    handler.close()
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
