"""What signing makes of a draft: identity copied, tree in order, evidence full, characters kept."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.validators.samples import (
    SYNTHETIC,
    Study,
    annotations_on,
    ct_slice,
    draft_of,
    patient_of,
    request_of,
    write_study,
)
from worklist_client.report.errors import (
    IdentityMismatch,
    NoRepresentation,
    NothingToSign,
    ReportError,
    SourceUnusable,
)
from worklist_client.report.model import PriorStudy, SignedReport
from worklist_client.report.request import SourceInstance
from worklist_client.report.signing import render_report
from worklist_client.report.text import paragraph


@pytest.fixture
def ct(tmp_path: Path) -> Study:
    return write_study(tmp_path / "ct", SYNTHETIC["ct"]())


def sr_of(report: SignedReport) -> Dataset:
    assert report.objects[-1].kind == "SR"
    return dcmread(BytesIO(report.objects[-1].data))


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence") or ():
        yield item
        yield from items(item)


def concept(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue)


def test_the_order_of_the_tree_is_the_templates(ct: Study) -> None:
    tree = sr_of(render_report(request_of(ct))).ContentSequence
    assert [(item.RelationshipType, concept(item)) for item in tree] == [
        ("HAS CONCEPT MOD", "121058"),
        ("HAS CONCEPT MOD", "122142"),
        ("HAS CONCEPT MOD", "123014"),
        ("HAS CONCEPT MOD", "121049"),
        ("HAS OBS CONTEXT", "121005"),
        ("HAS OBS CONTEXT", "121008"),
        ("HAS OBS CONTEXT", "121009"),
        ("HAS OBS CONTEXT", "121010"),
        ("HAS OBS CONTEXT", "121011"),
        ("CONTAINS", "55115-0"),
        ("CONTAINS", "55111-9"),
        ("CONTAINS", "18834-2"),
        ("CONTAINS", "59776-5"),
        ("CONTAINS", "19005-8"),
        ("CONTAINS", "55113-5"),
    ]
    assert {item.ContinuityOfContent for item in tree if item.ValueType == "CONTAINER"} == {"SEPARATE"}


def test_text_reads_back_equal_outside_latin_1(ct: Study) -> None:
    report = render_report(request_of(ct))
    dataset = sr_of(report)
    findings = next(item for item in dataset.ContentSequence if concept(item) == "59776-5").ContentSequence[0]
    assert findings.TextValue.replace("\r\n", "\n") == draft_of(ct).sections["findings"]
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert str(dataset.PatientName) == "Jánssen^Zoë"


@settings(max_examples=25, deadline=None)
@given(words=st.text(st.characters(codec="utf-8"), min_size=1))
@example(words="a\\b ^ = \t\r\n\n  c\x00\x1b$B  ")
@example(words="half \ud83d of a character")
@example(words="العربية 日本語 ≥ ½ \u0085 \U0001f600")
def test_whatever_is_typed_survives(words: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Line ends become CRLF and control characters go; nothing else changes, nothing becomes a question mark."""
    study = write_study(tmp_path_factory.mktemp("typed"), [ct_slice("TYPED", 1)])
    draft = draft_of(study, sections={"findings": "x" + words, "impression": "y"}, measurements=(), annotations=())
    dataset = sr_of(render_report(request_of(study, draft)))
    findings = next(item for item in dataset.ContentSequence if concept(item) == "59776-5").ContentSequence[0]
    assert findings.TextValue == paragraph("x" + words)
    assert findings.TextValue.count("?") == words.count("?")


def test_the_studys_own_character_set_is_kept_where_it_suffices(ct: Study) -> None:
    draft = draft_of(ct, sections={"findings": "Geen bloeding, één nodus."}, measurements=(), annotations=())
    report = render_report(request_of(ct, draft))
    assert {dcmread(BytesIO(one.data)).SpecificCharacterSet for one in report.objects} == {"ISO_IR 100"}


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 144", "Люкceмбypг"),
        ("ISO_IR 126", "Διονυσιος"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("ISO_IR 192", "Őze^Zoë"),
    ],
)
def test_a_name_in_any_character_set_arrives(tmp_path: Path, character_set: str | list[str], name: str) -> None:
    image = ct_slice("NAME", 1)
    image.SpecificCharacterSet, image.PatientName = character_set, name
    study = write_study(tmp_path, [image])
    objects = render_report(request_of(study)).objects
    assert [str(dcmread(BytesIO(one.data)).PatientName) for one in objects] == [str(study.header.PatientName)] * 2
    assert str(study.header.PatientName) == name


def test_a_study_without_patient_attributes_can_be_reported(tmp_path: Path) -> None:
    image = ct_slice("BARE", 1)
    for keyword in ("PatientID", "IssuerOfPatientID", "PatientBirthDate", "StudyID", "ReferringPhysicianName"):
        delattr(image, keyword)
    image.PatientID = ""
    study = write_study(tmp_path, [image])
    dataset = sr_of(render_report(request_of(study)))
    for keyword in ("PatientID", "PatientBirthDate", "StudyID", "ReferringPhysicianName"):
        assert dataset[keyword].is_empty


