"""The tools by name."""

from __future__ import annotations

from viewer.tools.arrow import arrow
from viewer.tools.ellipse import ellipse
from viewer.tools.length import length
from viewer.tools.pan import pan
from viewer.tools.pointer import Tool
from viewer.tools.rectangle import rectangle
from viewer.tools.scroll import scroll
from viewer.tools.window import window
from viewer.tools.zoom import zoom

TOOLS: dict[str, Tool] = {
    "scroll": scroll,
    "window": window,
    "zoom": zoom,
    "pan": pan,
    "length": length,
    "arrow": arrow,
    "ellipse": ellipse,
    "rectangle": rectangle,
}
