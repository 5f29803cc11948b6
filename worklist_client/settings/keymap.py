"""Key maps as data: contexts as a declared tree, keys by command; the profile may lay its own file over the default.

A key may mean different things in two contexts only where neither lies within the other.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources as package_files
from pathlib import Path
from typing import Any

_MODIFIERS = ("Ctrl", "Alt", "Shift", "Meta")
_NAMED = frozenset(
    {"Return", "Enter", "Escape", "Space", "Tab", "Backspace", "Delete", "Insert", "Home", "End", "PageUp", "PageDown"}
    | {"Up", "Down", "Left", "Right", "Plus", "Minus"}
    | {f"F{number}" for number in range(1, 13)}
)


class KeymapError(Exception):
    """A key map that cannot be used; the text names file, context, command and what is allowed."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One key for one command in one context."""

    context: str
    command_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Keymap:
    """`parents` maps each context to the one it lies in ("" = the outermost)."""

    parents: Mapping[str, str]
    bindings: tuple[Binding, ...]

    def keys(self, context: str, command_id: str) -> tuple[str, ...]:
        """Keys of a command in a context or the contexts around it, in the spelling of QKeySequence."""
        around = self.lineage(context)
        return tuple(b.key for b in self.bindings if b.command_id == command_id and b.context in around)

    def lineage(self, context: str) -> tuple[str, ...]:
        """The context and those around it, innermost first. Raises `KeymapError`."""
        chain: list[str] = []
        while context:
            if context not in self.parents or context in chain:
                raise KeymapError(f"context {context!r} is not declared, or lies in itself")
            chain.append(context)
            context = self.parents[context]
        return tuple(chain)

    def conflicts(self) -> tuple[tuple[Binding, Binding], ...]:
        """Pairs that want the same key where both are active."""
        found = []
        for index, left in enumerate(self.bindings):
            for right in self.bindings[index + 1 :]:
                together = left.context in self.lineage(right.context) or right.context in self.lineage(left.context)
                if together and left.key == right.key and left.command_id != right.command_id:
                    found.append((left, right))
        return tuple(found)


def normal_key(text: str) -> str:
    """One spelling for a key: modifiers in the order Ctrl, Alt, Shift, Meta. Raises ValueError."""
    *modifiers, key = text.split("+")
    if not key or len(set(modifiers)) != len(modifiers) or set(modifiers) - set(_MODIFIERS):
        raise ValueError(f"{text!r}: modifiers are {', '.join(_MODIFIERS)}")
    if key not in _NAMED and not (len(key) == 1 and key.isprintable() and not key.isspace()):
        raise ValueError(f"{text!r}: the key is one character or one of {', '.join(sorted(_NAMED))}")
    return "+".join([m for m in _MODIFIERS if m in modifiers] + [key.upper() if len(key) == 1 else key])


def load_keymap(overlay: Path | None = None) -> Keymap:
    """The default key map with the profile's own file over it: a command in the overlay loses its default keys.

    Raises `KeymapError`, also on conflicts.
    """
    name = "resources/keymaps/default.toml"
    text = package_files.files("resources").joinpath("keymaps", "default.toml").read_text(encoding="utf-8")
    keymap = parse_keymap(text, name)
    if overlay is not None and overlay.exists():
        own = parse_keymap(overlay.read_text(encoding="utf-8"), overlay.name, keymap.parents)
        changed = {(binding.context, binding.command_id) for binding in own.bindings}
        kept = tuple(b for b in keymap.bindings if (b.context, b.command_id) not in changed)
        keymap = Keymap(keymap.parents, kept + own.bindings)
        name = overlay.name
    for left, right in keymap.conflicts():
        raise KeymapError(
            f"{name}: {left.key} is both {left.command_id} ({left.context}) and {right.command_id} ({right.context})"
        )
    return keymap


def parse_keymap(text: str, name: str, parents: Mapping[str, str] | None = None) -> Keymap:
    """Read `[contexts]` (context = parent) and one `[keys.<context>]` table a context. Raises `KeymapError`."""
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise KeymapError(f"{name}: {error}") from error
    unknown = set(data) - {"contexts", "keys"}
    if unknown:
        raise KeymapError(f"{name}: unknown table [{sorted(unknown)[0]}]; allowed are [contexts] and [keys.<context>]")
    declared = {**(parents or {}), **data.get("contexts", {})}
    bindings: list[Binding] = []
    for context, table in data.get("keys", {}).items():
        if context not in declared:
            raise KeymapError(f"{name}: [keys.{context}] is not a declared context; those are {', '.join(declared)}")
        for command_id, keys in table.items():
            bindings.extend(_bindings(name, context, command_id, keys))
    keymap = Keymap(declared, tuple(bindings))
    for context in declared:
        keymap.lineage(context)
    return keymap


def _bindings(name: str, context: str, command_id: str, keys: object) -> list[Binding]:
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise KeymapError(f"{name}: [keys.{context}] '{command_id}' must be a list of keys")
    try:
        return [Binding(context, command_id, normal_key(key)) for key in keys]
    except ValueError as error:
        raise KeymapError(f"{name}: [keys.{context}] '{command_id}': {error}") from error
