"""Pointer tools as pure functions: drags in, edits out."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.geometry.view import ViewTransform
from viewer.records import Annotation, AnnotationKind, FrameRef, Point2
from viewer.tools.edit import edit, grasped
from viewer.tools.pointer import (
    IDLE,
    DragWindow,
    Edit,
    Pan,
    PointerEvent,
    PointerKind,
    Preview,
    Put,
    Scene,
    Scroll,
    Select,
    Tool,
    Zoom,
)
from viewer.tools.scroll import PIXELS_A_STEP, pixels_a_step, scroll
from viewer.tools.shapes import handles, with_handle_at
from viewer.tools.table import TOOLS

FRAME = FrameRef("2.25.3")
TRANSFORM = ViewTransform(rows=100, columns=200, canvas_width_px=400, canvas_height_px=200, zoom=2.0)


def scene(*annotations: Annotation, selected: str = "", images: int = 50, ratio: float = 1.0) -> Scene:
    numbers = itertools.count(1)
    return Scene(
        study_instance_uid="2.25.1",
        series_instance_uid="2.25.2",
        frame=FRAME,
        transform=TRANSFORM,
        images=images,
        annotations=annotations,
        selected_id=selected,
        new_uid=lambda: f"2.25.9.{next(numbers)}",
        pixel_ratio=ratio,
        degraded="incomplete series",
    )


def annotation(kind: AnnotationKind = AnnotationKind.LENGTH, *points: Point2, name: str = "one") -> Annotation:
    return Annotation(name, kind, "2.25.1", "2.25.2", FRAME, points or ((20.0, 20.0), (60.0, 20.0)))


def drag(tool: Tool, view: Scene, *positions: Point2) -> list[Edit]:
    """Press at the first, move over all, release at the last."""
    events = [PointerEvent(PointerKind.PRESS, positions[0])]
    events += [PointerEvent(PointerKind.MOVE, position) for position in positions[1:]]
    events.append(PointerEvent(PointerKind.RELEASE, positions[-1]))
    state, edits = IDLE, []
    for event in events:
        state, found = tool(event, state, view)
        edits += found
    assert state == IDLE
    return edits


def canvas(column: float, row: float) -> Point2:
    return TRANSFORM.canvas_from_index((column, row))


@given(st.lists(st.floats(-40, 40), min_size=1, max_size=30))
def test_scrolling_loses_no_fraction_of_a_step(moves: list[float]) -> None:
    view = scene()
    positions = list(itertools.accumulate(moves, lambda at, dy: (0.0, at[1] + dy), initial=(0.0, 0.0)))
    steps = sum(item.steps for item in drag(scroll, view, *positions) if isinstance(item, Scroll))
    exact = positions[-1][1] / pixels_a_step(view.images, 200, 1.0)
    assert abs(steps - exact) <= 1.0 + 1e-6


@pytest.mark.parametrize(("images", "height"), [(1, 500), (3, 900), (250, 900), (5000, 300)])
def test_a_scroll_step_is_neither_too_fine_nor_too_coarse(images: int, height: int) -> None:
    assert PIXELS_A_STEP[0] * 2 <= pixels_a_step(images, height, 2.0) <= PIXELS_A_STEP[1] * 2


def test_the_window_follows_in_logical_pixels() -> None:
    edits = drag(TOOLS["window"], scene(ratio=2.0), (0, 0), (20, 8))
    assert edits == [DragWindow(10, 4)]


def test_panning_follows_in_device_pixels() -> None:
    assert drag(TOOLS["pan"], scene(ratio=2.0), (0, 0), (20, 8), (25, 8)) == [Pan(20, 8), Pan(5, 0)]


def test_zoom_enlarges_upward_about_the_place_of_the_press() -> None:
    (item,) = drag(TOOLS["zoom"], scene(), (50, 90), (50, 30))
    assert isinstance(item, Zoom)
    assert item.factor == pytest.approx(2**0.5)
    assert item.about == (50, 90)


@pytest.mark.parametrize("name", ["scroll", "window", "pan", "zoom", "length", "arrow", "ellipse", "rectangle"])
def test_a_move_without_a_press_does_nothing(name: str) -> None:
    for kind in (PointerKind.MOVE, PointerKind.RELEASE):
        assert TOOLS[name](PointerEvent(kind, (5, 5)), IDLE, scene()) == (IDLE, ())


@pytest.mark.parametrize("kind", list(AnnotationKind))
def test_drawing_previews_then_stores_once_and_selects(kind: AnnotationKind) -> None:
    edits = drag(TOOLS[kind.lower()], scene(), canvas(10, 10), canvas(30, 20), canvas(50, 40))
    puts = [item for item in edits if isinstance(item, Put)]
    assert len(puts) == 1
    drawn = puts[0].annotation
    assert drawn.kind is kind
    assert drawn.points[0] == pytest.approx((10, 10))
    assert drawn.points[1] == pytest.approx((50, 40))
    assert (drawn.frame, drawn.study_instance_uid, drawn.series_instance_uid) == (FRAME, "2.25.1", "2.25.2")
    assert drawn.annotation_id != drawn.tracking_uid
    assert drawn.degraded == "incomplete series"
    assert puts[0].ask_text is (kind is AnnotationKind.ARROW)
    previews = [item for item in edits if isinstance(item, Preview)]
    assert {item.annotation.annotation_id for item in previews[:-1] if item.annotation} == {drawn.annotation_id}
    assert previews[-1].annotation is None
    assert edits[-1] == Select(drawn.annotation_id)


def test_drawing_stays_on_the_image() -> None:
    edits = drag(TOOLS["length"], scene(), canvas(10, 10), (4000, -4000))
    (put,) = [item for item in edits if isinstance(item, Put)]
    assert put.annotation.points[1] == (199.5, -0.5)


@pytest.mark.parametrize("name", ["ellipse", "rectangle"])
def test_a_region_without_height_is_none(name: str) -> None:
    edits = drag(TOOLS[name], scene(), canvas(10, 10), canvas(60, 10))
    assert not [item for item in edits if isinstance(item, Put)]


def test_the_handle_of_the_selected_one_is_grasped_before_the_line_of_another() -> None:
    below = annotation(name="below")
    above = annotation(AnnotationKind.LENGTH, (20.0, 20.0), (20.0, 60.0), name="above")
    found = grasped(canvas(20, 20), scene(below, above, selected="below"))
    assert found == (below, 0)
    found = grasped(canvas(20, 20), scene(below, above))
    assert found is not None
    assert found[0] == above
    assert grasped(canvas(150, 80), scene(below, above)) is None


def test_moving_keeps_shape_and_drops_values() -> None:
    item = annotation()
    edits = drag(edit, scene(item), canvas(40, 20), canvas(45, 30))
    (put,) = [found for found in edits if isinstance(found, Put)]
    assert put.annotation.points == (pytest.approx((25, 30)), pytest.approx((65, 30)))
    assert put.annotation.values == ()
    assert put.annotation.annotation_id == item.annotation_id


def test_moving_stops_at_the_edge_with_the_shape_whole() -> None:
    edits = drag(edit, scene(annotation()), canvas(40, 20), (-4000, -4000))
    (put,) = [found for found in edits if isinstance(found, Put)]
    assert put.annotation.points == (pytest.approx((-0.5, -0.5)), pytest.approx((39.5, -0.5)))


def test_a_click_on_an_annotation_selects_and_stores_nothing() -> None:
    edits = drag(edit, scene(annotation()), canvas(40, 20))
    assert [item for item in edits if isinstance(item, Put)] == []
    assert edits[0] == Select("one")


@pytest.mark.parametrize("handle", range(4))
def test_a_box_handle_moves_its_corner_and_leaves_the_opposite_one(handle: int) -> None:
    box = annotation(AnnotationKind.RECTANGLE, (10.0, 10.0), (50.0, 40.0))
    moved = replace(box, points=with_handle_at(box, handle, (30.0, 25.0)))
    before, after = handles(box), handles(moved)
    assert after[handle] == (30.0, 25.0)
    assert after[(handle + 2) % 4] == before[(handle + 2) % 4]
