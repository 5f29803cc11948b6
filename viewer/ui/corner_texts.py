"""What stands in the corners of an image, as data (`resources/corner_texts.toml`)."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viewer.ui.resource_files import ResourceError, read_toml

FILE = "corner_texts.toml"
CORNERS = ("top_left", "top_right", "bottom_left", "bottom_right")
FIELDS = frozenset(
    (
        *("series_number", "series_description", "body_part", "protocol", "acquisition", "kernel", "content_time"),
        *("image_number", "image_count", "position", "thickness", "matrix"),
        *("window", "zoom", "interpolation", "lossy", "link"),
    )
)


@dataclass(frozen=True, slots=True)
class CornerTexts:
    """Lines of each corner, with fields in braces."""

    top_left: tuple[str, ...] = ()
    top_right: tuple[str, ...] = ()
    bottom_left: tuple[str, ...] = ()
    bottom_right: tuple[str, ...] = ()

    def filled(self, fields: Mapping[str, str], translate: Mapping[str, str]) -> dict[str, list[str]]:
        """Lines of each corner with the fields put in; a line whose fields are all empty is left out."""
        return {
            corner: [
                translate.get(line, line).format_map(dict.fromkeys(FIELDS, "") | dict(fields)).strip()
                for line in getattr(self, corner)
                if any(fields.get(name) for name in fields_of(line))
            ]
            for corner in CORNERS
        }

    @property
    def lines(self) -> tuple[str, ...]:
        """Every line, for translation."""
        return tuple(line for corner in CORNERS for line in getattr(self, corner))


def fields_of(line: str) -> tuple[str, ...]:
    """Names in braces; ValueError where the braces do not match."""
    return tuple(name for _, name, _, _ in string.Formatter().parse(line) if name is not None)


def load() -> CornerTexts:
    """The texts of the file.

    Raises
    ------
    ResourceError
    """
    return from_mapping(read_toml(FILE))


def from_mapping(data: Mapping[str, Any]) -> CornerTexts:
    """Check every line.

    Raises
    ------
    ResourceError : naming the corner and the line
    """
    for corner, lines in data.items():
        if corner not in CORNERS:
            raise ResourceError(f"resources/{FILE}: unknown corner {corner!r}; known are {', '.join(CORNERS)}")
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise ResourceError(f"resources/{FILE}: {corner} must be a list of texts")
        for line in lines:
            _check(line, corner)
    return CornerTexts(**{corner: tuple(lines) for corner, lines in data.items()})


def _check(line: str, corner: str) -> None:
    try:
        names = fields_of(line)
    except ValueError as error:
        raise ResourceError(f"resources/{FILE}: {corner}, line {line!r}: {error}") from error
    for name in names:
        if name not in FIELDS:
            known = ", ".join(sorted(FIELDS))
            raise ResourceError(f"resources/{FILE}: {corner}, line {line!r}: unknown field {name!r}; known are {known}")
