"""Has somebody else reported this study meanwhile (report.md 8.1, the predecessor race)? Then a person looks first."""

from __future__ import annotations

import tempfile

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

from pacs.port import Cancelled, InstanceAnswer, Pacs, Received, RetrieveRequest
from worklist_client.delivery.errors import Held
from worklist_client.journal import PackageRow
from worklist_client.reading.completeness import DOCUMENTS
from worklist_client.report.draft_json import draft_from_json
from worklist_client.report.errors import DraftUnreadable

STORAGE = "1.2.840.10008.5.1.4.1.1."
ENCAPSULATED = (f"{STORAGE}104.1", f"{STORAGE}104.2")
REPORTS = (*ENCAPSULATED, *(f"{STORAGE}88.{tail}" for tail in (11, 22, 33, 34, 35)))
"""Documents that can be a report. Dose reports, CAD results and procedure logs have classes of their own."""


def check_no_other_report(package: PackageRow, own: frozenset[str], pacs: Pacs, cancelled: Cancelled) -> None:
    """Raises `Held` where the study holds a verified report that is not ours and was not there when it was opened.

    What was there is part of what was signed; where that is not known (a report of an older version, or signed before
    the hospital had answered), nothing is judged.
    """
    known = _known_at_opening(package)
    if known is None:
        return
    study = package.study_instance_uid
    for series in pacs.search_for_series(study, cancelled):
        if series.modality not in DOCUMENTS:
            continue
        for instance in pacs.search_for_instances(study, series.series_instance_uid, cancelled):
            is_new = instance.sop_class_uid in REPORTS and instance.sop_instance_uid not in own | known
            if is_new and _is_final(study, series.series_instance_uid, instance, pacs, cancelled):
                raise Held("another report of this study reached the hospital after you opened it: read that one first")


def _known_at_opening(package: PackageRow) -> frozenset[str] | None:
    try:
        known = draft_from_json(package.text).known_documents
    except DraftUnreadable:
        return None
    return None if known is None else frozenset(known)


def _is_final(study: str, series: str, instance: InstanceAnswer, pacs: Pacs, cancelled: Cancelled) -> bool:
    """Whether it is VERIFIED (0040,A493). An encapsulated document need not say so, and counts; so does one that the
    archive lists and does not give."""
    if instance.sop_class_uid in ENCAPSULATED:
        return True
    flags: list[str] = []

    def read(received: Received) -> None:
        try:
            flags.append(str(dcmread(received.path, specific_tags=["VerificationFlag"]).get("VerificationFlag", "")))
        except InvalidDicomError:
            flags.append("")

    with tempfile.TemporaryDirectory(prefix="wl-gate-") as folder:
        request = RetrieveRequest(study, folder, series, (instance.sop_instance_uid,))
        pacs.retrieve(request, read, cancelled)
    return not flags or flags[0] == "VERIFIED"
