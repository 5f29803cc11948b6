"""Drafts as plain JSON for the journal: versioned, tolerant when read, exact when written.

Unknown keys of a newer version are ignored, missing ones take their default; what cannot be understood at all raises
`DraftUnreadable`, so that the stored text is kept and shown as it is instead of being overwritten by an empty draft.
"""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from worklist_client.report.errors import DraftUnreadable
from worklist_client.report.model import Draft

VERSION = 1

T = TypeVar("T")


def draft_to_json(draft: Draft) -> str:
    """The draft as one JSON text (UTF-8 characters kept)."""
    return json.dumps({"version": VERSION, "draft": asdict(draft)}, ensure_ascii=False, separators=(",", ":"))


def draft_from_json(text: str) -> Draft:
    """The draft of a JSON text. Raises `DraftUnreadable`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DraftUnreadable("the stored draft is not JSON") from error
    if not isinstance(data, dict) or not isinstance(data.get("draft"), dict):
        raise DraftUnreadable("the stored draft has no 'draft' object")
    if not isinstance(data.get("version"), int):
        raise DraftUnreadable("the stored draft has no version")
    return _record(Draft, data["draft"], "draft")


def _record(kind: type[T], data: Any, where: str) -> T:
    if not isinstance(data, dict):
        raise DraftUnreadable(f"{where}: an object is needed")
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for entry in fields(kind):  # type: ignore[arg-type]
        if entry.name in data:
            values[entry.name] = _value(hints[entry.name], data[entry.name], f"{where}.{entry.name}")
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise DraftUnreadable(f"{where}.{entry.name} is missing")
    return kind(**values)


def _value(hint: Any, data: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _optional(hint, data, where)
    if origin is tuple:
        return _tuple(hint, data, where)
    if origin is dict:
        if not isinstance(data, dict):
            raise DraftUnreadable(f"{where}: an object is needed")
        return {str(key): str(value) for key, value in data.items()}
    if is_dataclass(hint):
        return _record(hint, data, where)  # type: ignore[arg-type]
    return _scalar(hint, data, where)


def _scalar(hint: Any, data: Any, where: str) -> Any:
    if isinstance(hint, type) and issubclass(hint, Enum):
        try:
            return hint(data)
        except ValueError as error:
            raise DraftUnreadable(f"{where}: {data!r} is not known to this version") from error
    if hint is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if isinstance(hint, type) and not isinstance(data, hint):
        raise DraftUnreadable(f"{where}: {hint.__name__} needed")
    return data


def _optional(hint: Any, data: Any, where: str) -> Any:
    inner = [entry for entry in get_args(hint) if entry is not type(None)]
    return None if data is None else _value(inner[0], data, where)


def _tuple(hint: Any, data: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise DraftUnreadable(f"{where}: a list is needed")
    inner = get_args(hint)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_value(inner[0], item, f"{where}[{place}]") for place, item in enumerate(data))
    if len(inner) != len(data):
        raise DraftUnreadable(f"{where}: {len(inner)} values needed")
    return tuple(_value(kind, item, where) for kind, item in zip(inner, data, strict=True))
