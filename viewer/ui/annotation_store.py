"""Annotations of all studies with their undo history, keyed by study: nothing of one study survives its removal."""

from __future__ import annotations

from viewer.errors import ViewerError
from viewer.records import Annotation, FrameRef
from viewer.state.annotations import AnnotationSet
from viewer.state.undo import UndoStack


class AnnotationStore:
    """Main thread only. Edits return whether anything changed."""

    def __init__(self) -> None:
        self._stacks: dict[str, UndoStack[AnnotationSet]] = {}

    def of_study(self, study_instance_uid: str) -> tuple[Annotation, ...]:
        """Everything drawn on a study, oldest first."""
        return self._stack(study_instance_uid).present.items

    def find(self, annotation_id: str) -> Annotation | None:
        """One annotation of any study."""
        for stack in self._stacks.values():
            for item in stack.present.items:
                if item.annotation_id == annotation_id:
                    return item
        return None

    def restore(self, study_instance_uid: str, annotations: tuple[Annotation, ...]) -> None:
        """Replace all of a study and begin its history anew; ViewerError for another study's annotation."""
        for item in annotations:
            if item.study_instance_uid != study_instance_uid:
                raise ViewerError("An annotation of another study cannot be added here.")
        self._stacks[study_instance_uid] = UndoStack(AnnotationSet(study_instance_uid, annotations))

    def put(self, annotation: Annotation) -> bool:
        """Add or replace one; a step of undo."""
        study = annotation.study_instance_uid
        return self._change(study, self._stack(study).changed(self._stack(study).present.with_item(annotation)))

    def delete(self, annotation_id: str) -> bool:
        """Delete one without asking: undo brings it back."""
        found = self.find(annotation_id)
        if found is None:
            return False
        stack = self._stack(found.study_instance_uid)
        return self._change(found.study_instance_uid, stack.changed(stack.present.without(annotation_id)))

    def undo(self, study_instance_uid: str) -> bool:
        """One step back."""
        return self._change(study_instance_uid, self._stack(study_instance_uid).undone())

    def redo(self, study_instance_uid: str) -> bool:
        """One step forward again."""
        return self._change(study_instance_uid, self._stack(study_instance_uid).redone())

    def remove_study(self, study_instance_uid: str) -> None:
        """Forget a study with its history."""
        self._stacks.pop(study_instance_uid, None)

    def on_frame(self, study_instance_uid: str, frame: FrameRef) -> tuple[Annotation, ...]:
        """Those drawn on one frame."""
        return self._stack(study_instance_uid).present.on_frame(frame)

    def _stack(self, study_instance_uid: str) -> UndoStack[AnnotationSet]:
        found = self._stacks.get(study_instance_uid)
        return found if found is not None else UndoStack(AnnotationSet(study_instance_uid))

    def _change(self, study_instance_uid: str, after: UndoStack[AnnotationSet]) -> bool:
        changed = after.present != self._stack(study_instance_uid).present
        if study_instance_uid and (changed or study_instance_uid in self._stacks):
            self._stacks[study_instance_uid] = after
        return changed