def test_patient_and_study_are_copied_unchanged(ct: Study) -> None:
    for one in render_report(request_of(ct)).objects:
        dataset = dcmread(BytesIO(one.data))
        for keyword in (
            "PatientID",
            "IssuerOfPatientID",
            "PatientBirthDate",
            "PatientSex",
            "StudyInstanceUID",
            "StudyID",
            "StudyDate",
            "StudyTime",
            "StudyDescription",
            "AccessionNumber",
            "ReferringPhysicianName",
        ):
            assert dataset.get(keyword) == ct.header.get(keyword), keyword
        assert dataset.OtherPatientIDsSequence[0].PatientID == "111222333"
        assert dataset.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID == "NORTH-RIS"


def test_verified_complete_final_with_author_and_custodian(ct: Study) -> None:
    dataset = sr_of(render_report(request_of(ct)))
    assert (dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag) == (
        "COMPLETE",
        "VERIFIED",
        "FINAL",
    )
    verifier = dataset.VerifyingObserverSequence[0]
    assert verifier.VerificationDateTime == "20260301021500+0100"
    assert verifier.VerifyingObserverName == "Vries^Anna^de^dr."
    assert dataset.AuthorObserverSequence[0].InstitutionName == "Nachtwacht Radiologie"
    assert dataset.CustodialOrganizationSequence[0].InstitutionName == "Ziekenhuis Noord"
    request = dataset.ReferencedRequestSequence[0]
    assert request.AccessionNumber == "ACT1"
    assert request.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID == "NORTH-RIS"


def test_times_are_in_the_zone_that_the_study_states(tmp_path: Path) -> None:
    image = ct_slice("Z", 1)
    image.TimezoneOffsetFromUTC = "-0400"
    study = write_study(tmp_path, [image])
    dataset = sr_of(render_report(request_of(study)))
    assert (dataset.TimezoneOffsetFromUTC, dataset.ContentDate, dataset.ContentTime) == (
        "-0400",
        "20260228",
        "211500",
    )


def test_the_evidence_is_the_full_series_and_the_presentation_state(ct: Study) -> None:
    report = render_report(request_of(ct))
    evidence = sr_of(report).CurrentRequestedProcedureEvidenceSequence
    assert len(evidence) == 1
    found = {
        sop.ReferencedSOPInstanceUID
        for series in evidence[0].ReferencedSeriesSequence
        for sop in series.ReferencedSOPSequence
    }
    gsps = {one.sop_instance_uid for one in report.objects if one.kind == "GSPS"}
    assert found == {one.sop_instance_uid for one in ct.instances} | gsps


def test_a_length_hangs_under_its_finding_with_half_a_pixel_added(ct: Study) -> None:
    report = render_report(request_of(ct))
    findings = next(item for item in sr_of(report).ContentSequence if concept(item) == "59776-5")
    finding = findings.ContentSequence[1]
    number = finding.ContentSequence[0]
    shape = number.ContentSequence[0]
    image = shape.ContentSequence[0]
    assert (finding.ValueType, finding.TextValue) == ("TEXT", "Lengte 14,1 mm")
    assert (number.RelationshipType, number.ValueType, concept(number)) == ("INFERRED FROM", "NUM", "410668003")
    assert float(number.MeasuredValueSequence[0].NumericValue) == 14.14
    points = draft_of(ct).annotations[0].points
    assert list(shape.GraphicData) == [value + 0.5 for point in points for value in point]
    assert (shape.RelationshipType, image.RelationshipType) == ("INFERRED FROM", "SELECTED FROM")
    reference = image.ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == ct.instances[0].sop_instance_uid
    assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == report.objects[0].sop_instance_uid
    assert "ReferencedFrameNumber" not in reference


def test_one_observation_holds_one_kind_of_number(ct: Study) -> None:
    """TID 2001: linear, area and numeric do not stand beside each other."""
    for item in items(sr_of(render_report(request_of(ct)))):
        below = {concept(child) for child in item.get("ContentSequence") or () if child.ValueType == "NUM"}
        assert len(below) <= 1


def test_a_frame_of_a_loop_is_named(tmp_path: Path) -> None:
    study = write_study(tmp_path, SYNTHETIC["us"]())
    annotations = annotations_on(study.header, frame_number=2)
    draft = draft_of(study, annotations=annotations, measurements=(), key_frame=annotations[0].frame)
    picture = [item for item in items(sr_of(render_report(request_of(study, draft)))) if item.ValueType == "IMAGE"]
    assert [item.ReferencedSOPSequence[0].ReferencedFrameNumber for item in picture] == [2]


def test_a_site_without_gsps_gets_the_sr_alone_and_a_note(ct: Study) -> None:
    report = render_report(request_of(ct, accepts=("ENHANCED_SR",)))
    assert [one.kind for one in report.objects] == ["SR"]
    assert "does not accept presentation states" in report.notes[0]
    uids = {
        item.ReferencedSOPSequence[0].get("ReferencedSOPSequence")
        for item in items(sr_of(report))
        if item.ValueType == "IMAGE"
    }
    assert uids == {None}


