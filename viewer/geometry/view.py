"""From image to canvas: zoom, pan, rotation and flip as one frozen record.

Canvas coordinates are device pixels, (0, 0) the *corner* of the first pixel at the top left. Order: pixel aspect,
rotation (clockwise, multiples of 90°), horizontal flip, zoom, pan (PS3.3 C.10.6: rotation before flip).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from viewer.geometry.corner import Area, Point2

MIN_ZOOM, MAX_ZOOM = 0.02, 64.0


@dataclass(frozen=True, slots=True)
class ViewTransform:
    """How an image of rows × columns lies on a canvas. `zoom` is canvas pixels a column; the middle of the image is at
    the middle of the canvas, moved by `pan_px`. `row_aspect` is the height of a pixel over its width."""

    rows: int
    columns: int
    canvas_width_px: int
    canvas_height_px: int
    zoom: float = 1.0
    pan_px: Point2 = (0.0, 0.0)
    rotation_deg: int = 0
    flipped: bool = False
    row_aspect: float = 1.0

    def matrix(self) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, e, f): canvas x = a·x + c·y + e, canvas y = b·x + d·y + f for corner coordinates (x, y).

        The order of QTransform(m11, m12, m21, m22, dx, dy).
        """
        turns = (self.rotation_deg // 90) % 4
        cos, sin = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
        mirror = -1 if self.flipped else 1
        a, c = mirror * cos * self.zoom, -mirror * sin * self.zoom * self.row_aspect
        b, d = sin * self.zoom, cos * self.zoom * self.row_aspect
        middle_x = self.canvas_width_px / 2 + self.pan_px[0]
        middle_y = self.canvas_height_px / 2 + self.pan_px[1]
        half_x, half_y = self.columns / 2, self.rows / 2
        return a, b, c, d, middle_x - a * half_x - c * half_y, middle_y - b * half_x - d * half_y

    def canvas_from_corner(self, point: Point2) -> Point2:
        """Canvas position of a point in corner coordinates."""
        a, b, c, d, e, f = self.matrix()
        return a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f

    def corner_from_canvas(self, point: Point2) -> Point2:
        """Corner coordinates under a canvas position."""
        a, b, c, d, e, f = self.matrix()
        x, y = point[0] - e, point[1] - f
        determinant = a * d - b * c
        return (d * x - c * y) / determinant, (a * y - b * x) / determinant

    def canvas_from_index(self, point: Point2) -> Point2:
        """Canvas position of an index point (pixel centers at whole numbers)."""
        return self.canvas_from_corner((point[0] + 0.5, point[1] + 0.5))

    def index_from_canvas(self, point: Point2) -> Point2:
        """Index under a canvas position."""
        x, y = self.corner_from_canvas(point)
        return x - 0.5, y - 0.5

    def fit_zoom(self) -> float:
        """The largest zoom at which the whole image is visible."""
        width, height = float(self.columns), self.rows * self.row_aspect
        if (self.rotation_deg // 90) % 2:
            width, height = height, width
        if width <= 0 or height <= 0:
            return 1.0
        return max(MIN_ZOOM, min(self.canvas_width_px / width, self.canvas_height_px / height))

    def fitted(self) -> ViewTransform:
        """The whole image, in the middle."""
        return replace(self, zoom=self.fit_zoom(), pan_px=(0.0, 0.0))

    def zoomed(self, factor: float, about: Point2) -> ViewTransform:
        """Zoomed by a factor; the image point under canvas position `about` stays there."""
        anchor = self.corner_from_canvas(about)
        changed = replace(self, zoom=min(max(self.zoom * factor, MIN_ZOOM), MAX_ZOOM))
        x, y = changed.canvas_from_corner(anchor)
        return replace(changed, pan_px=(changed.pan_px[0] + about[0] - x, changed.pan_px[1] + about[1] - y))

    def panned(self, dx_px: float, dy_px: float) -> ViewTransform:
        """Moved by canvas pixels."""
        return replace(self, pan_px=(self.pan_px[0] + dx_px, self.pan_px[1] + dy_px))

    def visible_area(self) -> Area | None:
        """Visible part of the image in corner coordinates, clipped to the image; None when all of it is visible.

        An image moved wholly out of sight gives the pixel nearest to the canvas, never an empty area.
        """
        first = self.corner_from_canvas((0.0, 0.0))
        last = self.corner_from_canvas((float(self.canvas_width_px), float(self.canvas_height_px)))
        left, right = _clipped(first[0], last[0], self.columns)
        top, bottom = _clipped(first[1], last[1], self.rows)
        if (left, top, right, bottom) == (0.0, 0.0, float(self.columns), float(self.rows)):
            return None
        return left, top, right, bottom


def _clipped(one: float, other: float, size: int) -> tuple[float, float]:
    low = min(max(min(one, other), 0.0), size - 1.0)
    high = max(min(max(one, other), float(size)), low + 1.0)
    # Rounding of the matrix must not make "everything" a hair less than everything.
    return (0.0 if low < 1e-6 else low), (float(size) if high > size - 1e-6 else high)
