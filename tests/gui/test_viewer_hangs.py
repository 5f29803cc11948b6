"""What hangs stays: a prior that comes later moves nothing, a study that cannot come says why, notes are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from tests.peers.viewer_images import Stack
from viewer.render.choice import SOFTWARE, Choice
from viewer.tasks import TaskRunner
from viewer.ui import viewport_grid
from viewer.ui.shelf import Phase
from viewer.ui.viewer_widget import ViewerWidget

NOW, PRIOR = Stack(), Stack(study="2.25.200", series="2.25.200.1", base=180, frame_of_reference="2.25.8")
OTHER = Stack(study="2.25.300", series="2.25.300.1", base=90, frame_of_reference="2.25.7")


class Made:
    """A viewer, and how to feed it."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot, self.folder = qtbot, folder
        self.runner = TaskRunner()
        self.viewer = ViewerWidget(self.runner, render_path="software")
        self.viewer.resize(900, 500)
        self.viewer.show()
        qtbot.waitExposed(self.viewer)

    def feed(self, stack: Stack, place: int = 0) -> None:
        """All of a stack, shown in a viewport."""
        self.viewer.expect(stack.study, stack.series, stack.slices)
        self.viewer.arrived(stack.headers(self.folder))
        self.viewer.complete(stack.study, stack.series)
        self.qtbot.waitUntil(lambda: self.shown(place) == stack.study and self.phase(place) is Phase.COMPLETE)

    def shown(self, place: int) -> str:
        images = self.viewer.desk.grid.viewports[place].model.images
        return "" if images is None else images.header.study_instance_uid

    def index(self, place: int = 0) -> int:
        return self.viewer.desk.grid.viewports[place].model.state.index

    def phase(self, place: int = 0) -> Phase:
        return self.viewer.desk.grid.viewports[place].surroundings.status.phase

    def detail(self, place: int = 0) -> str:
        return self.viewer.desk.grid.viewports[place].surroundings.status.detail


@pytest.fixture
def made(qtbot: QtBot, tmp_path: Path) -> Iterator[Made]:
    one = Made(qtbot, tmp_path)
    yield one
    one.viewer.close_down()
    one.viewer.close()
    one.viewer.deleteLater()
    QApplication.sendPostedEvents(None, 0)
    assert one.runner.shutdown() == []


def test_a_prior_that_comes_later_leaves_the_reader_on_the_slice(made: Made) -> None:
    made.viewer.hang(NOW.study)
    made.feed(NOW)
    made.viewer.desk.arranger.go(0, 7)
    made.viewer.set_layout(1, 2)
    made.viewer.hang(NOW.study, PRIOR.study)
    assert (made.shown(0), made.index(0)) == (NOW.study, 7)
    made.feed(PRIOR, 1)
    assert made.index(0) == 7


def test_another_prior_takes_the_place_of_the_first_alone(made: Made) -> None:
    made.viewer.set_layout(1, 2)
    made.viewer.hang(NOW.study, PRIOR.study)
    made.feed(NOW)
    made.feed(PRIOR, 1)
    made.viewer.desk.arranger.go(0, 5)
    made.viewer.hang(NOW.study, OTHER.study)
    assert made.shown(1) == ""
    made.feed(OTHER, 1)
    assert (made.shown(0), made.index(0)) == (NOW.study, 5)


def test_another_study_empties_both(made: Made) -> None:
    made.viewer.set_layout(1, 2)
    made.viewer.hang(NOW.study, PRIOR.study)
    made.feed(NOW)
    made.feed(PRIOR, 1)
    made.viewer.hang(OTHER.study)
    assert (made.shown(0), made.shown(1)) == ("", "")


def test_a_study_of_which_every_image_is_missing_has_failed_and_says_why(made: Made) -> None:
    made.viewer.hang(NOW.study)
    made.viewer.expect(NOW.study, NOW.series, 2)
    made.qtbot.waitUntil(lambda: made.detail() == "Waiting for the first image")
    for number in (1, 2):
        made.viewer.missing(NOW.study, NOW.series, f"{NOW.series}.{number}", "The hospital did not send this image")
    made.qtbot.waitUntil(lambda: made.phase() is Phase.FAILED)
    assert made.detail() == "The hospital did not send this image"


def test_a_study_whose_series_failed_as_a_whole_says_why_before_anything_hangs(made: Made) -> None:
    made.viewer.hang(NOW.study)
    made.viewer.missing(NOW.study, NOW.series, "", "nobody listens there")
    made.qtbot.waitUntil(lambda: made.phase() is Phase.FAILED)
    assert made.detail() == "nobody listens there"


def test_drawing_without_gpu_is_said_once_and_not_on_the_images(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    note = made.viewer.findChild(QLabel, "render_note")
    assert isinstance(note, QLabel)
    assert not note.isVisible()
    monkeypatch.setattr(viewport_grid, "choose", lambda _request: Choice(SOFTWARE, "The driver draws in software"))
    made.viewer.set_render_path("auto")
    assert note.isVisible()
    assert (note.text(), note.toolTip()) == ("Drawn without GPU", "The driver draws in software")
    assert all("GPU" not in viewport.surroundings.note for viewport in made.viewer.desk.grid.viewports)
