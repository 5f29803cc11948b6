"""Data files of the viewer under `resources/`, read with errors that say file, entry and what is allowed."""

from __future__ import annotations

import tomllib
from importlib import resources as package_files
from typing import Any

from viewer.errors import ViewerError


class ResourceError(ViewerError):
    """A data file cannot be used; the reason names the file, the entry and what is wrong."""


def read_toml(name: str) -> dict[str, Any]:
    """One TOML file below `resources/`, e.g. "presets/window.toml".

    Raises
    ------
    ResourceError
    """
    try:
        raw = package_files.files("resources").joinpath(*name.split("/")).read_text(encoding="utf-8")
    except (FileNotFoundError, ModuleNotFoundError) as error:
        raise ResourceError(f"resources/{name} is missing") from error
    return parse_toml(raw, name)


def parse_toml(raw: str, name: str) -> dict[str, Any]:
    """The same from text."""
    try:
        return tomllib.loads(raw)
    except tomllib.TOMLDecodeError as error:
        raise ResourceError(f"resources/{name}: {error}") from error
