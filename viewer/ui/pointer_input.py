"""Turns mouse and wheel events on a canvas into tool steps and edits. The tool decides; the desk applies."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent

from viewer.records import Point2
from viewer.tools.edit import edit, grasped
from viewer.tools.pan import pan
from viewer.tools.pointer import IDLE, EditText, PointerEvent, PointerKind, Scene, Scroll, Tool, ToolState, Zoom
from viewer.tools.table import TOOLS
from viewer.tools.window import window
from viewer.ui.wheel import Wheel

WHEEL_ZOOM = 1.15
CURSORS = {
    "scroll": Qt.CursorShape.ArrowCursor,
    "window": Qt.CursorShape.SizeAllCursor,
    "zoom": Qt.CursorShape.SizeVerCursor,
    "pan": Qt.CursorShape.OpenHandCursor,
}
MOUSE = {
    QEvent.Type.MouseButtonPress: PointerKind.PRESS,
    QEvent.Type.MouseMove: PointerKind.MOVE,
    QEvent.Type.MouseButtonRelease: PointerKind.RELEASE,
}


class PointerInput(QObject):
    """Event filter of one canvas. Right button: window. Middle button: pan. Left: the chosen tool, or an annotation."""

    edited = Signal(object)
    """One edit (`viewer.tools.pointer.Edit`)."""
    pressed = Signal()
    """Any button: this viewport becomes the active one."""

    def __init__(self, scene: Callable[[], Scene | None], parent: QObject) -> None:
        super().__init__(parent)
        self._scene = scene
        self._tool_id = "scroll"
        self._tool: Tool = TOOLS["scroll"]
        self._state: ToolState = IDLE
        self._button = Qt.MouseButton.NoButton
        self._wheel = Wheel()

    def set_tool(self, tool_id: str) -> None:
        """What the left button does."""
        self._tool_id = tool_id

    def cursor(self) -> Qt.CursorShape:
        """The cursor that tells the tool."""
        return CURSORS.get(self._tool_id, Qt.CursorShape.CrossCursor)

    def cancel(self) -> None:
        """Drop a drag in progress: the series changed under it."""
        self._state, self._button = IDLE, Qt.MouseButton.NoButton

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Mouse and wheel are ours wholly; no widget below sees them."""
        if isinstance(event, QMouseEvent) and event.type() is QEvent.Type.MouseButtonDblClick:
            self._double_click(event)
            return True
        if isinstance(event, QMouseEvent) and event.type() in MOUSE:
            self._mouse(MOUSE[event.type()], event)
            return True
        if isinstance(event, QWheelEvent):
            self._wheel_event(event)
            return True
        return False

    def _mouse(self, kind: PointerKind, event: QMouseEvent) -> None:
        if kind is PointerKind.PRESS:
            self.pressed.emit()
        scene = self._scene()
        if scene is None:
            self.cancel()
            return
        position = _device(event.position().x(), event.position().y(), scene.pixel_ratio)
        if kind is PointerKind.PRESS and self._button == Qt.MouseButton.NoButton:
            self._button = event.button()
            self._tool = self._tool_of(event.button(), position, scene)
        elif self._is_of_another_button(kind, event):
            return
        self._state, edits = self._tool(PointerEvent(kind, position), self._state, scene)
        if kind is PointerKind.RELEASE:
            self.cancel()
        for item in edits:
            self.edited.emit(item)

    def _double_click(self, event: QMouseEvent) -> None:
        """On an annotation: its text. Elsewhere it is a press like any other."""
        scene = self._scene()
        found = None
        if scene is not None and event.button() == Qt.MouseButton.LeftButton:
            position = _device(event.position().x(), event.position().y(), scene.pixel_ratio)
            found = grasped(position, scene)
        if found is None:
            self._mouse(PointerKind.PRESS, event)
            return
        self.cancel()
        self.pressed.emit()
        self.edited.emit(EditText(found[0].annotation_id))

    def _is_of_another_button(self, kind: PointerKind, event: QMouseEvent) -> bool:
        """A second button during a drag, its release, or a hover."""
        if kind is PointerKind.PRESS or self._button == Qt.MouseButton.NoButton:
            return True
        return kind is PointerKind.RELEASE and event.button() != self._button

    def _tool_of(self, button: Qt.MouseButton, position: Point2, scene: Scene) -> Tool:
        if button == Qt.MouseButton.RightButton:
            return window
        if button == Qt.MouseButton.MiddleButton:
            return pan
        if grasped(position, scene) is not None:
            return edit
        return TOOLS[self._tool_id]

    def _wheel_event(self, event: QWheelEvent) -> None:
        self._wheel, steps = self._wheel.turned(event.angleDelta().y())
        if not steps:
            return
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            scene = self._scene()
            if scene is not None:
                about = _device(event.position().x(), event.position().y(), scene.pixel_ratio)
                self.edited.emit(Zoom(WHEEL_ZOOM**-steps, about))
            return
        self.edited.emit(Scroll(steps))


def _device(x: float, y: float, pixel_ratio: float) -> Point2:
    return (x * pixel_ratio, y * pixel_ratio)
