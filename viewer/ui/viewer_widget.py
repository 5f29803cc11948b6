"""The viewer as one widget: feed it, hang it, read what was drawn. The only class an application needs (`docs/`)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from viewer.records import Annotation, DisplayedState, FrameRef
from viewer.tasks import TaskRunner
from viewer.ui import palette, thumbnails
from viewer.ui.desk import Desk
from viewer.ui.feed_inbox import FeedInbox
from viewer.ui.keys import action_of
from viewer.ui.labels import StudyLabel
from viewer.ui.performing import perform

Translate = Callable[[str], str]


def random_uid() -> str:
    """A fresh UID below 2.25 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


class ViewerWidget(FeedInbox):
    """A study beside its priors: thumbnails, viewports, annotations. Implements `viewer.api.Feed` (any thread).

    Everything else is called on the main thread. Signals carry UIDs of the study concerned.

    Parameters
    ----------
    runner : background work; the widget never makes threads
    tr : translates an English string
    render_path : "software", "vtk", or "auto" (probe the GL renderer; software where there is no GPU)
    new_uid : makes tracking UIDs and annotation ids
    """

    annotations_changed = Signal(str)
    """The set of annotations of this study changed (drawn, moved, deleted, undone)."""
    annotation_selected = Signal(str)
    """An annotation id, empty when none is selected."""
    active_changed = Signal()
    """Another viewport is active, or the active one shows another series."""
    first_image_shown = Signal(str)
    """The first image of this study is on screen."""
    series_ready = Signal(str, str)
    """(study, series): every promised image is here and can be scrolled."""
    frame_shown = Signal(object)
    """A `DisplayedState`: this frame has really been painted."""
    retry_wanted = Signal(str, str)
    """(study, SOP instance): the reader asks for an image again that could not be shown."""

    def __init__(
        self,
        runner: TaskRunner,
        tr: Translate = str,
        render_path: str = "auto",
        *,
        new_uid: Callable[[], str] = random_uid,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(runner, parent)
        self.setObjectName("viewer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setStyleSheet(f"QWidget#viewer {{ background: {palette.PANEL}; }}")
        self.setAccessibleName(tr("Viewer"))
        self.desk = Desk(self, runner, tr, render_path, new_uid)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        side = QVBoxLayout()
        side.setSpacing(0)
        side.addWidget(self.desk.strip.widget, 1)
        self._path_note = self._new_path_note()
        side.addWidget(self._path_note)
        layout.addLayout(side)
        layout.addWidget(self.desk.grid, 1)
        self.desk.grid.path_changed.connect(self._show_path)
        self._show_path()
        self.fed.connect(self.desk.take)
        self.desk.annotations_changed.connect(self.annotations_changed)
        self.desk.annotation_selected.connect(self.annotation_selected)
        self.desk.active_changed.connect(self.active_changed)
        self.desk.first_image_shown.connect(self.first_image_shown)
        self.desk.series_ready.connect(self.series_ready)
        self.desk.frame_shown.connect(self.frame_shown)
        self.desk.retry_wanted.connect(self.retry_wanted)

    def set_study(self, study_instance_uid: str, label: StudyLabel) -> None:
        """Say whose study this is, before or after its images arrive; again to correct it."""
        self.desk.set_study(study_instance_uid, label)

    def remove_study(self, study_instance_uid: str) -> None:
        """Forget everything of a study: images, annotations, states; its viewports become empty at once."""
        self.discard(study_instance_uid)
        self.desk.remove_study(study_instance_uid)

    def set_layout(self, rows: int, columns: int) -> None:
        """1×1, 1×2 or 2×2 (any small grid works); viewports that stay keep what they show."""
        self.desk.set_layout(rows, columns)

    def hang(self, current_study_uid: str, prior_study_uid: str | None = None) -> None:
        """Show the current study left and the prior right, its most fitting series each, as they arrive."""
        self.desk.hang(current_study_uid, prior_study_uid)

    def show_series(self, viewport_index: int, study_instance_uid: str, series_instance_uid: str) -> None:
        """Mount one series in one viewport (0-based, row by row)."""
        self.desk.show_series(viewport_index, study_instance_uid, series_instance_uid)

    def perform(self, action_id: str) -> None:
        """Do one row of `viewer.ui.actions.ACTIONS` on the active viewport.

        Raises
        ------
        UnknownAction
        """
        perform(self.desk, action_id)

    def set_tool(self, tool_id: str) -> None:
        """Choose what the left button does: scroll, window, zoom, pan, length, arrow, ellipse or rectangle."""
        perform(self.desk, f"tool.{tool_id}")

    def annotations(self, study_instance_uid: str) -> tuple[Annotation, ...]:
        """Everything drawn on this study, oldest first."""
        return self.desk.annotations.of_study(study_instance_uid)

    def set_annotations(self, study_instance_uid: str, annotations: Sequence[Annotation]) -> None:
        """Replace what is drawn on this study (a restored draft); starts a new undo history, emits no change."""
        self.desk.set_annotations(study_instance_uid, tuple(annotations))

    def displayed_states(self, study_instance_uid: str) -> tuple[DisplayedState, ...]:
        """How each frame of this study that was really painted looked last; the most recently painted one last."""
        return self.desk.displayed_states(study_instance_uid)

    def go_to(self, study_instance_uid: str, frame: FrameRef) -> bool:
        """Bring a frame into view, in the viewport that shows its series or else the active one; False: not here."""
        return self.desk.go_to(study_instance_uid, frame)

    def select_annotation(self, annotation_id: str) -> bool:
        """Select an annotation and bring its frame into view; False when it does not exist."""
        return self.desk.select_annotation(annotation_id)

    def snapshot(self) -> QImage:
        """The active viewport as it looks now, banner and annotations included; the same for both render paths."""
        return self.desk.viewport.snapshot()

    def render_path(self) -> str:
        """What draws now: "software" or "vtk"."""
        return self.desk.grid.choice.name

    def set_render_path(self, render_path: str) -> None:
        """Switch between "software", "vtk" and "auto" while running."""
        self.desk.set_render_path(render_path)

    def _new_path_note(self) -> QLabel:
        """One small line below the series, not on images: it concerns none of them."""
        note = QLabel()
        note.setObjectName("render_note")
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setWordWrap(True)
        note.setMaximumWidth(thumbnails.WIDTH)
        note.setStyleSheet(f"color: {palette.TEXT_QUIET}; font-size: 8pt; padding: 4px 6px;")
        return note

    def _show_path(self) -> None:
        """Say that images are drawn without GPU, where that is not what was asked for; why, on pointing at it."""
        reason, tr = self.desk.grid.choice.reason, self.desk.tr_text
        self._path_note.setText(tr("Drawn without GPU") if reason else "")
        self._path_note.setToolTip(tr(reason) if reason else "")
        self._path_note.setVisible(bool(reason))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys of the table act while the focus is anywhere in the viewer."""
        action_id = action_of(event)
        if action_id is None:
            super().keyPressEvent(event)
        else:
            self.perform(action_id)

    def close_down(self) -> None:
        """Free GL resources and forget all studies; call before the widget is deleted."""
        self.stop_feeding()
        self.desk.close_down()
