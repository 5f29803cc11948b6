"""What a compressed frame says about itself, read before anything is allocated for it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum

from viewer.errors import DicomReadError

Data = bytes | bytearray | memoryview

_STANDALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})
_DCT_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_LOSSLESS_FRAME = 0xC3
_JPEG_LS_FRAME = 0xF7
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_J2K_START = b"\xff\x4f\xff\x51"


class CodecKind(StrEnum):
    """Family of a codestream."""

    JPEG = "JPEG"
    JPEG_LOSSLESS = "JPEG_LOSSLESS"
    JPEG_LS = "JPEG_LS"
    JPEG_2000 = "JPEG_2000"


@dataclass(frozen=True, slots=True)
class Codestream:
    """Family, size and precision; `is_jfif` where a JFIF marker says that color is YCbCr."""

    kind: CodecKind
    rows: int
    columns: int
    samples: int
    bits: int
    is_jfif: bool = False


def inspect_codestream(data: Data) -> Codestream:
    """Read the frame header of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Raises
    ------
    DicomReadError : none of these, or cut short
    """
    start = bytes(data[:12])
    try:
        if start[:2] == b"\xff\xd8":
            return _jpeg(data)
        if start[:4] == _J2K_START:
            return _jpeg_2000(data, 4)
        if start.startswith(_JP2_SIGNATURE):
            place = bytes(data[:4096]).find(_J2K_START)
            if place >= 0:
                return _jpeg_2000(data, place + 4)
    except (struct.error, IndexError) as error:
        raise DicomReadError("The compressed image is cut short.") from error
    raise DicomReadError("The compressed image is of no known kind.")


def _jpeg(data: Data) -> Codestream:
    place, is_jfif = 2, False
    while True:
        while data[place] == 0xFF and data[place + 1] == 0xFF:  # fill bytes
            place += 1
        if data[place] != 0xFF:
            raise DicomReadError("The compressed image is damaged.")
        marker = data[place + 1]
        place += 2
        if marker in _STANDALONE:
            continue
        if marker in _DCT_FRAMES or marker in (_LOSSLESS_FRAME, _JPEG_LS_FRAME):
            bits, rows, columns, samples = struct.unpack_from(">BHHB", data, place + 2)
            kind = {_LOSSLESS_FRAME: CodecKind.JPEG_LOSSLESS, _JPEG_LS_FRAME: CodecKind.JPEG_LS}.get(
                marker, CodecKind.JPEG
            )
            return Codestream(kind, rows, columns, samples, bits, is_jfif)
        if marker == 0xE0 and bytes(data[place + 2 : place + 6]) == b"JFIF":
            is_jfif = True
        if marker == 0xDA:
            raise DicomReadError("The compressed image is of a kind that is not supported.")
        place += struct.unpack_from(">H", data, place)[0]


def _jpeg_2000(data: Data, place: int) -> Codestream:
    # SIZ (ISO/IEC 15444-1 A.5.1): length, capabilities, then the extent and offset of the image on the reference grid.
    _, _, x1, y1, x0, y0 = struct.unpack_from(">HHIIII", data, place)
    samples, depth = struct.unpack_from(">HB", data, place + 36)
    return Codestream(CodecKind.JPEG_2000, y1 - y0, x1 - x0, samples, (depth & 0x7F) + 1)
