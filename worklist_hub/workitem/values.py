"""What may come in at all: DICOM JSON whose values are of their VR and can be stored, indexed and sent out again.

`ups.dicom_json.check_dataset` sees to the shape; here are the values. Every refusal names the tag and never the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ups.datetimes import datetime_from_dt
from ups.dicom_json import DatasetError, DicomJson, check_dataset
from ups.tags import KEYWORD_OF, VR_OF

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f\ud800-\udfff]")
"""Control characters but TAB, LF, FF, CR and ESC (PS3.5 6.1.3), and halves of surrogate pairs."""
_LINE = re.compile("[\t\n\f\r]")
_LONG = ("LT", "ST", "UT", "UC", "UR")
_MAX_LONG, _MAX_SHORT, _MAX_UID = 65536, 1024, 64
_MAX_WIDTH = {"AE": 16, "CS": 16, "SH": 64, "AS": 4, "DA": 8, "TM": 16, "DT": 26, "IS": 12, "DS": 24}
"""SH is 16 in PS3.5; codes of sites and readers of our own need more, and nobody is hurt by it."""
_MAX_VALUES = 1000
_ASCII = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI")
_GROUPS = frozenset({"Alphabetic", "Ideographic", "Phonetic"})
_MEMBERS = frozenset({"vr", "Value", "InlineBinary", "name", "keyword", "privateCreator"})
_COMMAND_GROUPS = ("0000", "0002")
_INTEGERS = ("US", "UL", "SS", "SL", "UV", "SV")


def checked(data: object) -> DicomJson:
    """`data` as a dataset fit to be a workitem or a part of one. Raises `DatasetError`."""
    dataset = check_dataset(data)
    _check(dataset, "")
    return dataset


def is_uid(text: str) -> bool:
    """Whether it is a UID (PS3.5 9.1)."""
    return len(text) <= _MAX_UID and _UID.fullmatch(text) is not None


def _check(dataset: Mapping[str, Any], where: str) -> None:
    for tag, element in dataset.items():
        here = f"{where}{tag}"
        if tag.startswith(_COMMAND_GROUPS):
            raise DatasetError(f"{here} does not belong into a dataset")
        unknown = set(element) - _MEMBERS
        if unknown:
            raise DatasetError(f"{here} holds something but vr, Value and InlineBinary")
        vr = element["vr"]
        known = VR_OF.get(KEYWORD_OF.get(tag, ""), vr)
        if vr != known:
            raise DatasetError(f"{here} has the VR {vr} and should have {known}")
        if not isinstance(element.get("InlineBinary", ""), str) or len(element.get("InlineBinary", "")) > _MAX_LONG:
            raise DatasetError(f"{here}: InlineBinary is not a text, or too long")
        content = element.get("Value", [])
        if len(content) > _MAX_VALUES:
            raise DatasetError(f"{here} has more than {_MAX_VALUES} values")
        for index, value in enumerate(content):
            _check_value(vr, value, f"{here}[{index}]")


def _check_value(vr: str, value: Any, where: str) -> None:
    if value is None:
        return
    if vr == "SQ":
        _check(value, f"{where}.")
    elif vr == "PN":
        if set(value) - _GROUPS or not all(isinstance(one, str) for one in value.values()):
            raise DatasetError(f"{where}: a person name has texts in Alphabetic, Ideographic and Phonetic")
        for text in value.values():
            _check_text("PN", text, where)
    elif isinstance(value, bool):
        raise DatasetError(f"{where}: true and false are no values")
    elif isinstance(value, str):
        _check_text(vr, value, where)
    elif abs(value) > 1e15 or (vr in _INTEGERS and int(value) != value):
        raise DatasetError(f"{where}: this number does not fit")


def _check_text(vr: str, text: str, where: str) -> None:
    is_long = vr in _LONG
    limit = _MAX_LONG if is_long else _MAX_WIDTH.get(vr, _MAX_SHORT)
    if len(text) > limit:
        raise DatasetError(f"{where} is longer than {limit} characters")
    if _UNSTORABLE.search(text) or (not is_long and _LINE.search(text)):
        raise DatasetError(f"{where} holds a control character")
    if vr in _ASCII and not text.isascii():
        raise DatasetError(f"{where} holds letters that {vr} has not")
    if vr == "UI" and text and not is_uid(text):
        raise DatasetError(f"{where} is not a UID")
    if vr == "DT" and text.strip():
        _check_moment(text, where)


def _check_moment(text: str, where: str) -> None:
    try:
        moment = datetime_from_dt(text.strip())
    except ValueError as error:
        raise DatasetError(f"{where} is not a DT value") from error
    if not 1000 <= moment.year <= 9998:  # in UTC it must still be a year of four digits
        raise DatasetError(f"{where} is not a DT value of our time")
