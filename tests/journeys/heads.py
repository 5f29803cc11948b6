"""Synthetic heads for journeys: a straight prior, a tilted current, one frame of reference, no identifiers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from tests.peers.synthetic import ct_series, ct_slice, uid_of

SIZE = 128
SPACING_MM = 200.0 / SIZE
CENTER_MM = (0.0, 0.0, 60.0)
TILT_DEG = -18.5
NOBODY: dict[str, Any] = {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "HEAD", "PatientBirthDate": ""}


def head(study: str, count: int, spacing_mm: float, tilt_deg: float, changes: dict[str, Any]) -> list[Dataset]:
    """Slices through one ellipsoid skull about `CENTER_MM`, tilted about the patient's left-right axis."""
    angle = math.radians(tilt_deg)
    down = np.array([0.0, math.cos(angle), math.sin(angle)])
    along = np.array([1.0, 0.0, 0.0])
    normal = np.cross(along, down)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    slices = []
    for number in range(1, count + 1):
        middle = np.array(CENTER_MM) + normal * (number - (count + 1) / 2) * spacing_mm
        first = middle - (along + down) * SPACING_MM * (SIZE - 1) / 2
        points = first + columns[..., None] * along * SPACING_MM + rows[..., None] * down * SPACING_MM
        radius = np.sqrt((((points - CENTER_MM) / np.array([70.0, 90.0, 75.0])) ** 2).sum(axis=-1))
        values = np.select([radius > 1.0, radius > 0.93], [-1000, 900], 35) + (columns % 7) * (radius <= 0.93)
        dataset = ct_slice(study, number, size=SIZE, changes=NOBODY | changes)
        dataset.FrameOfReferenceUID = uid_of("head", "frame")
        dataset.ImagePositionPatient = [f"{value:.4f}" for value in first]
        dataset.ImageOrientationPatient = [f"{value:.7f}" for value in (*along, *down)]
        dataset.SliceThickness = f"{spacing_mm}"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.WindowCenter, dataset.WindowWidth = "40", "120"
        dataset.PositionReferenceIndicator = ""
        dataset.KVP, dataset.AcquisitionNumber = "120", 1
        if tilt_deg:
            dataset.GantryDetectorTilt = f"{tilt_deg}"
        dataset.PixelData = values.astype("<i2").tobytes()
        slices.append(dataset)
    return slices


def prior_head(patient_id: str) -> list[Dataset]:
    """Straight, thin, years ago."""
    changes = {"PatientID": patient_id, "PatientSex": "M", "StudyDate": "20190311", "StudyDescription": "CT schedel"}
    return head("head prior", 16, 5.0, 0.0, changes)


def current_head(patient_id: str) -> list[Dataset]:
    """Tilted, of the night."""
    changes = {"PatientID": patient_id, "PatientSex": "M", "StudyDate": "20260301", "StudyDescription": "CT hersenen"}
    return head("head current", 12, 6.0, TILT_DEG, changes)


def other_study() -> list[Dataset]:
    """Somebody else's study, so that the list has more than one row."""
    return ct_series("somebody else", 2, changes={"PatientName": "Ander^Iemand", "PatientID": "X7"})
