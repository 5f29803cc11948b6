"""Display values: stored -> modality -> VOI -> presentation LUT -> uint8 (PS3.4 N.2), the one pixel path.

Fast form: one table of 65,536 (or 256) uint8 for a class of frames, indexed by bit patterns straight from the file;
masking, sign, rescale, window and inversion are all inside the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.dicom.lut import apply_voi, to_uint8
from viewer.records import InstanceHeader, Lut, VoiFunction, Window
from viewer.stored import FloatArray, is_padding, raw_frame, rescale_of, stored_frame, through_lut, to_modality

UInt8Array = NDArray[np.uint8]

AUTO_EXPLANATION = "auto W/L"
"""Explanation of a window that was computed from the pixels; shown as a badge."""
FULL_RANGE_EXPLANATION = "full range"
AUTO_PERCENTILES = (1.0, 99.0)
AUTO_SAMPLES = 65_536
"""Pixels looked at for an automatic window; more changes nothing visible and costs 100 ms on a mammogram."""
TABLES_KEPT = 64


@dataclass(frozen=True, slots=True)
class _TableKey:
    """What makes two frames share a table."""

    bits_allocated: int
    bits_stored: int
    signed: bool
    slope: float
    intercept: float
    modality_lut: Lut | None
    voi: Window | Lut | None
    inverse: bool


@dataclass(frozen=True, slots=True, eq=False)
class DisplayTable:
    """uint8 display value of every bit pattern a frame can hold. Read-only; share it between frames and threads."""

    values: UInt8Array

    def apply(self, raw: NDArray[Any], out: UInt8Array | None = None) -> UInt8Array:
        """Display values of bit patterns as `viewer.stored.raw_frame` gives them, into `out` where given."""
        patterns: NDArray[Any] = raw.view("u1" if raw.dtype.itemsize == 1 else "<u2")
        if out is None:
            out = np.empty(patterns.shape, np.uint8)
        # "clip" lets numpy write straight into `out`; every pattern is inside the table anyway.
        return np.take(self.values, patterns, out=out, mode="clip")


def shows_inverse(header: InstanceHeader, inverted: bool) -> bool:
    """Whether low values are bright: MONOCHROME1, or the reader's inversion, but not both.

    A Presentation LUT Shape in the image itself (DX, MG) only repeats Photometric Interpretation (PS3.3 C.8.11.3), so
    counting both would invert twice. As the Presentation LUT Shape of a GSPS: INVERSE when true (PS3.4 N.2.1.4).
    """
    return (header.photometric_interpretation == "MONOCHROME1") != inverted


def is_color(header: InstanceHeader) -> bool:
    """Whether the display values are RGB."""
    return header.samples_per_pixel > 1 or header.palette is not None


def display_table(
    header: InstanceHeader, frame_index: int, voi: Window | Lut | None, inverted: bool
) -> DisplayTable | None:
    """Table for one monochrome frame of at most 16 bits (cached); None where the values must be computed directly.

    `voi` None is the identity over the whole range of stored values.
    """
    pixels = header.pixels
    if is_color(header) or pixels is None or pixels.dtype not in ("uint8", "int8", "uint16", "int16"):
        return None
    slope, intercept = rescale_of(header, frame_index)
    bits = 8 * np.dtype(pixels.dtype).itemsize
    key = _TableKey(
        bits_allocated=bits,
        bits_stored=min(header.bits_stored, bits),
        signed=pixels.dtype.startswith("int"),
        slope=slope,
        intercept=intercept,
        modality_lut=header.modality_lut,
        voi=voi,
        inverse=shows_inverse(header, inverted),
    )
    return _table(key)


@lru_cache(maxsize=TABLES_KEPT)
def _table(key: _TableKey) -> DisplayTable:
    # Only 2**bits_stored values differ; the bits above do not count, so the rest of the table repeats them.
    patterns = np.arange(1 << key.bits_stored, dtype=np.int64)
    if key.signed:
        patterns = np.where(patterns >= 1 << (key.bits_stored - 1), patterns - (1 << key.bits_stored), patterns)
    values = patterns.astype(np.float64)
    if key.modality_lut is not None:
        values = through_lut(values, key.modality_lut)
    else:
        values = values * key.slope + key.intercept
    shown = _shown(values, key.voi, (float(values.min()), float(values.max())), key.inverse)
    table = np.tile(shown, 1 << (key.bits_allocated - key.bits_stored))
    table.flags.writeable = False
    return DisplayTable(table)


def _shown(values: FloatArray, voi: Window | Lut | None, full_range: tuple[float, float], inverse: bool) -> UInt8Array:
    if voi is None:
        low, high = full_range
        span = high - low if high > low else 1.0
        shown = to_uint8((values - low) / span * 255.0)
    else:
        shown = to_uint8(apply_voi(values, voi))
    return np.asarray(255 - shown, dtype=np.uint8) if inverse else shown


def display_frame(
    header: InstanceHeader,
    frame_index: int,
    voi: Window | Lut | None,
    inverted: bool,
    out: UInt8Array | None = None,
) -> UInt8Array:
    """Display values of one frame: uint8 (rows, columns), or (rows, columns, 3) RGB for color.

    `inverted` is the reader's wish, on top of MONOCHROME1. `out` of the right shape is filled and returned.

    Raises
    ------
    DicomReadError, Truncated : as `viewer.stored.raw_frame`
    LutError : a window that PS3.3 C.11.2 does not allow
    """
    if is_color(header):
        return _into(_color_frame(header, frame_index, inverted), out)
    table = display_table(header, frame_index, voi, inverted)
    if table is not None:
        return table.apply(raw_frame(header, frame_index), out)
    stored = stored_frame(header, frame_index)
    values = to_modality(stored, header, frame_index)
    finite = values[np.isfinite(values)]
    full_range = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    values = np.nan_to_num(values, nan=full_range[0], posinf=full_range[1], neginf=full_range[0])
    return _into(_shown(values, voi, full_range, shows_inverse(header, inverted)), out)


def _into(values: UInt8Array, out: UInt8Array | None) -> UInt8Array:
    if out is None:
        return values
    np.copyto(out, values)
    return out


def _color_frame(header: InstanceHeader, frame_index: int, inverted: bool) -> UInt8Array:
    stored = stored_frame(header, frame_index)
    if header.palette is not None:
        colors = _palette(header.palette)
        place = np.clip(stored.astype(np.int64) - header.palette[0].first_mapped, 0, len(colors) - 1)
        rgb = colors[place]
    elif header.bits_stored > 8:
        rgb = (stored >> (header.bits_stored - 8)).astype(np.uint8)
    else:
        rgb = stored.view(np.uint8)
    rgb = rgb[..., :3]
    return np.asarray(255 - rgb, dtype=np.uint8) if inverted else np.asarray(rgb)


@lru_cache(maxsize=8)
def _palette(palette: tuple[Lut, Lut, Lut]) -> UInt8Array:
    count = max(len(lut.entries) for lut in palette)
    channels = []
    for lut in palette:
        entries = np.asarray(lut.entries, dtype=np.int64)
        entries = np.pad(entries, (0, count - len(entries)), mode="edge")
        channels.append(entries >> 8 if lut.bits > 8 else entries)
    return np.stack(channels, axis=-1).astype(np.uint8)


def default_voi(header: InstanceHeader, frame_index: int) -> Window | Lut | None:
    """The window an image opens with (reference/viewer.md §3.3): VOI LUT, first window, else one of our own.

    8-bit images without a window are shown in full range (explanation "full range"), others by percentiles of the
    pixels without padding (explanation "auto W/L"). None for color. Raises as `viewer.stored.raw_frame` where the
    pixels are needed and cannot be had.
    """
    if is_color(header):
        return None
    if header.voi_luts:
        return header.voi_luts[0]
    if frame_index < len(header.frames) and header.frames[frame_index].windows:
        return header.frames[frame_index].windows[0]
    if header.bits_stored <= 8 and header.modality_lut is None:
        return _full_range(header, frame_index)
    return automatic_window(header, frame_index)


def has_own_voi(header: InstanceHeader, frame_index: int) -> bool:
    """Whether the header brings a VOI LUT or window of its own (else a preset for the modality may come first)."""
    return bool(header.voi_luts) or bool(frame_index < len(header.frames) and header.frames[frame_index].windows)


def _full_range(header: InstanceHeader, frame_index: int) -> Window:
    slope, intercept = rescale_of(header, frame_index)
    signed = header.pixel_representation == 1
    low, high = (-128, 127) if signed else (0, (1 << header.bits_stored) - 1)
    ends = sorted((low * slope + intercept, high * slope + intercept))
    width = max(ends[1] - ends[0], 1e-6)
    return Window((ends[0] + ends[1]) / 2, width, VoiFunction.LINEAR_EXACT, FULL_RANGE_EXPLANATION)


def automatic_window(header: InstanceHeader, frame_index: int) -> Window:
    """Window from the 1st to the 99th percentile of the modality values without padding, "auto W/L"."""
    stored = stored_frame(header, frame_index)
    step = max(1, int(np.ceil(np.sqrt(stored.size / AUTO_SAMPLES))))
    sample = np.ascontiguousarray(stored[::step, ::step])
    padding = is_padding(sample, header)
    if padding is not None and not padding.all():
        sample = sample[~padding]
    values = to_modality(sample, header, frame_index)
    values = values[np.isfinite(values)]
    if not values.size:
        return Window(0.5, 1.0, VoiFunction.LINEAR_EXACT, AUTO_EXPLANATION)
    low, high = (float(value) for value in np.percentile(values, AUTO_PERCENTILES))
    if high <= low:
        low, high = float(values.min()), float(values.max())
    width = high - low if high > low else 1.0
    return Window((low + high) / 2, width, VoiFunction.LINEAR_EXACT, AUTO_EXPLANATION)
