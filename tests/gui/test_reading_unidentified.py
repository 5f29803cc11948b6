"""Signing for a patient without number or name asks once; a number that DICOM cannot hold is refused."""

from __future__ import annotations

from datetime import date

import pytest
from PySide6.QtWidgets import QCheckBox, QDialogButtonBox
from pytestqt.qtbot import QtBot

from tests.peers.reading_bench import Bench
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_signing import unidentified
from worklist_client.commands.case_state import CannotSign
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import load_theme
from worklist_client.ui.reading_sign import SignDialog


def opened(bench: Bench, number: str, name: str) -> CaseSession:
    """A case whose images and list row agree on this patient."""
    case = bench.opened()
    case.report.set_section("findings", "Tekst")
    entry = case.signing._entry
    patient = PatientIdentity(PatientKey("NORTH", number), entry.site_id, name, "19600102", "F")
    object.__setattr__(entry, "patient", patient)
    return case


def test_a_study_without_patient_number_is_confirmed_once_at_signing(bench: Bench) -> None:
    case = opened(bench, "", "Jansen^Zoe")
    [sentence] = case.signing.summary().to_confirm
    assert "no patient number" in sentence
    with pytest.raises(CannotSign, match="Confirm first"):
        case.signing.sign()
    assert bench.delivery.signed == []
    case.signing.sign((sentence,))
    assert len(bench.delivery.signed) == 1


def test_a_patient_number_with_a_backslash_is_refused_in_plain_words(bench: Bench) -> None:
    case = opened(bench, "12\\34", "Jansen^Zoe")
    with pytest.raises(CannotSign, match="backslash"):
        case.signing.summary()


@pytest.mark.parametrize("name", ["", "^^^^", " ^ "])
def test_a_name_of_carets_alone_is_no_name(name: str) -> None:
    [sentence] = unidentified(PatientIdentity(PatientKey("N", "P1"), "north", name))
    assert "no patient name" in sentence


def test_a_patient_with_number_and_name_is_asked_nothing(bench: Bench) -> None:
    case = opened(bench, "P1", "Jansen^Zoe")
    assert case.signing.summary().to_confirm == ()


def test_the_dialog_signs_only_after_the_tick(bench: Bench, qtbot: QtBot) -> None:
    summary = opened(bench, "", "Jansen^Zoe").signing.summary()
    dialog = SignDialog(summary, Translator("nl"), load_theme("dark"), date(2026, 3, 1))
    qtbot.addWidget(dialog)
    box, tick = dialog.findChild(QDialogButtonBox), dialog.findChild(QCheckBox, "sign_confirm_0")
    assert box is not None
    assert tick is not None
    accept = box.button(QDialogButtonBox.StandardButton.Ok)
    assert not accept.isEnabled()
    assert "geen patiëntnummer" in tick.text()
    tick.setChecked(True)
    assert accept.isEnabled()
    assert dialog.confirmed() == summary.to_confirm
