"""The banner above every image: hospital, who, which study. A widget of its own, so that it never covers tissue."""

from __future__ import annotations

import html
from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.ui import palette
from viewer.ui.banner_flow import Fact, Run, flow
from viewer.ui.labels import StudyLabel
from viewer.ui.paint_texts import font
from viewer.ui.patient_banner import BannerText

HEIGHT = 44
"""Two rows; more where the viewport is narrow."""
ROW, TIGHT_ROW = 19.0, 16.0
TIGHT_ROWS = 3
"""With more rows than these the banner is set smaller, and the description of the study is left to the tooltip."""
PAD = 8.0
DOT = "  ·  "
CHIP_SHARE = 0.36
PLATE_PAD = 4.0
"""Beside the word on a plate."""
NAMELESS = BannerText("", "", "")
WRAPPED = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignCenter)


class Banner(QWidget):
    """Paints plain text only: a patient name is never markup. As high as its texts need: who this is, how it was
    established and at which hospital are never cut; the description of the study is, and is whole on pointing at it."""

    def __init__(self, tr: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tr = tr
        self._text, self._label = NAMELESS, StudyLabel()
        self.setObjectName("patient_banner")
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_text(self, text: BannerText, label: StudyLabel) -> None:
        """Another study, or more of the same."""
        if (text, label) == (self._text, self._label):
            return
        self._text, self._label = text, label
        lines = [part for part in self.lines() if part]
        self.setAccessibleName(" ".join(lines))
        self.setToolTip("".join(f"<p style='white-space:pre'>{html.escape(line)}</p>" for line in lines))
        self._fit()
        self.update()

    def lines(self) -> tuple[str, str, str, str]:
        """Hospital, patient, study with its role and date, verdict: what a reader sees."""
        hospital = DOT.join(part for part in (self._label.site_name, self._foreign_text()) if part)
        patient = DOT.join(part for part in (self._text.name, self._text.details) if part)
        study = DOT.join(part for part in (self._label.role, self._text.day, self._text.study) if part)
        return hospital, patient, study, self._label.verdict_text

    def sizeHint(self) -> QSize:
        """As wide as the viewport."""
        return QSize(200, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Narrower: more rows."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Chip on the left; role, day, name, identity, verdict and study flow beside it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        empty = not any(self.lines())
        painter.fillRect(self.rect(), QColor(palette.GROUND if empty else palette.BANNER))
        if self._label.site_name:
            self._paint_chip(painter)
        left, top = self._left(), 3.0
        runs, size, row = self._set()
        for run in runs:
            _paint_run(painter, QRectF(left + run.x, top + run.row * row, run.width, row), run, size)
        painter.end()

    def _fit(self) -> None:
        runs, _, row = self._set()
        height = max(HEIGHT, round(_rows(runs) * row + 6), round(self._chip_height() + 10))
        if height != self.height():
            self.setFixedHeight(height)

    def _set(self) -> tuple[list[Run], int, float]:
        """Runs, size of the font, height of a row."""
        runs = self._runs(13)
        if _rows(runs) <= TIGHT_ROWS:
            return runs, 13, ROW
        return [run for run in self._runs(12) if not run.fact.may_cut or run.row < TIGHT_ROWS], 12, TIGHT_ROW

    def _runs(self, size: int) -> list[Run]:
        details = self._text.details.split(DOT) if self._text.details else []
        facts = [
            Fact(self._label.role, palette.ATTENTION, bold=True, is_plate=True),
            Fact(self._text.day, palette.TEXT, bold=True),
            Fact(self._text.name, palette.TEXT, bold=True),
            *(Fact(detail, palette.TEXT) for detail in details),
            Fact(self._label.verdict_text, palette.ATTENTION, starts_row=True),
            Fact(self._text.study, palette.TEXT_QUIET, may_cut=True, starts_row=True),
        ]
        width = max(40.0, self.width() - self._left() - PAD)
        return flow(facts, width, lambda text, bold: QFontMetricsF(font(size, bold=bold)).horizontalAdvance(text))

    def _left(self) -> float:
        return 2 * PAD + 2 + self._chip_width() if self._label.site_name else PAD

    def _foreign_text(self) -> str:
        return self._tr("other hospital") if self._label.foreign else ""

    def _chip_width(self) -> float:
        name = QFontMetricsF(font(11, bold=True)).horizontalAdvance(self._label.site_name)
        foreign = QFontMetricsF(font(10, bold=True)).horizontalAdvance(self._foreign_text())
        return min(max(name, foreign) + 2 * PAD, self.width() * CHIP_SHARE)

    def _chip_parts(self) -> tuple[float, float]:
        """Heights of the hospital's name and of the line that says it is another one."""
        inner = QRectF(0, 0, self._chip_width() - 8, 1000)
        name = QFontMetricsF(font(11, bold=True)).boundingRect(inner, WRAPPED, self._label.site_name).height()
        foreign = self._foreign_text()
        if not foreign:
            return name, 0.0
        return name, QFontMetricsF(font(10, bold=True)).boundingRect(inner, WRAPPED, foreign).height()

    def _chip_height(self) -> float:
        return sum(self._chip_parts()) + 4 if self._label.site_name else 0.0

    def _paint_chip(self, painter: QPainter) -> None:
        """Filled with the hospital's color; another hospital's carries a second line that says so."""
        chip = QRectF(PAD, 5, self._chip_width(), self.height() - 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._label.site_color))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(QPen(QColor(palette.text_on(self._label.site_color))))
        name, foreign = self._chip_parts()
        inner = chip.adjusted(4, 0, -4, 0)
        top = chip.top() + (chip.height() - name - foreign) / 2
        painter.setFont(font(11, bold=True))
        painter.drawText(QRectF(inner.left(), top, inner.width(), name), WRAPPED, self._label.site_name)
        if foreign:
            painter.setFont(font(10, bold=True))
            painter.drawText(QRectF(inner.left(), top + name, inner.width(), foreign), WRAPPED, self._foreign_text())


def _rows(runs: list[Run]) -> int:
    return max((run.row for run in runs), default=0) + 1


def _paint_run(painter: QPainter, room: QRectF, run: Run, size: int) -> None:
    """One line; cut with an ellipsis only where the fact may be."""
    painter.setFont(font(size, bold=run.fact.bold))
    text = run.text
    if run.fact.is_plate:
        width = QFontMetricsF(painter.font()).horizontalAdvance(text)
        plate = QRectF(room.left() - PLATE_PAD, room.top(), width + 2 * PLATE_PAD, room.height() - 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(run.fact.color))
        painter.drawRoundedRect(plate, 3, 3)
    painter.setPen(QColor(palette.text_on(run.fact.color) if run.fact.is_plate else run.fact.color))
    if run.fact.may_cut:
        text = QFontMetricsF(painter.font()).elidedText(text, Qt.TextElideMode.ElideRight, room.width())
    painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), text)
