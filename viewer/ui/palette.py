"""Colors of everything painted on or beside an image: for a dark room, told apart by shape and word first.

The values are those of the dark theme (`resources/themes/dark.toml`); contrast is tested.
"""

from __future__ import annotations

from typing import Final

GROUND: Final = "#0f1214"
"""Where no image is: visibly not black."""
PANEL: Final = "#14171a"
BANNER: Final = "#1b1f24"
LINE: Final = "#2b3138"
SCROLL_HANDLE: Final = "#414a54"
TEXT: Final = "#eceff2"
TEXT_QUIET: Final = "#b9c2cb"
ON_ACCENT: Final = "#08121a"
ACTIVE: Final = "#6bb8f0"
ATTENTION: Final = "#f2b83d"
DANGER: Final = "#ff8a5c"
HATCH: Final = "#5a3020"
ANNOTATION: Final = "#f2d24b"
ANNOTATION_SELECTED: Final = "#7fe3ff"
SHADOW: Final = "#000000"


def luminance(color: str) -> float:
    """Relative luminance of "#rrggbb" (WCAG 2)."""
    channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_on(color: str) -> str:
    """Black or white text, whichever is easier to read: at least 4.58 : 1 on every color."""
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, color))
