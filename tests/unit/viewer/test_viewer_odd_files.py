"""Every odd file gives a picture or a reason that a reader understands, in both languages; none raises."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.journeys.odd_hospital import damaged_files
from viewer.dicom.ingest import ingest
from viewer.dicom.pixels import default_voi, display_frame
from worklist_client.settings.language import Translator


def outcome(path: Path) -> str:
    """picture, reason, or no image (a plan, a report)."""
    header = ingest(str(path))
    if header.failure:
        dutch = Translator("nl")(header.failure)
        assert header.failure.endswith(".")
        assert dutch.endswith(".")
        assert dutch != header.failure
        return "reason"
    if header.rows == 0:
        return "no image"
    pixels = display_frame(header, 0, default_voi(header, 0), False)
    assert pixels.shape[:2] == (header.rows, header.columns)
    return "picture"


def test_odd_files_of_the_collection_give_a_picture_or_a_reason(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "18_odd"
    if not folder.is_dir():
        pytest.skip("the collection of odd files (18_odd) is not here")
    found = {}
    for path in sorted(folder.glob("*.dcm")):
        copy = tmp_path / path.name
        shutil.copyfile(path, copy)
        found[path.stem] = outcome(copy)
    assert found["SC_rgb_small_odd_jpeg"] == found["bad_sequence"] == found["badVR"] == "picture"
    assert found["ExplVR_BigEndNoMeta"] == found["ExplVR_LitEndNoMeta"] == "no image"
    assert sum(kind == "reason" for kind in found.values()) == len(found) - 5


@pytest.mark.parametrize("name", sorted(damaged_files()))
def test_a_damaged_file_gives_a_picture_or_a_reason(name: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.dcm"
    path.write_bytes(damaged_files()[name])
    assert outcome(path) in ("picture", "reason")
