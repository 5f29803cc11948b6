"""The night-shift loop with two desks and two hospitals, through the real windows, once per render path.

Site A speaks DICOMweb and holds the prior, site B speaks DIMSE (C-GET) and holds the study to read. The patient has no
birth date, no issuer and no national ID, so the prior needs its card; both hospitals take the
numbers of one region. On synthetic heads, and on real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from PySide6.QtWidgets import QDialog

from pacs.site import Site
from tests.journeys import hands, proofs
from tests.journeys.heads import current_head, other_study, prior_head
from tests.journeys.region import (
    ALWAYS_H,
    CALLERS,
    PETER,
    SANNE,
    HubProcess,
    desk_of,
    listed,
    secrets_of,
    shown_row,
    text_of,
)
from tests.peers.orthanc import OrthancPeer, available
from viewer.records import AnnotationKind
from worklist_client.commands.case_state import Standing
from worklist_client.demo.robot import Robot
from worklist_client.identity.links import Gate
from worklist_client.journal import ObjectState, PackageState
from worklist_client.reading.errors import CannotOpenPrior
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status

pytestmark = [pytest.mark.skipif(bool(available()), reason=available() or "-"), pytest.mark.timeout(240)]

QUESTION, TECHNIQUE = "Bloeding? Hematoom ≥ 4 mm?", "CT zonder contrast; vergeleken met Győr."
FINDINGS = "Geen bloeding.\nSinus: ő, ≥ 3 mm, ё.\nMeting: "
IMPRESSION = "Geen aanwijzingen voor een bloeding (ё)."
ARROW_TEXT = "nodule ≥ 4 mm ő"
REAL_PRIOR, REAL_CURRENT = "01_ct_plastic_S21570_std1mm_JPEGLS_140", "02_ct_plastic_S21610_tilt-18.5_JPEGLS_54"


@dataclass(frozen=True)
class Heads:
    """The prior at A and the current study at B, as datasets or files."""

    prior: Sequence[Dataset | Path]
    current: Sequence[Dataset | Path]

    @property
    def study(self) -> str:
        """Study Instance UID of the study to read."""
        return _study_of(self.current[0])

    @property
    def prior_study(self) -> str:
        """Study Instance UID of the prior."""
        return _study_of(self.prior[0])


def _study_of(item: Dataset | Path) -> str:
    header = item if isinstance(item, Dataset) else dcmread(item, stop_before_pixels=True)
    return str(header.StudyInstanceUID)


@dataclass(frozen=True)
class Night:
    """Everything that runs: archives A and B, and the desks of Sanne and Peter."""

    a: OrthancPeer
    b: OrthancPeer
    sanne: Robot
    peter: Robot
    heads: Heads
    folder: Path


@pytest.fixture
def synthetic_heads() -> Heads:
    return Heads(prior_head("4711"), current_head("4711"))


@pytest.fixture
def real_heads(real_data: Path) -> Heads:
    folders = (real_data / REAL_PRIOR, real_data / REAL_CURRENT)
    for folder in folders:
        if not folder.is_dir():
            pytest.skip(f"the real study {folder.name} is not here")
    return Heads(*(sorted(folder.glob("*.dcm")) for folder in folders))


@contextmanager
def night_of(heads: Heads, folder: Path, render: str, patch: pytest.MonkeyPatch) -> Iterator[Night]:
    with ExitStack() as stack:
        a = stack.enter_context(OrthancPeer(name="A", known=CALLERS))
        b = stack.enter_context(OrthancPeer(name="B", known=CALLERS))
        a.load(heads.prior)
        b.load([*heads.current, *other_study()])
        for name, value in secrets_of(a).items():
            patch.setenv(name, value)
        sites = [
            Site("a", "Ziekenhuis Aa", "#3a86c8", issuer_of_patient_id="REGIO", connections=(a.dicomweb(),)),
            Site(
                "b",
                "Ziekenhuis Bé",
                "#c8783a",
                issuer_of_patient_id="REGIO",
                connections=(b.dimse(),),
                lookback_h=ALWAYS_H,
            ),
        ]
        hub = stack.enter_context(HubProcess(folder / "hub", sites))
        sanne = stack.enter_context(desk_of(SANNE, folder / "sanne", hub.url, render))
        peter = stack.enter_context(desk_of(PETER, folder / "peter", hub.url, render))
        yield Night(a, b, sanne, peter, heads, folder)


@pytest.mark.parametrize("render", ["software", "vtk"])
def test_a_night_shift_on_synthetic_heads(
    synthetic_heads: Heads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, render: str
) -> None:
    with night_of(synthetic_heads, tmp_path, render, monkeypatch) as night:
        whole_loop(night, render)


@pytest.mark.parametrize("render", ["software", "vtk"])
def test_a_night_shift_on_real_heads(
    real_heads: Heads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, render: str
) -> None:
    with night_of(real_heads, tmp_path, render, monkeypatch) as night:
        whole_loop(night, render)


def whole_loop(night: Night, render: str) -> None:
    """From the list to 'reported', and back to the list."""
    prior_archive = proofs.fingerprint(night.a)
    before = night.b.stored_instances()
    reading = claim_while_the_other_looks_on(night)
    assert reading.viewer.render_path() == render
    prior_needs_its_card(night, reading)
    hands.all_images(night.sanne, reading)
    draw_all_kinds(night, reading)
    write_the_report(night, reading)
    package = hands.sign(night.sanne, reading, lambda dialog: look_at_signing(night, dialog))
    hands.delivered(night.sanne, reading)
    assert night.sanne.desktop.desk is not None
    outbox = night.sanne.desktop.desk.journal.outbox
    assert outbox.get(package.report_id).state is PackageState.DONE
    rows = outbox.objects(package.report_id)
    assert [(row.kind, row.state, row.proof) for row in rows] == [
        ("GSPS", ObjectState.VERIFIED, "read back"),
        ("SR", ObjectState.VERIFIED, "read back"),
    ]
    listed(night.peter, night.heads.study, Status.REPORTED)
    night.peter.until(lambda: "Reported" in shown_row(night.peter, night.heads.study), "'Reported' in the row")
    assert proofs.fingerprint(night.a) == prior_archive
    assert set(night.b.stored_instances()) - set(before) == {row.sop_instance_uid for row in rows}
    check_objects(night, proofs.arrived(night.b, rows, night.folder / "arrived"))
    back_to_the_list(night, reading)


def claim_while_the_other_looks_on(night: Night) -> ReadingWindow:
    """Sanne claims by a double-click; Peter sees it, his selection stays, and his own claim is refused by name."""
    sanne, peter, study = night.sanne, night.peter, night.heads.study
    for robot in (sanne, peter):
        listed(robot, study, Status.AVAILABLE)
    assert all(entry.site_id == "b" for entry in sanne.entries()), "a prior became a study to read"
    (other,) = [entry for entry in peter.entries() if entry.study_instance_uid != study]
    peter.select(other)
    reading = hands.mine(sanne, listed(sanne, study, Status.AVAILABLE))
    entry = listed(peter, study, Status.CLAIMED)
    assert peter.desktop.window is not None
    selected = peter.desktop.window.selected_entry()
    assert selected is not None
    assert selected.entry_id == other.entry_id
    peter.until(lambda: any("VRIES, Sanne" in text for text in shown_row(peter, study)), "the holder's name in the row")
    listed(sanne, study, Status.MINE)
    looking = hands.double_click(peter, entry)
    assert "VRIES, Sanne" in peter.desktop.window.bars.message.text()
    peter.do(lambda: looking.commands.run("case.claim"))
    peter.until(lambda: looking.session.claim.standing is Standing.LOST, "the refusal of the second claim")
    assert "VRIES, Sanne" in looking.view.bar.standing()
    hands.write(looking, "findings", "not mine")
    assert looking.report.edit("findings").toPlainText() == ""
    peter.do(looking.close)
    peter.until(lambda: not peter.desktop.actions.windows(), "the looking window to close")
    assert reading.session.claim.standing is Standing.MINE
    return reading


def prior_needs_its_card(night: Night, reading: ReadingWindow) -> None:
    """The prior of the other hospital is found by name, stays closed without two ticks, and hangs after them."""
    robot = night.sanne
    robot.until(lambda: len(reading.session.priors.searches) == 2, "the answers of both hospitals")
    assert reading.session.priors.rows(), reading.view.strip.note()
    (row,) = reading.session.priors.rows()
    candidate = row.candidate
    assert (candidate.site_id, candidate.study.study_instance_uid) == ("a", night.heads.prior_study)
    assert (row.gate, row.opened) == (Gate.CARD, False)
    with pytest.raises(CannotOpenPrior):
        reading.session.priors.open(candidate.candidate_id)
    live: list[bool] = []

    def try_with_one(dialog: QDialog) -> None:
        for count in (0, 1):
            hands.tick(dialog, count)
            hands.ok_button(dialog).click()
            live.append(hands.ok_button(dialog).isEnabled())
        assert dialog.isVisible()
        dialog.reject()

    robot.with_dialog("identity_card", try_with_one, lambda: reading.choose_prior(candidate.candidate_id))
    assert live == [False, False]
    assert night.heads.prior_study not in reading.session.images.studies()

    def confirm(dialog: QDialog) -> None:
        hands.tick(dialog, 2)
        hands.ok_button(dialog).click()

    robot.with_dialog("identity_card", confirm, lambda: reading.choose_prior(candidate.candidate_id))
    shown = robot.viewport(reading, 1).model.state
    assert shown.study_instance_uid == night.heads.prior_study
    assert robot.viewport(reading, 0).model.state.study_instance_uid == night.heads.study


def draw_all_kinds(night: Night, reading: ReadingWindow) -> None:
    """Length, arrow with text, ellipse, rectangle, with the mouse; on different slices; undone and done again."""
    robot, study = night.sanne, night.heads.study
    robot.scroll_to(reading, 0, 0.5)
    length = hands.draw(robot, reading, "length", (0.30, 0.40), (0.62, 0.55))
    arrow = hands.draw_arrow(robot, reading, (0.45, 0.45), (0.70, 0.25), ARROW_TEXT)
    robot.scroll_to(reading, 0, 0.6)
    prior_follows(night, reading)
    ellipse = hands.draw(robot, reading, "ellipse", (0.40, 0.42), (0.56, 0.52))
    rectangle = hands.draw(robot, reading, "rectangle", (0.58, 0.40), (0.66, 0.55))
    reading.perform("tool.scroll")
    assert [one.kind for one in (length, arrow, ellipse, rectangle)] == [
        AnnotationKind.LENGTH,
        AnnotationKind.ARROW,
        AnnotationKind.ELLIPSE,
        AnnotationKind.RECTANGLE,
    ]
    assert length.frame != ellipse.frame
    assert arrow.text == ARROW_TEXT
    assert {value.name for value in ellipse.values} >= {"mean", "standard_deviation", "minimum", "maximum", "area"}
    assert next(value.unit for value in length.values) == "mm"
    reading.perform("annotation.undo")
    assert len(reading.viewer.annotations(study)) == 3
    reading.perform("annotation.redo")
    assert len(reading.viewer.annotations(study)) == 4


def prior_follows(night: Night, reading: ReadingWindow) -> None:
    """The prior shows the slice nearest to the middle of the tilted one, as their headers say where they lie."""

    def place(header: Dataset) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        axes = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
        steps = np.array([header.Columns - 1, header.Rows - 1]) * float(header.PixelSpacing[0]) / 2
        return np.array(header.ImagePositionPatient, float) + steps @ axes, np.cross(*axes)

    robot = night.sanne
    shown = {str(uid): header for uid, header in map(_header, (*night.heads.current, *night.heads.prior))}
    left, right = (robot.viewport(reading, place).model.frame for place in (0, 1))
    assert left is not None
    assert right is not None
    point, _ = place(shown[left.header.sop_instance_uid])

    def distance(uid: str) -> float:
        middle, normal = place(shown[uid])
        return abs(float((middle - point) @ normal))

    nearest = min((str(_header(item)[0]) for item in night.heads.prior), key=distance)
    assert distance(right.header.sop_instance_uid) == pytest.approx(distance(nearest))


def _header(item: Dataset | Path) -> tuple[str, Dataset]:
    header = item if isinstance(item, Dataset) else dcmread(item, stop_before_pixels=True)
    return str(header.SOPInstanceUID), header


def write_the_report(night: Night, reading: ReadingWindow) -> None:
    """Sections by the keyboard, a measurement with its link back."""
    robot = night.sanne
    comparison = reading.report.edit("comparison")
    robot.until(lambda: "Ziekenhuis Aa" in comparison.toPlainText(), "the prior in the comparison")
    hands.write(reading, "clinical_question", QUESTION)
    hands.write(reading, "technique", TECHNIQUE)
    hands.write(reading, "findings", FINDINGS)
    hands.insert_measurement(robot, reading, 0, "findings")
    hands.write(reading, "impression", IMPRESSION)
    findings = reading.report.edit("findings").toPlainText()
    assert findings.startswith(f"{FINDINGS}Length ")
    assert " mm" in findings[len(FINDINGS) :]
    robot.scroll_to(reading, 0, 0.9)
    linked = reading.session.report.measurements()[0].annotation
    assert not robot.viewport(reading, 0).model.shows(linked.frame)
    hands.follow_link(reading, 0)
    robot.until(lambda: robot.viewport(reading, 0).model.shows(linked.frame), "the image of the measurement")


def look_at_signing(night: Night, dialog: QDialog) -> None:
    """Patient, study and destination are shown; nothing is asked."""
    assert text_of(dialog, "sign_patient") == "HEAD"
    assert night.sanne.entry(night.heads.study) is not None
    entry = night.sanne.entry(night.heads.study)
    assert entry is not None
    assert entry.patient.key.patient_id in text_of(dialog, "sign_facts")
    assert entry.study_description in text_of(dialog, "sign_study")
    assert text_of(dialog, "sign_destination") == "Ziekenhuis Bé"


def check_objects(night: Night, paths: list[Path]) -> None:
    """Valid beside their study, of the right patient and study, readable, and every letter arrived."""
    images = night.folder / "images"
    images.mkdir()
    sources = []
    for place, item in enumerate(night.heads.current):
        sources.append(item if isinstance(item, Path) else images / f"{place:04d}.dcm")
        if isinstance(item, Dataset):
            item.save_as(sources[-1], enforce_file_format=True)
    proofs.assert_valid(sources, paths)
    source = dcmread(sources[0], stop_before_pixels=True)
    state, report = (dcmread(BytesIO(path.read_bytes())) for path in paths)
    for ours in (state, report):
        for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber"):
            assert str(ours.get(keyword, "")) == str(source.get(keyword, "")), keyword
    kinds = [
        graphic.GraphicType
        for item in state.GraphicAnnotationSequence
        for graphic in item.get("GraphicObjectSequence", [])
    ]
    assert {"POLYLINE", "ELLIPSE"} <= set(kinds)
    texts = [
        str(text.UnformattedTextValue)
        for item in state.GraphicAnnotationSequence
        for text in item.get("TextObjectSequence", [])
    ]
    assert any(ARROW_TEXT in text for text in texts)
    shown = proofs.readable(paths[-1], night.folder)
    for words in (QUESTION, TECHNIQUE, "Geen bloeding.", "Sinus: ő, ≥ 3 mm, ё.", IMPRESSION, "dr. Sanne Vries"):
        assert words in shown, words


def next_window(robot: Robot, before: ReadingWindow) -> ReadingWindow | None:
    """The window that came in place of another one."""
    return next(
        (one for one in robot.desktop.actions.windows() if isinstance(one, ReadingWindow) and one is not before), None
    )


def back_to_the_list(night: Night, reading: ReadingWindow) -> None:
    """'Next' goes on to the other study of the list; that one is given back; the first one is reported."""
    robot = night.sanne
    robot.do(lambda: reading.commands.run("case.next"))
    following = robot.until(lambda: next_window(robot, reading), "the next study")
    assert following.session.entry.study_instance_uid != night.heads.study
    robot.until(lambda: following.session.editable, "the claim of the next study")
    robot.do(following.session.claim.release)
    robot.until(lambda: following.session.claim.standing is Standing.RELEASED, "the study given back")
    robot.do(following.close)
    robot.until(lambda: not robot.desktop.actions.windows(), "the reading windows to close")
    listed(robot, night.heads.study, Status.REPORTED)
    assert robot.desktop.window is not None
    assert robot.desktop.window.isVisible()
    assert robot.desktop.deliveries.summary().undelivered == 0
