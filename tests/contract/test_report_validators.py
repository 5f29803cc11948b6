"""Independent validators look at what is signed: synthetic studies always, real ones where they are at hand."""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.validators.samples import REAL, SYNTHETIC, Study, draft_of, request_of, study_of, write_study
from tests.validators.tools import entity_messages, messages, not_allowed
from worklist_client.report.model import SignedReport
from worklist_client.report.signing import render_report

NAMES = [*SYNTHETIC, *REAL]
Signed = tuple[Study, SignedReport, list[Path]]


@pytest.fixture
def signed(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Signed]:
    """Sign the study of a name; its objects as files."""

    def sign(name: str) -> Signed:
        if name in SYNTHETIC:
            study = write_study(tmp_path / "study", SYNTHETIC[name]())
        else:
            folder: Path = request.getfixturevalue("real_data") / REAL[name]
            if not folder.is_dir():
                pytest.skip(f"real data {folder.name} is not here")
            study = study_of(sorted(folder.glob("*.dcm")))
        shown = draft_of(study).displayed[0]
        turned = replace(shown, rotation_deg=90, flipped=True)
        report = render_report(request_of(study, draft_of(study, displayed=(turned,))))
        paths = []
        for place, item in enumerate(report.objects):
            path = tmp_path / f"{place}_{item.kind}.dcm"
            path.write_bytes(item.data)
            paths.append(path)
        return study, report, paths

    return sign


@pytest.mark.parametrize("name", NAMES)
def test_dciodvfy_finds_no_error(signed: Callable[[str], Signed], name: str) -> None:
    _, report, paths = signed(name)
    assert [item.kind for item in report.objects][-1] == "SR"
    assert len(paths) >= 2
    for path in paths:
        said = messages("dciodvfy", path)
        assert any(word in line for line in said for word in ("PresentationState", "EnhancedSR"))
        assert [line for line in said if line.startswith("Error")] == []


@pytest.mark.parametrize("name", NAMES)
def test_dcentvfy_says_nothing_that_it_does_not_say_of_the_study_alone(
    signed: Callable[[str], Signed], name: str
) -> None:
    study, _, paths = signed(name)
    alone = entity_messages(study.paths)
    together = entity_messages([*study.paths, *paths])
    source = dcmread(study.paths[0], stop_before_pixels=True)
    differ = False
    for path in paths:
        ours = dcmread(path)
        differ = differ or ours.get("SpecificCharacterSet") != source.get("SpecificCharacterSet")
        for keyword in ("PatientName", "ReferringPhysicianName", "StudyDescription"):
            assert str(ours.get(keyword, "")) == str(source.get(keyword, "")), keyword
    assert not_allowed("dcentvfy", together - alone, character_sets_differ=differ) == []


def test_dcentvfy_would_notice_another_patient(signed: Callable[[str], Signed], tmp_path: Path) -> None:
    """The known-bad twin: the comparison above can fail."""
    study, _, paths = signed("ct")
    dataset = dcmread(paths[-1])
    dataset.PatientID = "P2"
    wrong = tmp_path / "wrong.dcm"
    dataset.save_as(wrong)
    new = entity_messages([*study.paths, wrong]) - entity_messages(study.paths)
    assert not_allowed("dcentvfy", new, character_sets_differ=True) != []


@pytest.mark.parametrize("name", NAMES)
def test_dsr2html_shows_a_readable_report(signed: Callable[[str], Signed], name: str, tmp_path: Path) -> None:
    _, _, paths = signed(name)
    page = tmp_path / "report.html"
    said = messages("dsr2html", paths[-1], page)
    assert not_allowed("dsr2html", said) == []
    text = html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))
    for words in (
        "Diagnostic Imaging Report",
        "Bloeding? Tumor ≥ 4 mm?",
        "Tweede regel: ő, ë, ё.",
        "Geen bloeding.",
        "Lengte 14,1 mm",
        "14.14 mm",
        "dr. Anna de Vries",
        "with presentation state",
    ):
        assert words in text


def test_every_allowed_message_has_a_reason() -> None:
    path = Path(__file__).parents[1] / "validators" / "allowed_messages.toml"
    for rule in tomllib.loads(path.read_text(encoding="utf-8"))["allowed"]:
        assert len(rule["reason"]) > 20
        re.compile(rule["message"])


def test_an_sr_without_gsps_is_valid_too(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", SYNTHETIC["ct"]())
    (item,) = render_report(request_of(study, accepts=("ENHANCED_SR",))).objects
    path = tmp_path / "sr.dcm"
    path.write_bytes(item.data)
    assert [line for line in messages("dciodvfy", path) if line.startswith("Error")] == []
    assert dcmread(BytesIO(item.data)).VerificationFlag == "VERIFIED"
