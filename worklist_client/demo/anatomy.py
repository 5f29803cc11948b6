"""The bodies of the demo: lists of soft ellipsoids per region, and two pictures that are drawn directly."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from worklist_client.demo.phantom import Ellipsoid

E = Ellipsoid

LESION_SITES = ((-0.42, -0.10, 0.10), (-0.28, 0.16, -0.05), (-0.52, 0.12, 0.22))
"""Where the liver metastases lie, in body units."""


@cache
def chest(nodule: bool = False) -> tuple[Ellipsoid, ...]:
    """Thorax: lungs with vessels, heart, great vessels, spine, ribs; optionally a nodule in the right upper lobe."""
    shapes = [
        E((0, 0.02, 0), (0.90, 0.62, 3.0), -95, edge=40),
        E((0, 0.02, 0), (0.84, 0.56, 3.0), 45, edge=40),
        E((0, 0.60, 0), (0.95, 0.03, 3.0), -300),
        E((-0.40, 0.02, 0.10), (0.35, 0.44, 1.05), -860),
        E((0.42, 0.02, 0.10), (0.33, 0.44, 1.05), -860),
        E((0.0, -0.20, 0.15), (0.16, 0.22, 1.2), 30),
        E((0.13, -0.16, -0.35), (0.34, 0.29, 0.45), 48, 25),
        E((0.02, -0.05, 0.30), (0.075, 0.09, 0.8), 55),
        E((0.11, 0.24, 0.0), (0.075, 0.075, 2.0), 60),
        E((-0.07, -0.13, 0.45), (0.055, 0.06, 0.7), 55),
        E((0.0, 0.02, 0.75), (0.055, 0.05, 0.55), -1000),
        E((-0.10, 0.05, 0.2), (0.035, 0.035, 0.18), -1000),
        E((0.12, 0.05, 0.2), (0.035, 0.035, 0.18), -1000),
        E((-0.35, -0.02, -1.0), (0.50, 0.44, 0.36), 62),
        E((0, 0.38, 0), (0.11, 0.12, 3.0), 240),
        E((0, 0.38, 0), (0.085, 0.095, 3.0), 150),
        E((0, 0.47, 0), (0.04, 0.045, 3.0), 25),
        E((0, 0.54, 0), (0.035, 0.06, 3.0), 330),
        E((0, -0.50, 0.1), (0.10, 0.025, 0.9), 260),
    ]
    shapes += _lung_vessels() + _ribs()
    if nodule:
        shapes.append(E((-0.48, -0.08, 0.48), (0.045, 0.045, 0.05), 35))
    return tuple(shapes)


def _lung_vessels() -> list[Ellipsoid]:
    rng = np.random.default_rng(7)
    vessels = []
    for side in (-1.0, 1.0):
        for _ in range(70):
            angle, reach, z = rng.uniform(0, 2 * np.pi), rng.uniform(0.08, 0.29), rng.uniform(-0.8, 0.95)
            x, y = side * 0.40 + np.cos(angle) * reach, 0.02 + np.sin(angle) * reach * 1.15
            size = 0.030 - 0.065 * reach
            vessels.append(E((float(x), float(y), float(z)), (size * 1.8, size, 0.10), -250, float(np.degrees(angle))))
    return vessels


def _ribs() -> list[Ellipsoid]:
    ribs = []
    for level in range(11):
        for step in range(13):
            angle = np.deg2rad(-75 + step * 13.5)
            z = 0.95 - level * 0.19 - 0.12 * (1 - abs(step - 6) / 6) + 0.05 * step / 12
            for side in (-1.0, 1.0):
                x, y = side * 0.79 * np.cos(angle), 0.02 + 0.53 * np.sin(angle)
                turn = float(np.degrees(np.arctan2(0.53 * np.cos(angle), -side * 0.79 * np.sin(angle))))
                ribs.append(E((float(x), float(y), float(z)), (0.085, 0.030, 0.045), 420, turn))
    return ribs


@cache
def abdomen(lesion_scale: float = 0.0) -> tuple[Ellipsoid, ...]:
    """Upper abdomen with contrast: liver, spleen, kidneys, aorta, spine; metastases grow with `lesion_scale`."""
    shapes = [
        E((0, 0.02, 0), (0.90, 0.66, 3.0), -100, edge=40),
        E((0, 0.04, 0), (0.80, 0.56, 3.0), 52, edge=40),
        E((0, 0.02, 0), (0.74, 0.50, 3.0), -85, edge=30),
        E((0, 0.68, 0), (0.95, 0.03, 3.0), -300),
        E((-0.38, -0.02, 0.12), (0.40, 0.40, 0.95), 112, 12),
        E((0.02, -0.26, 0.25), (0.30, 0.14, 0.55), 110),
        E((0.50, 0.16, 0.35), (0.19, 0.24, 0.55), 122, -35),
        E((0.30, -0.16, 0.25), (0.24, 0.20, 0.50), 35, 20),
        E((0.30, -0.27, 0.25), (0.17, 0.08, 0.40), -800, 12),
        E((-0.36, 0.28, -0.45), (0.12, 0.15, 0.55), 175, 20),
        E((0.38, 0.28, -0.40), (0.12, 0.15, 0.55), 175, -20),
        E((-0.34, 0.27, -0.45), (0.045, 0.06, 0.30), 20, 20),
        E((0.36, 0.27, -0.40), (0.045, 0.06, 0.30), 20, -20),
        E((0.04, 0.22, 0), (0.065, 0.065, 3.0), 185),
        E((-0.11, 0.20, 0), (0.070, 0.055, 3.0), 150),
        E((-0.16, -0.02, 0.10), (0.05, 0.05, 0.8), 165),
        E((0.05, 0.0, -0.25), (0.28, 0.06, 0.20), 95, 8),
        E((-0.20, -0.24, -0.60), (0.10, 0.09, 0.16), 15),
        E((0, 0.40, 0), (0.13, 0.14, 3.0), 260),
        E((0, 0.40, 0), (0.10, 0.11, 3.0), 165),
        E((0, 0.50, 0), (0.045, 0.05, 3.0), 25),
        E((0, 0.58, 0), (0.035, 0.06, 3.0), 340),
        E((-0.22, 0.50, 0), (0.17, 0.10, 3.0), 62),
        E((0.22, 0.50, 0), (0.17, 0.10, 3.0), 62),
    ]
    for column in range(5):
        for level in range(3):
            x, z = -0.36 + column * 0.18, -0.95 + level * 0.22
            shapes.append(E((x, -0.22 + 0.04 * (column % 2), z), (0.08, 0.08, 0.14), 40))
            shapes.append(E((x, -0.25 + 0.04 * (column % 2), z), (0.035, 0.03, 0.08), -600))
    for index, site in enumerate(LESION_SITES):
        size = (0.060, 0.042, 0.034)[index] * lesion_scale
        if size > 0:
            shapes.append(E(site, (size, size * 0.92, size * 1.6), 58, edge=6))
    return tuple(shapes)


@cache
def head(bleed: bool = False, signal: str = "ct") -> tuple[Ellipsoid, ...]:
    """Head: scalp, skull, brain with ventricles; optionally a bleed with edema. `signal` is "ct" (HU) or "mr" (T1)."""
    ct = signal == "ct"

    def pick(hounsfield: float, mr: float) -> float:
        return hounsfield if ct else mr

    shapes = [
        E((0, 0, -0.1), (0.72, 0.88, 1.14), pick(-20, 620), edge=40),
        E((0, 0, -0.1), (0.685, 0.845, 1.10), pick(1150, 90), edge=40),
        E((0, 0, -0.1), (0.655, 0.815, 1.07), pick(500, 180), edge=40),
        E((0, 0, -0.1), (0.63, 0.79, 1.04), pick(1000, 90), edge=40),
        E((0, 0, -0.1), (0.60, 0.76, 1.01), pick(9, 120), edge=40),
        E((0, 0, -0.08), (0.585, 0.745, 0.98), pick(38, 420), edge=30),
        E((-0.26, 0.0, 0.08), (0.24, 0.56, 0.62), pick(29, 560), edge=5),
        E((0.26, 0.0, 0.08), (0.24, 0.56, 0.62), pick(29, 560), edge=5),
        E((0, 0, 0.25), (0.012, 0.72, 0.70), pick(52, 300)),
    ]
    for side in (-1.0, 1.0):
        shapes += [
            E((side * 0.10, -0.20, 0.12), (0.05, 0.20, 0.22), pick(8, 110), side * 14),
            E((side * 0.14, 0.22, 0.10), (0.055, 0.20, 0.20), pick(8, 110), side * -20),
            E((side * 0.17, -0.04, 0.0), (0.07, 0.13, 0.16), pick(36, 440), side * 18),
            E((side * 0.22, 0.06, 0.0), (0.09, 0.15, 0.15), pick(37, 430), side * 18),
            E((side * 0.28, -0.74, -0.62), (0.15, 0.15, 0.16), pick(12, 140)),
            E((side * 0.46, 0.18, -0.72), (0.14, 0.16, 0.14), pick(900, 90)),
            E((side * 0.46, 0.20, -0.72), (0.07, 0.09, 0.09), pick(-700, 30)),
        ]
    shapes += [
        E((0, 0.0, -0.02), (0.025, 0.10, 0.12), pick(8, 110)),
        E((0, 0.42, -0.62), (0.36, 0.28, 0.24), pick(37, 430)),
        E((0, 0.14, -0.75), (0.14, 0.13, 0.34), pick(34, 500)),
        E((0, 0.28, -0.62), (0.06, 0.05, 0.12), pick(8, 110)),
        E((0, -0.66, -0.80), (0.14, 0.16, 0.20), pick(-900, 20)),
    ]
    if bleed:
        shapes += [
            E((0.27, -0.02, 0.06), (0.22, 0.27, 0.26), 22, 10, edge=5),
            E((0.27, -0.02, 0.06), (0.15, 0.19, 0.19), 74, 10, edge=9),
            E((0.10, -0.16, 0.10), (0.04, 0.13, 0.10), 66, 14),
        ]
    return tuple(shapes)


def hand(size: tuple[int, int] = (1280, 960), fracture: bool = True) -> npt.NDArray[np.uint16]:
    """A hand radiograph, 12 bit, bright where dense; optionally with a break of the fifth metacarpal."""
    rows, columns = size
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x, y = x / columns, y / rows
    soft = np.zeros(size, dtype=np.float32)
    bone = np.zeros(size, dtype=np.float32)
    tips = ((0.20, 0.44), (0.34, 0.30), (0.48, 0.24), (0.61, 0.29), (0.75, 0.40))
    for index, (tip_x, tip_y) in enumerate(tips):
        joints = np.linspace(0, 1, 4 if index == 0 else 5)
        thick = (0.034, 0.030, 0.030, 0.028, 0.024)[index]
        wrist_x, wrist_y = 0.40 + index * 0.045, 0.80
        points = [(tip_x + (wrist_x - tip_x) * t, tip_y + (wrist_y - tip_y) * t) for t in joints]
        for number, (start, end) in enumerate(pairwise(points)):
            _capsule(soft, x, y, start, end, thick * 1.75, 0.30)
            gap = 0.10
            first = (start[0] + (end[0] - start[0]) * gap, start[1] + (end[1] - start[1]) * gap)
            last = (end[0] - (end[0] - start[0]) * gap, end[1] - (end[1] - start[1]) * gap)
            if fracture and index == 4 and number == 3:
                middle = ((first[0] + last[0]) / 2, (first[1] + last[1]) / 2)
                _capsule(bone, x, y, first, (middle[0] + 0.012, middle[1] - 0.012), thick * 0.62, 0.62)
                _capsule(bone, x, y, (middle[0], middle[1] + 0.010), last, thick * 0.62, 0.62)
            else:
                _capsule(bone, x, y, first, last, thick * 0.62, 0.62)
    _capsule(soft, x, y, (0.44, 0.68), (0.56, 0.72), 0.17, 0.36)
    for row in range(2):
        for column in range(4):
            place = (0.41 + column * 0.06, 0.83 + row * 0.045)
            _capsule(bone, x, y, place, (place[0] + 0.012, place[1] + 0.008), 0.026, 0.58)
    for edge in (0.44, 0.56):
        _capsule(bone, x, y, (edge, 0.94), (edge, 1.06), 0.042, 0.66)
    _capsule(soft, x, y, (0.44, 0.90), (0.56, 1.06), 0.11, 0.34)
    rng = np.random.default_rng(11)
    picture = soft + bone + rng.standard_normal(size, dtype=np.float32) * np.float32(0.008) + np.float32(0.05)
    return np.clip(picture * 3600, 0, 4095).astype(np.uint16)


def _capsule(
    image: npt.NDArray[np.float32],
    x: npt.NDArray[np.float32],
    y: npt.NDArray[np.float32],
    start: tuple[float, float],
    end: tuple[float, float],
    radius: float,
    value: float,
) -> None:
    """A rounded bar; where bars overlap the denser one shows."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x * along_x + along_y * along_y + 1e-9
    part = np.clip(((x - start[0]) * along_x + (y - start[1]) * along_y) / length, 0, 1)
    distance = np.hypot(x - start[0] - part * along_x, (y - start[1] - part * along_y) * 0.95)
    np.maximum(image, np.clip((1 - distance / radius) * 6, 0, 1).astype(np.float32) * np.float32(value), out=image)


