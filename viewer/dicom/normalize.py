"""Decoded or oddly stored frames into the one simple form of `PixelFile`: little endian, interleaved, RGB, low bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.errors import DicomReadError
from viewer.records import InstanceHeader
from viewer.stored import meaningful_bits

Array = NDArray[Any]

# ITU-R BT.601 as PS3.3 C.7.6.3.1.2 gives it for YBR_FULL and YBR_PARTIAL.
_FULL = np.array([[1.0, 0.0, 1.402], [1.0, -0.344136, -0.714136], [1.0, 1.772, 0.0]], dtype=np.float32)
_PARTIAL = np.array([[1.1644, 0.0, 1.5960], [1.1644, -0.3917, -0.8130], [1.1644, 2.0173, 0.0]], dtype=np.float32)


def pixel_dtype(header: InstanceHeader) -> str:
    """Name of the dtype in which stored values are kept."""
    bits = next(width for width in (8, 16, 32, 64) if header.bits_allocated <= width)
    return f"{'int' if header.pixel_representation == 1 and header.samples_per_pixel == 1 else 'uint'}{bits}"


def frame_shape(header: InstanceHeader) -> tuple[int, ...]:
    """(rows, columns) or (rows, columns, samples)."""
    size = (header.rows, header.columns)
    return (*size, header.samples_per_pixel) if header.samples_per_pixel > 1 else size


def is_ybr(header: InstanceHeader) -> bool:
    """Whether the samples are luminance and chrominance."""
    return header.samples_per_pixel == 3 and header.photometric_interpretation.startswith("YBR_")


def rgb_from_ybr(values: Array, photometric_interpretation: str) -> Array:
    """RGB of uint8 YBR (…, 3). YBR_RCT and YBR_ICT exist inside JPEG 2000 only and are read as YBR_FULL elsewhere."""
    partial = photometric_interpretation.startswith("YBR_PARTIAL")
    offsets = np.array([16.0 if partial else 0.0, 128.0, 128.0], dtype=np.float32)
    rgb = (values.astype(np.float32) - offsets) @ (_PARTIAL if partial else _FULL).T
    return np.asarray(np.clip(np.floor(rgb + 0.5), 0, 255).astype(np.uint8))


def simple_frame(array: Array, header: InstanceHeader, is_rgb_already: bool) -> Array:
    """The frame as it goes into the pixel file. Raises DicomReadError for a size other than the header's."""
    shape = frame_shape(header)
    if array.size != int(np.prod(shape)):
        raise DicomReadError("The decoded image is not of the size that the header promises.")
    array = array.reshape(shape)
    if is_ybr(header) and not is_rgb_already and array.dtype.itemsize == 1:
        return np.ascontiguousarray(rgb_from_ybr(array, header.photometric_interpretation))
    dtype = np.dtype(pixel_dtype(header)).newbyteorder("<")
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array)
    # Wrapping keeps the bit pattern where a codestream's sign is not that of Pixel Representation.
    wrapped = np.ascontiguousarray(array.astype(dtype, copy=False))
    if header.bits_stored >= 8 * dtype.itemsize:
        return wrapped
    return meaningful_bits(wrapped, header.bits_stored, signed=dtype.kind == "i")


def lowered(array: Array, header: InstanceHeader) -> Array:
    """Native values whose High Bit is not Bits Stored - 1, moved down to bit 0 (bit patterns, unsigned)."""
    shift = header.high_bit - (header.bits_stored - 1)
    return np.asarray(array >> array.dtype.type(shift)) if shift > 0 else array


def unpacked_12_bits(data: bytes, count: int) -> Array:
    """`count` values of 12 bits, two in three bytes, little endian (PS3.5 8.1.1, retired packing)."""
    needed = (count * 3 + 1) // 2
    padded = np.frombuffer(data[:needed].ljust((needed + 2) // 3 * 3, b"\0"), np.uint8).reshape(-1, 3).astype(np.uint16)
    pairs = np.empty((padded.shape[0], 2), np.uint16)
    pairs[:, 0] = padded[:, 0] | (padded[:, 1] & 0x0F) << 8
    pairs[:, 1] = padded[:, 1] >> 4 | padded[:, 2] << 4
    return pairs.reshape(-1)[:count]


def unpacked_bits(data: bytes, first: int, count: int) -> Array:
    """`count` single bits from bit `first` on, as uint8 (PS3.5 8.2: the first pixel in the lowest bit)."""
    chunk = np.frombuffer(data, np.uint8)[first // 8 : (first + count + 7) // 8]
    return np.unpackbits(chunk, bitorder="little")[first % 8 : first % 8 + count]


def expanded_422(data: bytes, rows: int, columns: int) -> Array:
    """Native YBR_FULL_422 (Y1 Y2 Cb Cr for two pixels) as (rows, columns, 3)."""
    quads = np.frombuffer(data, np.uint8).reshape(rows, columns // 2, 4)
    result = np.empty((rows, columns // 2, 2, 3), np.uint8)
    result[..., 0] = quads[..., :2]
    result[..., 1] = quads[..., 2:3]
    result[..., 2] = quads[..., 3:4]
    return result.reshape(rows, columns, 3)
