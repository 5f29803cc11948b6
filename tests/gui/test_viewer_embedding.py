"""The program in `docs/embedding.md` runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

ROOT = Path(__file__).resolve().parents[2]
SHOWN = """
from PySide6.QtCore import QTimer
viewer.first_image_shown.connect(lambda study: (print("shown", study), app.quit()))
QTimer.singleShot(20000, app.quit)
app.exec()
"""


def program() -> str:
    text = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = f"2.25.1.2.{number}"
        image = Dataset()
        image.file_meta = meta
        image.SOPClassUID = CTImageStorage
        image.SOPInstanceUID = f"2.25.1.2.{number}"
        image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.1", "2.25.1.2"
        image.Modality, image.InstanceNumber = "CT", number + 1
        image.Rows, image.Columns, image.SamplesPerPixel = 16, 16, 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.PixelData = np.full((16, 16), number, "<i2").tobytes()
        image.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    return tmp_path


def test_the_ten_lines_show_an_image(folder: Path) -> None:
    code = program()
    statements = [line for line in code.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(statements) <= 10
    code = code.replace("app.exec()\n", SHOWN)
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, cwd=ROOT, env=os.environ)
    assert done.stdout.strip() == "shown 2.25.1", done.stderr[-2000:]
    assert done.returncode == 0
