"""From a file to an `InstanceHeader` whose pixels can be memory-mapped: runs in worker processes, never raises.

Uncompressed little endian frames are used in place; everything else is written once, decoded and simplified, to
`<path>.raw` (temporary name, then rename, so that a killed worker leaves nothing half-written under that name).
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import replace
from typing import Final

from viewer.dicom.codecs import ALWAYS_LOSSY_SYNTAXES
from viewer.dicom.encapsulated import encapsulated_pixels
from viewer.dicom.header import MAX_FRAMES, header_of, is_shown
from viewer.dicom.native import native_pixels
from viewer.dicom.part10 import OpenedFile, open_part10
from viewer.dicom.siblings import Siblings
from viewer.dicom.walk import Elements
from viewer.errors import DicomReadError, NotDicom, ViewerError
from viewer.records import InstanceHeader

UNREADABLE = "This file is damaged and cannot be read."

HEAD_BYTES: Final = 1 << 15
"""So much of a file is read at first: nearly always all but the pixels, and cheaper than mapping the file."""

_siblings = Siblings()
"""What this process read last. Replaced as a whole, so that threads do not disturb each other."""


def ingest(path: str) -> InstanceHeader:
    """Header and pixels of one file. Never raises: what went wrong is in `failure`, and then `pixels` is None.

    Objects that are not shown as images (reports, presentation states, segmentations, ...) have rows 0 and no failure.
    """
    try:
        return _ingest(path)
    except ViewerError as error:
        return failed(path, error.reason)
    except OSError:
        return failed(path, "The file cannot be opened.")
    except Exception:  # noqa: BLE001 - the border of a worker: one bad file may cost one image, never the series
        return failed(path, UNREADABLE)


def failed(path: str, reason: str) -> InstanceHeader:
    """A header that says only why there is nothing."""
    return InstanceHeader(
        study_instance_uid="",
        series_instance_uid="",
        sop_instance_uid="",
        sop_class_uid="",
        transfer_syntax_uid="",
        path=path,
        pixels=None,
        rows=0,
        columns=0,
        bits_allocated=0,
        bits_stored=0,
        high_bit=0,
        pixel_representation=0,
        failure=reason,
    )


def _ingest(path: str) -> InstanceHeader:
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        opened = _from_head(file.read(HEAD_BYTES))
        header = _siblings.next_one(opened, path, size) if opened is not None else None
        if header is not None:
            return header
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError as error:  # an empty file cannot be mapped
            raise NotDicom("The file is empty.") from error
        with data:
            opened = replace(opened, data=data) if opened is not None else open_part10(data)
            header = _from_opened(opened, path)
        _siblings.remember(opened, header)
        return header


def _from_head(head: bytes) -> OpenedFile | None:
    """The elements, where all that comes before the pixels lies within the head; else the whole file must be looked at,
    and what is wrong with it is said then."""
    try:
        opened = open_part10(head)
    except (ViewerError, struct.error, LookupError, ValueError):
        return None
    return opened if opened.is_in_place and opened.elements.pixels is not None else None


def _from_opened(opened: OpenedFile, path: str) -> InstanceHeader:
    elements, uid = opened.elements, opened.transfer_syntax_uid
    if not is_shown(elements):
        if not elements.has("SOPInstanceUID"):
            raise NotDicom("This file holds no DICOM object.")
        return header_of(elements, path, uid, 0)
    try:
        count = frame_count(opened)
        header = header_of(elements, path, uid, count)
    except ViewerError as error:
        return replace(header_of(elements, path, uid, 0), failure=error.reason)
    if uid in ALWAYS_LOSSY_SYNTAXES:
        header = replace(header, lossy=True)
    try:
        return _with_pixels(header, opened)
    except ViewerError as error:
        return replace(header, failure=error.reason)
    except (OSError, ValueError, IndexError, TypeError, OverflowError, MemoryError):
        return replace(header, failure="The pixel data are damaged and cannot be read.")


def frame_count(opened: OpenedFile) -> int:
    """Number of Frames, checked against the bytes that are there before anything is made for each of them.

    Raises
    ------
    DicomReadError : more frames than the file can hold
    """
    elements = opened.elements
    count = elements.integer("NumberOfFrames")
    room = len(opened.data) - (elements.pixels.offset if elements.pixels is not None else 0)
    if count is None and elements.has("NumberOfFrames"):
        count = _frames_that_fit(elements)
    if count is None or count < 1:
        return 1
    if count > MAX_FRAMES or count > max(room, 1):
        raise DicomReadError(f"The header promises {count} frames, more than the file can hold.")
    return count


def _frames_that_fit(elements: Elements) -> int | None:
    """How many whole frames the pixel data hold, where Number of Frames is no number."""
    sizes = [elements.integer(name) or 0 for name in ("Rows", "Columns", "BitsAllocated")]
    size = sizes[0] * sizes[1] * (elements.integer("SamplesPerPixel") or 1) * sizes[2] // 8
    length = elements.pixels.length if elements.pixels is not None else None
    return length // size if length and size else None


def _with_pixels(header: InstanceHeader, opened: OpenedFile) -> InstanceHeader:
    element = opened.elements.pixels
    if element is None:
        raise DicomReadError("The object has no pixel data.")
    _check_photometric(header)
    if element.length is None:
        return encapsulated_pixels(header, opened)
    return native_pixels(header, opened, planar=opened.elements.integer("PlanarConfiguration") == 1)


def _check_photometric(header: InstanceHeader) -> None:
    kind, samples = header.photometric_interpretation, header.samples_per_pixel
    is_color = kind == "RGB" or kind.startswith("YBR_")
    if samples not in (1, 3) or is_color != (samples == 3):
        raise DicomReadError(f"{kind} with {samples} samples a pixel is not supported.")
    if kind == "PALETTE COLOR" and header.palette is None:
        raise DicomReadError("The color palette is missing.")
