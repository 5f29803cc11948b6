"""Keeps the strip of thumbnails true: what is on the shelf, how much of it, and a small image of each series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from viewer.cancel import CancelToken
from viewer.dates import shown_date
from viewer.dicom.pixels import default_voi, display_frame
from viewer.records import FrameRef
from viewer.state.image_set import ImageFrame, ImageSet
from viewer.tasks import TaskRunner
from viewer.ui.arranging import Arranger
from viewer.ui.image_texts import block_text, with_block
from viewer.ui.shelf import Phase, SeriesOnShelf
from viewer.ui.stage import Stage
from viewer.ui.thumbnails import IMAGE_PX, StudyTiles, Thumbnails, Tile, TileKey


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: TileKey
    frame: ImageFrame


class SeriesStrip(QObject):
    """Of one desk. Small images are made in the background."""

    def __init__(self, stage: Stage, arranger: Arranger, runner: TaskRunner, parent: QWidget) -> None:
        super().__init__(stage)
        self._stage, self._arranger, self._runner = stage, arranger, runner
        self.widget = Thumbnails(stage.tr_text, parent)
        self._pictured: dict[TileKey, FrameRef] = {}

    def update(self) -> None:
        """Tiles of every study that was fed or hung, the current one first."""
        shelf = self._stage.shelf
        order = sorted(shelf.studies(), key=lambda study: self._stage.label_of(study).foreign)
        studies = tuple(tiles for study in order if (tiles := self._study(study)).tiles)
        self.widget.show_studies(studies)
        for series in shelf:
            for images in series.sets:
                self._want_picture(series, images)

    def remove_study(self, study_instance_uid: str) -> None:
        """Forget its small images, those under way included."""
        self._pictured = {key: ref for key, ref in self._pictured.items() if key[0] != study_instance_uid}

    def _study(self, study: str) -> StudyTiles:
        all_series = self._stage.shelf.of_study(study)
        header = next((header for series in all_series for header in series.images), None)
        title = "" if header is None else f"{shown_date(header.study_date)}\n{header.study_description}".strip()
        tiles = tuple(tile for series in all_series for tile in self._tiles(series))
        return StudyTiles(study, self._stage.label_of(study), title, tiles)

    def _tiles(self, series: SeriesOnShelf) -> list[Tile]:
        if not series.sets:
            worth = series.phase is Phase.FAILED or not series.headers or series.failed_images
            return [self._tile(series, None)] if worth else []
        return [self._tile(series, images) for images in series.sets]

    def _tile(self, series: SeriesOnShelf, images: ImageSet | None) -> Tile:
        stage, tr = self._stage, self._stage.tr_text
        block = 0 if images is None else images.block
        if images is None:
            title, frames = tr("Series"), 0
        else:
            head = images.header
            number = "" if head.series_number is None else str(head.series_number)
            name = head.series_description or head.modality
            title = f"{number} {with_block(name, block_text(images.label, tr))}".strip()
            frames = len(images.frames)
        places = range(len(stage.grid.viewports))
        hung = any(self._arranger.key_at(p) == series.key and self._arranger.block_at(p) == block for p in places)
        loading = series.phase is Phase.LOADING
        issues = "" if images is None or loading else "\n".join(tr(issue.text) for issue in images.issues)
        return Tile(series.key, block, title, self._count(series, images, frames), series.phase, issues, hung)

    def _count(self, series: SeriesOnShelf, images: ImageSet | None, frames: int) -> str:
        tr = self._stage.tr_text
        if series.phase is Phase.FAILED:
            return tr("Not loaded")
        if images is None and series.failed_images:
            return tr("Cannot be shown")
        split = images is not None and images.blocks > 1
        if series.phase in (Phase.LOADING, Phase.PARTIAL) and series.expected is not None and not split:
            return f"{series.received}/{series.expected}"
        if frames == 1:
            return tr("1 image")
        return tr("{n} images").format(n=frames)

    def _want_picture(self, series: SeriesOnShelf, images: ImageSet) -> None:
        """From the first image that came; once more from the middle one when the series is complete."""
        key = (*series.key, images.block)
        frame = images.frames[len(images.frames) // 2]
        known = self._pictured.get(key)
        if known == frame.ref or (known is not None and not series.is_ready):
            return
        self._pictured[key] = frame.ref
        self._runner.submit(
            _small_picture,
            _Wanted(key, frame),
            lane="thumbnail",
            owner=self,
            done=lambda pixels: self._show(key, frame.ref, pixels),
            failed=lambda error: None,
        )

    def _show(self, key: TileKey, frame: FrameRef, pixels: NDArray[np.uint8]) -> None:
        tile = self.widget.tile(key)
        if tile is not None and self._pictured.get(key) == frame:
            tile.show_picture(pixels)


def _small_picture(wanted: _Wanted, token: CancelToken) -> NDArray[np.uint8]:
    """Every n-th pixel: a thumbnail is to be recognized, not read."""
    token.check()
    header, index = wanted.frame.header, wanted.frame.frame_index
    pixels = display_frame(header, index, default_voi(header, index), False)
    step = max(1, min(header.rows, header.columns) // (2 * IMAGE_PX))
    return np.ascontiguousarray(pixels[::step, ::step])
