"""Checks the tables of hub.toml that belong to intake; every error names the table, the key and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Kinds = Mapping[str, type]
_NAMES: Final = {bool: "true or false", int: "a whole number", str: "a text", list: "a list of texts"}


class RuleError(ValueError):
    """A table that cannot be used; the text is for the administrator."""


def checked(where: str, table: Mapping[str, Any], kinds: Kinds) -> None:
    """Raises `RuleError` for an unknown key or a value of another kind."""
    for key, value in table.items():
        if key not in kinds:
            raise RuleError(f"{where}: {key} is unknown; allowed are {', '.join(kinds)}")
        kind = kinds[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RuleError(f"{where}: {key} must be {_NAMES[kind]}, not {value!r}")
