"""Compressed pixels (PS3.5 A.4): fragments, offset tables, frames, decoding."""

from __future__ import annotations

import struct
from typing import Any

from numpy.typing import NDArray

from viewer.dicom.codecs import RLE_LOSSLESS, decode_frame
from viewer.dicom.normalize import simple_frame
from viewer.dicom.part10 import OpenedFile
from viewer.dicom.raw_file import check_size, written
from viewer.dicom.walk import Buffer
from viewer.errors import DicomReadError, Truncated, UnsupportedTransferSyntax
from viewer.records import InstanceHeader

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_CODESTREAM_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")
VIDEO_PREFIX = "1.2.840.10008.1.2.4.10"

Fragment = tuple[int, int]
"""(offset in the file, length)."""


def encapsulated_pixels(header: InstanceHeader, opened: OpenedFile) -> InstanceHeader:
    """The header with a decoded copy beside the file.

    Raises
    ------
    UnsupportedTransferSyntax : video
    DicomReadError, Truncated : nothing could be decoded
    """
    if header.transfer_syntax_uid.startswith(VIDEO_PREFIX):
        raise UnsupportedTransferSyntax("Video (MPEG) is not supported.")
    check_size(header)
    element = opened.elements.pixels
    assert element is not None
    table, fragments = read_fragments(opened.data, element.offset)
    if not fragments:
        raise Truncated("The compressed pixel data are empty or cut short.")
    first_item = element.offset
    groups = _by_table(_extended_table(opened), fragments, first_item) or _by_table(table, fragments, first_item)
    if groups is None or len(groups) != header.number_of_frames:
        groups = _by_count(opened.data, fragments, header)

    def frame(index: int) -> NDArray[Any]:
        if index >= len(groups):
            raise Truncated("The file ends before this frame.")
        data = b"".join(opened.data[offset : offset + length] for offset, length in groups[index])
        array, is_rgb = decode_frame(data, header)
        return simple_frame(array, header, is_rgb)

    return written(header, frame)


def read_fragments(data: Buffer, position: int) -> tuple[tuple[int, ...], list[Fragment]]:
    """(offset table relative to the first fragment's item, fragments). A fragment that is cut short is left out."""
    items: list[Fragment] = []
    while position + 8 <= len(data):
        head = data[position : position + 4]
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        if head != _ITEM or position + 8 + length > len(data):
            break
        items.append((position + 8, length))
        position += 8 + length
    if not items:
        return (), []
    offset, length = items[0]
    table = struct.unpack(f"<{length // 4}I", data[offset : offset + length // 4 * 4])
    return tuple(table), items[1:]


def _extended_table(opened: OpenedFile) -> tuple[int, ...]:
    raw = opened.elements.values.get("ExtendedOffsetTable", (b"", b""))[1]
    return tuple(int(value) for value in opened.elements.unpacked(raw, "Q"))


def _by_table(table: tuple[int, ...], fragments: list[Fragment], first_item: int) -> list[list[Fragment]] | None:
    """Fragments by an offset table; None where the table does not fit the fragments (many are wrong)."""
    if not table:
        return None
    base = fragments[0][0] - 8
    starts = {base + offset: frame for frame, offset in enumerate(table)}
    if len(starts) != len(table) or min(starts) != base or first_item > base:
        return None
    groups: list[list[Fragment]] = []
    for fragment in fragments:
        if fragment[0] - 8 in starts:
            groups.append([])
        groups[-1].append(fragment)
    return groups if len(groups) == len(table) else None


def _by_count(data: Buffer, fragments: list[Fragment], header: InstanceHeader) -> list[list[Fragment]]:
    """Fragments without a usable table: one a frame, or all one frame, or by the starts of codestreams."""
    count = header.number_of_frames
    if count == 1:
        return [fragments]
    if len(fragments) <= count or header.transfer_syntax_uid == RLE_LOSSLESS:
        return [[fragment] for fragment in fragments]
    groups: list[list[Fragment]] = []
    for fragment in fragments:
        if not groups or data[fragment[0] : fragment[0] + 6].startswith(_CODESTREAM_STARTS):
            groups.append([])
        groups[-1].append(fragment)
    if len(groups) > count:
        raise DicomReadError("The fragments of the compressed image cannot be told apart.")
    return groups
