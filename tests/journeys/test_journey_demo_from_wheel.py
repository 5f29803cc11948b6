"""The demo from the built wheel, in an empty folder, without a display: it plays the whole loop by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ("1-worklist", "2-reading", "3-signing", "4-signed", "5-delivered", "6-card", "7-confirmed", "8-assign")


def _run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the tree and installed alone into a folder (its libraries are those of the tests)."""
    wheels, place = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    source = tmp_path_factory.mktemp("source") / "tree"
    # From a copy of what is tracked, so that building leaves nothing behind in the checkout.
    files = _run("git", "ls-files", cwd=ROOT).stdout.split("\n")
    for name in filter(None, files):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            target.write_bytes((ROOT / name).read_bytes())
    _run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels), str(source))
    (wheel,) = wheels.glob("*.whl")
    _run(*pip, "install", "--quiet", "--no-deps", "--target", str(place), str(wheel))
    return place


def test_the_wheel_holds_packages_and_resources_but_no_tests(installed: Path) -> None:
    held = {path.name for path in installed.iterdir() if path.is_dir()}
    assert {"viewer", "ups", "pacs", "worklist_hub", "worklist_client", "resources"} <= held
    assert not {"tests", "benchmarks"} & held
    assert (installed / "resources" / "i18n" / "nl.json").is_file()


@pytest.mark.timeout(300)
def test_without_a_display_the_demo_plays_the_whole_loop(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "QT_QPA_PLATFORM")}
    environment |= {"PYTHONPATH": str(installed), "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    empty = tmp_path / "empty"
    empty.mkdir()
    where = _run(
        sys.executable, "-c", "import worklist_client; print(worklist_client.__file__)", cwd=empty, env=environment
    )
    assert where.stdout.startswith(str(installed))
    played = _run(sys.executable, "-m", "worklist_client", "demo", cwd=empty, env=environment)
    assert "The whole loop was played" in played.stdout
    output = empty / "demo-output"
    assert {path.stem for path in output.glob("*.png")} >= set(PICTURES)
    assert all(path.stat().st_size > 20_000 for path in output.glob("*.png"))
    modalities = sorted(str(dcmread(path).Modality) for path in (output / "delivered").glob("*.dcm"))
    assert modalities == ["PR", "SR"]
