"""The strip of series: study by study, the middle image of each, how much of it is here, what is odd about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from viewer.render.path import Picture
from viewer.render.software import image_of
from viewer.ui import palette
from viewer.ui.labels import StudyLabel
from viewer.ui.paint_texts import font
from viewer.ui.shelf import Phase, SeriesKey

TileKey = tuple[str, str, int]
"""(study, series, block)."""

WIDTH = 148
TILE_HEIGHT = 118
IMAGE_PX = 84
LONGEST_WORD = 14
"""Letters that surely fit side by side."""
BREAK = "\u200b"


STYLE = f"""
QScrollArea, QWidget#strip {{ background: {palette.PANEL}; }}
QScrollBar:vertical {{ background: {palette.PANEL}; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {palette.SCROLL_HANDLE}; min-height: 24px; border-radius: 4px; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: {palette.PANEL}; }}
"""


@dataclass(frozen=True, slots=True)
class Tile:
    """What one thumbnail says."""

    key: SeriesKey
    block: int
    title: str
    count: str
    phase: Phase
    issues: str = ""
    hung: bool = False

    @property
    def tile_key(self) -> TileKey:
        """Identity within the strip."""
        return (*self.key, self.block)


@dataclass(frozen=True, slots=True)
class StudyTiles:
    """One study of the strip."""

    study_instance_uid: str
    label: StudyLabel
    title: str
    tiles: tuple[Tile, ...]


class ThumbnailTile(QWidget):
    """One series; click, Enter or Space shows it in the active viewport."""

    chosen = Signal(str, str, int)

    def __init__(self, tile: Tile, tr: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tile = tile
        self._tr = tr
        self._picture: Picture | None = None
        self._image: QImage | None = None
        self.setObjectName("thumbnail")
        self.setFixedHeight(TILE_HEIGHT)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.show_tile(tile)

    def show_tile(self, tile: Tile) -> None:
        """More of the series came, or it was hung."""
        self.tile = tile
        self.setAccessibleName(", ".join(part for part in (tile.title, tile.count, tile.issues) if part))
        self.setToolTip(tile.issues)
        self.update()

    def show_picture(self, pixels: NDArray[np.uint8]) -> None:
        """The small image, finished display values."""
        self._picture = Picture(np.ascontiguousarray(pixels))
        self._image = image_of(self._picture)
        self.update()

    @property
    def has_picture(self) -> bool:
        """Whether an image was set."""
        return self._image is not None

    def sizeHint(self) -> QSize:
        """Fixed."""
        return QSize(WIDTH, TILE_HEIGHT)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose."""
        self.chosen.emit(*self.tile.tile_key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose by keyboard."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(*self.tile.tile_key)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Image, title, count, badge; the border tells that it is hung or has the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = QRectF(self.rect()).adjusted(6, 2, -6, -2)
        painter.fillRect(area, QColor(palette.BANNER))
        box = QRectF(area.left() + 1, area.top() + 1, area.width() - 2, IMAGE_PX)
        painter.fillRect(box, QColor("#000000") if self._image is not None else QColor(palette.GROUND))
        if self._image is not None:
            size = self._image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
            left, top = box.center().x() - size.width() / 2, box.center().y() - size.height() / 2
            painter.drawImage(QRectF(left, top, size.width(), size.height()), self._image)
        self._paint_words(painter, area, box)
        edge = palette.ACTIVE if self.tile.hung or self.hasFocus() else palette.LINE
        painter.setPen(QPen(QColor(edge), 2 if self.hasFocus() else 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_words(self, painter: QPainter, area: QRectF, box: QRectF) -> None:
        painter.setFont(font(11))
        metrics = QFontMetricsF(painter.font())
        row = QRectF(area.left() + 5, box.bottom() + 1, area.width() - 10, 14)
        painter.setPen(QColor(palette.TEXT))
        title = metrics.elidedText(self.tile.title, Qt.TextElideMode.ElideRight, row.width())
        painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), title)
        warns = self.tile.phase in (Phase.PARTIAL, Phase.DEGRADED, Phase.FAILED)
        painter.setPen(QColor(palette.ATTENTION if warns else palette.TEXT_QUIET))
        row.translate(0, 13)
        painter.drawText(row, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), self.tile.count)
        if self.tile.issues:
            badge = QRectF(box.right() - 20, box.top() + 4, 16, 16)
            painter.setPen(QPen(QColor(palette.SHADOW), 1))
            painter.setBrush(QColor(palette.ATTENTION))
            painter.drawEllipse(badge)
            painter.setFont(font(12, bold=True))
            painter.setPen(QColor(palette.ON_ACCENT))
            painter.drawText(badge, int(Qt.AlignmentFlag.AlignCenter), "!")


