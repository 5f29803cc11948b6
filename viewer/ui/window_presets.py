"""Window presets on number keys, by modality (`resources/presets/window.toml`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viewer.records import Window
from viewer.ui.resource_files import ResourceError, read_toml

FILE = "presets/window.toml"
FIELDS: dict[str, tuple[type, ...]] = {
    "modality": (str,),
    "key": (int,),
    "name": (str,),
    "center": (int, float),
    "width": (int, float),
}
OPTIONAL: dict[str, tuple[type, ...]] = {"first": (bool,)}


@dataclass(frozen=True, slots=True)
class WindowPreset:
    """One row: on `key` for images of `modality`; `first` = opens images without a window of their own."""

    modality: str
    key: int
    name: str
    window: Window
    first: bool = False


@dataclass(frozen=True, slots=True)
class WindowPresets:
    """All rows; immutable."""

    rows: tuple[WindowPreset, ...] = ()

    def on_key(self, modality: str, key: int) -> WindowPreset | None:
        """The preset on a number key, None where this modality has none."""
        return next((row for row in self.rows if row.modality == modality and row.key == key), None)

    def first(self, modality: str) -> WindowPreset | None:
        """What opens an image without a window of its own."""
        return next((row for row in self.rows if row.modality == modality and row.first), None)

    def of(self, modality: str) -> tuple[WindowPreset, ...]:
        """All presets of a modality, by key."""
        return tuple(sorted((row for row in self.rows if row.modality == modality), key=lambda row: row.key))


def load() -> WindowPresets:
    """The presets of the file.

    Raises
    ------
    ResourceError
    """
    return from_mapping(read_toml(FILE))


def from_mapping(data: Mapping[str, Any]) -> WindowPresets:
    """Check every entry and make the rows.

    Raises
    ------
    ResourceError : naming the entry by its place, counted from 1
    """
    unknown = sorted(set(data) - {"preset"})
    if unknown:
        raise ResourceError(f"resources/{FILE}: unknown table {unknown[0]!r}; only [[preset]] is known")
    entries = data.get("preset", [])
    if not isinstance(entries, list):
        raise ResourceError(f"resources/{FILE}: preset must be written as [[preset]]")
    rows = tuple(_row(entry, f"resources/{FILE} [[preset]] {place}") for place, entry in enumerate(entries, 1))
    taken: set[tuple[str, int]] = set()
    for row in rows:
        if (row.modality, row.key) in taken:
            raise ResourceError(f"resources/{FILE}: key {row.key} is used twice for {row.modality}")
        taken.add((row.modality, row.key))
    return WindowPresets(rows)


def _row(entry: Any, where: str) -> WindowPreset:
    if not isinstance(entry, dict):
        raise ResourceError(f"{where}: must be a table")
    for name in entry:
        if name not in FIELDS and name not in OPTIONAL:
            raise ResourceError(f"{where}: unknown field {name!r}; known are {', '.join([*FIELDS, *OPTIONAL])}")
    for name, kind in {**FIELDS, **OPTIONAL}.items():
        if name not in entry and name in FIELDS:
            raise ResourceError(f"{where}: {name} is missing")
        value = entry.get(name, False)
        if not isinstance(value, kind) or (bool not in kind and isinstance(value, bool)):  # bool is an int to Python
            raise ResourceError(f"{where}: {name} has the wrong type ({type(value).__name__})")
    if not 1 <= entry["key"] <= 9:
        raise ResourceError(f"{where}: key must be 1 to 9, not {entry['key']}")
    center, width = float(entry["center"]), float(entry["width"])
    if not (width >= 1 and math.isfinite(width) and math.isfinite(center)):
        raise ResourceError(f"{where}: width must be a number of at least 1 (PS3.3 C.11.2)")
    window = Window(center, width, explanation=entry["name"])
    return WindowPreset(entry["modality"], entry["key"], entry["name"], window, entry.get("first", False))
