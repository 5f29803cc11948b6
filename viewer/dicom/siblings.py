"""The header of an image from that of the image before: within a series nearly every element is the same bytes.

Reading elements costs a fraction of turning seventy of them into values. So the elements of the last image are kept,
and where the next differs in nothing but what images of one series differ in, only that is turned into values again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from viewer.dicom.frames import frames_of
from viewer.dicom.header import acquisition
from viewer.dicom.part10 import OpenedFile
from viewer.dicom.walk import Elements
from viewer.records import InstanceHeader, PixelFile

READ_AGAIN: Final = frozenset(
    {
        "SOPInstanceUID",
        "InstanceNumber",
        "AcquisitionNumber",
        "ContentTime",
        "AcquisitionTime",
        "TriggerTime",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SliceThickness",
        "EchoTime",
        "TemporalPositionIdentifier",
        "WindowCenter",
        "WindowWidth",
    }
)
"""What may differ: elements from which nothing is made but the SOP Instance UID, `acquisition` and `frames_of`."""

_FIELDS: Final = tuple(field.name for field in fields(InstanceHeader))


@dataclass(frozen=True, slots=True)
class _Sibling:
    """One image that was read: its elements and the fields of its header."""

    elements: Elements
    transfer_syntax_uid: str
    fields: dict[str, Any]
    pixels: PixelFile


class Siblings:
    """The last image that was read, to compare the next one with."""

    def __init__(self) -> None:
        self._last: _Sibling | None = None

    def remember(self, opened: OpenedFile, header: InstanceHeader) -> None:
        """Keep a single-frame image whose pixels are used where they lie; any other one is forgotten."""
        pixels = header.pixels
        if pixels is None or pixels.path != header.path or header.number_of_frames != 1 or header.failure:
            self._last = None
            return
        values = {name: getattr(header, name) for name in _FIELDS}
        self._last = _Sibling(opened.elements, opened.transfer_syntax_uid, values, pixels)

    def next_one(self, opened: OpenedFile, path: str, file_bytes: int) -> InstanceHeader | None:
        """The header with its pixels in place; None where this file differs in more than images of a series do."""
        last, elements = self._last, opened.elements
        pixels = elements.pixels
        if last is None or pixels is None or opened.transfer_syntax_uid != last.transfer_syntax_uid:
            return None
        if not _is_alike(elements, last.elements) or pixels.offset + (pixels.length or 0) > file_bytes:
            return None
        values = last.fields | acquisition(elements)
        values["path"] = path
        values["sop_instance_uid"] = elements.text("SOPInstanceUID")
        values["frames"] = frames_of(elements, 1)
        found = last.pixels
        values["pixels"] = PixelFile(path, pixels.offset, found.dtype, found.photometric_interpretation)
        return InstanceHeader(**values)


def _is_alike(one: Elements, other: Elements) -> bool:
    """Whether they differ in nothing but `READ_AGAIN` and the place of the pixels."""
    now, then = one.values, other.values
    if one.coding != other.coding or now.keys() != then.keys() or one.sequences != other.sequences:
        return False
    a, b = one.pixels, other.pixels
    if a is None or b is None or (a.keyword, a.vr, a.length) != (b.keyword, b.vr, b.length):
        return False
    return all(value == then[keyword] or keyword in READ_AGAIN for keyword, value in now.items())
