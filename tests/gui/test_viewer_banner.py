"""The banner above an image: who the patient is stays readable when the viewport is narrow."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPainter
from pytestqt.qtbot import QtBot

from viewer.ui import banner
from viewer.ui.banner import Banner
from viewer.ui.labels import StudyLabel
from viewer.ui.patient_banner import BannerText

TEXT = BannerText("BROEK, Johanna (van den)", "1961-07-22 F  ·  W55120", "CT abdomen portaal veneus", "2026-11-21")
LABEL = StudyLabel("Noorderziekenhuis", "#4aa0e0", True, "Confirmed by you", role="PRIOR")


def _painted(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, width: int, text: BannerText = TEXT, label: StudyLabel = LABEL
) -> list[str]:
    """The texts as they came out, cut or not."""
    shown: list[str] = []
    paint = QPainter.drawText

    class Noting(QPainter):
        def drawText(self, *given: object) -> object:  # type: ignore[override]
            shown.append(str(given[-1]))
            return paint(self, *given)  # type: ignore[call-overload]

    monkeypatch.setattr(banner, "QPainter", Noting)
    widget = Banner(str)
    qtbot.addWidget(widget)
    widget.resize(width, banner.HEIGHT)
    widget.show_text(text, label)
    widget.resize(width, widget.height())
    image = widget.grab().toImage()
    assert image.pixelColor(width - 2, 2) != QColor("#000000")
    return shown


@pytest.mark.parametrize("width", [240, 420, 1200])
def test_a_prior_says_that_it_is_one_and_of_its_day(width: int, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    here = StudyLabel("Noorderziekenhuis", "#4aa0e0", False, "Same patient: national ID and birth date", role="PRIOR")
    shown = _painted(qtbot, monkeypatch, width, TEXT, here)
    texts = [text for text in shown if text != here.site_name]
    assert texts[:2] == ["PRIOR", "2026-11-21"]  # first, so that no verdict pushes them out


@pytest.mark.parametrize("width", [430, 700, 1200])
def test_name_number_and_verdict_are_whole_where_the_description_is_cut(
    width: int, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "  |  ".join(_painted(qtbot, monkeypatch, width))
    for whole in (TEXT.name, "1961-07-22 F", "W55120", LABEL.verdict_text):
        assert whole in text
    assert (TEXT.study in text) == (width >= 700)


LONG = BannerText(
    "STEENHUIZEN-VAN DEN BROEK-OOSTERVELD, Wilhelmina Johanna Elisabeth Cornelia",
    "1961-07-22 (64)  ·  F  ·  W5512000000000017 [SAMENWERKENDE-ZIEKENHUIZEN]",
    "2026-11-21  ·  CT thorax-abdomen met intraveneus contrast",
)
SITE = "Samenwerkende Ziekenhuizen West-Friesland en Waterland"
VERDICT = "Zelfde patiënt: BSN en geboortedatum, door u bevestigd"


@pytest.mark.parametrize("width", [180, 300, 352, 520, 900])
def test_no_word_of_a_long_name_number_hospital_or_verdict_is_cut(
    width: int, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It said "Same patient: n…" in a narrow viewport."""
    shown = _painted(qtbot, monkeypatch, width, LONG, StudyLabel(SITE, "#4aa0e0", True, VERDICT))
    whole = "".join(shown).replace(" ", "")
    for text in (LONG.name, *LONG.details.split("  ·  "), VERDICT, SITE):
        assert text.replace(" ", "") in whole
    assert not any("…" in text and not LONG.study.startswith(text.rstrip("…").strip()) for text in shown)


def test_the_banner_is_as_high_as_its_texts_and_low_again_when_there_is_room(qtbot: QtBot) -> None:
    widget = Banner(str)
    qtbot.addWidget(widget)
    widget.show()
    widget.resize(300, 10)
    widget.show_text(LONG, StudyLabel(SITE, "#4aa0e0", True, VERDICT))
    assert widget.height() > banner.HEIGHT
    widget.resize(1800, widget.height())
    assert widget.height() == banner.HEIGHT
    assert LONG.study.split("  ·  ")[1] in widget.toolTip()


def test_a_name_in_the_tooltip_is_no_markup(qtbot: QtBot) -> None:
    widget = Banner(str)
    qtbot.addWidget(widget)
    widget.show_text(BannerText("<b>EVE</b>", "", ""), StudyLabel())
    assert "<b>" not in widget.toolTip()
