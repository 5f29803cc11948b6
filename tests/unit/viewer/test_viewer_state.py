"""View records, undo, annotation sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.errors import ViewerError
from viewer.records import Annotation, AnnotationKind, FrameRef, MeasuredValue, Window
from viewer.state.annotations import AnnotationSet, moved, with_point
from viewer.state.undo import DEPTH, UndoStack
from viewer.state.view import (
    DataPresentation,
    ViewPresentation,
    ViewState,
    flipped_horizontally,
    flipped_vertically,
    moved_to,
    rotated,
    scrolled,
    transform_of,
    window_gain,
    windowed,
)

IMAGE = np.arange(12).reshape(3, 4)


def displayed(view: ViewPresentation) -> np.ndarray:
    """The image as the record says, by numpy: clockwise rotation, then horizontal flip."""
    shown = np.rot90(IMAGE, -view.rotation_deg // 90)
    return np.fliplr(shown) if view.flipped else shown


presentations = st.builds(ViewPresentation, rotation_deg=st.sampled_from([0, 90, 180, 270]), flipped=st.booleans())


@given(presentations)
def test_turning_and_flipping_act_on_what_is_seen(view: ViewPresentation) -> None:
    assert np.array_equal(displayed(rotated(view, 1)), np.rot90(displayed(view), -1))
    assert np.array_equal(displayed(flipped_horizontally(view)), np.fliplr(displayed(view)))
    assert np.array_equal(displayed(flipped_vertically(view)), np.flipud(displayed(view)))


@given(st.integers(1, 500), st.integers(-1000, 1000))
def test_scrolling_stays_inside_the_stack(count: int, steps: int) -> None:
    state = moved_to(ViewState(count=count), count // 2)
    assert 0 <= scrolled(state, steps).index < count
    assert scrolled(scrolled(state, 1), -1).index == state.index or count - 1 == state.index


def test_an_empty_stack_stays_at_zero() -> None:
    assert scrolled(ViewState(), 5).index == 0


def test_a_dragged_window_widens_to_the_right_and_never_vanishes() -> None:
    window = Window(40, 400, explanation="BRAIN")
    dragged = windowed(DataPresentation(), window, dx=10, dy=-4, gain=window_gain(window)).voi
    assert isinstance(dragged, Window)
    assert dragged.width == pytest.approx(400 + 10 * 400 / 256)
    assert dragged.center == pytest.approx(40 - 4 * 400 / 256)
    assert dragged.explanation == ""
    narrowed = windowed(DataPresentation(), window, dx=-9999, dy=0, gain=1).voi
    assert isinstance(narrowed, Window)
    assert narrowed.width == 1


def test_no_zoom_means_fit() -> None:
    assert transform_of(ViewPresentation(), (100, 200), (400, 400)).zoom == 2.0
    assert transform_of(ViewPresentation(rotation_deg=90), (100, 200), (400, 400)).zoom == 2.0
    assert transform_of(ViewPresentation(zoom=3.0), (100, 200), (400, 400)).zoom == 3.0
    assert transform_of(ViewPresentation(), (100, 100), (400, 400), row_aspect=2.0).zoom == 2.0


def test_undo_and_redo_walk_the_same_way() -> None:
    stack = UndoStack(0).changed(1).changed(2)
    assert (stack.undone().present, stack.undone().undone().present) == (1, 0)
    assert stack.undone().undone().undone().present == 0
    assert stack.undone().redone() == stack
    assert stack.redone() == stack
    assert not stack.undone().changed(9).can_redo


def test_an_equal_value_is_no_step_and_a_correction_neither() -> None:
    stack = UndoStack("a").changed("b")
    assert stack.changed("b") is stack
    assert stack.replaced("c").undone().present == "a"
    assert stack.can_undo
    assert not UndoStack("a").can_undo


def test_the_past_is_bounded() -> None:
    stack = UndoStack(0)
    for value in range(1, DEPTH + 50):
        stack = stack.changed(value)
    assert len(stack.past) == DEPTH


@given(st.lists(st.sampled_from(["do", "undo", "redo"]), max_size=40))
def test_undo_agrees_with_a_list_and_a_cursor(actions: list[str]) -> None:
    stack, values, cursor = UndoStack(0), [0], 0
    for number, action in enumerate(actions, 1):
        if action == "do":
            stack, values, cursor = stack.changed(number), [*values[: cursor + 1], number], cursor + 1
        elif action == "undo":
            stack, cursor = stack.undone(), max(0, cursor - 1)
        else:
            stack, cursor = stack.redone(), min(len(values) - 1, cursor + 1)
        assert stack.present == values[cursor]


def _line(annotation_id: str, study: str = "1.2") -> Annotation:
    value = MeasuredValue("length", 5, "mm", "mm")
    points = ((0.0, 0.0), (3.0, 4.0))
    return Annotation(annotation_id, AnnotationKind.LENGTH, study, "1.3", FrameRef("1.4"), points, values=(value,))


def test_annotations_are_added_replaced_and_deleted_by_id() -> None:
    annotations = AnnotationSet("1.2").with_item(_line("a")).with_item(_line("b"))
    changed = annotations.with_item(replace(_line("a"), text="new"))
    assert [item.annotation_id for item in changed.items] == ["a", "b"]
    assert changed.get("a").text == "new"
    assert [item.annotation_id for item in changed.without("a").items] == ["b"]
    assert changed.on_frame(FrameRef("1.4", 2)) == ()
    assert len(changed.on_frame(FrameRef("1.4"))) == 2


def test_another_studys_annotation_is_refused() -> None:
    with pytest.raises(ViewerError):
        AnnotationSet("1.2").with_item(_line("a", study="9.9"))


def test_what_is_not_there_cannot_be_deleted() -> None:
    with pytest.raises(ViewerError):
        AnnotationSet("1.2").without("a")


def test_moving_drops_values_that_no_longer_hold() -> None:
    shifted = moved(_line("a"), 1.5, -1)
    assert shifted.points == ((1.5, -1.0), (4.5, 3.0))
    assert shifted.values == ()
    assert with_point(_line("a"), 1, (9.0, 9.0)).points == ((0.0, 0.0), (9.0, 9.0))
    assert with_point(_line("a"), 1, (9.0, 9.0)).values == ()
