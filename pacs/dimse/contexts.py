"""Which presentation contexts to ask for in a C-GET: one a transfer syntax, within the limit of 128 an association.

One context a transfer syntax lets the server send what it stores; with several syntaxes in one context it would pick
one, and decompress. Usual image classes come first; a class that is not in the table is asked for in a second round,
when the answer names instances that could not be sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pacs.dimse.association import MAX_CONTEXTS, Wanted

VERIFICATION: Final = "1.2.840.10008.1.1"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

UNCOMPRESSED: Final = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
_LOSSLESS = tuple(f"1.2.840.10008.1.2.{tail}" for tail in ("4.70", "4.80", "4.90", "5", "4.57"))
_LOSSY = tuple(f"1.2.840.10008.1.2.{tail}" for tail in ("4.91", "4.50", "4.81", "4.51"))
_RARE = tuple(f"1.2.840.10008.1.2.{tail}" for tail in ("2", "1.99", "4.201", "4.202", "4.203"))
_VIDEO = tuple(f"1.2.840.10008.1.2.4.{tail}" for tail in ("100", "101", "102", "103", "107"))
STORED_SYNTAXES: Final = UNCOMPRESSED + _LOSSLESS + _LOSSY + _RARE + _VIDEO
"""Every syntax in which an object may be stored and that we keep as it is."""

_IMAGE = UNCOMPRESSED + _LOSSLESS + _LOSSY
_DOCUMENT = UNCOMPRESSED
_S = "1.2.840.10008.5.1.4.1.1."
_USUAL: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (_S + "2", _IMAGE + _RARE),
    (_S + "4", _IMAGE),
    (_S + "1", _IMAGE),
    (_S + "1.1", _IMAGE),
    (_S + "6.1", (*UNCOMPRESSED, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70")),
    (_S + "3.1", (*UNCOMPRESSED, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70")),
    (_S + "7", (*UNCOMPRESSED, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90")),
    (_S + "1.2", UNCOMPRESSED + _LOSSLESS[:3] + _LOSSY[:1]),
    (_S + "12.1", UNCOMPRESSED + _LOSSLESS[:3] + _LOSSY[1:2]),
    (_S + "2.1", UNCOMPRESSED + _LOSSLESS[:4]),
    (_S + "4.1", UNCOMPRESSED + _LOSSLESS[:4]),
    (_S + "12.2", UNCOMPRESSED + _LOSSLESS[:2]),
    (_S + "20", UNCOMPRESSED),
    (_S + "128", UNCOMPRESSED + _LOSSLESS[:1]),
    (_S + "11.1", _DOCUMENT),
    (_S + "88.11", _DOCUMENT),
    (_S + "88.22", _DOCUMENT),
    (_S + "88.33", _DOCUMENT),
    (_S + "88.59", _DOCUMENT),
    (_S + "88.67", _DOCUMENT),
    (_S + "104.1", _DOCUMENT),
)


def usual_get_contexts() -> list[Wanted]:
    """C-GET and the usual classes, at most 128."""
    return _get_contexts(_USUAL)


def get_contexts_for(sop_classes: Iterable[str]) -> list[list[Wanted]]:
    """C-GET and exactly these classes in every syntax; one list an association."""
    room = (MAX_CONTEXTS - 1) // len(STORED_SYNTAXES)
    classes = list(dict.fromkeys(sop_classes))
    return [
        _get_contexts([(uid, STORED_SYNTAXES) for uid in classes[at : at + room]])
        for at in range(0, len(classes), room)
    ]


def _get_contexts(classes: Sequence[tuple[str, tuple[str, ...]]]) -> list[Wanted]:
    wanted = [Wanted(STUDY_ROOT_GET, UNCOMPRESSED)]
    wanted += [Wanted(uid, (syntax,), as_scp=True) for uid, syntaxes in classes for syntax in syntaxes]
    return wanted[:MAX_CONTEXTS]
