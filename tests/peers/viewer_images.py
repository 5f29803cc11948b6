"""Synthetic images for the viewer: headers as the ingest makes them, pixels in one raw file, values by formula."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from viewer.records import FrameHeader, InstanceHeader, PatientLabel, PixelFile, Vector3, VoiFunction, Window

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Stack:
    """A CT series of flat slices: slice n has the value `base + n` everywhere (HU, window 0..255 shows it as it is)."""

    study: str = "2.25.100"
    series: str = "2.25.100.1"
    slices: int = 10
    base: int = 40
    rows: int = 64
    columns: int = 80
    spacing_mm: float = 2.0
    start_mm: float = 0.0
    frame_of_reference: str = "2.25.9"
    row: Vector3 = (1.0, 0.0, 0.0)
    column: Vector3 = (0.0, 1.0, 0.0)
    patient: str = "Alpha^Anna"
    modality: str = "CT"
    description: str = "Axial"
    windows: tuple[Window, ...] = (Window(127.5, 255.0, VoiFunction.LINEAR_EXACT),)

    def headers(self, folder: Path) -> list[InstanceHeader]:
        """Write the pixels, give the headers in the order of their positions."""
        path = folder / f"{self.series}.raw"
        values = np.arange(self.slices, dtype="<i2")[:, None, None] + np.int16(self.base)
        path.write_bytes(np.broadcast_to(values, (self.slices, self.rows, self.columns)).astype("<i2").tobytes())
        return [self._header(path, number) for number in range(self.slices)]

    def _header(self, path: Path, number: int) -> InstanceHeader:
        depth = self.start_mm + number * self.spacing_mm
        normal = np.cross(self.row, self.column)
        x, y, z = (float(value) for value in normal * depth)
        frame = FrameHeader(
            frame_number=1,
            position_lps_mm=(x, y, z),
            row_cosines=self.row,
            column_cosines=self.column,
            pixel_spacing_mm=(0.5, 0.5),
            windows=self.windows,
            rescale_type="HU",
        )
        return InstanceHeader(
            study_instance_uid=self.study,
            series_instance_uid=self.series,
            sop_instance_uid=f"{self.series}.{number}",
            sop_class_uid=CT,
            transfer_syntax_uid=EXPLICIT_LITTLE,
            path=str(path),
            pixels=PixelFile(str(path), number * self.rows * self.columns * 2, "int16", "MONOCHROME2"),
            rows=self.rows,
            columns=self.columns,
            bits_allocated=16,
            bits_stored=16,
            high_bit=15,
            pixel_representation=1,
            frames=(frame,),
            patient=PatientLabel(self.patient, "12345", "NORTH", "19600229", "F"),
            modality=self.modality,
            study_date="20240228",
            series_number=1,
            series_description=self.description,
            instance_number=number + 1,
            frame_of_reference_uid=self.frame_of_reference,
        )


def unreadable(header: InstanceHeader, reason: str = "The pixel data are cut short.") -> InstanceHeader:
    """The same image as it comes from a worker that could not decode it."""
    return replace(header, pixels=None, failure=reason)
