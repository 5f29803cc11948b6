"""How cells look: the hospital's colour chip, the status shape, the urgency badge, the brief highlight of a change."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from worklist_client.settings.theme import Theme
from worklist_client.ui.worklist_columns import BADGES, STATUS_TONES, URGENCY_TONES
from worklist_client.ui.worklist_model import Role
from worklist_client.worklist.due import Urgency, urgency_of
from worklist_client.worklist.entries import Status, StudyEntry

Index = QModelIndex | QPersistentModelIndex
CHIP_PX = 10
PAD_PX = 7


class WorklistDelegate(QStyledItemDelegate):
    """Paints one cell. Texts are drawn as plain text, elided at the right."""

    def __init__(self, theme: Theme, site_color: Callable[[str], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme, self._site_color = theme, site_color

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Qt: rows of one height."""
        return QSize(super().sizeHint(option, index).width() + PAD_PX, self._theme.metrics["row_px"])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Qt: one cell."""
        entry: StudyEntry | None = index.data(Role.ENTRY)
        if entry is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._background(painter, option, bool(index.data(Role.HIGHLIGHT)))
        area = QRectF(option.rect).adjusted(PAD_PX, 0, -PAD_PX, 0)
        column = index.data(Role.COLUMN)
        if column == "site":
            self._chip(painter, area, entry.site_id)
            area.adjust(CHIP_PX + PAD_PX, 0, 0, 0)
        elif column == "status":
            self._shape(painter, area, entry.status)
            area.adjust(CHIP_PX + PAD_PX, 0, 0, 0)
        font = painter.font()
        font.setBold(column == "urgency" and urgency_of(entry) in (*BADGES, Urgency.HIGH))
        painter.setFont(font)
        color = index.data(Qt.ItemDataRole.ForegroundRole)
        if column == "urgency" and urgency_of(entry) in BADGES:
            self._badge(painter, area, str(index.data()), URGENCY_TONES[urgency_of(entry)])
        else:
            painter.setPen(color)
            text = painter.fontMetrics().elidedText(str(index.data()), Qt.TextElideMode.ElideRight, int(area.width()))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, text)
        painter.restore()

    def _background(self, painter: QPainter, option: QStyleOptionViewItem, highlighted: bool) -> None:
        rect = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(self._theme.color("surface.selection")))
            if highlighted:  # a change of the selected row shows too
                painter.fillRect(QRectF(rect.left(), rect.bottom() - 2, rect.width(), 3), self._tone("state.attention"))
        elif highlighted:
            painter.fillRect(rect, self._tone("surface.highlight"))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, self._tone("surface.hover"))
        painter.setPen(QPen(self._tone("line.faint"), 1))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    def _chip(self, painter: QPainter, area: QRectF, site_id: str) -> None:
        box = QRectF(area.left(), area.center().y() - CHIP_PX / 2, CHIP_PX, CHIP_PX)
        painter.setPen(QPen(self._tone("text.primary"), 1))
        painter.setBrush(QColor(self._site_color(site_id)))
        painter.drawRoundedRect(box, 2, 2)

    def _badge(self, painter: QPainter, area: QRectF, text: str, tone: str) -> None:
        width = painter.fontMetrics().horizontalAdvance(text) + 12
        height = painter.fontMetrics().height() + 2
        box = QRectF(area.left() - 3, area.center().y() - height / 2, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._tone(tone))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(self._tone("text.on_accent"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _shape(self, painter: QPainter, area: QRectF, status: Status) -> None:
        """One shape a status, so that it can be told without colour."""
        box = QRectF(area.left(), area.center().y() - CHIP_PX / 2, CHIP_PX, CHIP_PX)
        color = self._tone(STATUS_TONES[status])
        painter.setPen(QPen(color, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if status is Status.INCOMING:
            painter.setPen(QPen(color, 1.6, Qt.PenStyle.DotLine))
            painter.drawEllipse(box)
        elif status in (Status.AVAILABLE, Status.RESERVED):
            painter.drawEllipse(box)
            if status is Status.RESERVED:
                painter.setBrush(color)
                painter.drawPie(box, 90 * 16, -180 * 16)
        elif status in (Status.CLAIMED, Status.MINE):
            painter.setBrush(color)
            painter.drawEllipse(box) if status is Status.CLAIMED else painter.drawPolygon(_diamond(box))
        elif status is Status.DELIVERING:
            center = box.center().x()
            painter.drawPolyline([QPointF(center, box.bottom()), QPointF(center, box.top())])
            painter.drawPolyline(
                [box.topLeft() + QPointF(1, 4), QPointF(center, box.top()), box.topRight() + QPointF(-1, 4)]
            )
        elif status is Status.REPORTED:
            painter.drawPolyline(
                [QPointF(box.left(), box.center().y()), QPointF(box.center().x() - 1, box.bottom() - 1), box.topRight()]
            )
        else:
            painter.drawLine(box.topLeft(), box.bottomRight())
            painter.drawLine(box.topRight(), box.bottomLeft())

    def _tone(self, token: str) -> QColor:
        return QColor(self._theme.color(token))


def _diamond(box: QRectF) -> QPolygonF:
    center = box.center()
    return QPolygonF(
        [
            QPointF(center.x(), box.top() - 1),
            QPointF(box.right() + 1, center.y()),
            QPointF(center.x(), box.bottom() + 1),
            QPointF(box.left() - 1, center.y()),
        ]
    )
