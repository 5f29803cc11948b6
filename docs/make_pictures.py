"""Makes the pictures of the documents: plays the demo without a reader, and shrinks what it photographed.

    .venv/bin/python docs/make_pictures.py                 # all
    .venv/bin/python docs/make_pictures.py two-readers     # or one of: one-desk, two-readers

Runs `python -m worklist_client demo --play`, and that of two readers, into a temporary folder and writes
`docs/pictures/*.png`, each below `LIMIT_BYTES`: at most 1280 pixels wide, 256 colors chosen for that picture. Synthetic
patients only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

PICTURES = Path(__file__).resolve().parent / "pictures"
ONE_DESK = {
    "1-worklist": "worklist",
    "2-reading": "reading",
    "3-signing": "signing",
    "5-delivered": "delivered",
    "6-card": "card",
    "8-assign": "assign",
}
"""Names of the demo's own pictures, and of ours."""
TWO_READERS = {
    "1-sign-in": "sign-in",
    "3-assigned": "assigned",
    "4-held": "held",
    "5-take-over": "take-over",
    "6-asked": "asked",
    "7-kept": "kept",
    "8-second-desk": "second-desk",
    "9-first-desk": "first-desk",
    "10-handed-over": "handed-over",
}
PLAYS = {"one-desk": ((), ONE_DESK), "two-readers": (("--two-readers",), TWO_READERS)}
"""What is played: its options, and its pictures."""
WIDTH_PX = 1280
COLORS = 256
LIMIT_BYTES = 300_000


def main(arguments: list[str]) -> int:
    """Play what is asked for (everything where nothing is), and write; 1 where that did not work."""
    return max(take(*PLAYS[name]) for name in arguments or PLAYS)


def take(options: tuple[str, ...], pictures: dict[str, str]) -> int:
    """Play, shrink, write; 1 where the demo got stuck or a picture is missing or too large."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        output = Path(folder) / "played"
        command = [sys.executable, "-m", "worklist_client", "demo", "--play", "--fresh", *options]
        command += ["--folder", str(Path(folder) / "region"), "--output", str(output), "--render", "software"]
        if subprocess.call(command) != 0:
            return 1
        for taken, name in pictures.items():
            target = PICTURES / f"{name}.png"
            shrink(output / f"{taken}.png", target)
            size = target.stat().st_size
            print(f"{target.relative_to(PICTURES.parent.parent)}: {size // 1000} kB")
            if size >= LIMIT_BYTES:
                print(f"{target.name} is too large", file=sys.stderr)
                return 1
    return 0


def shrink(source: Path, target: Path) -> None:
    """One picture, smaller and with a palette of its own. Raises `ValueError` where it cannot be read or written."""
    image = QImage(str(source))
    if image.isNull():
        raise ValueError(f"{source.name} cannot be read")
    if image.width() > WIDTH_PX:
        image = image.scaledToWidth(WIDTH_PX, Qt.TransformationMode.SmoothTransformation)
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[:, : image.width(), 2::-1]
    palette = [0xFF000000 | int(r) << 16 | int(g) << 8 | int(b) for r, g, b in palette_of(pixels.reshape(-1, 3))]
    flags = Qt.ImageConversionFlag.ThresholdDither | Qt.ImageConversionFlag.AvoidDither
    if not image.convertToFormat(QImage.Format.Format_Indexed8, palette, flags).save(str(target), "PNG", 0):
        raise ValueError(f"{target} cannot be written")


def palette_of(pixels: NDArray[np.uint8], colors: int = COLORS) -> NDArray[np.uint8]:
    """Median cut: the box with the widest spread is halved until there are enough; each gives its mean color."""
    distinct, counts = np.unique(pixels, axis=0, return_counts=True)
    boxes = [np.arange(len(distinct))]
    while len(boxes) < min(colors, len(distinct)):
        spreads = [_spread(distinct[box], counts[box]) for box in boxes]
        box = boxes.pop(int(np.argmax(spreads)))
        channel = int(np.argmax(np.ptp(distinct[box].astype(int), axis=0)))
        ordered = box[np.argsort(distinct[box][:, channel], kind="stable")]
        weight = np.cumsum(counts[ordered])
        middle = min(max(int(np.searchsorted(weight, weight[-1] / 2)), 1), len(ordered) - 1)
        boxes += [ordered[:middle], ordered[middle:]]
    means = [np.average(distinct[box], axis=0, weights=counts[box]) for box in boxes]
    return np.rint(means).astype(np.uint8)


def _spread(colors: NDArray[np.uint8], counts: NDArray[np.intp]) -> float:
    """How much a box has to gain from being halved; nothing where it holds one color."""
    width = int(np.ptp(colors.astype(int), axis=0).max())
    return float(width) ** 2 * float(counts.sum()) ** 0.3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
