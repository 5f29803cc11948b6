"""Synthetic anatomy from soft ellipsoids: recognisable at a glance, not more. Numpy only; no patient data anywhere.

Coordinates of a body are normalised: x to the patient's left, y to the back, z to the head, each about -1..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]

EDGE = 14.0
"""Steepness of a soft edge: the rim of an ellipsoid spans about 1/EDGE of its radius."""


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """One tissue: centre and radii (x, y, z), turn about z, value in HU (or signal), edge steepness."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    value: float
    turn_deg: float = 0.0
    edge: float = EDGE


def paint(image: Image, shapes: Sequence[Ellipsoid], z: float, half_width: float = 1.0) -> None:
    """Paint the shapes that cross height `z` into `image`, in order; `half_width` = body units at the image's rim."""
    rows, columns = image.shape
    for shape in shapes:
        height = (z - shape.center[2]) / shape.radii[2]
        if abs(height) >= 1.0:
            continue
        reach = max(shape.radii[0], shape.radii[1]) * 1.12
        left, right = _span(shape.center[0] - reach, shape.center[0] + reach, columns, half_width)
        top, bottom = _span(shape.center[1] - reach, shape.center[1] + reach, rows, half_width)
        if left >= right or top >= bottom:
            continue
        x = (np.arange(left, right, dtype=np.float32) / columns * 2 - 1) * half_width - shape.center[0]
        y = (np.arange(top, bottom, dtype=np.float32) / rows * 2 - 1) * half_width - shape.center[1]
        turn = np.deg2rad(shape.turn_deg)
        cosine, sine = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        along = x[None, :] * cosine + y[:, None] * sine
        across = y[:, None] * cosine - x[None, :] * sine
        radius = np.sqrt((along / shape.radii[0]) ** 2 + (across / shape.radii[1]) ** 2 + height * height)
        weight = np.clip((1.0 - radius) * shape.edge, 0.0, 1.0)
        part = image[top:bottom, left:right]
        part += weight * (np.float32(shape.value) - part)


def _span(low: float, high: float, count: int, half_width: float) -> tuple[int, int]:
    first = int(np.floor((low / half_width + 1) / 2 * count))
    last = int(np.ceil((high / half_width + 1) / 2 * count))
    return max(0, first), min(count, last)


def noise_bank(rows: int, columns: int, sigma: float, rng: np.random.Generator) -> Image:
    """Twelve planes of slightly smoothed noise, to be dealt out to slices (drawing fresh noise costs seconds)."""
    noise = rng.standard_normal((12, rows, columns), dtype=np.float32)
    smooth = (noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2)) / np.float32(np.sqrt(3.0))
    return (smooth * np.float32(sigma)).astype(np.float32)


def slices(
    shapes: Sequence[Ellipsoid],
    heights: Sequence[float],
    *,
    size: tuple[int, int] = (512, 512),
    background: float = -1000.0,
    sigma: float = 9.0,
    seed: int = 1,
) -> list[npt.NDArray[np.int16]]:
    """Axial slices at the given heights, each (rows, columns) int16."""
    rng = np.random.default_rng(seed)
    bank = noise_bank(*size, sigma, rng)
    pictures = []
    for index, z in enumerate(heights):
        image = np.full(size, background, dtype=np.float32)
        paint(image, shapes, z)
        shift = (index * 37) % size[1]
        image += np.roll(bank[index % len(bank)], shift, axis=1)
        pictures.append(np.rint(image).astype(np.int16))
    return pictures


def projection(
    shapes: Sequence[Ellipsoid], size: tuple[int, int], z_range: tuple[float, float], seed: int
) -> npt.NDArray[np.uint16]:
    """A radiograph: attenuation summed from front to back, (rows, columns), 12 bit, bright where dense."""
    depth = 160
    rows, columns = 360, 300
    total = np.zeros((rows, columns), dtype=np.float32)
    for row, z in enumerate(np.linspace(z_range[1], z_range[0], rows)):
        plane = np.full((depth, columns), -1000.0, dtype=np.float32)
        paint(plane, shapes, float(z))
        total[row] = np.clip(plane + 1000.0, 0, 2400).sum(axis=0)
    total /= total.max()
    large = _enlarge(np.sqrt(total), size)
    rng = np.random.default_rng(seed)
    large += rng.standard_normal(size, dtype=np.float32) * np.float32(0.006)
    return np.clip(large * 3600 + 120, 0, 4095).astype(np.uint16)


def _enlarge(image: Image, size: tuple[int, int]) -> Image:
    rows = np.linspace(0, image.shape[0] - 1, size[0])
    columns = np.linspace(0, image.shape[1] - 1, size[1])
    across = np.stack([np.interp(columns, np.arange(image.shape[1]), line) for line in image]).astype(np.float32)
    low = np.floor(rows).astype(int)
    high = np.minimum(low + 1, image.shape[0] - 1)
    part = (rows - low).astype(np.float32)[:, None]
    large: Image = across[low] * (1 - part) + across[high] * part
    return large
