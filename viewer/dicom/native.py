"""Uncompressed pixels (PS3.5 8.1): in place where they are simple, otherwise simplified into a copy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.dicom.normalize import (
    expanded_422,
    frame_shape,
    lowered,
    pixel_dtype,
    simple_frame,
    unpacked_12_bits,
    unpacked_bits,
)
from viewer.dicom.part10 import OpenedFile
from viewer.dicom.raw_file import check_size, written
from viewer.dicom.walk import Buffer, PixelElement
from viewer.errors import DicomReadError, Truncated
from viewer.records import InstanceHeader, PixelFile

_FLOATS = {"FloatPixelData": "float32", "DoubleFloatPixelData": "float64"}


def frame_bits(header: InstanceHeader) -> int:
    """Bits of one frame as stored, without padding."""
    pixels = header.rows * header.columns
    if header.photometric_interpretation == "YBR_FULL_422" and header.samples_per_pixel == 3:
        return pixels * 2 * header.bits_allocated
    return pixels * header.samples_per_pixel * header.bits_allocated


def native_pixels(header: InstanceHeader, opened: OpenedFile, planar: bool) -> InstanceHeader:
    """The header with its pixels.

    Raises
    ------
    Truncated : the pixel data are shorter than the header promises
    DicomReadError : a form that is not supported
    """
    element = opened.elements.pixels
    if element is None or element.length is None:
        raise DicomReadError("The object has no pixel data.")
    float_dtype = _FLOATS.get(element.keyword, "")
    if float_dtype:
        bits = 32 if float_dtype == "float32" else 64
        header = replace(header, bits_allocated=bits, bits_stored=bits, high_bit=bits - 1)
    _check_length(header, element, len(opened.data))
    is_plain = opened.is_in_place and not opened.elements.coding.big_endian
    if is_plain and (float_dtype or _is_simple(header, planar)):
        pixels = PixelFile(
            header.path, element.offset, float_dtype or pixel_dtype(header), header.photometric_interpretation
        )
        return replace(header, pixels=pixels)
    check_size(header)
    return written(header, lambda index: _frame(header, opened, index, planar, float_dtype), float_dtype)


def _check_length(header: InstanceHeader, element: PixelElement, file_bytes: int) -> None:
    expected = (frame_bits(header) * header.number_of_frames + 7) // 8
    promised = element.length or 0
    available = min(promised, file_bytes - element.offset)
    if available < expected:
        raise Truncated(f"The pixel data are cut short: {available} of {expected} bytes are there.")


def _is_simple(header: InstanceHeader, planar: bool) -> bool:
    """Whether a memory map of the stored bytes already is what `PixelFile` promises."""
    if header.bits_allocated not in (8, 16, 32, 64) or header.high_bit != header.bits_stored - 1:
        return False
    if header.samples_per_pixel == 1:
        return True
    return not planar and header.photometric_interpretation == "RGB"


def _frame(header: InstanceHeader, opened: OpenedFile, index: int, planar: bool, float_dtype: str) -> NDArray[Any]:
    element = opened.elements.pixels
    assert element is not None
    bits = frame_bits(header)
    first = element.offset * 8 + index * bits
    data = opened.data[first // 8 : (first + bits + 7) // 8]
    order = ">" if opened.elements.coding.big_endian else "<"
    if float_dtype:
        code = "f4" if float_dtype == "float32" else "f8"
        return np.frombuffer(data, f"{order}{code}").astype(f"<{code}").reshape(frame_shape(header))
    if order == ">" and element.vr == b"OW" and header.bits_allocated == 8:
        data = _unswapped(opened.data, element, first // 8, len(data))
    array = _samples(header, data, first % 8, order)
    if header.photometric_interpretation == "YBR_FULL_422":
        array = expanded_422(array.tobytes(), header.rows, header.columns)
    elif planar and header.samples_per_pixel > 1:
        array = np.moveaxis(array.reshape(header.samples_per_pixel, header.rows, header.columns), 0, -1)
    return simple_frame(lowered(array, header), header, is_rgb_already=False)


def _samples(header: InstanceHeader, data: bytes, first_bit: int, order: str) -> NDArray[Any]:
    """Samples in the order of the file, unsigned bit patterns in native byte order."""
    count = header.rows * header.columns * header.samples_per_pixel
    allocated = header.bits_allocated
    if allocated == 1:
        return unpacked_bits(data, first_bit, count)
    if allocated == 12:
        if first_bit:
            raise DicomReadError("Packed 12-bit frames that start within a byte are not supported.")
        return unpacked_12_bits(data, count)
    return np.frombuffer(data, f"{order}u{allocated // 8}").astype(f"=u{allocated // 8}")


def _unswapped(data: Buffer, element: PixelElement, start: int, count: int) -> bytes:
    """8-bit values kept in 16-bit big endian words: each pair of bytes is swapped (PS3.5 annex A.3)."""
    first = start - (start - element.offset) % 2
    words = np.frombuffer(data[first : start + count + (start + count - first) % 2], ">u2")
    return words.astype("<u2").tobytes()[start - first : start - first + count]
