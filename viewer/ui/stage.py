"""What the parts of one viewer share: what was fed, what is drawn, which viewport acts. Signals go out from here."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from viewer.tools.pointer import Scene
from viewer.ui import corner_texts, window_presets
from viewer.ui.annotation_store import AnnotationStore
from viewer.ui.labels import StudyLabel
from viewer.ui.linking import Link
from viewer.ui.shelf import Shelf
from viewer.ui.viewport import Viewport
from viewer.ui.viewport_grid import ViewportGrid


class Stage(QObject):
    """State alone; `Desk` and its parts act on it. Main thread only."""

    annotations_changed = Signal(str)
    annotation_selected = Signal(str)
    active_changed = Signal()
    first_image_shown = Signal(str)
    series_ready = Signal(str, str)
    frame_shown = Signal(object)
    retry_wanted = Signal(str, str)

    def __init__(self, owner: QWidget, tr: Callable[[str], str], scene: Callable[[int], Scene | None]) -> None:
        """`scene` answers what lies under the pointer in the viewport at a place."""
        super().__init__(owner)
        self._owner = owner
        self.tr_text = tr
        self.presets = window_presets.load()
        self.labels: dict[str, StudyLabel] = {}
        self.shelf = Shelf()
        self.annotations = AnnotationStore()
        self.selected_id = ""
        self.link = Link()
        self.active = 0
        self.grid: ViewportGrid = ViewportGrid(self.presets, corner_texts.load(), tr, scene, owner)

    @property
    def viewport(self) -> Viewport:
        """The active viewport."""
        return self.grid.viewports[self.active]

    def label_of(self, study_instance_uid: str) -> StudyLabel:
        """What the application said of a study."""
        return self.labels.get(study_instance_uid, StudyLabel())

    def activate(self, place: int) -> None:
        """Keys, thumbnails and presets act on this viewport from now on."""
        changed = place != self.active
        self.active = place
        for number, viewport in enumerate(self.grid.viewports):
            viewport.set_active(number == place)
        self._owner.setFocusProxy(self.viewport)
        if changed:
            self.active_changed.emit()
