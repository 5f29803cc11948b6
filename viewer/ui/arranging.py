"""What hangs where: mounting, the default pair, following the link, and what each viewport says about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from viewer.hanging.default import is_side_show, main_image_set, matching_image_set
from viewer.records import FrameRef
from viewer.state.image_set import ImageSet
from viewer.ui.linking import Follow, LinkBasis
from viewer.ui.shelf import Phase, SeriesKey, SeriesOnShelf
from viewer.ui.stage import Stage
from viewer.ui.status import ViewportStatus, empty, oddities, of_series, of_study, order_note
from viewer.ui.viewport import Viewport
from viewer.ui.viewport_overlay import Surroundings


@dataclass(slots=True)
class Mount:
    """What one viewport was given. `automatic` until the reader chose or touched it."""

    key: SeriesKey
    automatic: bool = False


class Arranger:
    """Decides for the viewports of one desk. Main thread only."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._mounts: dict[int, Mount] = {}
        self._follows: dict[int, Follow] = {}
        self._hung: tuple[str, str] = ("", "")

    def hang(self, current_study_uid: str, prior_study_uid: str | None) -> None:
        """Current in the first viewport, prior in the second; filled as images come. A viewport that shows the right
        study already keeps its slice: a prior that comes later must not throw the reader back."""
        self._hung = (current_study_uid, prior_study_uid or "")
        for place in range(len(self._stage.grid.viewports)):
            mount = self._mounts.get(place)
            if mount is None or mount.key[0] != (self._hung[place] if place < 2 else ""):
                self._unmount(place)
        self._stage.activate(0)

    def mount(self, place: int, key: SeriesKey, block: int | None = None) -> None:
        """Show a series because the reader asked; nothing of what was there before stays."""
        self._mount(place, key, block, automatic=False)

    def touch(self, place: int) -> None:
        """The reader did something here: from now on nothing changes by itself."""
        if place in self._mounts:
            self._mounts[place].automatic = False

    def key_at(self, place: int) -> SeriesKey | None:
        """The series mounted in a viewport."""
        mount = self._mounts.get(place)
        return None if mount is None else mount.key

    def block_at(self, place: int) -> int:
        """The block of the series shown there."""
        return self._stage.grid.viewports[place].model.state.block

    def remove_study(self, study_instance_uid: str) -> None:
        """Empty every viewport that shows it, at once."""
        current, prior = self._hung
        gone = study_instance_uid
        self._hung = ("" if current == gone else current, "" if prior == gone else prior)
        for place, mount in list(self._mounts.items()):
            if mount.key[0] == gone:
                self._unmount(place)

    def update(self) -> None:
        """Take in what came; hang what waits; say what is so."""
        count = len(self._stage.grid.viewports)
        for place in [place for place in self._mounts if place >= count]:
            del self._mounts[place]
        self._hang_waiting()
        for place, viewport in enumerate(self._stage.grid.viewports):
            self._take_in(place, viewport)
            self.surround(place)

    def go(self, place: int, index: int) -> None:
        """Scroll one viewport, and the linked ones with it."""
        viewport = self._stage.grid.viewports[place]
        self.touch(place)
        if viewport.model.go(index):
            self._follow(place)
            viewport.refresh()
            self.surround(place)

    def go_to(self, series: SeriesOnShelf, frame: FrameRef) -> bool:
        """Bring a frame into view; False where it is not in any image set yet."""
        images = next((images for images in series.sets if images.index_of(frame) is not None), None)
        if images is None:
            return False
        index = images.index_of(frame)
        assert index is not None
        showing = [place for place, mount in self._mounts.items() if mount.key == series.key]
        place = self._stage.active if not showing or self._stage.active in showing else showing[0]
        if self.key_at(place) != series.key or self.block_at(place) != images.block:
            self._mount(place, series.key, images.block, automatic=False)
        self._stage.activate(place)
        self.go(place, index)
        self.update()
        return True

    def anchor(self) -> None:
        """The link holds from here on."""
        viewports = self._stage.grid.viewports
        self._stage.link.anchor({place: viewport.model.state.index for place, viewport in enumerate(viewports)})
        self._follows.clear()

    def surround(self, place: int) -> None:
        """Texts, state and annotations of one viewport."""
        stage, viewport = self._stage, self._stage.grid.viewports[place]
        study = viewport.model.state.study_instance_uid
        status = self._status(place, viewport)
        loading = status.phase is Phase.LOADING
        viewport.surround(
            Surroundings(
                label=stage.label_of(study),
                status=status,
                oddity="" if loading else oddities(viewport.model.images, stage.tr_text),
                link=self._link_text(place),
                note=order_note(viewport.model.images, stage.tr_text),
                gaps=() if loading else viewport.model.gaps,
                annotations=stage.annotations.of_study(study) if study else (),
                selected_id=stage.selected_id,
                texts_shown=viewport.surroundings.texts_shown,
            )
        )

    def show_texts(self, place: int, shown: bool) -> None:
        """Hide or show the texts over one image; who the patient is stays in the banner."""
        viewport = self._stage.grid.viewports[place]
        viewport.surround(replace(viewport.surroundings, texts_shown=shown))

    def _mount(self, place: int, key: SeriesKey, block: int | None, *, automatic: bool) -> None:
        viewport = self._stage.grid.viewports[place]
        self._stage.grid.cancel_drag(place)
        self._mounts[place] = Mount(key, automatic)
        series = self._stage.shelf.get(key)
        images = None if series is None else _block_of(series, block)
        viewport.model.mount(key[0], key[1], images)
        viewport.forget_painted()
        viewport.refresh()
        self.anchor()
        self.surround(place)

    def _unmount(self, place: int) -> None:
        self._mounts.pop(place, None)
        viewport = self._stage.grid.viewports[place]
        self._stage.grid.cancel_drag(place)
        viewport.model.mount("", "", None)
        viewport.forget_painted()
        viewport.refresh()
        self.anchor()
        self.surround(place)

    def _hang_waiting(self) -> None:
        shelf, count = self._stage.shelf, len(self._stage.grid.viewports)
        for place, study in enumerate(self._hung[:count]):
            if not study or not self._may_hang(place):
                continue
            sets = tuple(images for series in shelf.of_study(study) for images in series.sets)
            like = self._stage.grid.viewports[0].model.images if place == 1 else None
            choice = main_image_set(sets) if like is None else matching_image_set(like, sets)
            if choice is None:
                continue
            chosen = choice.image_set
            key = (chosen.study_instance_uid, chosen.series_instance_uid)
            if self.key_at(place) != key:
                self._mount(place, key, chosen.block, automatic=True)

    def _may_hang(self, place: int) -> bool:
        """Empty, or a localizer that hung by itself only because nothing else had come: the one thing replaced."""
        mount = self._mounts.get(place)
        if mount is None:
            return True
        images = self._stage.grid.viewports[place].model.images
        return mount.automatic and (images is None or is_side_show(images))

    def _take_in(self, place: int, viewport: Viewport) -> None:
        """More of the mounted series came: keep the frame that is shown, whatever block it is in now."""
        mount = self._mounts.get(place)
        series = None if mount is None else self._stage.shelf.get(mount.key)
        if series is None:
            return
        model = viewport.model
        frame = model.frame
        images = None
        if frame is not None:
            images = next((images for images in series.sets if images.index_of(frame.ref) is not None), None)
        if images is None:
            images = _block_of(series, None)
        if images is model.images:
            return
        before, old = model.state.index, frame
        model.update(images)
        anchors = self._stage.link.anchors
        anchors[place] = anchors.get(place, before) + model.state.index - before
        new = model.frame
        viewport.refresh(picture=old is None or new is None or old.header is not new.header or old.ref != new.ref)

    def _follow(self, leader: int) -> None:
        viewports = self._stage.grid.viewports
        self._follows.clear()
        for place, viewport in enumerate(viewports):
            if place == leader:
                continue
            found = self._stage.link.follow(leader, viewports[leader].model, place, viewport.model)
            if found is None:
                self.surround(place)
                continue
            self._follows[place] = found
            self.touch(place)
            if viewport.model.go(found.index):
                viewport.refresh()
            self.surround(place)

    def _status(self, place: int, viewport: Viewport) -> ViewportStatus:
        tr = self._stage.tr_text
        mount = self._mounts.get(place)
        series = None if mount is None else self._stage.shelf.get(mount.key)
        if series is not None:
            return of_series(series, self._stage.label_of(series.key[0]).site_name, tr)
        if mount is not None:
            return empty(tr("Nothing of this series has come yet"), tr)
        study = self._hung[place] if place < len(self._hung) else ""
        if study:
            shelf, label = self._stage.shelf, self._stage.label_of(study)
            return of_study(shelf.of_study(study), label.site_name, tr, study_failure=shelf.failure_of(study))
        if place == 1 and self._hung[0]:
            return empty(tr("No prior study is open"), tr)
        return empty(tr("Choose a series on the left"), tr)

    def _link_text(self, place: int) -> str:
        found = self._follows.get(place)
        if found is None or not self._stage.link.on or not self._is_linked_now(place, found):
            return ""
        tr = self._stage.tr_text
        if found.basis is LinkBasis.POSITION:
            return tr("Linked by position")
        if found.basis is LinkBasis.NEAREST:
            return tr("Linked by position, nearest")
        if found.basis is LinkBasis.MILLIMETERS:
            return tr("Linked by offset, in mm")
        return tr("Linked by offset {n} images").format(n=f"{found.offset:+d}")

    def _is_linked_now(self, place: int, found: Follow) -> bool:
        """Whether a partner still is where the link leads: nearer slices may have come since (the image stays, R15)."""
        if found.basis in (LinkBasis.OFFSET, LinkBasis.MILLIMETERS):
            return True
        leader, viewports = self._stage.active, self._stage.grid.viewports
        now = self._stage.link.follow(leader, viewports[leader].model, place, viewports[place].model)
        return now is None or leader == place or now.index == viewports[place].model.state.index


def _block_of(series: SeriesOnShelf, block: int | None) -> ImageSet | None:
    """The block asked for, else the one with most frames."""
    for images in series.sets:
        if images.block == block:
            return images
    return max(series.sets, key=lambda images: len(images.frames), default=None)
