"""The public names for pixels: stored values, modality values, display values, default window."""

from __future__ import annotations

from viewer.dicom.display import (
    AUTO_EXPLANATION,
    DisplayTable,
    automatic_window,
    default_voi,
    display_frame,
    display_table,
    has_own_voi,
    is_color,
    shows_inverse,
)
from viewer.stored import is_padding, modality_values, raw_frame, stored_frame

__all__ = [
    "AUTO_EXPLANATION",
    "DisplayTable",
    "automatic_window",
    "default_voi",
    "display_frame",
    "display_table",
    "has_own_voi",
    "is_color",
    "is_padding",
    "modality_values",
    "raw_frame",
    "shows_inverse",
    "stored_frame",
]