def test_nothing_drawn_and_nothing_set_makes_no_presentation_state(ct: Study) -> None:
    draft = draft_of(ct, annotations=(), measurements=(), displayed=())
    assert [one.kind for one in render_report(request_of(ct, draft)).objects] == ["SR"]


def _prior(site_id: str, study: Study) -> PriorStudy:
    return PriorStudy(
        site_id, study.header.StudyInstanceUID, "20250101", "CT", "Prior", patient_of(study.header), "same"
    )


def _with_prior(ct: Study, tmp_path: Path, site_id: str) -> tuple[SignedReport, Study]:
    prior = write_study(tmp_path / "prior", [ct_slice("OLD", 1)])
    old = tuple(replace(one, study_instance_uid=prior.header.StudyInstanceUID) for one in prior.instances)
    request = request_of(ct, draft_of(ct, priors=(_prior(site_id, prior),)))
    return render_report(replace(request, images=request.images + old)), prior


def test_a_prior_of_the_same_site_is_pertinent_other_evidence(ct: Study, tmp_path: Path) -> None:
    report, prior = _with_prior(ct, tmp_path, "north")
    dataset = sr_of(report)
    assert dataset.PertinentOtherEvidenceSequence[0].StudyInstanceUID == prior.header.StudyInstanceUID
    assert len(dataset.CurrentRequestedProcedureEvidenceSequence) == 1
    comparison = next(item for item in dataset.ContentSequence if concept(item) == "18834-2")
    assert concept(comparison.ContentSequence[-1]) == "121079"


def test_a_prior_of_another_site_leaves_no_trace_in_the_bytes(ct: Study, tmp_path: Path) -> None:
    report, prior = _with_prior(ct, tmp_path, "west")
    for one in report.objects:
        assert str(prior.header.StudyInstanceUID).encode() not in one.data
        assert prior.instances[0].sop_instance_uid.encode() not in one.data
    assert any("other sites" in note for note in report.notes)


def test_equal_seeds_give_equal_bytes_and_uids_lie_below_2_25(ct: Study) -> None:
    first, again, other = (render_report(request_of(ct, uid_seed=seed)) for seed in ("a", "a", "b"))
    assert first == again
    assert {one.sop_instance_uid for one in first.objects}.isdisjoint(one.sop_instance_uid for one in other.objects)
    for one in first.objects:
        assert one.sop_instance_uid.startswith("2.25.")
        assert len(one.sop_instance_uid) <= 64
        assert one.data[:128] == b"\0" * 128


def test_signing_works_in_another_process(ct: Study) -> None:
    request = pickle.loads(pickle.dumps(request_of(ct)))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        report = pool.apply(render_report, (request,))
    assert report == render_report(request)


Change = Callable[[Study], dict[str, Any]]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda ct: {"sections": {"findings": "  "}}, NothingToSign),
        (lambda ct: {"study_instance_uid": "1.2.3"}, IdentityMismatch),
        (lambda ct: {"accession_number": "OTHER"}, IdentityMismatch),
        (
            lambda ct: {
                "patient": replace(patient_of(ct.header), key=replace(patient_of(ct.header).key, patient_id="P2"))
            },
            IdentityMismatch,
        ),
        (
            lambda ct: {
                "patient": replace(patient_of(ct.header), key=replace(patient_of(ct.header).key, issuer="SOUTH"))
            },
            IdentityMismatch,
        ),
    ],
)
def test_a_draft_that_is_not_of_these_images_is_not_signed(ct: Study, change: Change, error: type[ReportError]) -> None:
    request = request_of(ct)
    with pytest.raises(error):
        render_report(replace(request, draft=replace(request.draft, **change(ct))))


def test_one_foreign_image_among_many_is_found(ct: Study, tmp_path: Path) -> None:
    stray = ct_slice("CT1", 9)
    stray.PatientID = "P2"
    other = write_study(tmp_path / "stray", [stray])
    request = request_of(ct)
    with pytest.raises(IdentityMismatch, match="patient number"):
        render_report(replace(request, images=request.images + other.instances))


def test_a_missing_file_a_wrong_file_and_no_file_are_refused(ct: Study) -> None:
    request = request_of(ct)
    gone = SourceInstance("nowhere.dcm", "1", "1.2", "1.3")
    swapped = replace(ct.instances[0], path=ct.instances[1].path)
    for images in ((*request.images, gone), (swapped, *request.images[1:]), ()):
        with pytest.raises(SourceUnusable):
            render_report(replace(request, images=images))


def test_an_annotation_on_an_image_that_is_not_at_hand_is_refused(ct: Study) -> None:
    request = request_of(ct)
    with pytest.raises(SourceUnusable, match="annotation"):
        render_report(replace(request, images=request.images[1:]))


def test_a_site_that_takes_no_sr_is_named(ct: Study) -> None:
    with pytest.raises(NoRepresentation):
        render_report(request_of(ct, accepts=("GSPS",)))