class Thumbnails(QScrollArea):
    """All series; rebuilt only where the list of series changed, else updated in place."""

    chosen = Signal(str, str, int)

    def __init__(self, tr: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tr = tr
        self._tiles: dict[TileKey, ThumbnailTile] = {}
        self._shown: tuple[StudyTiles, ...] = ()
        self.setObjectName("thumbnails")
        self.setAccessibleName(tr("Series"))
        self.setFixedWidth(WIDTH + 14)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet(STYLE)
        self._rebuild()

    def tile(self, key: TileKey) -> ThumbnailTile | None:
        """The tile of an image set."""
        return self._tiles.get(key)

    def tiles(self) -> tuple[ThumbnailTile, ...]:
        """All tiles from top to bottom."""
        return tuple(self._tiles.values())

    def show_studies(self, studies: tuple[StudyTiles, ...]) -> None:
        """Show these; what is already there keeps its picture."""
        if studies == self._shown:
            return
        before = [(s.study_instance_uid, s.label, s.title, [t.tile_key for t in s.tiles]) for s in self._shown]
        after = [(s.study_instance_uid, s.label, s.title, [t.tile_key for t in s.tiles]) for s in studies]
        self._shown = studies
        if before != after:
            self._rebuild()
        for study in studies:
            for tile in study.tiles:
                self._tiles[tile.tile_key].show_tile(tile)

    def _rebuild(self) -> None:
        kept = dict(self._tiles)
        strip = QWidget()
        strip.setObjectName("strip")
        layout = QVBoxLayout(strip)
        layout.setContentsMargins(0, 6, 0, 6)
        layout.setSpacing(2)
        self._tiles = {}
        for study in self._shown:
            layout.addWidget(self._heading(study))
            for tile in study.tiles:
                widget = kept.pop(tile.tile_key, None)
                if widget is None:
                    widget = ThumbnailTile(tile, self._tr)
                    widget.chosen.connect(self.chosen)
                self._tiles[tile.tile_key] = widget
                layout.addWidget(widget)
        layout.addStretch(1)
        self.setWidget(strip)

    def _heading(self, study: StudyTiles) -> QLabel:
        lines = [study.label.site_name, study.title]
        if study.label.foreign:
            lines.insert(1, self._tr("other hospital"))
        if study.label.role:
            lines.insert(0, study.label.role)
        text = "\n".join(line for line in lines if line)
        heading = QLabel(breakable(text))
        heading.setAccessibleName(text)
        heading.setObjectName("study_heading")
        heading.setTextFormat(Qt.TextFormat.PlainText)
        heading.setWordWrap(True)
        style = "dashed" if study.label.foreign else "solid"
        heading.setStyleSheet(
            f"color: {palette.TEXT}; background: {palette.PANEL}; font-size: 12px; padding: 3px 4px; "
            f"margin: 2px 6px; border-left: 4px {style} {study.label.site_color};"
        )
        return heading


def breakable(text: str) -> str:
    """Text that may break anywhere within a word too long for the strip ("Thorax^AThoraxRoutine")."""
    words = (BREAK.join(word) if len(word) > LONGEST_WORD else word for word in re.split(r"(\s)", text))
    return "".join(words)
