"""The banner above every image: hospital, who, which study. A widget of its own, so that it never covers tissue."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from viewer.ui import palette
from viewer.ui.labels import StudyLabel
from viewer.ui.paint_texts import font
from viewer.ui.patient_banner import BannerText

HEIGHT = 44
ROW = 20.0
PAD = 8.0
DOT = "  ·  "
NAMELESS = BannerText("", "", "")


class Banner(QWidget):
    """Paints plain text only: a patient name is never markup."""

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
        self.setAccessibleName(" ".join(part for part in self.lines() if part))
        self.setToolTip("")
        self.update()

    def lines(self) -> tuple[str, str, str, str]:
        """Hospital, patient, study, verdict: what a reader sees."""
        patient = "  ·  ".join(part for part in (self._text.name, self._text.details) if part)
        return self._chip_text(), patient, self._text.study, self._label.verdict_text

    def sizeHint(self) -> QSize:
        """As wide as the viewport, two rows high."""
        return QSize(200, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Two rows: chip, name and identity; study and how the identity was established."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        empty = not any(self.lines())
        painter.fillRect(self.rect(), QColor(palette.GROUND if empty else palette.BANNER))
        left = self._paint_chip(painter) if self._chip_text() else PAD
        first = QRectF(left, 3, self.width() - left - PAD, ROW)
        used = _paint_elided(painter, first, self._text.name, palette.TEXT, bold=True)
        rest = first.adjusted(used + (12 if used else 0), 0, 0, 0)
        details, moved = _fitting(self._text.details, rest.width())
        _paint_elided(painter, rest, details, palette.TEXT)
        second = QRectF(left, 3 + ROW - 1, self.width() - left - PAD, ROW - 1)
        if moved:
            second.setLeft(second.left() + _paint_elided(painter, second, moved, palette.TEXT) + 12)
        verdict = self._label.verdict_text
        kept = min(_width(verdict) + 16, second.width() * 0.6) if verdict else 0.0
        used = _paint_elided(painter, second.adjusted(0, 0, -kept, 0), self._text.study, palette.TEXT_QUIET)
        _paint_elided(painter, second.adjusted(used + (16 if used else 0), 0, 0, 0), verdict, palette.ATTENTION)
        painter.end()

    def _chip_text(self) -> str:
        return self._label.site_name

    def _paint_chip(self, painter: QPainter) -> float:
        """Filled with the hospital's color; another hospital's carries a second line that says so."""
        painter.setFont(font(12, bold=True))
        metrics = QFontMetricsF(painter.font())
        foreign = self._tr("other hospital") if self._label.foreign else ""
        widest = max(metrics.horizontalAdvance(self._label.site_name), metrics.horizontalAdvance(foreign) * 0.9)
        width = min(widest + 2 * PAD, self.width() * 0.4)
        chip = QRectF(PAD, 5, width, HEIGHT - 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._label.site_color))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setPen(QPen(QColor(palette.text_on(self._label.site_color))))
        inner = chip.adjusted(4, 0, -4, 0)
        name = metrics.elidedText(self._label.site_name, Qt.TextElideMode.ElideRight, inner.width())
        if not foreign:
            painter.drawText(inner, int(Qt.AlignmentFlag.AlignCenter), name)
        else:
            top, bottom = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
            center = Qt.AlignmentFlag.AlignHCenter
            painter.drawText(inner.adjusted(0, 2, 0, 0), int(center | top), name)
            painter.setFont(font(11))
            painter.drawText(inner.adjusted(0, 0, 0, -2), int(center | bottom), foreign)
        return chip.right() + PAD + 2


def _fitting(details: str, width: float) -> tuple[str, str]:
    """The identity in two parts, the second for the next row where one row is too narrow: the description of a study
    may be cut, a patient number never if it can be helped."""
    head, dot, tail = details.rpartition(DOT)
    return (head, tail) if dot and _width(details) > width else (details, "")


def _width(text: str) -> float:
    return QFontMetricsF(font(13)).horizontalAdvance(text)


def _paint_elided(painter: QPainter, rect: QRectF, text: str, color: str, *, bold: bool = False) -> float:
    """One line, cut with an ellipsis where it must; the width it took."""
    if not text or rect.width() < 8:
        return 0.0
    painter.setFont(font(13, bold=bold))
    painter.setPen(QColor(color))
    metrics = QFontMetricsF(painter.font())
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft), shown)
    return metrics.horizontalAdvance(shown)
