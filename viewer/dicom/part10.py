"""The outside of a file (PS3.10 chapter 7): preamble, meta information, transfer syntax; tolerant of gaps."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from viewer.dicom.walk import SHORT_VRS, UNDEFINED, Buffer, Coding, Elements, Walk
from viewer.errors import DicomReadError, NotDicom, Truncated

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

MAX_INFLATED_BYTES = 1 << 30
"""A deflated dataset may not grow beyond this: one image, not a bomb."""
_KNOWN_VRS = SHORT_VRS | {b"OB", b"OW", b"SQ", b"UN", b"UT"}


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """Elements of a file up to its pixels. `data` holds the pixels; `is_in_place`: offsets are those of the file."""

    data: Buffer
    elements: Elements
    transfer_syntax_uid: str
    is_in_place: bool


def open_part10(data: Buffer) -> OpenedFile:
    """Read everything but the pixels.

    Raises
    ------
    NotDicom : neither a DICOM file nor a bare dataset
    DicomReadError, Truncated : elements that make no sense
    """
    try:
        start, uid = _meta(data)
        if uid == DEFLATED:
            inflated = _inflated(data[start:])
            return OpenedFile(inflated, Walk(inflated, Coding()).dataset(0), uid, is_in_place=False)
        coding = _coding(data, start, uid)
        elements = Walk(data, coding).dataset(start)
    except struct.error as error:
        raise DicomReadError("The file ends within its header.") from error
    if not uid or (uid == IMPLICIT) == coding.explicit:
        native = BIG_ENDIAN if coding.big_endian else EXPLICIT if coding.explicit else IMPLICIT
        uid = native if not uid or uid in (IMPLICIT, EXPLICIT, BIG_ENDIAN) else uid
    return OpenedFile(data, elements, uid, is_in_place=True)


def _meta(data: Buffer) -> tuple[int, str]:
    """(where the dataset starts, Transfer Syntax UID or "")."""
    start = 132 if data[128:132] == b"DICM" else 0
    if start == 0 and data[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        raise NotDicom("This file is not DICOM.")
    position, uid = start, ""
    walk = Walk(data, Coding())
    if data[start + 4 : start + 6] not in _KNOWN_VRS and data[start : start + 2] == b"\x02\x00":
        walk = Walk(data, Coding(explicit=False))  # some writers encode the meta information implicitly
    while data[position : position + 2] == b"\x02\x00" and position + 8 <= len(data):
        tag, _, value, length = walk.header(position)
        if length == UNDEFINED or value + length > len(data):
            raise DicomReadError("The file ends within its meta information.")
        if tag == 0x00020010:
            uid = data[value : value + length].decode("ascii", "replace").strip(" \0")
        position = value + length
    if position >= len(data):
        raise DicomReadError("The file holds nothing but its meta information.")
    return position, uid


def _coding(data: Buffer, start: int, uid: str) -> Coding:
    """How the dataset is really written: the first element tells, the declared syntax decides what it cannot tell."""
    has_vr = data[start + 4 : start + 6] in _KNOWN_VRS
    group = data[start : start + 2]
    big_endian = uid == BIG_ENDIAN if group == b"\0\0" else group[0] == 0
    if big_endian and not has_vr:
        raise NotDicom("This file is not DICOM.")
    return Coding(explicit=has_vr, big_endian=big_endian)


def _inflated(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        result = decompressor.decompress(data, MAX_INFLATED_BYTES)
    except zlib.error as error:
        raise DicomReadError("The deflated dataset is damaged.") from error
    if decompressor.unconsumed_tail:
        raise DicomReadError("The deflated dataset is larger than any image.")
    if not decompressor.eof:
        raise Truncated("The deflated dataset is cut short.")
    return result
