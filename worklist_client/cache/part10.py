"""The SOP Instance UID in the head of a DICOM file (PS3.10 7.1), without a DICOM library: 1 KiB is read."""

from __future__ import annotations

from pathlib import Path

from pacs.errors import UnsafeName
from pacs.files import file_name_of

_HEAD_BYTES = 1024
_MEDIA_STORAGE_SOP_INSTANCE_UID = b"\x02\x00\x03\x00UI"


def sop_instance_uid_of(path: Path) -> str:
    """The UID, if the file's name is its hash; empty for anything else, which then is fetched again."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return ""
    if head[128:132] != b"DICM":
        return ""
    at = head.find(_MEDIA_STORAGE_SOP_INSTANCE_UID, 132)
    if at < 0:
        return ""
    start = at + len(_MEDIA_STORAGE_SOP_INSTANCE_UID) + 2
    length = int.from_bytes(head[start - 2 : start], "little")
    uid = head[start : start + length].rstrip(b"\0 ").decode("ascii", "replace")
    try:
        return uid if file_name_of(uid) == path.name else ""
    except UnsafeName:
        return ""
