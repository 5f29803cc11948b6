"""DICOM JSON (PS3.18 F): get and set by keyword, build, check. A dataset is a plain dict, tag -> element."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ups.tags import TAG_OF, VR_OF

DicomJson = dict[str, Any]
"""One dataset: eight upper case hexadecimal digits -> {"vr": ..., "Value": [...]}."""

_TAG = re.compile(r"^[0-9A-F]{8}$")
_VR = re.compile(r"^[A-Z]{2}$")
_NUMERIC = {"DS": float, "FL": float, "FD": float, "IS": int, "US": int, "UL": int, "SS": int, "SL": int}
MAX_DEPTH = 16
"""Nested sequences beyond this are refused: no workitem has them, and recursion has an end."""


class DatasetError(ValueError):
    """Not a DICOM JSON dataset; the text says where and why, without values."""


def values(dataset: Mapping[str, Any], keyword: str) -> tuple[Any, ...]:
    """The values as they stand in the JSON; () where the attribute is absent or empty."""
    element = dataset.get(TAG_OF[keyword])
    if not isinstance(element, Mapping):
        return ()
    found = element.get("Value")
    return tuple(found) if isinstance(found, list) else ()


def texts(dataset: Mapping[str, Any], keyword: str) -> tuple[str, ...]:
    """The values as texts; of a person name its alphabetic group, else the first that is there."""
    return tuple(_text(value) for value in values(dataset, keyword) if value is not None)


def text(dataset: Mapping[str, Any], keyword: str) -> str:
    """The first value as text, "" where there is none."""
    return next(iter(texts(dataset, keyword)), "")


def number(dataset: Mapping[str, Any], keyword: str, default: float = 0.0) -> float:
    """The first value as a number, `default` where there is none or it is no number."""
    try:
        return float(text(dataset, keyword))
    except ValueError:
        return default


def items(dataset: Mapping[str, Any], keyword: str) -> tuple[DicomJson, ...]:
    """The items of a sequence."""
    return tuple(item for item in values(dataset, keyword) if isinstance(item, dict))


def first_item(dataset: Mapping[str, Any], keyword: str) -> DicomJson:
    """The first item of a sequence, an empty dataset where there is none (a copy is not made)."""
    return next(iter(items(dataset, keyword)), {})


def element(keyword: str, *content: Any) -> DicomJson:
    """One element; empty texts give an element without values (type 2)."""
    vr = VR_OF[keyword]
    kept = [_value(vr, value) for value in content if value is not None and value != ""]
    return {"vr": vr, "Value": kept} if kept else {"vr": vr}


def put(dataset: DicomJson, keyword: str, *content: Any) -> None:
    """Write an element in place."""
    dataset[TAG_OF[keyword]] = element(keyword, *content)


def put_items(dataset: DicomJson, keyword: str, sequence: Iterable[DicomJson]) -> None:
    """Write a sequence in place."""
    found = list(sequence)
    dataset[TAG_OF[keyword]] = {"vr": "SQ", "Value": found} if found else {"vr": "SQ"}


def remove(dataset: DicomJson, *keywords: str) -> None:
    """Take attributes away, where they are there."""
    for keyword in keywords:
        dataset.pop(TAG_OF[keyword], None)


def make(**content: Any) -> DicomJson:
    """A dataset from keywords; a list or tuple gives several values (or the items of a sequence)."""
    dataset: DicomJson = {}
    for keyword, value in content.items():
        many = value if isinstance(value, (list, tuple)) else (value,)
        put(dataset, keyword, *many)
    return dataset


def has(dataset: Mapping[str, Any], keyword: str) -> bool:
    """Whether the attribute is present, be it empty."""
    return TAG_OF[keyword] in dataset


def check_dataset(data: object, *, _where: str = "", _depth: int = 0) -> DicomJson:
    """`data` if it is a DICOM JSON dataset, all the way down. Raises `DatasetError`."""
    if not isinstance(data, dict):
        raise DatasetError(f"{_where or 'the dataset'} is not a JSON object")
    if _depth > MAX_DEPTH:
        raise DatasetError(f"{_where}: sequences nested deeper than {MAX_DEPTH}")
    for tag, found in data.items():
        where = f"{_where}{tag}"
        if not isinstance(tag, str) or not _TAG.match(tag):
            raise DatasetError(f"{where[:40]} is not a tag of eight upper case hexadecimal digits")
        _check_element(found, where, _depth)
    return data


def _check_element(found: object, where: str, depth: int) -> None:
    if not isinstance(found, dict):
        raise DatasetError(f"{where} is not an object with 'vr'")
    vr = found.get("vr")
    if not isinstance(vr, str) or not _VR.match(vr):
        raise DatasetError(f"{where} has no 'vr' of two letters")
    content = found.get("Value", [])
    if not isinstance(content, list):
        raise DatasetError(f"{where}: 'Value' is not a list")
    for index, value in enumerate(content):
        if vr == "SQ":
            check_dataset(value if value is not None else {}, _where=f"{where}[{index}].", _depth=depth + 1)
        elif vr == "PN":
            if value is not None and not isinstance(value, dict):
                raise DatasetError(f"{where}: a person name is not an object with 'Alphabetic'")
        elif value is not None and not isinstance(value, (str, int, float)):
            raise DatasetError(f"{where}: a value is neither text nor number")


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        for group in ("Alphabetic", "Ideographic", "Phonetic"):
            if value.get(group):
                return str(value[group])
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _value(vr: str, value: Any) -> Any:
    if vr == "PN" and isinstance(value, str):
        return {"Alphabetic": value}
    kind = _NUMERIC.get(vr)
    if kind is None or vr == "SQ":
        return value if vr == "SQ" or isinstance(value, Mapping) else str(value)
    converted = kind(value)
    return int(converted) if isinstance(converted, float) and converted.is_integer() else converted
