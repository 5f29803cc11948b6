"""The one protocol of both render paths, and what they are given."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from viewer.errors import RenderError
from viewer.geometry.view import ViewTransform

Pixels = NDArray[np.uint8]
PaintOverlay = Callable[[QPainter], None]
Prepare = Callable[[], None]

BACKGROUND = "#000000"
"""Around an image the screen is black; where no image is, the viewport paints its own ground and says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Finished display values: uint8 (rows, columns) or (rows, columns, 3), C-contiguous; drawn without a copy.

    Raises
    ------
    RenderError : another type, shape or memory layout, which would be drawn as garbage
    """

    pixels: Pixels

    def __post_init__(self) -> None:
        pixels = self.pixels
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
            raise RenderError("a picture must be 8-bit gray or RGB")
        if not pixels.flags.c_contiguous or 0 in pixels.shape:
            raise RenderError("a picture must be contiguous and not empty")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.pixels.shape[0])

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.pixels.shape[1])


def snapped(transform: ViewTransform) -> ViewTransform:
    """The transform moved by less than a pixel, so that the corner of the image lies on a whole device pixel.

    Then one image pixel at 1:1 covers exactly one device pixel, and both paths draw the same values.
    """
    _, _, _, _, x, y = transform.matrix()
    return transform.panned(math.floor(x + 0.5) - x, math.floor(y + 0.5) - y)


class RenderPath(Protocol):
    """Draws one picture under one transform, with an overlay painted on top by QPainter in logical pixels."""

    @property
    def name(self) -> str:
        """`software` or `vtk`."""

    def widget(self) -> QWidget:
        """The widget that shows it; owned by its parent widget."""

    def mount(self, picture: Picture | None) -> None:
        """Show another picture at the next paint, None = none; the array is kept alive until the next call."""

    def apply_view(self, transform: ViewTransform, *, smooth: bool) -> None:
        """Where the picture lies (a `snapped` transform), and whether it is interpolated (never measured on)."""

    def set_overlay(self, paint: PaintOverlay, prepare: Prepare | None = None) -> None:
        """`prepare` at the beginning of every paint may mount and apply; `paint` at its end draws on top.

        Computing the picture there makes many events between two paints cost one picture.
        """

    def not_ready(self) -> str:
        """Why nothing can be drawn yet (plain English), empty when it can: a blank GL widget looks like an image."""

    def request_draw(self) -> None:
        """Paint soon; calls between two paints are one."""

    def dispose(self) -> None:
        """Free everything before the widget is deleted."""
