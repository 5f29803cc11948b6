"""The desk behind the widget: batches and edits come in, and what is shown follows."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from viewer.records import Annotation, DisplayedState, FrameRef
from viewer.tasks import TaskRunner
from viewer.tools.pointer import Edit
from viewer.ui.arranging import Arranger
from viewer.ui.editing import Editor
from viewer.ui.feed_inbox import Fed
from viewer.ui.labels import StudyLabel
from viewer.ui.series_strip import SeriesStrip
from viewer.ui.shelf import SeriesKey, SeriesOnShelf
from viewer.ui.sorting_desk import SortingDesk
from viewer.ui.stage import Stage


class Desk(Stage):
    """Acts on the state of one viewer. Main thread only."""

    def __init__(
        self,
        owner: QWidget,
        runner: TaskRunner,
        tr: Callable[[str], str],
        render_path: str,
        new_uid: Callable[[], str],
    ) -> None:
        super().__init__(owner, tr, lambda place: self.editor.scene(place))
        self._shown: dict[str, dict[FrameRef, DisplayedState]] = {}
        self.arranger: Arranger = Arranger(self)
        self.editor: Editor = Editor(self, self.arranger, new_uid)
        self.strip: SeriesStrip = SeriesStrip(self, self.arranger, runner, owner)
        self._sorting = SortingDesk(self.shelf, runner, self._sets_changed, self)
        self.grid.pressed.connect(self.activate)
        self.grid.edited.connect(self._edited)
        self.grid.painted.connect(self._painted)
        self.strip.widget.chosen.connect(self._chosen)
        self.grid.set_shape(1, 1)
        self.grid.draw_with(render_path)
        self.activate(0)

    def take(self, items: tuple[Fed, ...]) -> None:
        """A batch from the inbox."""
        changed = self.shelf.take(items)
        if not self._sorting.sort(changed):  # else it is drawn once, in a moment, with the images in their places
            self.refresh()
        for key in changed:
            self._tell_ready(key)

    def refresh(self) -> None:
        """Viewports and strip say what is so now."""
        self.arranger.update()
        self.strip.update()

    def set_study(self, study_instance_uid: str, label: StudyLabel) -> None:
        """See `ViewerWidget.set_study`."""
        self.labels[study_instance_uid] = label
        self.refresh()

    def remove_study(self, study_instance_uid: str) -> None:
        """Nothing of the study stays: images, label, annotations, states, pictures."""
        self.shelf.remove_study(study_instance_uid)
        self.annotations.remove_study(study_instance_uid)
        self.labels.pop(study_instance_uid, None)
        self._shown.pop(study_instance_uid, None)
        self.strip.remove_study(study_instance_uid)
        self.arranger.remove_study(study_instance_uid)
        self.refresh()

    def set_layout(self, rows: int, columns: int) -> None:
        """See `ViewerWidget.set_layout`."""
        self.grid.set_shape(rows, columns)
        self.activate(min(self.active, len(self.grid.viewports) - 1))
        self.refresh()

    def hang(self, current_study_uid: str, prior_study_uid: str | None) -> None:
        """See `ViewerWidget.hang`."""
        self.arranger.hang(current_study_uid, prior_study_uid)
        self.refresh()
        self.active_changed.emit()

    def set_render_path(self, render_path: str) -> None:
        """See `ViewerWidget.set_render_path`."""
        self.grid.draw_with(render_path)
        self.refresh()

    def show_series(self, place: int, study_instance_uid: str, series_instance_uid: str) -> None:
        """See `ViewerWidget.show_series`."""
        self.show_block(place, (study_instance_uid, series_instance_uid), None)

    def show_block(self, place: int, key: SeriesKey, block: int | None) -> None:
        """Mount one block of a series, None = its largest."""
        if 0 <= place < len(self.grid.viewports):
            self.arranger.mount(place, key, block)
            self.refresh()
            if place == self.active:
                self.active_changed.emit()

    def go_to(self, study_instance_uid: str, frame: FrameRef) -> bool:
        """See `ViewerWidget.go_to`."""
        series = self.shelf.series_of_instance(study_instance_uid, frame.sop_instance_uid)
        return series is not None and self.arranger.go_to(series, frame)

    def set_annotations(self, study_instance_uid: str, annotations: tuple[Annotation, ...]) -> None:
        """See `ViewerWidget.set_annotations`."""
        self.annotations.restore(study_instance_uid, annotations)
        self.arranger.update()

    def select_annotation(self, annotation_id: str) -> bool:
        """See `ViewerWidget.select_annotation`."""
        found = self.annotations.find(annotation_id)
        if found is None:
            return False
        self.editor.select(annotation_id)
        return self.go_to(found.study_instance_uid, found.frame)

    def displayed_states(self, study_instance_uid: str) -> tuple[DisplayedState, ...]:
        """See `ViewerWidget.displayed_states`."""
        return tuple(self._shown.get(study_instance_uid, {}).values())

    def close_down(self) -> None:
        """Free what must be freed before the widgets die."""
        try:
            for study in self.shelf.studies():
                self.remove_study(study)
        finally:
            self.grid.release_all()

    def _edited(self, place: int, item: Edit) -> None:
        self.editor.apply(place, item)

    def _chosen(self, study_instance_uid: str, series_instance_uid: str, block: int) -> None:
        self.show_block(self.active, (study_instance_uid, series_instance_uid), block)
        self.viewport.setFocus()

    def _sets_changed(self, series: SeriesOnShelf) -> None:
        self.refresh()
        self._tell_ready(series.key)

    def _tell_ready(self, key: SeriesKey) -> None:
        series = self.shelf.get(key)
        if series is not None and series.is_ready and not series.announced_ready:
            series.announced_ready = True
            self.series_ready.emit(*key)

    def _painted(self, place: int, state: DisplayedState) -> None:
        study = state.study_instance_uid
        if self.shelf.get((study, state.series_instance_uid)) is None:
            return  # removed between the paint and this call
        shown = self._shown.setdefault(study, {})
        is_first = not shown
        shown.pop(state.frame, None)
        shown[state.frame] = state
        if is_first:
            self.first_image_shown.emit(study)
        self.frame_shown.emit(state)
