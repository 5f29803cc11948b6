"""The decoded copy beside a stored object: written once, under a temporary name first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.dicom.normalize import frame_shape, is_ybr, pixel_dtype
from viewer.errors import DicomReadError
from viewer.records import InstanceHeader, PixelFile

SUFFIX, PARTIAL_SUFFIX = ".raw", ".partial.raw"
"""A copy in which a frame failed has a name of its own: it is never taken for a whole one later."""
MAX_FRAME_BYTES = 1 << 29
MAX_FILE_BYTES = 1 << 34

FrameSource = Callable[[int], NDArray[Any]]


def simplified(header: InstanceHeader) -> InstanceHeader:
    """The header as it holds for a decoded copy: whole bytes a sample, value in the low bits."""
    allocated = 8 * np.dtype(pixel_dtype(header)).itemsize
    return replace(header, bits_allocated=allocated, high_bit=header.bits_stored - 1)


def check_size(header: InstanceHeader) -> int:
    """Bytes of one decoded frame. Raises DicomReadError where header sizes are beyond any image."""
    frame_bytes = int(np.prod(frame_shape(header))) * np.dtype(pixel_dtype(header)).itemsize
    if frame_bytes > MAX_FRAME_BYTES or frame_bytes * header.number_of_frames > MAX_FILE_BYTES:
        raise DicomReadError("The image would be larger than any this viewer accepts.")
    return frame_bytes


def written(header: InstanceHeader, frame_source: FrameSource, dtype: str = "") -> InstanceHeader:
    """The header with a decoded copy of all frames; frames that cannot be decoded are marked as failed.

    Raises
    ------
    DicomReadError : not one frame could be decoded, or the copy cannot be written
    """
    header = simplified(header)
    frame_bytes = check_size(header)
    total = frame_bytes * header.number_of_frames
    target = header.path + SUFFIX
    pixels = PixelFile(
        path=target,
        offset_bytes=0,
        dtype=dtype or pixel_dtype(header),
        photometric_interpretation="RGB" if is_ybr(header) else header.photometric_interpretation,
    )
    if not dtype and _is_whole(target, total, header.path):
        return replace(header, pixels=pixels)
    temporary = f"{header.path}.{os.getpid()}.tmp"
    try:
        failures = _write_frames(temporary, header, frame_source, frame_bytes)
        if failures:
            target = header.path + PARTIAL_SUFFIX
            pixels = replace(pixels, path=target)
        os.replace(temporary, target)
    except OSError as error:
        raise DicomReadError("The decoded image cannot be written to the cache.") from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    frames = tuple(
        replace(frame, failure=failures[index]) if index in failures else frame
        for index, frame in enumerate(header.frames)
    )
    return replace(header, pixels=pixels, frames=frames)


def _is_whole(path: str, size: int, source: str) -> bool:
    """Whether a copy of the right size is there that is not older than the stored object."""
    try:
        copy = os.stat(path)
        return copy.st_size == size and copy.st_mtime_ns >= os.stat(source).st_mtime_ns
    except OSError:
        return False


def _write_frames(path: str, header: InstanceHeader, frame_source: FrameSource, frame_bytes: int) -> dict[int, str]:
    """Write all frames; reasons of the failed ones by index."""
    failures: dict[int, str] = {}
    count = header.number_of_frames
    with open(path, "wb") as file:
        for index in range(count):
            try:
                frame = frame_source(index)
            except DicomReadError as error:
                failures[index] = error.reason
                if len(failures) == count:
                    raise DicomReadError(error.reason) from error
                file.seek(frame_bytes, os.SEEK_CUR)
                continue
            file.write(np.ascontiguousarray(frame).data)
        file.truncate(count * frame_bytes)  # a failed last frame leaves a hole that must be part of the file
    return failures
