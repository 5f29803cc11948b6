"""A presentation state shows what the reader saw: gray values, displayed area, graphics, in every orientation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.render.gsps_renderer import Picture, gray_values, render
from tests.validators.samples import REAL, Study, cr_image, ct_slice, draft_of, request_of, study_of, write_study
from tests.validators.tools import messages, tool
from viewer.dicom.ingest import ingest
from viewer.dicom.pixels import default_voi, display_frame
from viewer.records import Annotation, AnnotationKind, FrameRef, Window
from worklist_client.report.signing import render_report

ORIENTATIONS = [(rotation, flipped) for rotation in (0, 90, 180, 270) for flipped in (False, True)]
BRIGHT = 3000
"""Stored value of the pixels under the annotation of the phantom; everything else is far below."""
MARKS = ((10, 20), (33, 45))
"""(column, row) of the two ends."""


def phantom(tmp_path: Path) -> Study:
    """A CT slice, taller than wide, with two bright pixels."""
    image = ct_slice("PHANTOM", 1)
    values = np.frombuffer(image.PixelData, "<i2").reshape(image.Rows, image.Columns).copy()
    for column, row in MARKS:
        values[row, column] = BRIGHT
    image.PixelData = values.tobytes()
    return write_study(tmp_path / "phantom", [image])


def signed_state(study: Study, rotation: int = 0, flipped: bool = False, **changes: Any) -> Dataset:
    shown = replace(draft_of(study).displayed[0], rotation_deg=rotation, flipped=flipped)
    draft = draft_of(study, displayed=(replace(shown, **changes.pop("shown", {})),), **changes)
    state = next(item for item in render_report(request_of(study, draft)).objects if item.kind == "GSPS")
    return dcmread(BytesIO(state.data))


def stored_of(study: Study, place: int = 0) -> tuple[Dataset, NDArray[Any]]:
    image = dcmread(study.paths[place])
    values: NDArray[Any] = image.pixel_array
    return image, values


def length_between(study: Study) -> Annotation:
    header = study.header
    points = tuple((float(column), float(row)) for column, row in MARKS)
    return Annotation(
        "mark",
        AnnotationKind.LENGTH,
        header.StudyInstanceUID,
        header.SeriesInstanceUID,
        FrameRef(header.SOPInstanceUID),
        points,
        values=draft_of(study).annotations[0].values,
    )


def picture_of(study: Study, rotation: int, flipped: bool) -> Picture:
    mark = length_between(study)
    arrow = replace(mark, annotation_id="arrow", kind=AnnotationKind.ARROW, text="hier", values=())
    ellipse = replace(mark, annotation_id="ellipse", kind=AnnotationKind.ELLIPSE)
    state = signed_state(study, rotation, flipped, annotations=(mark, arrow, ellipse), measurements=())
    return render(state, *stored_of(study))


@pytest.mark.parametrize(("rotation", "flipped"), ORIENTATIONS)
def test_the_corners_of_the_area_land_where_they_say(tmp_path: Path, rotation: int, flipped: bool) -> None:
    study = phantom(tmp_path)
    picture = picture_of(study, rotation, flipped)
    image, stored = stored_of(study)
    (left, top), (right, bottom) = picture.corners
    gray = gray_values(signed_state(study), image, stored)
    assert picture.gray[0, 0] == gray[top, left]
    assert picture.gray[-1, -1] == gray[bottom, right]
    height, width = picture.gray.shape
    assert (width, height) == ((39, 55) if rotation % 180 == 0 else (55, 39))


@pytest.mark.parametrize(("rotation", "flipped"), ORIENTATIONS)
def test_graphics_lie_on_what_they_were_drawn_on(tmp_path: Path, rotation: int, flipped: bool) -> None:
    picture = picture_of(phantom(tmp_path), rotation, flipped)
    shapes = {(shape.kind, shape.filled): shape for shape in picture.shapes}
    line = next(shape for shape in picture.shapes if shape.kind == "POLYLINE" and len(shape.points) == 2)
    for x, y in line.points:
        assert picture.gray[int(np.floor(y)), int(np.floor(x))] == 255
        assert x % 1 == pytest.approx(0.5)
        assert y % 1 == pytest.approx(0.5)
    tip = shapes["POLYLINE", True].points[0]
    assert tip == pytest.approx(line.points[0])
    oval = shapes["ELLIPSE", False].points
    middle = [(line.points[0][axis] + line.points[1][axis]) / 2 for axis in (0, 1)]
    assert [sum(point[axis] for point in oval) / 4 for axis in (0, 1)] == pytest.approx(middle)


@pytest.mark.parametrize(("rotation", "flipped"), ORIENTATIONS)
def test_text_boxes_are_upright_and_inside_in_every_orientation(tmp_path: Path, rotation: int, flipped: bool) -> None:
    study = phantom(tmp_path)
    mark = length_between(study)
    full = {"area_px": None}
    state = signed_state(study, rotation, flipped, annotations=(mark,), measurements=(), shown=full)
    picture = render(state, *stored_of(study))
    (text,) = [shape for shape in picture.shapes if shape.kind == "TEXT"]
    (left, top), (right, bottom), _anchor = text.points
    height, width = picture.gray.shape
    assert -1e-3 <= left < right <= width + 1e-3
    assert -1e-3 <= top < bottom <= height + 1e-3
    assert text.text == "Lengte 14,1 mm"


def test_every_image_of_the_series_is_covered_once(tmp_path: Path) -> None:
    study = write_study(tmp_path, [ct_slice("COVER", number) for number in range(1, 5)])
    state = signed_state(study)
    shapes = {render(state, *stored_of(study, place)).gray.shape for place in range(4)}
    assert shapes == {(55, 39), (64, 48)}


def dcmtk_gray(state: Dataset, image: Path, folder: Path) -> NDArray[np.uint8]:
    """What DCMTK makes of the image under the state: rotation and flip, but no area and no graphics."""
    state_file, bitmap = folder / "state.dcm", folder / "out.pgm"
    state.save_as(state_file)
    program = "dcmp2pgm"
    said = messages(program, "-p", state_file, image, bitmap)
    assert bitmap.exists(), said
    data = bitmap.read_bytes()
    magic, sizes, _maximum, rest = _header(data)
    assert magic == b"P5"
    width, height = sizes
    return np.frombuffer(rest, np.uint8, width * height).reshape(height, width)


def _header(data: bytes) -> tuple[bytes, tuple[int, int], int, bytes]:
    """Magic, (width, height), maximum and pixels of a PGM, comments skipped."""
    fields: list[bytes] = []
    position = 0
    while len(fields) < 4:
        end = position
        while data[end : end + 1] not in (b" ", b"\n", b"\t", b"\r"):
            end += 1
        word = data[position:end]
        if word.startswith(b"#"):
            end = data.index(b"\n", position)
        elif word:
            fields.append(word)
        position = end + 1
    return fields[0], (int(fields[1]), int(fields[2])), int(fields[3]), data[position:]


def uncompressed(study: Study, folder: Path) -> Study:
    """The first image of a study, decompressed, for a tool that reads neither JPEG-LS nor JPEG 2000."""
    dataset = dcmread(study.paths[0])
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    path = folder / "plain.dcm"
    dataset.save_as(path)
    return study_of([path])


@pytest.fixture
def studies(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Study]:
    def find(name: str) -> Study:
        if name == "ct":
            return phantom(tmp_path)
        if name == "cr":
            return write_study(tmp_path / "cr", [cr_image("CR")])
        folder: Path = request.getfixturevalue("real_data") / REAL[name]
        if not folder.is_dir():
            pytest.skip(f"real data {folder.name} is not here")
        return uncompressed(study_of(sorted(folder.glob("*.dcm"))[:1]), tmp_path)

    return find


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize(("rotation", "flipped"), [(0, False), (90, True), (270, False)])
@pytest.mark.parametrize("name", ["ct", "cr", "ct_01", "ct_02", "mr_04", "cr_05"])
def test_dcmtk_shows_our_gray_values(
    studies: Callable[[str], Study], tmp_path: Path, name: str, rotation: int, flipped: bool, inverted: bool
) -> None:
    tool("dcmp2pgm")
    study = studies(name)
    image, stored = stored_of(study)
    window = Window(float(np.median(stored)), max(2.0, float(np.ptp(stored)) / 2))
    if name.startswith("ct"):
        window = Window(40, 400)
    state = signed_state(study, rotation, flipped, shown={"window": window, "inverted": inverted})
    theirs = dcmtk_gray(state, study.paths[0], tmp_path)
    ours = render(state, image, stored).whole
    assert theirs.shape == ours.shape
    assert len(np.unique(ours)) > 20
    assert int(np.abs(theirs.astype(int) - ours.astype(int)).max()) <= 1


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("name", ["ct", "cr"])
def test_the_state_shows_what_the_viewer_showed(studies: Callable[[str], Study], name: str, inverted: bool) -> None:
    study = studies(name)
    window = Window(200, 700)
    state = signed_state(study, shown={"window": window, "inverted": inverted})
    seen = display_frame(ingest(str(study.paths[0])), 0, window, inverted)
    ours = gray_values(state, *stored_of(study))
    assert int(np.abs(seen.astype(int) - ours.astype(int)).max()) <= 1


def test_an_image_without_a_window_is_shown_as_the_viewer_opens_it(tmp_path: Path) -> None:
    image = cr_image("BARE")
    del image.WindowCenter, image.WindowWidth
    study = write_study(tmp_path, [image])
    header = ingest(str(study.paths[0]))
    state = signed_state(study, shown={"window": None})
    seen = display_frame(header, 0, default_voi(header, 0), False)
    ours = gray_values(state, *stored_of(study))
    assert int(np.abs(seen.astype(int) - ours.astype(int)).max()) <= 1


def test_monochrome1_low_values_are_bright_once(tmp_path: Path) -> None:
    study = write_study(tmp_path, [cr_image("CR")])
    image, stored = stored_of(study)
    gray = gray_values(signed_state(study), image, stored)
    assert gray[0, 0] > gray[-1, -1]
    inverted = gray_values(signed_state(study, shown={"inverted": True}), image, stored)
    assert inverted[0, 0] < inverted[-1, -1]
