"""One compressed frame to an array: imagecodecs first, the pylibjpeg family where that fails (PS3.5 A.4).

imagecodecs releases the GIL and is 3-5 times faster (reference/viewer.md §7.1). The codestream decides which codec
is asked, since writers mislabel transfer syntaxes; the header decides what the result must look like.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from viewer.dicom.codestream import CodecKind, Codestream, inspect_codestream
from viewer.dicom.normalize import frame_shape
from viewer.errors import DicomReadError, Truncated
from viewer.records import InstanceHeader

RLE_LOSSLESS = "1.2.840.10008.1.2.5"
ALWAYS_LOSSY_SYNTAXES = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})
"""JPEG baseline and extended. Others may carry lossless streams; then the header alone tells."""

END_OF_IMAGE = b"\xff\xd9"
TAIL_BYTES = 64
"""Padding behind the end marker that is still taken for padding."""

PADDING = b"\0\xff"
_FORGIVING = (CodecKind.JPEG, CodecKind.JPEG_LOSSLESS, CodecKind.JPEG_LS)
"""Their decoders fill what is missing with gray and report nothing; OpenJPEG refuses a stream that is cut short."""

Array = NDArray[Any]
_Decoder = Callable[[bytes, bool], Array]


def decode_frame(data: bytes, header: InstanceHeader) -> tuple[Array, bool]:
    """(array of (rows, columns) or (rows, columns, samples), whether YCbCr has already become RGB).

    Raises
    ------
    DicomReadError : no decoder can read it, or it is not of the size that the header promises
    """
    if header.transfer_syntax_uid == RLE_LOSSLESS:
        return _decode_rle(data, header), False
    stream = inspect_codestream(data)
    expected = (header.rows, header.columns, header.samples_per_pixel)
    if (stream.rows, stream.columns, stream.samples) != expected:
        raise DicomReadError(
            f"The compressed image is {stream.columns} × {stream.rows} × {stream.samples}, "
            f"the header says {expected[1]} × {expected[0]} × {expected[2]}."
        )
    if stream.kind in _FORGIVING and not data[-TAIL_BYTES:].rstrip(PADDING).endswith(END_OF_IMAGE):
        raise Truncated("The compressed image is cut short.")
    is_ycc = header.photometric_interpretation.startswith("YBR_") or stream.is_jfif
    converts = stream.kind is CodecKind.JPEG and stream.samples == 3
    for decoder in _decoders(stream):
        try:
            array = decoder(data, converts and is_ycc)
        except (RuntimeError, ValueError, TypeError, OSError, MemoryError, ImportError):
            continue
        if array.shape[:2] == expected[:2] and array.size == header.rows * header.columns * expected[2]:
            undone = stream.kind is CodecKind.JPEG_2000 and _has_mct(header)
            return array.reshape(frame_shape(header)), converts or undone
    raise DicomReadError("The compressed image is damaged and cannot be decoded.")


def _has_mct(header: InstanceHeader) -> bool:
    return header.photometric_interpretation in ("YBR_RCT", "YBR_ICT", "RGB")


def _decoders(stream: Codestream) -> tuple[_Decoder, ...]:
    if stream.kind is CodecKind.JPEG:
        return _jpeg8_color if stream.samples == 3 else _jpeg8, _pylibjpeg
    if stream.kind is CodecKind.JPEG_LOSSLESS:
        first = _jpeg8_color if stream.samples == 3 else _jpeg8
        return first, _ljpeg, _jpegsof3, _pylibjpeg
    if stream.kind is CodecKind.JPEG_LS:
        return _jpegls, _pylibjpeg
    # Not imagecodecs' own HTJ2K decoder: it returns garbage for damaged streams; OpenJPEG reads HTJ2K and refuses them.
    return _jpeg2k, _openjpeg


def _jpeg8(data: bytes, is_ycc: bool) -> Array:
    return np.asarray(imagecodecs.jpeg8_decode(data))


def _jpeg8_color(data: bytes, is_ycc: bool) -> Array:
    colorspace = "YCBCR" if is_ycc else "RGB"
    return np.asarray(imagecodecs.jpeg8_decode(data, colorspace=colorspace, outcolorspace="RGB"))


def _ljpeg(data: bytes, is_ycc: bool) -> Array:
    return np.asarray(imagecodecs.ljpeg_decode(data))


def _jpegsof3(data: bytes, is_ycc: bool) -> Array:
    return np.ascontiguousarray(imagecodecs.jpegsof3_decode(data))


def _jpegls(data: bytes, is_ycc: bool) -> Array:
    return np.asarray(imagecodecs.jpegls_decode(data))


def _jpeg2k(data: bytes, is_ycc: bool) -> Array:
    return np.asarray(imagecodecs.jpeg2k_decode(data))


def _pylibjpeg(data: bytes, is_ycc: bool) -> Array:
    import libjpeg  # noqa: PLC0415 - needed for damaged or rare streams only, and slow to import

    return np.asarray(libjpeg.decode(data, colour_transform=1 if is_ycc else 0))


def _openjpeg(data: bytes, is_ycc: bool) -> Array:
    import openjpeg  # noqa: PLC0415 - needed for damaged or rare streams only, and slow to import

    return np.asarray(openjpeg.decode(data))


def _decode_rle(data: bytes, header: InstanceHeader) -> Array:
    """PS3.5 annex G: byte planes, the most significant first, samples one after the other."""
    width = max(1, header.bits_allocated // 8)
    expected = header.rows * header.columns * header.samples_per_pixel
    segments = int.from_bytes(data[:4], "little")
    if segments != width * header.samples_per_pixel:
        raise DicomReadError("The RLE image has a wrong number of segments.")
    try:
        # The decoder may allocate no more than this; a stream that expands further is damaged.
        decoded = imagecodecs.dicomrle_decode(data, f"<u{width}", out=bytearray(expected * width))
    except (RuntimeError, ValueError, TypeError) as error:
        raise DicomReadError("The RLE image is damaged and cannot be decoded.") from error
    values = np.frombuffer(decoded, dtype=f"<u{width}")
    if values.size != expected:
        raise DicomReadError("The RLE image is shorter than the header says.")
    if header.samples_per_pixel == 1:
        return values.reshape(header.rows, header.columns)
    planes = values.reshape(header.samples_per_pixel, header.rows, header.columns)
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
