"""The banner above an image: who the patient is stays readable when the viewport is narrow."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPainter
from pytestqt.qtbot import QtBot

from viewer.ui import banner
from viewer.ui.banner import Banner
from viewer.ui.labels import StudyLabel
from viewer.ui.patient_banner import BannerText

TEXT = BannerText("BROEK, Johanna (van den)", "1961-07-22 F  ·  W55120", "2026-11-21  ·  CT abdomen portaal veneus")
LABEL = StudyLabel("Noorderziekenhuis", "#4aa0e0", True, "Confirmed by you")


def _painted(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
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
    widget.show_text(TEXT, LABEL)
    image = widget.grab().toImage()
    assert image.pixelColor(width - 2, 2) != QColor("#000000")
    return shown


@pytest.mark.parametrize("width", [520, 700, 1200])
def test_name_number_and_verdict_are_whole_where_the_description_is_cut(
    width: int, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "  |  ".join(_painted(qtbot, monkeypatch, width))
    for whole in (TEXT.name, "1961-07-22 F", "W55120", LABEL.verdict_text):
        assert whole in text
    assert (TEXT.study in text) == (width >= 700)
