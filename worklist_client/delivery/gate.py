"""The identity gate before anything leaves (report.md 8.1, reliability.md 6): it fails closed.

What the objects say, what the claim said when the study was opened, and what the origin says *now* must agree byte by
byte. Where they do not, a person looks: nothing is guessed, nothing is repaired.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from pacs.port import Cancelled, Pacs, Received, RetrieveRequest, StudyAnswer, StudyQuery
from pacs.site import Site
from worklist_client.delivery.errors import Held
from worklist_client.delivery.manifest import Manifest, identity_of, manifest_of
from worklist_client.delivery.other_reports import check_no_other_report
from worklist_client.journal import ObjectRow, PackageRow


def check_identity(
    package: PackageRow, objects: Sequence[ObjectRow], site: Site, pacs: Pacs, cancelled: Cancelled
) -> None:
    """Raises `Held` with the reason, or `PacsError` where the origin could not be asked."""
    manifests = [manifest_of(row.data) for row in objects]
    check_objects(package, manifests, site)
    issuer = issuer_of(package, manifests, site)
    answers = pacs.search_for_studies(StudyQuery(study_instance_uid=package.study_instance_uid), cancelled)
    check_answers(package, answers, issuer)
    own = frozenset(row.sop_instance_uid for row in objects)
    check_no_other_report(package, own, pacs, cancelled)
    wanted = {one for manifest in manifests for one in manifest.references if one[2] not in own}
    check_references(wanted, pacs, cancelled)
    _check_priors(package, {study for study, _, _ in wanted}, site, pacs, cancelled)
    is_silent = not any(answer.issuer_of_patient_id for answer in answers)
    if is_silent and issuer != site.issuer_of_patient_id:
        own_images = sorted(one for one in wanted if one[0] == package.study_instance_uid)
        _check_issuer(package, issuer, own_images, pacs, cancelled)


def check_objects(package: PackageRow, manifests: Sequence[Manifest], site: Site) -> None:
    """The frozen bytes are of the claim's patient, study and accession, and the site is the one stamped on them."""
    if site.site_id != package.site_id:
        raise Held("the destination is not the hospital this study came from")
    for manifest in manifests:
        if manifest.study_instance_uid != package.study_instance_uid:
            raise Held("an object of the report belongs to another study")
        if manifest.patient_id != package.patient_id:
            raise Held("an object of the report carries another patient number than the claim")
        if manifest.issuer_of_patient_id not in ("", package.patient_issuer) and package.patient_issuer:
            raise Held("an object of the report carries another issuer of the patient number than the claim")
        if manifest.accession_number != package.accession_number:
            raise Held("an object of the report carries another accession number than the claim")


def issuer_of(package: PackageRow, manifests: Sequence[Manifest], site: Site) -> str:
    """The issuer that must hold everywhere: the claim's, else the one in the images, else the site's own."""
    stated = next((one.issuer_of_patient_id for one in manifests if one.issuer_of_patient_id), "")
    return package.patient_issuer or stated or site.issuer_of_patient_id


def check_answers(package: PackageRow, answers: Sequence[StudyAnswer], issuer: str) -> None:
    """The study is there, and nowhere under another patient key or accession. An unsaid issuer is not judged here."""
    same = [answer for answer in answers if answer.study_instance_uid == package.study_instance_uid]
    if not same:
        raise Held("the hospital does not hold this study any more")
    for answer in same:
        if answer.patient_id != package.patient_id:
            raise Held("the hospital now holds this study under another patient number")
        if answer.issuer_of_patient_id not in ("", issuer):
            raise Held("the hospital now holds this study under another issuer of the patient number")
        if answer.accession_number != package.accession_number:
            raise Held("the hospital now holds this study under another accession number")


def check_references(wanted: set[tuple[str, str, str]], pacs: Pacs, cancelled: Cancelled) -> None:
    """Everything the objects point at is known at the destination, in the study they say."""
    for study in sorted({one[0] for one in wanted}):
        known = {answer.sop_instance_uid for answer in pacs.search_for_instances(study, "", cancelled)}
        missing = sum(1 for one in wanted if one[0] == study and one[2] not in known)
        if missing:
            raise Held("the hospital does not hold {missing} image(s) that the report refers to", missing=missing)


def _check_priors(package: PackageRow, studies: set[str], site: Site, pacs: Pacs, cancelled: Cancelled) -> None:
    """A prior that the report points at is of the same patient number at the same hospital."""
    for study in sorted(studies - {package.study_instance_uid}):
        answers = pacs.search_for_studies(StudyQuery(study_instance_uid=study), cancelled)
        own = [answer for answer in answers if answer.study_instance_uid == study]
        if not own or any(answer.patient_id != package.patient_id for answer in own):
            raise Held("a prior that the report refers to is not of this patient at the hospital")


def _check_issuer(
    package: PackageRow, issuer: str, wanted: Sequence[tuple[str, str, str]], pacs: Pacs, cancelled: Cancelled
) -> None:
    """The archive's answers name no issuer and ours is not the site's default: read it in one image."""
    if not wanted:
        raise Held("the hospital does not say which issuer the patient number has")
    study, series, instance = wanted[0]
    found: list[tuple[str, str, str]] = []

    def read(received: Received) -> None:
        found.append(identity_of(received.path))

    with tempfile.TemporaryDirectory(prefix="wl-gate-") as folder:
        request = RetrieveRequest(study, folder, series_instance_uid=series, sop_instance_uids=(instance,))
        pacs.retrieve(request, read, cancelled)
    if found != [(package.study_instance_uid, package.patient_id, issuer)]:
        raise Held("the hospital now holds this study under another issuer of the patient number")
