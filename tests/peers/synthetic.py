"""Synthetic studies for peers: small CT series with recognisable values, made by pydicom, nobody's patient."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian


def uid_of(*parts: object) -> str:
    """A UID that is always the same for the same parts."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15], 'big')}"


def ct_slice(
    study: str, number: int, *, series: str = "1", size: int = 64, changes: Mapping[str, Any] | None = None
) -> Dataset:
    """One CT slice; `study` and `series` are names from which the UIDs follow; `changes` go by keyword."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = uid_of(study, series, number)
    dataset.StudyInstanceUID = uid_of(study)
    dataset.SeriesInstanceUID = uid_of(study, series)
    dataset.FrameOfReferenceUID = uid_of(study, "frame")
    dataset.StudyDate, dataset.StudyTime = "20261121", "031500"
    dataset.AccessionNumber = ""
    dataset.Modality = "CT"
    dataset.PatientName, dataset.PatientID = "Jánssen^Zoë", "P1"
    dataset.PatientBirthDate, dataset.PatientSex = "19600102", "F"
    dataset.StudyDescription, dataset.SeriesDescription = "CT hersenen", "axiaal"
    dataset.BodyPartExamined = "HEAD"
    dataset.StudyID, dataset.ReferringPhysicianName = "", ""
    dataset.SeriesNumber, dataset.InstanceNumber = int(series) if series.isdigit() else 1, number
    dataset.ImagePositionPatient = [-100.0, -100.0, float(number)]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [200.0 / size, 200.0 / size]
    dataset.SliceThickness = 1.0
    dataset.Rows = dataset.Columns = size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, 0, "HU"
    rows, columns = np.mgrid[0:size, 0:size]
    values = (rows * 3 + columns * 5 + number * 7) % 2000 - 1000
    dataset.PixelData = values.astype("<i2").tobytes()
    for keyword, value in (changes or {}).items():
        setattr(dataset, keyword, value)
    return dataset


def ct_series(study: str, count: int, **options: Any) -> list[Dataset]:
    """Slices 1 to `count` of one series."""
    return [ct_slice(study, number, **options) for number in range(1, count + 1)]
