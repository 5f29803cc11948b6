"""VOI LUT functions, exactly as PS3.3 C.11.2.1 writes them (reference/viewer.md §3.2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.errors import LutError
from viewer.records import Lut, VoiFunction, Window
from viewer.stored import FloatArray, through_lut

SIGMOID_REACH = 700.0
"""exp() of more overflows float64; the sigmoid is 0 or 1 to the last digit long before."""


def apply_voi(values: NDArray[Any], voi: Window | Lut, low: float = 0.0, high: float = 255.0) -> FloatArray:
    """Values of modality units through a window or VOI LUT, to low..high, not rounded.

    Raises
    ------
    LutError : width below 1 (LINEAR) or not above 0, or a table without entries
    """
    x = values.astype(np.float64)
    if isinstance(voi, Lut):
        return _through_voi_lut(x, voi, low, high)
    if voi.function is VoiFunction.LINEAR:
        return _linear(x, voi, low, high)
    if not voi.width > 0:
        raise LutError("The window width must be above 0.")
    if voi.function is VoiFunction.LINEAR_EXACT:
        return np.clip(((x - voi.center) / voi.width + 0.5) * (high - low) + low, low, high)
    exponent = np.clip(-4.0 * (x - voi.center) / voi.width, -SIGMOID_REACH, SIGMOID_REACH)
    return np.asarray((high - low) / (1.0 + np.exp(exponent)) + low)


def _linear(x: FloatArray, voi: Window, low: float, high: float) -> FloatArray:
    if not voi.width >= 1:
        raise LutError("The width of a LINEAR window must be at least 1.")
    if voi.width == 1:  # C.11.2.1.2.1: a threshold; the slope would be infinite
        return np.where(x <= voi.center - 0.5, low, high)
    return np.clip(((x - (voi.center - 0.5)) / (voi.width - 1.0) + 0.5) * (high - low) + low, low, high)


def _through_voi_lut(x: FloatArray, lut: Lut, low: float, high: float) -> FloatArray:
    if not lut.entries:
        raise LutError("The VOI LUT has no entries.")
    top = float((1 << lut.bits) - 1) if lut.bits > 0 else 1.0
    return np.clip(through_lut(x, lut) / top, 0.0, 1.0) * (high - low) + low


def to_uint8(values: FloatArray) -> NDArray[np.uint8]:
    """Display values 0..255, rounded to the nearest (halves up)."""
    return np.asarray(np.floor(np.clip(values, 0.0, 255.0) + 0.5).astype(np.uint8))
