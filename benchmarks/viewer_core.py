"""Ingest, display and sorting of a synthetic 250-slice CT; one JSON line. Argument: number of slices."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, JPEGLosslessSV1, JPEGLSLossless

from viewer.dicom.ingest import ingest
from viewer.dicom.pixels import display_frame, display_table
from viewer.dicom.sorting import image_sets
from viewer.records import Window

SIDE_PX = 512


def _dataset(pixels: np.ndarray, number: int, syntax: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", "1.2.3", "CT"
    dataset.PatientName, dataset.PatientID, dataset.InstanceNumber = "Bench^Mark", "1", number
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.RescaleSlope, dataset.RescaleIntercept = [0.7, 0.7], 1, -1024
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    dataset.Rows = dataset.Columns = SIDE_PX
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for extra in range(60):  # real headers have a hundred elements that nobody here wants
        dataset.add_new(0x00191001 + extra, "LO", f"private value {extra}")
    if syntax == ExplicitVRLittleEndian:
        dataset.PixelData = pixels.tobytes()
        dataset["PixelData"].VR = "OW"
        return dataset
    if syntax == JPEGLSLossless:
        encoded = imagecodecs.jpegls_encode(pixels)
    else:
        encoded = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=16)
    dataset.PixelData = encapsulate([bytes(encoded)])
    return dataset


def _timed_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def _files(folder: Path, count: int, syntax: str) -> list[str]:
    row, column = np.mgrid[:SIDE_PX, :SIDE_PX]
    noise = np.random.default_rng(1).integers(0, 30, (SIDE_PX, SIDE_PX))
    paths = []
    for number in range(count):
        pixels = ((row - 256) ** 2 + (column - 256) ** 2 < 200**2) * 1060 + noise + number % 7
        path = folder / f"{syntax[-2:]}_{number}.dcm"
        _dataset(pixels.astype(np.uint16), number, syntax).save_as(path, enforce_file_format=True)
        paths.append(str(path))
    return paths


def run(count: int) -> dict[str, float]:
    """Medians in milliseconds."""
    figures: dict[str, float] = {"slices": count}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = _files(folder, count, ExplicitVRLittleEndian)
        figures["ingest_uncompressed_ms"] = statistics.median(_timed_ms(lambda p=path: ingest(p)) for path in plain)
        for label, syntax in (("jpeg_ls", JPEGLSLossless), ("jpeg_lossless", JPEGLosslessSV1)):
            paths = _files(folder, 10, syntax)
            figures[f"ingest_{label}_ms"] = statistics.median(_timed_ms(lambda p=path: ingest(p)) for path in paths)
        headers = [ingest(path) for path in plain]
        out = np.empty((SIDE_PX, SIDE_PX), np.uint8)
        window = Window(40, 400)
        shown = [_timed_ms(lambda h=header: display_frame(h, 0, window, False, out)) for header in headers]
        figures["display_frame_ms"] = statistics.median(shown)
        drag = [
            _timed_ms(lambda w=width: display_table(headers[0], 0, Window(40, w), False)) for width in range(300, 400)
        ]
        figures["new_table_ms"] = statistics.median(drag)
        figures["sort_ms"] = statistics.median(_timed_ms(lambda: image_sets(headers)) for _ in range(5))
        many = [replace(headers[0], sop_instance_uid=str(n), frames=headers[n % count].frames) for n in range(2000)]
        figures["sort_2000_ms"] = _timed_ms(lambda: image_sets(many))
    return {name: round(value, 3) for name, value in figures.items()}


if __name__ == "__main__":
    slices = int(sys.argv[1]) if len(sys.argv) > 1 else 250
    print(json.dumps({"benchmark": "viewer_core", "figures": run(slices)}))
