"""When does an object count as a report of its study? One rule, for intake (may the study leave the list?) and for
delivery (has somebody else reported it meanwhile?).

A report is final where the object says so itself: Verification Flag VERIFIED and, of a structured report, Completion
Flag COMPLETE. It is preliminary where it says PARTIAL, UNVERIFIED or PRELIMINARY. Where it says neither (a PDF need
not, PS3.3 C.24.2) nobody but a reader can tell: intake keeps the study on the list, delivery asks a person.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from pydicom import Dataset, dcmread

from pacs.port import Cancelled, InstanceAnswer, Pacs, Received, RetrieveRequest

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
ENCAPSULATED: Final = frozenset(f"{_STORAGE}104.{tail}" for tail in (1, 2))
"""PDF and CDA."""
REPORT_CLASSES: Final = ENCAPSULATED | frozenset(f"{_STORAGE}88.{tail}" for tail in (11, 22, 33, 34, 35))
"""Documents that can be a report. Dose reports, CAD results, procedure logs and the like have classes of their own, and
nearly every CT has one: they are none."""
DOCUMENT_MODALITIES: Final = ("SR", "DOC")
"""Modalities of series that may hold a report; KO and PR never do."""

FLAG_KEYWORDS: Final = ("CompletionFlag", "VerificationFlag", "PreliminaryFlag")


class Finality(StrEnum):
    """What a report says of itself."""

    FINAL = "final"
    PRELIMINARY = "preliminary"
    UNSAID = "unsaid"


@dataclass(frozen=True, slots=True)
class Flags:
    """Completion (0040,A491), Verification (0040,A493) and Preliminary Flag (0040,A496); empty where absent."""

    completion: str = ""
    verification: str = ""
    preliminary: str = ""


@runtime_checkable
class SearchesDocuments(Protocol):
    """An adapter whose searches can ask for the flags (both of ours can)."""

    def search_for_documents(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
    ) -> list[tuple[InstanceAnswer, Flags]]:
        """The instances of one series of documents with their flags, as far as the PACS answers them."""


def finality_of(sop_class_uid: str, flags: Flags) -> Finality:
    """The rule. `sop_class_uid` is one of `REPORT_CLASSES`."""
    if flags.preliminary == "PRELIMINARY" or flags.completion == "PARTIAL" or flags.verification == "UNVERIFIED":
        return Finality.PRELIMINARY
    is_whole = flags.completion == "COMPLETE" or sop_class_uid in ENCAPSULATED
    return Finality.FINAL if is_whole and flags.verification == "VERIFIED" else Finality.UNSAID


def flags_of(dataset: Dataset) -> Flags:
    """The flags of a document."""
    return Flags(*(str(dataset.get(keyword) or "").strip() for keyword in FLAG_KEYWORDS))


def documents_of(
    pacs: Pacs, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
) -> list[tuple[InstanceAnswer, Flags]]:
    """The instances of a series that are of `REPORT_CLASSES`, with what the search says of them."""
    if isinstance(pacs, SearchesDocuments):
        found = pacs.search_for_documents(study_instance_uid, series_instance_uid, cancelled)
    else:
        found = [
            (one, Flags()) for one in pacs.search_for_instances(study_instance_uid, series_instance_uid, cancelled)
        ]
    return [(one, flags) for one, flags in found if one.sop_class_uid in REPORT_CLASSES]


def read_flags(pacs: Pacs, study_instance_uid: str, instance: InstanceAnswer, cancelled: Cancelled) -> Flags:
    """The flags of one document, fetched; empty where the PACS lists it and does not give it, or it cannot be read."""
    found: list[Flags] = []

    def read(received: Received) -> None:
        try:
            found.append(flags_of(dcmread(received.path, specific_tags=list(FLAG_KEYWORDS))))
        except Exception:  # noqa: BLE001 - pydicom raises nearly anything for damaged data
            found.append(Flags())

    with tempfile.TemporaryDirectory(prefix="wl-report-") as folder:
        wanted = (instance.sop_instance_uid,)
        request = RetrieveRequest(study_instance_uid, folder, instance.series_instance_uid, wanted)
        pacs.retrieve(request, read, cancelled)
    return found[0] if found else Flags()
