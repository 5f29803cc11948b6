"""VOI functions and display tables against an independent reference, written from PS3.3 C.11.2 alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewer.dicom.display import shows_inverse
from viewer.dicom.lut import apply_voi, to_uint8
from viewer.dicom.pixels import (
    AUTO_EXPLANATION,
    default_voi,
    display_frame,
    display_table,
    has_own_voi,
    modality_values,
    stored_frame,
)
from viewer.errors import DicomReadError, LutError, Truncated
from viewer.records import InstanceHeader, Lut, VoiFunction, Window

HeaderMaker = Callable[..., InstanceHeader]


def reference(x: float, window: Window, low: float = 0.0, high: float = 255.0) -> float:
    """One value through one window, as the standard writes it."""
    c, w = window.center, window.width
    if window.function is VoiFunction.SIGMOID:
        exponent = -4 * (x - c) / w
        return low if exponent > 700 else (high - low) / (1 + math.exp(exponent)) + low
    if window.function is VoiFunction.LINEAR_EXACT:
        if x <= c - w / 2:
            return low
        if x > c + w / 2:
            return high
        return ((x - c) / w + 0.5) * (high - low) + low
    if x <= c - 0.5 - (w - 1) / 2:
        return low
    if x > c - 0.5 + (w - 1) / 2:
        return high
    return ((x - (c - 0.5)) / (w - 1) + 0.5) * (high - low) + low


windows = st.builds(
    Window,
    center=st.floats(-3000, 3000),
    width=st.floats(1, 6000),
    function=st.sampled_from(VoiFunction),
)


@given(windows, st.lists(st.floats(-5000, 5000), min_size=1, max_size=20))
def test_every_function_equals_the_standard(window: Window, values: list[float]) -> None:
    shown = apply_voi(np.array(values), window)
    assert shown == pytest.approx([reference(value, window) for value in values], abs=1e-6)


@given(windows)
def test_every_function_is_monotonic_and_stays_in_range(window: Window) -> None:
    shown = apply_voi(np.linspace(-8000, 8000, 500), window)
    assert (np.diff(shown) >= 0).all()
    assert shown.min() >= 0
    assert shown.max() <= 255


def test_width_one_is_a_threshold() -> None:
    assert apply_voi(np.array([9.0, 9.5, 9.6, 10.0]), Window(10, 1)).tolist() == [0, 0, 255, 255]


def test_linear_and_linear_exact_differ_as_the_standard_says() -> None:
    values = np.array([0.0, 1.0, 2.0, 3.0])
    assert apply_voi(values, Window(2, 4)).tolist() == pytest.approx([0, 85, 170, 255])
    assert apply_voi(values, Window(2, 4, VoiFunction.LINEAR_EXACT)).tolist() == pytest.approx(
        [0, 63.75, 127.5, 191.25]
    )


@pytest.mark.parametrize(
    "window",
    [Window(0, 0.5), Window(0, 0, VoiFunction.LINEAR_EXACT), Window(0, -3, VoiFunction.SIGMOID), Window(0, math.nan)],
)
def test_windows_that_the_standard_forbids_are_refused(window: Window) -> None:
    with pytest.raises(LutError):
        apply_voi(np.zeros(1), window)


def test_a_sigmoid_far_from_its_center_does_not_overflow() -> None:
    shown = apply_voi(np.array([-1e9, 0.0, 1e9]), Window(0, 1e-3, VoiFunction.SIGMOID))
    assert shown.tolist() == pytest.approx([0, 127.5, 255])


def test_a_voi_lut_clamps_outside_and_scales_by_its_bits() -> None:
    lut = Lut(first_mapped=-2, bits=12, entries=(0, 1000, 4095))
    shown = apply_voi(np.array([-9.0, -2.0, -1.0, 0.0, 9.0]), lut)
    assert shown == pytest.approx([0, 0, 1000 / 4095 * 255, 255, 255])


def test_an_empty_voi_lut_is_refused() -> None:
    with pytest.raises(LutError):
        apply_voi(np.zeros(1), Lut(0, 8, ()))


def test_display_values_are_rounded_to_the_nearest() -> None:
    assert to_uint8(np.array([-3.0, 0.49, 0.5, 127.5, 254.51, 300.0])).tolist() == [0, 0, 1, 128, 255, 255]


CASES: list[tuple[Any, int]] = [
    (np.int16, 16),
    (np.uint16, 16),
    (np.uint16, 12),
    (np.int16, 12),
    (np.uint8, 8),
    (np.int8, 8),
    (np.uint16, 10),
]


@pytest.mark.parametrize(("dtype", "bits_stored"), CASES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(window=windows, slope=st.sampled_from([1.0, 2.0, 0.5, -1.0]), inverted=st.booleans(), seed=st.integers(0, 999))
def test_the_fast_table_equals_the_long_way(
    make_header: HeaderMaker, dtype: Any, bits_stored: int, window: Window, slope: float, inverted: bool, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    low, high = (-(1 << bits_stored - 1), 1 << bits_stored - 1) if dtype(0).dtype.kind == "i" else (0, 1 << bits_stored)
    pixels = generator.integers(low, high, (6, 7)).astype(dtype)
    header = make_header(pixels, bits_stored=bits_stored, rescale_slope=slope, rescale_intercept=-1024.0)
    shown = display_frame(header, 0, window, inverted)
    exact = np.array([[reference(float(stored) * slope - 1024.0, window) for stored in row] for row in pixels])
    expected = 255 - exact if inverted else exact
    # Rounding is to the nearest: half a grey level, and a hair for the last digit of a float.
    assert np.abs(shown - expected).max() <= 0.5 + 1e-6


def test_bits_above_bits_stored_never_reach_the_screen_or_the_numbers(make_header: HeaderMaker) -> None:
    clean = np.arange(16, dtype=np.uint16).reshape(4, 4) * 200
    dirty = clean | 0xF000
    header = make_header(dirty, bits_stored=12)
    assert np.array_equal(stored_frame(header, 0), clean)
    expected = display_frame(make_header(clean, bits_stored=12), 0, Window(1600, 3000), False)
    assert np.array_equal(display_frame(header, 0, Window(1600, 3000), False), expected)


def test_twelve_bit_signed_values_are_extended(make_header: HeaderMaker) -> None:
    header = make_header(np.array([[0x0FFF, 0x0800, 0x07FF]], np.int16), bits_stored=12)
    assert stored_frame(header, 0).tolist() == [[-1, -2048, 2047]]


def test_stored_values_cannot_be_written_to(make_header: HeaderMaker) -> None:
    for bits in (16, 12):
        assert not stored_frame(make_header(np.zeros((2, 2), np.uint16), bits_stored=bits), 0).flags.writeable


def test_the_output_array_is_filled_in_place(make_header: HeaderMaker) -> None:
    out = np.empty((4, 5), np.uint8)
    header = make_header(np.full((4, 5), 40, np.int16))
    assert display_frame(header, 0, Window(40, 80), False, out) is out
    assert out[0, 0] == round((0.5 / 79 + 0.5) * 255)


def test_frames_of_one_class_share_one_table(make_header: HeaderMaker) -> None:
    one = display_table(make_header(np.zeros((2, 2), np.int16)), 0, Window(40, 80), False)
    other = display_table(make_header(np.ones((2, 2), np.int16)), 0, Window(40, 80), False)
    assert one is other
    assert one is not display_table(make_header(np.ones((2, 2), np.int16)), 0, Window(40, 81), False)


def test_monochrome1_and_the_readers_inversion_invert_once_each(make_header: HeaderMaker) -> None:
    pixels = np.array([[0, 255]], np.uint8)
    plain = make_header(pixels)
    negative = make_header(pixels, photometric_interpretation="MONOCHROME1")
    labelled = make_header(pixels, photometric_interpretation="MONOCHROME1", presentation_lut_shape="INVERSE")
    assert display_frame(plain, 0, None, False).tolist() == [[0, 255]]
    assert display_frame(negative, 0, None, False).tolist() == [[255, 0]]
    assert display_frame(labelled, 0, None, False).tolist() == [[255, 0]]
    assert display_frame(negative, 0, None, True).tolist() == [[0, 255]]
    assert shows_inverse(plain, True)


def test_rescale_may_differ_from_frame_to_frame(make_header: HeaderMaker) -> None:
    header = make_header(np.full((2, 2, 2), 10, np.int16), frame_count=2)
    first, second = header.frames
    header = replace(header, frames=(first, replace(second, rescale_slope=3.0, rescale_intercept=1.0)))
    assert modality_values(header, 0)[0, 0] == 10
    assert modality_values(header, 1)[0, 0] == 31


def test_a_modality_lut_rules_over_rescale(make_header: HeaderMaker) -> None:
    lut = Lut(first_mapped=10, bits=16, entries=(100, 200, 300))
    header = make_header(np.array([[0, 10, 11, 12, 99]], np.uint16), modality_lut=lut, rescale_slope=7.0)
    assert modality_values(header, 0).tolist() == [[100, 100, 200, 300, 300]]
    assert display_frame(header, 0, Window(200, 201), False).tolist() == [[1, 1, 128, 255, 255]]


def test_float_pixels_are_shown_and_not_a_number_does_no_harm(make_header: HeaderMaker) -> None:
    header = make_header(np.array([[0.0, 0.5], [1.0, math.nan]], np.float32))
    assert display_frame(header, 0, None, False).tolist() == [[0, 128], [255, 0]]
    assert display_table(header, 0, None, False) is None


def test_thirty_two_bit_integers_are_shown(make_header: HeaderMaker) -> None:
    header = make_header(np.array([[0, 1 << 20]], np.uint32))
    assert display_frame(header, 0, Window(1 << 19, 1 << 20), False).tolist() == [[0, 255]]


def test_rgb_goes_through_untouched(make_header: HeaderMaker) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    header = make_header(pixels, photometric_interpretation="RGB")
    assert np.array_equal(display_frame(header, 0, None, False), pixels)
    assert np.array_equal(display_frame(header, 0, None, True), 255 - pixels)
    assert default_voi(header, 0) is None
    with pytest.raises(DicomReadError):
        modality_values(header, 0)


def test_a_palette_colors_its_indices(make_header: HeaderMaker) -> None:
    red, green, blue = Lut(1, 16, (0, 0xFF00)), Lut(1, 16, (0x8000, 0)), Lut(1, 8, (7,))
    header = make_header(np.array([[0, 1, 2, 9]], np.uint8), palette=(red, green, blue))
    assert display_frame(header, 0, None, False).tolist() == [[[0, 128, 7], [0, 128, 7], [255, 0, 7], [255, 0, 7]]]


def test_the_default_window_follows_the_fixed_order(make_header: HeaderMaker) -> None:
    lut = Lut(0, 8, (0, 255))
    own = Window(40, 80, explanation="BRAIN")
    pixels = np.arange(100, dtype=np.int16).reshape(10, 10)
    assert default_voi(make_header(pixels, voi_luts=(lut,), windows=(own,)), 0) is lut
    assert default_voi(make_header(pixels, windows=(own, Window(1, 2))), 0) is own
    automatic = default_voi(make_header(pixels), 0)
    assert isinstance(automatic, Window)
    assert automatic.explanation == AUTO_EXPLANATION
    assert not has_own_voi(make_header(pixels), 0)


def test_eight_bit_images_without_a_window_are_shown_in_full(make_header: HeaderMaker) -> None:
    header = make_header(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert np.array_equal(display_frame(header, 0, default_voi(header, 0), False).ravel(), np.arange(256))


def test_the_automatic_window_leaves_padding_out(make_header: HeaderMaker) -> None:
    pixels = np.full((50, 50), -2000, np.int16)
    pixels[:25] = np.linspace(0, 100, 50).astype(np.int16)
    header = make_header(pixels, pixel_padding_value=-2000, pixel_padding_range_limit=-1500)
    window = default_voi(header, 0)
    assert isinstance(window, Window)
    assert 45 < window.center < 55
    assert 90 < window.width < 101


def test_a_flat_image_still_gets_a_window(make_header: HeaderMaker) -> None:
    window = default_voi(make_header(np.full((9, 9), 7, np.int16)), 0)
    assert isinstance(window, Window)
    assert window.width > 0


def test_a_pixel_file_that_was_cut_short_is_refused_before_it_is_mapped(make_header: HeaderMaker) -> None:
    header = make_header(np.zeros((4, 4), np.int16))
    with open(header.path, "r+b") as file:
        file.truncate(20)
    with pytest.raises(Truncated):
        stored_frame(header, 0)


def test_a_frame_that_is_not_there_is_refused(make_header: HeaderMaker) -> None:
    with pytest.raises(DicomReadError):
        stored_frame(make_header(np.zeros((4, 4), np.int16)), 1)
