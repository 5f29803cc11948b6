"""Text of any Specific Character Set (PS3.5 6.1.2), never an exception: a name with a wrong letter beats no image."""

from __future__ import annotations

import warnings

from pydicom.charset import convert_encodings, decode_bytes

_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C, 0x5C, 0x5E, 0x3D}
"""Characters that reset ISO 2022 escapes: CR LF TAB FF and the backslash; caret and equals in person names."""


def decode_text(raw: bytes, charset: str) -> str:
    """Text of an element whose dataset names `charset` (values joined by backslash, "" for the default)."""
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            encodings = convert_encodings(charset.split("\\") if charset else ["ISO_IR 6"])
            return str(decode_bytes(raw, encodings, _DELIMITERS))
    except (LookupError, UnicodeError, ValueError, AttributeError):
        return raw.decode("latin-1")
