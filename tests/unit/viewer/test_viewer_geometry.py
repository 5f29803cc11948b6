"""Planes, letters, links and canvas transforms."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.errors import GeometryError
from viewer.geometry.corner import displayed_area_corners, from_index, full_area, to_index, turned
from viewer.geometry.link import by_offset, index_at_ratio, nearest, position_ratio
from viewer.geometry.orientation import EdgeLetters, direction_letters, edge_letters, letters, plane_name
from viewer.geometry.plane import ImagePlane, angle_deg, dot, length, normal_of, plane_from_attributes
from viewer.geometry.view import MAX_ZOOM, ViewTransform

angles = st.floats(-math.pi, math.pi)
coordinates = st.floats(-500, 500)
spacings = st.floats(0.05, 10)
TURNS = list(product((0, 90, 180, 270), (False, True)))


def rotation(a: float, b: float, c: float) -> np.ndarray:
    """A rotation matrix from three angles."""
    x = np.array([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])
    y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    z = np.array([[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


planes = st.builds(
    lambda a, b, c, position, row_mm, column_mm: plane_from_attributes(
        position, tuple(rotation(a, b, c)[:, 0]), tuple(rotation(a, b, c)[:, 1]), (row_mm, column_mm), (100, 80)
    ),
    angles,
    angles,
    angles,
    st.tuples(coordinates, coordinates, coordinates),
    spacings,
    spacings,
)


@given(planes, coordinates, coordinates)
def test_an_index_survives_the_way_to_the_patient_and_back(plane: ImagePlane, column: float, row: float) -> None:
    found = plane.index_from_lps(plane.lps_from_index(column, row))
    assert found == pytest.approx((column, row, 0.0), abs=1e-6)


@given(planes, coordinates)
def test_a_point_above_the_plane_keeps_its_distance(plane: ImagePlane, height: float) -> None:
    x, y, z = plane.center_lps_mm
    nx, ny, nz = plane.normal
    column, row, distance = plane.index_from_lps((x + height * nx, y + height * ny, z + height * nz))
    assert (column, row, distance) == pytest.approx((39.5, 49.5, height), abs=1e-6)


def test_row_spacing_goes_down_and_column_spacing_goes_right() -> None:
    plane = plane_from_attributes((0, 0, 0), (1, 0, 0), (0, 1, 0), (2.0, 0.5), (10, 10))
    assert plane.lps_from_index(3, 4) == (1.5, 8.0, 0.0)
    assert plane.normal == (0, 0, 1)
    assert plane.contains_index(9.5, -0.5)
    assert not plane.contains_index(9.6, 0)


@pytest.mark.parametrize(
    ("row", "column", "spacing"),
    [
        ((1, 0, 0), (1, 0, 0), (1, 1)),
        ((2, 0, 0), (0, 1, 0), (1, 1)),
        ((1, 0, 0), (0, 0, 0), (1, 1)),
        ((1, 0, 0), (0, 1, 0), (0, 1)),
        ((1, 0, 0), (0, 1, 0), (1, -1)),
        ((1, 0, 0), (0, 1, 0), (1, math.nan)),
    ],
)
def test_planes_that_cannot_be_are_refused(
    row: tuple[float, float, float], column: tuple[float, float, float], spacing: tuple[float, float]
) -> None:
    with pytest.raises(GeometryError):
        plane_from_attributes((0, 0, 0), row, column, spacing, (4, 4))


def test_a_position_that_is_no_number_is_refused() -> None:
    with pytest.raises(GeometryError):
        plane_from_attributes((0, math.inf, 0), (1, 0, 0), (0, 1, 0), (1, 1), (4, 4))


def test_cosines_rounded_by_the_writer_pass() -> None:
    normal = normal_of((0.996, 0.087, 0.0), (-0.087, 0.996, 0.0))
    assert length(normal) == pytest.approx(1)
    assert dot(normal, (0, 0, 1)) == pytest.approx(1)


def test_the_angle_between_planes_ignores_the_side_of_the_normal() -> None:
    assert angle_deg((0, 0, 1), (0, 0, -1)) == pytest.approx(0)
    assert angle_deg((0, 0, 1), (0, math.sin(0.1), math.cos(0.1))) == pytest.approx(math.degrees(0.1))


def test_letters_name_the_direction_with_the_strongest_first() -> None:
    assert direction_letters((1, 0, 0)) == "L"
    assert direction_letters((0, -1, 0)) == "A"
    assert direction_letters((0, 0.6, 0.8)) == "HP"
    assert direction_letters((0.05, 0, -1)) == "F"


def test_an_axial_image_shows_the_patient_from_below() -> None:
    assert letters((1, 0, 0), (0, 1, 0), 0, False) == EdgeLetters(left="R", right="L", top="A", bottom="P")
    assert letters((1, 0, 0), (0, 1, 0), 90, False) == EdgeLetters(left="P", right="A", top="R", bottom="L")
    assert letters((1, 0, 0), (0, 1, 0), 0, True) == EdgeLetters(left="L", right="R", top="A", bottom="P")


def test_letters_from_patient_orientation_text() -> None:
    assert edge_letters("L", "FA", 180, False) == EdgeLetters(left="L", right="R", top="FA", bottom="HP")


def _displayed(rotation_deg: int, flipped: bool) -> np.ndarray:
    """Independent: numpy turns an image whose pixels name themselves."""
    image = np.array([[row * 10 + column for column in range(4)] for row in range(3)])
    shown = np.rot90(image, -rotation_deg // 90)
    return np.fliplr(shown) if flipped else shown


@pytest.mark.parametrize(("rotation_deg", "flipped"), TURNS)
def test_displayed_area_corners_name_the_pixels_that_land_in_the_corners(rotation_deg: int, flipped: bool) -> None:
    shown = _displayed(rotation_deg, flipped)
    top_left, bottom_right = displayed_area_corners(full_area(3, 4), rotation_deg, flipped)
    assert (top_left[1] - 1) * 10 + top_left[0] - 1 == shown[0, 0]
    assert (bottom_right[1] - 1) * 10 + bottom_right[0] - 1 == shown[-1, -1]


def test_displayed_area_of_part_of_an_image_counts_pixels_partly_seen() -> None:
    assert displayed_area_corners((1.2, 0.0, 3.1, 2.0), 0, False) == ((2, 1), (4, 2))


@pytest.mark.parametrize(("rotation_deg", "flipped"), TURNS)
def test_turned_points_land_on_their_pixel(rotation_deg: int, flipped: bool) -> None:
    shown = _displayed(rotation_deg, flipped)
    for row, column in product(range(3), range(4)):
        x, y = turned((column + 0.5, row + 0.5), (3, 4), rotation_deg, flipped)
        assert shown[int(y), int(x)] == row * 10 + column


@pytest.mark.parametrize(("rotation_deg", "flipped"), TURNS)
def test_the_canvas_transform_puts_each_pixel_where_numpy_does(rotation_deg: int, flipped: bool) -> None:
    shown = _displayed(rotation_deg, flipped)
    height, width = shown.shape
    view = ViewTransform(3, 4, width * 2, height * 2, zoom=2.0, rotation_deg=rotation_deg, flipped=flipped)
    for row, column in product(range(3), range(4)):
        x, y = view.canvas_from_index((column, row))
        assert shown[int(y // 2), int(x // 2)] == row * 10 + column


views = st.builds(
    ViewTransform,
    rows=st.integers(1, 3000),
    columns=st.integers(1, 3000),
    canvas_width_px=st.integers(10, 4000),
    canvas_height_px=st.integers(10, 4000),
    zoom=st.floats(0.05, 40),
    pan_px=st.tuples(coordinates, coordinates),
    rotation_deg=st.sampled_from([0, 90, 180, 270]),
    flipped=st.booleans(),
    row_aspect=st.floats(0.5, 2),
)


@given(views, st.tuples(coordinates, coordinates))
def test_canvas_and_index_are_inverse(view: ViewTransform, point: tuple[float, float]) -> None:
    assert view.canvas_from_index(view.index_from_canvas(point)) == pytest.approx(point, abs=1e-5)


@given(views, st.floats(0.2, 5), st.tuples(coordinates, coordinates))
def test_zooming_leaves_the_point_under_the_pointer(
    view: ViewTransform, factor: float, about: tuple[float, float]
) -> None:
    before = view.corner_from_canvas(about)
    assert view.zoomed(factor, about).corner_from_canvas(about) == pytest.approx(before, abs=1e-4)


@given(views)
def test_fitted_shows_everything_and_touches_two_edges(view: ViewTransform) -> None:
    fitted = view.fitted()
    assert fitted.visible_area() is None or fitted.zoom == pytest.approx(0.02)
    corners = [fitted.canvas_from_corner(point) for point in ((0, 0), (view.columns, view.rows))]
    width = abs(corners[0][0] - corners[1][0])
    height = abs(corners[0][1] - corners[1][1])
    assert width >= view.canvas_width_px - 1e-6 or height >= view.canvas_height_px - 1e-6 or fitted.zoom == MAX_ZOOM


@given(views)
def test_the_visible_area_lies_in_the_image_and_is_never_empty(view: ViewTransform) -> None:
    left, top, right, bottom = view.visible_area() or (0, 0, view.columns, view.rows)
    assert 0 <= left < right <= view.columns
    assert 0 <= top < bottom <= view.rows


def test_panning_moves_the_image_with_the_pointer() -> None:
    view = ViewTransform(10, 10, 100, 100, zoom=5)
    x, y = view.canvas_from_index((3, 4))
    assert view.panned(7, -2).canvas_from_index((3, 4)) == (x + 7, y - 2)


def test_corner_coordinates_are_half_a_pixel_on() -> None:
    assert from_index((0, 0)) == (0.5, 0.5)
    assert to_index(from_index((3.25, 4))) == (3.25, 4)


def _stack(count: int, step_mm: float) -> list[ImagePlane]:
    return [plane_from_attributes((0, 0, z * step_mm), (1, 0, 0), (0, 1, 0), (1, 1), (50, 50)) for z in range(count)]


@given(st.floats(-20, 120), st.integers(1, 30), st.floats(0.5, 5))
def test_the_nearest_slice_is_never_further_than_any_other(z: float, count: int, step_mm: float) -> None:
    found = nearest((25, 25, z), (0, 0, 1), _stack(count, step_mm))
    assert found.distance_mm == pytest.approx(min(abs(z - index * step_mm) for index in range(count)), abs=1e-5)


def test_tilted_planes_link_but_do_not_count_as_parallel() -> None:
    tilt = math.radians(18.5)
    plane = plane_from_attributes((0, 0, 5), (1, 0, 0), (0, math.cos(tilt), math.sin(tilt)), (1, 1), (50, 50))
    found = nearest((25, 25, 5), (0, 0, 1), [None, plane])
    assert found.index == 1
    assert found.angle_deg == pytest.approx(18.5)
    assert not found.is_parallel
    assert nearest((25, 25, 5), plane.normal, [plane]).is_parallel


def test_of_two_planes_at_one_place_the_one_under_the_point_wins() -> None:
    beside = plane_from_attributes((500, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1), (50, 50))
    found = nearest((25, 25, 0), (0, 0, 1), [beside, *_stack(1, 1)])
    assert (found.index, found.inside) == (1, True)
    assert not nearest((25, 25, 0), (0, 0, 1), [beside]).inside


def test_linking_without_geometry_is_an_error() -> None:
    with pytest.raises(GeometryError):
        nearest((0, 0, 0), (0, 0, 1), [None])


def test_offset_and_ratio_linking_stay_inside_the_stack() -> None:
    assert by_offset(5, -10, 20) == 0
    assert by_offset(15, 10, 20) == 19
    assert index_at_ratio(position_ratio(5, 11), 21) == 10
    assert index_at_ratio(0.5, 1) == 0
    assert position_ratio(0, 1) == 0.0


def test_planes_have_the_name_of_the_nearest_body_axis() -> None:
    assert plane_name((1, 0, 0), (0, 1, 0)) == "AXIAL"
    assert plane_name((1, 0, 0), (0, 0, -1)) == "CORONAL"
    assert plane_name((0, 1, 0), (0, 0, -1)) == "SAGITTAL"
    assert plane_name((1, 0, 0), (0, math.sqrt(0.5), math.sqrt(0.5))) == "OBLIQUE"