def heart_cine(frames: int = 24, size: tuple[int, int] = (480, 640)) -> npt.NDArray[np.uint8]:
    """An ultrasound sector with a beating ventricle: (frames, rows, columns) uint8."""
    rows, columns = size
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    depth = np.hypot(x - columns / 2, y - 24) / (rows - 60)
    angle = np.arctan2(x - columns / 2, y - 24)
    sector = (np.abs(angle) < 0.72) & (depth < 1.0) & (depth > 0.04)
    rng = np.random.default_rng(5)
    speckle = rng.gamma(1.6, 0.6, size).astype(np.float32)
    cine = np.zeros((frames, rows, columns), dtype=np.uint8)
    for index in range(frames):
        beat = 1.0 + 0.16 * np.sin(2 * np.pi * index / frames)
        cavity = np.hypot((x - columns * 0.5) / (62 * beat), (y - rows * 0.50) / (110 * beat))
        atrium = np.hypot((x - columns * 0.52) / (58 / beat), (y - rows * 0.80) / (52 / beat))
        tissue = np.full(size, 62.0, dtype=np.float32)
        tissue[cavity < 1.45] = 118
        tissue[(cavity < 1.0) | (atrium < 1.0)] = 9
        tissue[(np.abs(y - rows * 0.71) < 4) & (np.abs(x - columns * 0.5) < 46)] = 150
        picture = tissue * np.roll(speckle, index % 5, axis=1) * (1.15 - 0.5 * depth)
        cine[index] = np.where(sector, np.clip(picture, 0, 255), 0).astype(np.uint8)
    return cine
