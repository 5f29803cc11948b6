"""Applies edits of tools: scrolling, window, camera, annotations with their values, text of arrows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from viewer.measure.annotation_values import measured
from viewer.records import Annotation, AnnotationKind
from viewer.tools.pointer import DragWindow, Edit, EditText, Pan, Preview, Put, Scene, Scroll, Select, Zoom
from viewer.tools.shapes import BOXES
from viewer.ui.arranging import Arranger
from viewer.ui.stage import Stage
from viewer.ui.status import degraded_reason
from viewer.ui.text_field import TextField
from viewer.ui.viewport import Viewport

MEASURED_WHILE_DRAGGING_PX = 400_000
"""Pixels of a region measured at every movement (some milliseconds); larger ones show their values at release."""


class Editor:
    """Of one desk. Main thread only."""

    def __init__(self, stage: Stage, arranger: Arranger, new_uid: Callable[[], str]) -> None:
        self._stage, self._arranger, self._new_uid = stage, arranger, new_uid
        self._field: TextField | None = None

    def scene(self, place: int) -> Scene | None:
        """What lies under the pointer; None where no image is shown."""
        viewport = self._stage.grid.viewports[place]
        model, frame, transform = viewport.model, viewport.model.frame, viewport.transform()
        if frame is None or transform is None:
            return None
        study = frame.header.study_instance_uid
        key = (study, frame.header.series_instance_uid)
        return Scene(
            study_instance_uid=study,
            series_instance_uid=key[1],
            frame=frame.ref,
            transform=transform,
            images=model.state.count,
            annotations=() if viewport.failure else self._stage.annotations.on_frame(study, frame.ref),
            selected_id=self._stage.selected_id,
            new_uid=self._new_uid,
            pixel_ratio=viewport.pixel_ratio,
            degraded=degraded_reason(self._stage.shelf.get(key)),
        )

    def apply(self, place: int, item: Edit) -> None:
        """One edit on one viewport."""
        viewport = self._stage.grid.viewports[place]
        if isinstance(item, Scroll):
            self._arranger.go(place, viewport.model.state.index + item.steps)
            return
        if isinstance(item, DragWindow | Pan | Zoom):
            self._arranger.touch(place)
            _look(viewport, item)
            return
        if isinstance(item, Preview):
            viewport.preview = None if item.annotation is None else self._with_values(viewport, item.annotation)
            viewport.refresh(picture=False)
        elif isinstance(item, Put):
            self._put(place, item)
        elif isinstance(item, Select):
            self.select(item.annotation_id)
        elif isinstance(item, EditText):
            self.select(item.annotation_id)
            self.edit_text()
        else:
            assert_never(item)

    def select(self, annotation_id: str) -> None:
        """Select one annotation, "" = none."""
        if annotation_id != self._stage.selected_id:
            self._stage.selected_id = annotation_id
            self._arranger.update()
            self._stage.annotation_selected.emit(annotation_id)

    def delete(self) -> None:
        """Delete the selected one; no question, undo brings it back."""
        found = self._stage.annotations.find(self._stage.selected_id)
        if found is not None and self._stage.annotations.delete(self._stage.selected_id):
            self.select("")
            self._changed(found.study_instance_uid)

    def edit_text(self) -> None:
        """Open the field for the text of the selected arrow, where its image is shown; one step of undo."""
        found = self._stage.annotations.find(self._stage.selected_id)
        if found is None or found.kind is not AnnotationKind.ARROW or self._field is not None:
            return
        active, viewports = self._stage.viewport, self._stage.grid.viewports
        showing = [one for one in (active, *viewports) if one.model.shows(found.frame) and not one.failure]
        if showing:
            self._ask(showing[0], found)

    def undo(self) -> None:
        """One step of the study in the active viewport."""
        study = self._stage.viewport.model.state.study_instance_uid
        if self._stage.annotations.undo(study):
            self._changed(study)

    def redo(self) -> None:
        """One undone step again."""
        study = self._stage.viewport.model.state.study_instance_uid
        if self._stage.annotations.redo(study):
            self._changed(study)

    def _put(self, place: int, item: Put) -> None:
        viewport = self._stage.grid.viewports[place]
        if item.ask_text:
            self._ask(viewport, item.annotation)
            return
        self._store(item.annotation)

    def _store(self, annotation: Annotation) -> None:
        """With fresh values from the stored pixels; nothing where its study or image is gone."""
        series = self._stage.shelf.get((annotation.study_instance_uid, annotation.series_instance_uid))
        header = None if series is None else series.headers.get(annotation.frame.sop_instance_uid)
        if header is None:
            return
        if self._stage.annotations.put(measured(annotation, header, annotation.frame.frame_number - 1)):
            self._changed(annotation.study_instance_uid)

    def _ask(self, viewport: Viewport, annotation: Annotation) -> None:
        """The arrow stays a preview until its text is given: drawing it is one step of undo."""
        transform = viewport.transform()
        if viewport.canvas is None or transform is None:
            return
        viewport.preview = annotation
        viewport.refresh(picture=False)
        x, y = transform.canvas_from_index(annotation.points[1])
        ratio = viewport.pixel_ratio
        field = TextField(self._stage.tr_text, viewport.canvas.widget())
        field.finished.connect(lambda text: self._text_given(viewport, annotation, text))
        field.given_up.connect(lambda: self._text_given(viewport, None, ""))
        self._field = field
        field.open_at(round(x / ratio), round(y / ratio), annotation.text)

    def _text_given(self, viewport: Viewport, annotation: Annotation | None, text: str) -> None:
        self._field = None
        viewport.preview = None
        if annotation is not None:
            self._store(replace(annotation, text=text))
            self.select(annotation.annotation_id)
        viewport.refresh(picture=False)
        viewport.setFocus()

    def _with_values(self, viewport: Viewport, annotation: Annotation) -> Annotation:
        frame = viewport.model.frame
        if frame is None or frame.ref != annotation.frame or _pixels(annotation) > MEASURED_WHILE_DRAGGING_PX:
            return annotation
        return measured(annotation, frame.header, frame.frame_index)

    def _changed(self, study_instance_uid: str) -> None:
        self._arranger.update()
        self._stage.annotations_changed.emit(study_instance_uid)


def _look(viewport: Viewport, item: DragWindow | Pan | Zoom) -> None:
    if isinstance(item, DragWindow):
        viewport.model.drag_window(item.dx, item.dy)
        viewport.refresh()
        return
    transform = viewport.model.free_transform(viewport.canvas_px())
    if transform is None:
        return
    if isinstance(item, Pan):
        viewport.model.set_transform(transform.panned(item.dx, item.dy))
    else:
        viewport.model.set_transform(transform.zoomed(item.factor, item.about))
    viewport.refresh(picture=False)


def _pixels(annotation: Annotation) -> float:
    if annotation.kind not in BOXES:
        return 0.0
    (x0, y0), (x1, y1) = annotation.points
    return abs(x1 - x0) * abs(y1 - y0)
