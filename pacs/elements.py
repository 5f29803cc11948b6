"""The few identifiers of an object, read from the first bytes of its data set without pydicom: microseconds an object.

Walks top-level elements in order and stops after Series Instance UID (0020,000E); sequences are skipped, not read.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

from pacs.errors import ProtocolViolation

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"

HEAD_BYTES: Final = 65536
"""So much of an object is looked at; the four identifiers lie in its first kilobytes."""

_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_MAX_DEPTH = 50
_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E
_WANTED = frozenset((_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES))
_WANTED_META = frozenset((0x00020002, 0x00020003, 0x00020010))


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What an object says of itself; empty where it does not."""

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""


@dataclass(frozen=True, slots=True)
class FileMeta:
    """What the file meta information (PS3.10 7.1) says, and where the data set begins."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int


class _Walker:
    def __init__(self, data: bytes, *, explicit: bool, big: bool = False) -> None:
        self.data = data
        self.explicit = explicit
        order = ">" if big else "<"
        self._short = struct.Struct(order + "HH2sH").unpack_from
        self._implicit = struct.Struct(order + "HHI").unpack_from
        self._long = struct.Struct(order + "I").unpack_from

    def header(self, at: int) -> tuple[int, int, int]:
        """(tag, value length, offset of the value). Raises struct.error where the data ends."""
        group, element, vr, length = self._short(self.data, at)
        tag = group << 16 | element
        if group == 0xFFFE or not self.explicit:
            return tag, self._implicit(self.data, at)[2], at + 8
        if vr in _LONG:
            return tag, self._long(self.data, at + 8)[0], at + 12
        return tag, length, at + 8

    def skip(self, at: int, depth: int = 0) -> int:
        """The offset behind a value of undefined length that begins at `at`."""
        if depth > _MAX_DEPTH:
            raise ProtocolViolation("an object with sequences nested beyond all measure")
        while True:
            tag, length, value = self.header(at)
            if tag in (_SEQUENCE_END, _ITEM_END):
                return value
            at = self.skip(value, depth + 1) if length == _UNDEFINED else value + length


def identifiers(head: bytes | bytearray | memoryview, transfer_syntax_uid: str, start: int = 0) -> Identifiers:
    """Read them from the first bytes of a data set that begins at `start`; what lies beyond `head` stays empty.

    Raises `ProtocolViolation`.
    """
    data = bytes(head)
    if transfer_syntax_uid == DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[start:], HEAD_BYTES)
        except zlib.error as error:
            raise ProtocolViolation("a deflated object that cannot be inflated") from error
        start = 0
    walker = _Walker(data, explicit=transfer_syntax_uid != IMPLICIT_LITTLE, big=transfer_syntax_uid == EXPLICIT_BIG)
    found: dict[int, str] = {}
    at = start
    try:
        while at < len(data):
            tag, length, value = walker.header(at)
            if tag > _SERIES:
                break
            if length == _UNDEFINED:
                at = walker.skip(value)
                continue
            if tag in _WANTED and value + length <= len(data):
                found[tag] = _uid(data[value : value + length])
            at = value + length
    except struct.error:
        pass
    return Identifiers(
        found.get(_SOP_CLASS, ""), found.get(_SOP_INSTANCE, ""), found.get(_STUDY, ""), found.get(_SERIES, "")
    )


def file_meta(head: bytes | bytearray | memoryview) -> FileMeta:
    """Read the file meta information of a Part 10 file. Raises `ProtocolViolation` where it is none."""
    data = bytes(head)
    if data[128:132] != b"DICM":
        raise ProtocolViolation("an object that is no DICOM file")
    walker = _Walker(data, explicit=True)
    found: dict[int, str] = {}
    at = 132
    try:
        while at < len(data):
            tag, length, value = walker.header(at)
            if tag >> 16 != 2:
                break
            if value + length > len(data):
                raise ProtocolViolation("an object with an endless file meta information")
            if tag in _WANTED_META:
                found[tag] = _uid(data[value : value + length])
            at = value + length
    except struct.error as error:
        raise ProtocolViolation("an object that ends within its file meta information") from error
    if not found.get(0x00020010):
        raise ProtocolViolation("an object without Transfer Syntax UID")
    return FileMeta(found.get(0x00020002, ""), found.get(0x00020003, ""), found[0x00020010], at)


def encode_file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, implementation: str) -> bytes:
    """Zeroed preamble, DICM and file meta information, for a data set that came over DIMSE."""
    body = struct.pack("<HH2s2xI", 2, 1, b"OB", 2) + b"\0\1"
    for element, uid in (
        (2, sop_class_uid),
        (3, sop_instance_uid),
        (0x10, transfer_syntax_uid),
        (0x12, implementation),
    ):
        value = uid.encode("ascii")
        value += b"\0" * (len(value) % 2)
        body += struct.pack("<HH2sH", 2, element, b"UI", len(value)) + value
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(body)) + body


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").rstrip("\0 ")
