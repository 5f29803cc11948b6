"""DIMSE command sets (PS3.7 E): Implicit VR Little Endian, group 0000, a few dozen bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from pacs.errors import ProtocolViolation

AFFECTED_SOP_CLASS: Final = 0x0002
COMMAND_FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
MESSAGE_ID_RESPONDED_TO: Final = 0x0120
MOVE_DESTINATION: Final = 0x0600
PRIORITY: Final = 0x0700
DATA_SET_TYPE: Final = 0x0800
STATUS: Final = 0x0900
ERROR_COMMENT: Final = 0x0902
AFFECTED_SOP_INSTANCE: Final = 0x1000
REMAINING: Final = 0x1020
COMPLETED: Final = 0x1021
FAILED: Final = 0x1022
WARNING: Final = 0x1023

C_STORE_RQ: Final = 0x0001
C_STORE_RSP: Final = 0x8001
C_GET_RQ: Final = 0x0010
C_GET_RSP: Final = 0x8010
C_FIND_RQ: Final = 0x0020
C_FIND_RSP: Final = 0x8020
C_MOVE_RQ: Final = 0x0021
C_MOVE_RSP: Final = 0x8021
C_ECHO_RQ: Final = 0x0030
C_ECHO_RSP: Final = 0x8030

NO_DATA_SET: Final = 0x0101
HAS_DATA_SET: Final = 0x0001

_TEXT = frozenset((AFFECTED_SOP_CLASS, AFFECTED_SOP_INSTANCE, MOVE_DESTINATION, ERROR_COMMENT, 0x0003, 0x1001, 0x1030))
_SHORT = frozenset((COMMAND_FIELD, MESSAGE_ID, MESSAGE_ID_RESPONDED_TO, PRIORITY, DATA_SET_TYPE, STATUS)) | {
    REMAINING,
    COMPLETED,
    FAILED,
    WARNING,
}

Command = Mapping[int, int | str]
"""Element number in group 0000 -> value."""


def encode(command: Command) -> bytes:
    """The command set as bytes, group length first."""
    body = bytearray()
    for element in sorted(command):
        value = command[element]
        if isinstance(value, int):
            data = struct.pack("<H", value)
        else:
            data = value.encode("ascii")
            padding = b" " if element == MOVE_DESTINATION else b"\0"
            data += padding * (len(data) % 2)
        body += struct.pack("<HHI", 0, element, len(data)) + data
    return struct.pack("<HHII", 0, 0, 4, len(body)) + bytes(body)


def decode(data: bytes) -> dict[int, int | str]:
    """Read a command set; elements we have no use for are left out. Raises `ProtocolViolation`."""
    found: dict[int, int | str] = {}
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ProtocolViolation("a DIMSE command set that ends in the middle")
        group, element, length = struct.unpack_from("<HHI", data, at)
        at += 8
        if group != 0:
            # Orthanc appends the Failed SOP Instance UID List to the command of a failed C-GET.
            break
        value = data[at : at + length]
        if len(value) != length:
            raise ProtocolViolation("a DIMSE command set with impossible lengths")
        at += length
        if element in _SHORT and length >= 2:
            found[element] = int.from_bytes(value[:2], "little")
        elif element in _TEXT:
            found[element] = value.decode("ascii", "replace").rstrip("\0 ")
    if COMMAND_FIELD not in found:
        raise ProtocolViolation("a DIMSE message without Command Field")
    return found


def number(command: Command, element: int, default: int = 0) -> int:
    """A US value of the command set."""
    value = command.get(element, default)
    return value if isinstance(value, int) else default


def text(command: Command, element: int) -> str:
    """A text value of the command set."""
    value = command.get(element, "")
    return value if isinstance(value, str) else ""
