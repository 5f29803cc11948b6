"""Has somebody else reported this study meanwhile (report.md 8.1, the predecessor race)? Then a person looks first."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from pacs.port import Cancelled, InstanceAnswer, Pacs, Received, RetrieveRequest
from pacs.reports import DOCUMENT_MODALITIES, FLAG_KEYWORDS, REPORT_CLASSES, Finality, finality_of, flags_of
from viewer.dates import shown_date
from worklist_client.delivery.errors import Held
from worklist_client.delivery.reasons import Cause
from worklist_client.identity.names import display_name
from worklist_client.journal import PackageRow
from worklist_client.report.draft_json import draft_from_json
from worklist_client.report.errors import DraftUnreadable

_WANTED = [
    *FLAG_KEYWORDS,
    "VerifyingObserverSequence",
    "AuthorObserverSequence",
    "ContentDate",
    "ContentTime",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "SpecificCharacterSet",
]


@dataclass(frozen=True)
class OtherReport:
    """A final report by somebody else; `author` and `written_at` (YYYY-MM-DD HH:MM) as stated, empty where unsaid."""

    sop_instance_uid: str
    author: str = ""
    written_at: str = ""


def check_no_other_report(package: PackageRow, own: frozenset[str], pacs: Pacs, cancelled: Cancelled) -> None:
    """Raises `Held` where the study holds a verified report that is not ours and was not there when it was opened.

    What was there is part of what was signed, and the reader may have chosen to send beside one that was found later
    (`package.beside`); where what was there is not known (a report of an older version, or signed before the hospital
    had answered), nothing is judged.
    """
    known = _known_at_opening(package)
    if known is None:
        return
    found = final_reports(package.study_instance_uid, own | known | frozenset(package.beside), pacs, cancelled)
    if not found:
        return
    documents = " ".join(one.sop_instance_uid for one in found)
    said = "; ".join(" ".join(part for part in (one.author, one.written_at) if part) for one in found).strip("; ")
    if said:
        raise Held(
            "another report of this study reached the hospital after you opened it ({said}): read that one first",
            Cause.OTHER_REPORT,
            said=said,
            documents=documents,
        )
    raise Held(
        "another report of this study reached the hospital after you opened it: read that one first",
        Cause.OTHER_REPORT,
        documents=documents,
    )


def final_reports(study: str, known: frozenset[str], pacs: Pacs, cancelled: Cancelled) -> list[OtherReport]:
    """Final reports of the study that are not among `known`."""
    found = []
    for series in pacs.search_for_series(study, cancelled):
        if series.modality not in DOCUMENT_MODALITIES:
            continue
        for instance in pacs.search_for_instances(study, series.series_instance_uid, cancelled):
            if instance.sop_class_uid in REPORT_CLASSES and instance.sop_instance_uid not in known:
                found += _final(study, series.series_instance_uid, instance, pacs, cancelled)
    return found


def _known_at_opening(package: PackageRow) -> frozenset[str] | None:
    try:
        known = draft_from_json(package.text).known_documents
    except DraftUnreadable:
        return None
    return None if known is None else frozenset(known)


def _final(study: str, series: str, instance: InstanceAnswer, pacs: Pacs, cancelled: Cancelled) -> list[OtherReport]:
    """The report where it is final by `pacs.reports` or does not say what it is, else nothing. One that the archive
    lists and does not give says nothing."""
    headers: list[Dataset] = []

    def read(received: Received) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                headers.append(dcmread(received.path, specific_tags=_WANTED, stop_before_pixels=True))
        except InvalidDicomError:
            headers.append(Dataset())

    with tempfile.TemporaryDirectory(prefix="wl-gate-") as folder:
        request = RetrieveRequest(study, folder, series, (instance.sop_instance_uid,))
        pacs.retrieve(request, read, cancelled)
    if not headers:
        return [OtherReport(instance.sop_instance_uid)]
    header = headers[0]
    if finality_of(instance.sop_class_uid, flags_of(header)) is Finality.PRELIMINARY:
        return []
    return [OtherReport(instance.sop_instance_uid, _author(header), _written_at(header))]


def _author(header: Dataset) -> str:
    """Who verified it, else who wrote it."""
    for sequence, keyword in (
        ("VerifyingObserverSequence", "VerifyingObserverName"),
        ("AuthorObserverSequence", "PersonName"),
    ):
        for item in header.get(sequence) or ():
            name = display_name(str(item.get(keyword, "") or ""))
            if name:
                return name
    return ""


def _written_at(header: Dataset) -> str:
    """Content date and time, else those of the instance, as the object states them."""
    for kind in ("Content", "InstanceCreation"):
        day, time = (str(header.get(f"{kind}{part}", "") or "") for part in ("Date", "Time"))
        if len(day) == 8 and day.isdigit():
            clock = f" {time[:2]}:{time[2:4]}" if time[:4].isdigit() and len(time) >= 4 else ""
            return f"{shown_date(day)}{clock}"
    return ""
