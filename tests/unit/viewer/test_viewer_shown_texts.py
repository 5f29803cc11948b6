"""Words on and beside images: banner, corners, states, ruler, presets; and that they can be read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.peers.viewer_images import Stack, unreadable
from viewer.dicom.sorting import image_sets
from viewer.records import InstanceHeader, Lut, MeasuredValue, PatientLabel, Window
from viewer.ui import corner_texts, palette, window_presets
from viewer.ui.actions import ACTIONS
from viewer.ui.feed_inbox import Arrived, Completed, Expected, Missing
from viewer.ui.image_texts import block_text, lossy_text, window_text, with_block
from viewer.ui.labels import StudyLabel
from viewer.ui.paint_annotations import value_text
from viewer.ui.paint_texts import scale_bar
from viewer.ui.patient_banner import age_at, banner_text, patient_details, shown_name
from viewer.ui.resource_files import ResourceError, parse_toml
from viewer.ui.shelf import Phase, Shelf
from viewer.ui.status import degraded_reason, oddities, of_series, order_note
from viewer.ui.thumbnails import BREAK, breakable
from viewer.ui.wheel import Wheel
from worklist_client.settings.language import Translator

STACK = Stack()
KEY = (STACK.study, STACK.series)


@pytest.mark.parametrize(
    ("born", "studied", "age"),
    [
        ("19600229", "20240228", 63),
        ("19600229", "20240229", 64),
        ("19600229", "20230301", 63),
        ("2000.01.01", "20240101", 24),
        ("20240101", "20230101", None),
        ("", "20240101", None),
        ("19601399", "20240101", None),
    ],
)
def test_age_is_that_at_the_time_of_the_study(born: str, studied: str, age: int | None) -> None:
    assert age_at(born, studied) == age


@pytest.mark.parametrize(
    ("dicom", "shown"),
    [
        ("Vries^Anna^van der^dr.", "Vries, Anna van der"),
        ("Yamada^Tarou=山田^太郎", "Yamada, Tarou"),
        ("Only", "Only"),
        ("^Given", "Given"),
        ("", ""),
    ],
)
def test_names_are_written_for_reading(dicom: str, shown: str) -> None:
    assert shown_name(dicom) == shown


def test_absent_facts_of_a_patient_are_left_out() -> None:
    assert patient_details(PatientLabel(patient_id="7"), "20240101") == "7"
    assert patient_details(PatientLabel(patient_id="7", issuer="NORTH", sex="F"), "") == "F  ·  7 [NORTH]"


def test_the_application_may_say_who_the_patient_is(tmp_path: Path) -> None:
    header = STACK.headers(tmp_path)[0]
    text = banner_text(header, StudyLabel(patient_lines=("Beta, Bert", "1950-01-01", "M")))
    assert (text.name, text.details) == ("Beta, Bert", "1950-01-01  ·  M")
    assert banner_text(header, StudyLabel()).name == "Alpha, Anna"
    assert banner_text(None, StudyLabel()).study == ""


def test_the_window_says_where_it_comes_from() -> None:
    assert window_text(Window(40, 400), False, str) == "C 40  W 400"
    assert window_text(Window(35.5, 80, explanation="Brain"), True, str) == "inverted  Brain  C 35.5  W 80"
    assert window_text(Window(1, 2, explanation="auto W/L"), False, str).startswith("auto")
    assert window_text(Lut(0, 8, (0,), "MYSTERY"), False, str) == "Table MYSTERY"
    assert window_text(None, False, str) == ""


@pytest.mark.parametrize(
    ("description", "block", "shown"),
    [
        ("Thorax PA", "PA", "Thorax PA"),
        ("Hand", "PA", "Hand PA"),
        ("Vierkamerbeeld", "beeld 1", "Vierkamerbeeld beeld 1"),
        ("CT", "", "CT"),
        ("", "PA", "PA"),
    ],
)
def test_a_view_that_the_description_ends_with_is_not_said_twice(description: str, block: str, shown: str) -> None:
    assert with_block(description, block) == shown


def test_an_image_of_its_own_and_a_full_range_are_told_in_dutch() -> None:
    tr = Translator("nl")
    assert block_text("image 12", tr) == "beeld 12"
    assert window_text(Window(1, 2, explanation="full range"), False, tr).startswith("volledig bereik")


def test_a_long_word_breaks_within_the_strip_of_series() -> None:
    broken = breakable("CT Thorax^AThoraxRoutine\nhead")
    assert broken.replace(BREAK, "") == "CT Thorax^AThoraxRoutine\nhead"
    assert broken.startswith("CT T")
    assert broken.endswith("\nhead")
    assert broken.count(BREAK) == len("Thorax^AThoraxRoutine") - 1


def test_lossy_images_say_so_with_the_ratio(tmp_path: Path) -> None:

    header: InstanceHeader = STACK.headers(tmp_path)[0]
    assert lossy_text(header, str) == ""
    assert lossy_text(dataclasses.replace(header, lossy=True), str) == "Lossy"
    assert lossy_text(dataclasses.replace(header, lossy=True, lossy_ratio=12.0), str) == "Lossy 12:1"


def test_corner_lines_without_content_are_left_out() -> None:
    texts = corner_texts.CornerTexts(top_left=("{kernel}", "{image_number} of {image_count}", "fixed {protocol}"))
    filled = texts.filled(
        {"image_number": "3", "image_count": "9"},
        {"{image_number} of {image_count}": "{image_number} van {image_count}"},
    )
    assert filled["top_left"] == ["3 van 9"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"middle": []}, "unknown corner 'middle'"),
        ({"top_left": "text"}, "top_left must be a list"),
        ({"top_left": ["{patient_name}"]}, "unknown field 'patient_name'"),
        ({"top_left": ["{image_number"]}, "image_number"),
    ],
)
def test_a_wrong_corner_file_says_what_is_wrong(data: dict[str, object], said: str) -> None:
    with pytest.raises(ResourceError, match=r"resources/corner_texts\.toml") as caught:
        corner_texts.from_mapping(data)
    assert said in caught.value.reason


GOOD = {"modality": "CT", "key": 1, "name": "Bone", "center": 300, "width": 1500}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"width": 0}, "width must be"),
        ({"width": "400"}, "wrong type"),
        ({"key": 10}, "key must be 1 to 9"),
        ({"key": True}, "wrong type"),
        ({"color": 1}, "unknown field 'color'"),
        ({"name": None}, "wrong type"),
    ],
)
def test_a_wrong_preset_says_which_and_what(change: dict[str, object], said: str) -> None:
    with pytest.raises(ResourceError) as caught:
        window_presets.from_mapping({"preset": [GOOD, GOOD | {"key": 2} | change]})
    assert "[[preset]] 2" in caught.value.reason
    assert said in caught.value.reason


def test_a_preset_lacks_nothing_and_shares_no_key() -> None:
    with pytest.raises(ResourceError, match="width is missing"):
        window_presets.from_mapping({"preset": [{k: v for k, v in GOOD.items() if k != "width"}]})
    with pytest.raises(ResourceError, match="used twice for CT"):
        window_presets.from_mapping({"preset": [GOOD, GOOD]})
    with pytest.raises(ResourceError, match="unknown table"):
        window_presets.from_mapping({"presets": []})
    with pytest.raises(ResourceError, match=r"x\.toml"):
        parse_toml("a = ", "x.toml")


def test_the_files_of_the_product_load() -> None:
    presets = window_presets.load()
    assert presets.on_key("CT", 6) is not None
    lung = next(row for row in presets.rows if row.name == "Lung")
    assert (lung.window.center, lung.window.width) == (-500, 1500)  # others shipped -600/150 (OHIF #3177)
    assert presets.on_key("MR", 6) is None
    assert presets.first("CT") is not None
    assert corner_texts.load().bottom_left


def test_every_key_does_one_thing() -> None:
    keys = [row.key for row in ACTIONS if row.key]
    assert len(keys) == len(set(keys))
    assert len({row.id for row in ACTIONS}) == len(ACTIONS)


@pytest.mark.parametrize("ground", [palette.GROUND, palette.PANEL, palette.BANNER])
@pytest.mark.parametrize("text", [palette.TEXT, palette.TEXT_QUIET, palette.ATTENTION, palette.DANGER, palette.ACTIVE])
def test_every_text_can_be_read_on_every_ground(text: str, ground: str) -> None:
    assert palette.contrast(text, ground) >= 4.5


@pytest.mark.parametrize("color", ["#4fb3a5", "#d98cb3", "#101010", "#ffffff", "#5b7a99", "#7a3b8f"])
def test_the_name_of_a_hospital_can_be_read_on_its_color(color: str) -> None:
    assert palette.contrast(palette.text_on(color), color) >= 4.5


def test_the_ruler_is_the_longest_step_that_fits() -> None:
    bar = scale_bar(0.5, 600, "mm")
    assert bar is not None
    assert (bar.length_px, bar.text) == (100, "5 cm")
    small = scale_bar(0.05, 600, "mm det")
    assert small is not None
    assert small.text == "5 mm det"
    assert scale_bar(100, 200, "mm") is None
    assert scale_bar(0, 200, "mm") is None


def test_numbers_carry_their_unit_and_its_origin() -> None:
    assert value_text(MeasuredValue("length", 4.256, "mm", "mm det")) == "4.26 mm det"
    assert value_text(MeasuredValue("length", 123.44, "mm", "mm")) == "123.4 mm"
    assert value_text(MeasuredValue("mean", -949.44, "[hnsf'U]", "HU")) == "-949.4 HU"


@pytest.mark.parametrize("deltas", [[-120] * 5, [-30] * 20, [-7] * 100, [-600], [-119, -1, -480]])
def test_the_wheel_gives_as_many_steps_as_it_turned(deltas: list[int]) -> None:
    wheel, steps = Wheel(), 0
    for delta in deltas:
        wheel, more = wheel.turned(delta)
        steps += more
    assert steps == -sum(deltas) // 120


def shelf_with(*items: object) -> Shelf:
    made = Shelf()
    made.take(items)  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize("came", range(11))
@pytest.mark.parametrize("said_complete", [False, True])
def test_complete_is_only_what_the_origin_promised_and_delivered(
    tmp_path: Path, came: int, said_complete: bool
) -> None:
    headers = STACK.headers(tmp_path)
    items: list[object] = [Expected(*KEY, 10), Arrived(tuple(headers[:came]))]
    if said_complete:
        items.append(Completed(*KEY))
    series = shelf_with(*items).get(KEY)
    assert series is not None
    expected = Phase.COMPLETE if came == 10 and said_complete else Phase.PARTIAL if said_complete else Phase.LOADING
    if came == 0:
        expected = Phase.LOADING
    assert series.phase is expected


def test_failed_images_degrade_a_series_and_its_measurements(tmp_path: Path) -> None:
    headers = STACK.headers(tmp_path)
    headers[0] = unreadable(headers[0])
    series = shelf_with(Expected(*KEY, 10), Arrived(tuple(headers)), Completed(*KEY)).get(KEY)
    assert series is not None
    assert series.phase is Phase.DEGRADED
    assert degraded_reason(series) == "series with unreadable images"
    series.sets = image_sets(headers)
    assert "1 image cannot be shown" in of_series(series, "North", str).badge
    assert oddities(series.sets[0], str) == ""


def test_an_image_without_a_study_is_put_under_no_name(tmp_path: Path) -> None:

    nobody = dataclasses.replace(STACK.headers(tmp_path)[0], study_instance_uid="", series_instance_uid="")
    assert shelf_with(Arrived((nobody,))).studies() == ()


def test_a_missing_report_of_what_is_here_changes_nothing(tmp_path: Path) -> None:
    headers = STACK.headers(tmp_path)
    late = Missing(*KEY, headers[2].sop_instance_uid, "late")
    series = shelf_with(Expected(*KEY, 10), Arrived(tuple(headers)), late, Completed(*KEY)).get(KEY)
    assert series is not None
    assert series.phase is Phase.COMPLETE


def test_the_order_is_noted_where_it_is_not_position(tmp_path: Path) -> None:

    headers = STACK.headers(tmp_path)
    bare = [
        dataclasses.replace(h, frames=(dataclasses.replace(h.frames[0], position_lps_mm=None),), modality="US")
        for h in headers
    ]
    assert order_note(image_sets(bare)[0], str) == "Ordered by instance number"
    assert order_note(image_sets(headers)[0], str) == ""
