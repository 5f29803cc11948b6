"""Lookup tables of a dataset: modality, VOI and palette, also segmented (PS3.3 C.7.9, C.11.1, C.11.2)."""

from __future__ import annotations

import numpy as np

from viewer.dicom.walk import Elements
from viewer.errors import LutError
from viewer.records import Lut

MAX_ENTRIES = 65_536
_COLORS = ("Red", "Green", "Blue")


def luts_of(items: list[Elements], *, signed: bool) -> tuple[Lut, ...]:
    """Usable tables of a Modality or VOI LUT Sequence. `signed`: whether the input of the table can be negative."""
    tables = []
    for item in items:
        try:
            tables.append(_lut(item, "LUTDescriptor", "LUTData", signed=signed))
        except LutError:
            continue
    return tuple(tables)


def palette_of(elements: Elements) -> tuple[Lut, Lut, Lut] | None:
    """Red, green and blue palette; None where there is none.

    Raises
    ------
    LutError : the palette is broken
    """
    tables = []
    for color in _COLORS:
        descriptor = f"{color}PaletteColorLookupTableDescriptor"
        if not elements.has(descriptor):
            return None
        plain, segmented = f"{color}PaletteColorLookupTableData", f"Segmented{color}PaletteColorLookupTableData"
        if elements.has(plain):
            tables.append(_lut(elements, descriptor, plain, signed=False))
        else:
            tables.append(_segmented(elements, descriptor, segmented))
    return tables[0], tables[1], tables[2]


def _descriptor(elements: Elements, keyword: str, *, signed: bool) -> tuple[int, int, int]:
    """(entries, first mapped, bits)."""
    numbers = [int(number) for number in elements.numbers(keyword)]
    if len(numbers) != 3:
        raise LutError("A lookup table has no usable descriptor.")
    count, first, bits = numbers
    count &= 0xFFFF  # the entries are unsigned, whatever VR a writer gave the descriptor
    if signed and first > 0x7FFF:
        first -= 0x10000
    if not signed and first < 0:
        first += 0x10000
    if not 1 <= bits <= 16:
        raise LutError("A lookup table has an impossible bit depth.")
    return count or MAX_ENTRIES, first, bits


def _lut(elements: Elements, descriptor: str, keyword: str, *, signed: bool) -> Lut:
    count, first, bits = _descriptor(elements, descriptor, signed=signed)
    raw = elements.values.get(keyword, (b"", b""))[1]
    # 8-bit entries may lie one a byte, two in each 16-bit word (PS3.3 C.7.9.2), or one a word.
    entries = elements.unpacked(raw, "H") if len(raw) >= 2 * count else tuple(raw)
    if len(entries) < count:
        raise LutError("A lookup table has fewer entries than its descriptor says.")
    entries = entries[:count]
    if bits == 16 and max(entries) <= 0xFF:  # an old mistake: 8-bit entries announced as 16
        bits = 8
    return Lut(first, bits, tuple(int(entry) for entry in entries), elements.text("LUTExplanation"))


def _segmented(elements: Elements, descriptor: str, keyword: str) -> Lut:
    count, first, bits = _descriptor(elements, descriptor, signed=False)
    raw = elements.values.get(keyword, (b"", b""))[1]
    codes = elements.unpacked(raw, "H") if bits > 8 else tuple(raw)
    entries = expand_segments(codes)
    if len(entries) < count:
        raise LutError("A segmented palette has fewer entries than its descriptor says.")
    return Lut(first, bits, tuple(entries[:count]))


def expand_segments(codes: tuple[int, ...]) -> list[int]:
    """Entries of a segmented palette (PS3.3 C.7.9.2): discrete, linear and indirect segments.

    Raises
    ------
    LutError : a segment that is cut short, unknown, or refers to an indirect one
    """
    entries: list[int] = []
    place = 0
    while place + 1 < len(codes):
        place = _segment(codes, place, entries, allow_indirect=True)
        if len(entries) > MAX_ENTRIES:
            raise LutError("A segmented palette has too many entries.")
    return entries


def _segment(codes: tuple[int, ...], place: int, entries: list[int], *, allow_indirect: bool) -> int:
    """Append one segment's entries; the place after it."""
    kind, size = codes[place], codes[place + 1]
    after = place + 2
    if kind == 0 and after + size <= len(codes):
        entries.extend(codes[after : after + size])
        return after + size
    if kind == 1 and after < len(codes) and entries and size > 0:
        ramp = np.linspace(entries[-1], codes[after], size + 1)[1:]
        entries.extend(int(value) for value in np.floor(ramp + 0.5))
        return after + 1
    if kind == 2 and allow_indirect and after + 1 < len(codes):
        source = codes[after] | codes[after + 1] << (16 if max(codes) > 0xFF else 8)
        for _ in range(size):
            if source + 1 >= len(codes):
                raise LutError("A segmented palette refers beyond its end.")
            source = _segment(codes, source, entries, allow_indirect=False)
        return after + 2
    raise LutError("A segmented palette has a broken segment.")
