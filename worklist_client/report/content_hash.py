"""The content hash: equal for equal datasets, however a PACS wrote them down.

SHA-256 of the dataset without file meta, re-encoded Explicit VR Little Endian with defined lengths, without group
lengths and trailing padding. File meta, length encoding and transfer syntax differ legitimately after a round trip
(report.md 8.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Set
from io import BytesIO

from pydicom import config, dcmread
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

_TRAILING_PADDING = 0xFFFCFFFC


def content_hash(data: bytes, tolerated: Set[int] = frozenset()) -> str:
    """Hash of a Part 10 file, without the `tolerated` tags of the top level."""
    return dataset_hash(dcmread(BytesIO(data), force=True), tolerated)


def dataset_hash(dataset: Dataset, tolerated: Set[int] = frozenset()) -> str:
    """Hash of a dataset that was read, or made."""
    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = False
    write_dataset(buffer, _plain(dataset, tolerated), dataset.get("SpecificCharacterSet") or "iso8859")
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _plain(dataset: Dataset, tolerated: Set[int] = frozenset()) -> Dataset:
    """A copy whose encoding depends on the values only: every element decoded, every length defined."""
    result = Dataset()
    for element in dataset:
        if element.tag.element == 0 or int(element.tag) == _TRAILING_PADDING or int(element.tag) in tolerated:
            continue
        if element.VR == "SQ":
            items = Sequence([_plain(item) for item in element.value])
            result.add(DataElement(element.tag, "SQ", items))
        else:
            result.add(DataElement(element.tag, element.VR, element.value, validation_mode=config.IGNORE))
    return result
