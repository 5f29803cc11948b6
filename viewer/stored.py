"""Stored and modality values of one frame, straight from its pixel file (PS3.3 C.7.6.3, C.11.1). numpy only.

Every reader of pixels (display, statistics) comes through here, so that masking, sign and padding are decided once.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.errors import DicomReadError, Truncated
from viewer.records import InstanceHeader, Lut

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def raw_frame(header: InstanceHeader, frame_index: int) -> NDArray[Any]:
    """Memory-mapped, read-only bit patterns of one frame: (rows, columns) or (rows, columns, samples).

    Bits above Bits Stored are not yet masked (overlays of old writers may hide there).

    Raises
    ------
    DicomReadError : the instance has no usable pixels, or no such frame
    Truncated : the pixel file is shorter than the header promises
    """
    pixels = header.pixels
    if pixels is None:
        raise DicomReadError(header.failure or "This object has no image.")
    if not 0 <= frame_index < header.number_of_frames:
        raise DicomReadError(f"There is no frame {frame_index + 1} in this image.")
    if frame_index < len(header.frames) and header.frames[frame_index].failure:
        raise DicomReadError(header.frames[frame_index].failure)
    dtype = np.dtype(pixels.dtype).newbyteorder("<")
    shape: tuple[int, ...] = (header.rows, header.columns)
    if header.samples_per_pixel > 1:
        shape = (*shape, header.samples_per_pixel)
    size = int(np.prod(shape)) * dtype.itemsize
    offset = pixels.offset_bytes + frame_index * size
    try:
        # A map beyond the end of the file would kill the process on first touch, so ask before.
        if os.path.getsize(pixels.path) < offset + size:
            raise Truncated(f"The pixel data end before frame {frame_index + 1}.")
        mapped = np.memmap(pixels.path, dtype=dtype, mode="r", offset=offset, shape=shape)
    except OSError as error:
        raise DicomReadError("The pixel file cannot be read.") from error
    return mapped.view(np.ndarray)


def stored_frame(header: InstanceHeader, frame_index: int) -> NDArray[Any]:
    """Stored values of one frame, read-only; a view of the file where every bit counts, else masked and sign-extended.

    Shape (rows, columns) or (rows, columns, samples). Raises as `raw_frame`.
    """
    raw = raw_frame(header, frame_index)
    if raw.dtype.kind == "f" or header.bits_stored >= header.bits_allocated:
        return raw
    values = meaningful_bits(raw, header.bits_stored, signed=raw.dtype.kind == "i")
    values.flags.writeable = False
    return values


def meaningful_bits(raw: NDArray[Any], bits_stored: int, *, signed: bool) -> NDArray[Any]:
    """The low `bits_stored` bits, as two's complement where signed; same width as `raw`, a new array."""
    width = raw.dtype.itemsize * 8
    unsigned = raw.view(f"<u{raw.dtype.itemsize}")
    if not signed:
        return np.asarray(unsigned & unsigned.dtype.type((1 << bits_stored) - 1)).view(raw.dtype)
    shift = width - bits_stored
    lifted = np.left_shift(unsigned, unsigned.dtype.type(shift)).view(f"<i{raw.dtype.itemsize}")
    return np.asarray(np.right_shift(lifted, lifted.dtype.type(shift))).view(raw.dtype)


def to_modality(values: NDArray[Any], header: InstanceHeader, frame_index: int) -> FloatArray:
    """Modality LUT or rescale of *stored* values (PS3.3 C.11.1): HU for CT."""
    if header.modality_lut is not None:
        return through_lut(values, header.modality_lut)
    slope, intercept = rescale_of(header, frame_index)
    result = values.astype(np.float64)
    if slope != 1.0:
        result *= slope
    if intercept != 0.0:
        result += intercept
    return result


def modality_values(header: InstanceHeader, frame_index: int) -> FloatArray:
    """Modality values of one monochrome frame, (rows, columns), float64. Raises as `raw_frame`."""
    if header.samples_per_pixel != 1 or header.palette is not None:
        raise DicomReadError("Color images have no modality values.")
    return to_modality(stored_frame(header, frame_index), header, frame_index)


def rescale_of(header: InstanceHeader, frame_index: int) -> tuple[float, float]:
    """(slope, intercept) of one frame."""
    if frame_index >= len(header.frames):
        return 1.0, 0.0
    frame = header.frames[frame_index]
    return frame.rescale_slope, frame.rescale_intercept


def through_lut(values: NDArray[Any], lut: Lut) -> FloatArray:
    """Entries of a lookup table; inputs below the first or above the last mapped value take the end entries."""
    entries = np.asarray(lut.entries, dtype=np.float64)
    place = np.floor(values.astype(np.float64)) - lut.first_mapped
    clipped = np.clip(place, 0, len(entries) - 1).astype(np.intp)
    return np.asarray(entries[clipped])


def is_padding(stored: NDArray[Any], header: InstanceHeader) -> BoolArray | None:
    """Where stored values are pixel padding (0028,0120)-(0028,0121); None where the header names none."""
    value = header.pixel_padding_value
    if value is None or header.samples_per_pixel != 1:
        return None
    limit = header.pixel_padding_range_limit
    if limit is None:
        return np.asarray(stored == value)
    low, high = min(value, limit), max(value, limit)
    return np.asarray((stored >= low) & (stored <= high))
