"""Text of the model to text of DICOM, and the character set that holds it (PS3.5 6.1; report.md 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset

UTF_8 = "ISO_IR 192"
_TEXT_VRS = ("LO", "LT", "PN", "SH", "ST", "UC", "UT")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Halves of characters: no encoding can hold them, so they become the replacement character, visibly."""


def paragraph(text: str) -> str:
    """Plain text for UT, ST or LT: CRLF line ends, no control characters, no white space at the end."""
    lines = _clean(text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    return "\r\n".join(lines).rstrip()


def phrase(text: str, length: int = 64) -> str:
    """One line for LO, SH or PN: no control characters, no backslash (it would separate values)."""
    return " ".join(_clean(text.replace("\\", "/")).split())[:length].rstrip()


def _clean(text: str) -> str:
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def texts(dataset: Dataset) -> Iterator[str]:
    """Every value whose bytes depend on the character set, depth first."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from texts(item)
        elif element.VR in _TEXT_VRS and element.value is not None:
            values = element.value if element.VM > 1 else [element.value]
            yield from (str(value) for value in values)


def choose_character_set(dataset: Dataset, source_set: object) -> str | None:
    """The source's set where it can write every text, else UTF-8. None = the default repertoire (ASCII).

    Only single-valued sets are tried: code extensions (ISO 2022) gain nothing over UTF-8.
    """
    values = list(texts(dataset))
    if not source_set and all(value.isascii() for value in values):
        return None
    if not isinstance(source_set, str) or not source_set or source_set.startswith("ISO 2022"):
        return UTF_8
    try:
        encoding = convert_encodings([source_set])[0]
        for value in values:
            value.encode(encoding, "strict")
    except (LookupError, UnicodeEncodeError, ValueError):
        return UTF_8
    return source_set
