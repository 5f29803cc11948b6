"""Synthetic headers and DICOM files for the tests of the viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from viewer.records import FrameHeader, InstanceHeader, PixelFile

HeaderMaker = Callable[..., InstanceHeader]
FileWriter = Callable[..., Path]

_FRAME_FIELDS = set(FrameHeader.__dataclass_fields__) - set(InstanceHeader.__dataclass_fields__)


@pytest.fixture
def make_header(tmp_path: Path) -> HeaderMaker:
    """`make_header(pixels, **fields)`: a header whose pixel file holds `pixels`; fields of the frame or instance."""

    def make(pixels: Any = None, **fields: Any) -> InstanceHeader:
        array = np.zeros((4, 5), np.int16) if pixels is None else np.ascontiguousarray(pixels)
        count = fields.pop("frame_count", 1)
        frame = {name: fields.pop(name) for name in list(fields) if name in _FRAME_FIELDS}
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.bin"
        path.write_bytes(array.tobytes())
        shape = array.shape[1:] if count > 1 else array.shape
        bits = array.dtype.itemsize * 8
        base: dict[str, Any] = {
            "study_instance_uid": "1.2.3",
            "series_instance_uid": "1.2.3.4",
            "sop_instance_uid": "1.2.3.4.5",
            "sop_class_uid": str(CTImageStorage),
            "transfer_syntax_uid": str(ExplicitVRLittleEndian),
            "path": str(path),
            "pixels": PixelFile(str(path), 0, array.dtype.name, "MONOCHROME2"),
            "rows": shape[0],
            "columns": shape[1],
            "bits_allocated": bits,
            "bits_stored": bits,
            "high_bit": fields.get("bits_stored", bits) - 1,
            "pixel_representation": int(array.dtype.kind == "i"),
            "samples_per_pixel": shape[2] if len(shape) > 2 else 1,
            "frames": tuple(FrameHeader(number, **frame) for number in range(1, count + 1)),
            "modality": "CT",
        }
        return InstanceHeader(**(base | fields))

    return make


def ct_dataset(pixels: Any, transfer_syntax: str) -> Dataset:
    """A small CT-like dataset around an array of (rows, columns[, samples])."""
    array = np.asarray(pixels)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = "1.2.3.4.5", "1.2.3.4", "1.2.3"
    dataset.PatientName, dataset.PatientID, dataset.PatientSex = "Sződ^Ilona", "A-1", "F"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 2, 7
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [-10, -20, 30.5], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [0.5, 0.75], 2.5
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
    dataset.WindowCenter, dataset.WindowWidth = [40, 600], [80, 2000]
    dataset.WindowCenterWidthExplanation = ["BRAIN", "BONE"]
    dataset.Rows, dataset.Columns = array.shape[:2]
    dataset.SamplesPerPixel = array.shape[2] if array.ndim > 2 else 1
    dataset.PhotometricInterpretation = "RGB" if array.ndim > 2 else "MONOCHROME2"
    if array.ndim > 2:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = array.dtype.itemsize * 8
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(array.dtype.kind == "i")
    return dataset


@pytest.fixture
def write_dicom(tmp_path: Path) -> FileWriter:
    """`write_dicom(pixels, transfer_syntax, frames=[...encoded...], **attributes)`: the path of a new file.

    Without `frames` the pixels are written uncompressed. Attributes by keyword replace; None deletes.
    """

    def write(
        pixels: Any,
        transfer_syntax: str = ExplicitVRLittleEndian,
        frames: list[bytes] | None = None,
        name: str = "image.dcm",
        **attributes: Any,
    ) -> Path:
        dataset = ct_dataset(pixels, transfer_syntax)
        big = transfer_syntax == ExplicitVRBigEndian
        array = np.asarray(pixels)
        if frames is None:
            dataset.PixelData = array.astype(array.dtype.newbyteorder(">" if big else "<")).tobytes()
        else:
            dataset.PixelData = encapsulate(frames)
        for keyword, value in attributes.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        if "PixelData" in dataset:
            raw = dataset.PixelData
            dataset.PixelData = raw + b"\0" * (len(raw) % 2)
            dataset["PixelData"].VR = "OB" if frames is not None or dataset.BitsAllocated <= 8 else "OW"
        path = tmp_path / name
        implicit = transfer_syntax == ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=implicit, little_endian=not big, enforce_file_format=True)
        return path

    return write
