"""The grid of viewports and the render path they share."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.render.choice import SOFTWARE, Choice, choose, make_canvas
from viewer.tools.pointer import Edit, Scene
from viewer.ui import palette
from viewer.ui.corner_texts import CornerTexts
from viewer.ui.pointer_input import PointerInput
from viewer.ui.viewport import Viewport
from viewer.ui.viewport_model import ViewportModel
from viewer.ui.window_presets import WindowPresets

MOST = 9
GL_PATIENCE_MS = 3000
"""A GL widget that is not ready by then never will be: software draws, and says so."""


class ViewportGrid(QWidget):
    """Makes viewports, lays them out, gives each a canvas. Viewports are numbered row by row from 0."""

    pressed = Signal(int)
    edited = Signal(int, object)
    path_changed = Signal()
    """What draws was chosen anew."""
    painted = Signal(int, object)

    def __init__(
        self,
        presets: WindowPresets,
        texts: CornerTexts,
        tr: Callable[[str], str],
        scene: Callable[[int], Scene | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._presets, self._texts, self._tr, self._scene = presets, texts, tr, scene
        self._inputs: list[PointerInput] = []
        self._tool_id = "scroll"
        self.viewports: list[Viewport] = []
        self.shape = (0, 0)
        self.choice = Choice(SOFTWARE)
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(1)
        self.setObjectName("viewport_grid")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"QWidget#viewport_grid {{ background: {palette.PANEL}; }}")

    def set_shape(self, rows: int, columns: int) -> None:
        """Rows × columns; viewports that stay keep what they show, others are emptied and removed."""
        rows, columns = max(1, rows), max(1, columns)
        wanted = min(rows * columns, MOST)
        while len(self.viewports) > wanted:
            self._drop(self.viewports.pop(), self._inputs.pop())
        while len(self.viewports) < wanted:
            self._add()
        for place, viewport in enumerate(self.viewports):
            self._layout.addWidget(viewport, place // columns, place % columns)
        for one, following in itertools.pairwise(self.viewports):
            QWidget.setTabOrder(one, following)
        for row in range(self._layout.rowCount()):
            self._layout.setRowStretch(row, 1 if row < rows else 0)
        for column in range(self._layout.columnCount()):
            self._layout.setColumnStretch(column, 1 if column < columns else 0)
        self.shape = (rows, columns)

    def draw_with(self, request: str) -> None:
        """Choose the render path for all viewports, now and for those to come."""
        self.choice = choose(request)
        for place, viewport in enumerate(self.viewports):
            self._give_canvas(place, viewport)
        self.path_changed.emit()
        if self.choice.name != SOFTWARE:
            QTimer.singleShot(GL_PATIENCE_MS, self, self._fall_back_where_blank)

    def set_tool(self, tool_id: str) -> None:
        """What the left button does in every viewport."""
        self._tool_id = tool_id
        for place, viewport in enumerate(self.viewports):
            self._inputs[place].set_tool(tool_id)
            if viewport.canvas is not None:
                viewport.canvas.widget().setCursor(self._inputs[place].cursor())

    def cancel_drag(self, place: int) -> None:
        """What is shown there changed under the pointer."""
        self._inputs[place].cancel()
        self.viewports[place].preview = None

    def release_all(self) -> None:
        """Free every canvas."""
        for viewport in self.viewports:
            viewport.drop_canvas()

    def _add(self) -> None:
        place = len(self.viewports)
        viewport = Viewport(ViewportModel(self._presets), self._texts, self._tr, self)
        viewport.setObjectName(f"viewport_{place}")
        viewport.setAccessibleName(self._tr("Viewport {n}").format(n=place + 1))
        pointer = PointerInput(lambda: self._scene(place), viewport)
        pointer.set_tool(self._tool_id)
        pointer.pressed.connect(lambda: self.pressed.emit(place))
        pointer.edited.connect(lambda item: self._edited(place, item))
        viewport.painted.connect(lambda state: self.painted.emit(place, state))
        self.viewports.append(viewport)
        self._inputs.append(pointer)
        self._give_canvas(place, viewport)
        viewport.show()

    def _edited(self, place: int, item: Edit) -> None:
        self.edited.emit(place, item)

    def _give_canvas(self, place: int, viewport: Viewport) -> None:
        canvas = make_canvas(self.choice.name, viewport)
        canvas.widget().setObjectName(f"canvas_{place}")
        canvas.widget().installEventFilter(self._inputs[place])
        canvas.widget().setCursor(self._inputs[place].cursor())
        viewport.set_canvas(canvas)

    def _drop(self, viewport: Viewport, pointer: PointerInput) -> None:
        pointer.cancel()
        viewport.drop_canvas()
        self._layout.removeWidget(viewport)
        viewport.hide()
        viewport.deleteLater()

    def _fall_back_where_blank(self) -> None:
        blank = [v for v in self.viewports if v.isVisible() and v.canvas is not None and v.canvas.not_ready()]
        if blank and self.choice.name != SOFTWARE:
            self.choice = Choice(SOFTWARE, "OpenGL did not start")
            for place, viewport in enumerate(self.viewports):
                self._give_canvas(place, viewport)
            self.path_changed.emit()
