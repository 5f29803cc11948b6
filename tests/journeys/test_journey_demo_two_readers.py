"""Two readers at three desks, as the demo plays them: a hub with accounts, real windows, synthetic patients."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from worklist_client.demo.readers import PASSWORDS, READERS

pytestmark = pytest.mark.timeout(420)

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {
    "1-sign-in", "2-assign", "3-assigned", "4-held", "5-take-over", "6-asked", "7-kept", "8-second-desk",
    "9-first-desk", "10-handed-over",
}  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """(folder, what it printed). Without a display it plays by itself, on a virtual one."""
    folder = tmp_path_factory.mktemp("two")
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "QT_QPA_PLATFORM")}
    command = [sys.executable, "-m", "worklist_client", "demo", "--two-readers", "--render", "software"]
    done = subprocess.run(
        [*command, "--folder", str(folder / "region"), "--output", str(folder / "pictures")],
        env={**environment, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout


def test_two_readers_share_a_night_and_everything_that_happens_is_pictured(played: tuple[Path, str]) -> None:
    folder, said = played
    assert "Two readers at three desks were played" in said
    pictures = {path.stem: QImage(str(path)) for path in (folder / "pictures").glob("*.png")}
    assert set(pictures) == PICTURES
    assert all(picture.width() >= 400 for picture in pictures.values())


def test_the_audit_log_of_that_night_is_whole(played: tuple[Path, str]) -> None:
    """By the administrator's own command; and it names who signed in, assigned, asked and handed over."""
    folder, said = played
    assert re.search(r"audit verify: \d+ chains, \d+ lines, 0 not chained yet, 0 faults", said)
    (config,) = (folder / "region").glob("night-*/hub.toml")
    command = [sys.executable, "-m", "worklist_hub", "audit", "show", "--format", "json", "--config", str(config)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert all(f'"{reader.code}"' in lines for reader in READERS)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_passwords_lie_in_one_private_file_and_in_no_log(played: tuple[Path, str]) -> None:
    folder, _said = played
    (file,) = (folder / "region").glob(f"night-*/{PASSWORDS}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    words = re.findall(r"[a-z]{4}(?:-[a-z]{4}){3}", file.read_text())
    assert len(words) == len(READERS)
    others = [one for one in (folder / "region").glob("night-*/**/*") if one.is_file() and one != file]
    assert others
    assert not [one.name for one in others if any(word.encode() in one.read_bytes() for word in words)]


def test_nothing_of_the_region_runs_on(played: tuple[Path, str]) -> None:
    folder, _said = played
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(folder) not in running
