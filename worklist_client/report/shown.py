"""Windows and displayed areas of a presentation state, per set of images (PS3.3 C.11.8, C.10.4)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import DSfloat

from viewer.dicom.ingest import ingest
from viewer.dicom.pixels import default_voi
from viewer.errors import ViewerError
from viewer.geometry.corner import Area, displayed_area_corners, full_area
from viewer.records import DisplayedState, Window
from worklist_client.report.source import SourceImage, spacing_of, windows_of
from worklist_client.report.study_module import copied
from worklist_client.report.text import phrase

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Orientation:
    """What holds for a whole presentation state: clockwise rotation, then flip; and the user's inversion."""

    rotation_deg: int = 0
    flipped: bool = False
    inverted: bool = False


@dataclass(frozen=True, eq=False)
class Slot:
    """One frame as it was, or would be, displayed."""

    image: SourceImage
    frame_number: int
    state: DisplayedState | None
    series_state: DisplayedState | None
    """The last state of the same series: its window is the viewport's and so holds for its neighbors too."""


def slots_of(images: Iterable[SourceImage], states: tuple[DisplayedState, ...]) -> list[Slot]:
    """Every frame of the images, with the state it was shown in."""
    shown = {(state.frame.sop_instance_uid, state.frame.frame_number): state for state in states}
    by_series = {state.series_instance_uid: state for state in states}
    return [
        Slot(
            image,
            number,
            shown.get((image.sop_instance_uid, number)),
            by_series.get(image.series_instance_uid),
        )
        for image in images
        for number in range(1, image.frames + 1)
    ]


def voi_items(slots: list[Slot]) -> list[Dataset]:
    """Softcopy VOI LUT Sequence. Without an item the VOI of the image would be *identity*, not the image's own."""
    items = []
    for key, members in _grouped(slots, _voi_key):
        if key is None:
            continue
        item = Dataset()
        _fill_voi(item, key, members[0].image)
        _add_references(item, members, slots)
        items.append(item)
    return items


def area_items(slots: list[Slot], orientation: Orientation) -> list[Dataset]:
    """Displayed Area Selection Sequence: the zoomed frames, and the full area for all others."""

    def key_of(slot: Slot) -> tuple[Area, tuple[int, int], tuple[float, float] | None]:
        area = slot.state.area_px if slot.state is not None else None
        return area or full_area(*slot.image.size), slot.image.size, spacing_of(slot.image)

    items = []
    for (area, size, spacing), members in _grouped(slots, key_of):
        clipped = (
            max(0.0, area[0]),
            max(0.0, area[1]),
            min(float(size[1]), area[2]),
            min(float(size[0]), area[3]),
        )
        top_left, bottom_right = displayed_area_corners(clipped, orientation.rotation_deg, orientation.flipped)
        item = Dataset()
        _add_references(item, members, slots)
        item.DisplayedAreaTopLeftHandCorner = list(top_left)
        item.DisplayedAreaBottomRightHandCorner = list(bottom_right)
        item.PresentationSizeMode = "SCALE TO FIT"
        _add_aspect(item, members[0].image, spacing)
        items.append(item)
    return items


def references(slots: list[Slot]) -> Sequence:
    """Referenced Image Sequence of the slots; frames are named where not all frames of an image are meant."""
    frames: dict[str, list[int]] = {}
    images: dict[str, SourceImage] = {}
    for slot in slots:
        images[slot.image.sop_instance_uid] = slot.image
        frames.setdefault(slot.image.sop_instance_uid, []).append(slot.frame_number)
    items = []
    for uid, image in images.items():
        item = Dataset()
        item.ReferencedSOPClassUID = image.sop_class_uid
        item.ReferencedSOPInstanceUID = uid
        if len(frames[uid]) != image.frames:
            item.ReferencedFrameNumber = frames[uid]
        items.append(item)
    return Sequence(items)


def decimal(value: float) -> DSfloat:
    """A DS of at most 16 characters."""
    return DSfloat(value, auto_format=True)


def opening_window(image: SourceImage) -> Window | None:
    """The window the viewer opens an image with that states none: a state without it would show identity."""
    if image.color:
        return None
    header = ingest(image.instance.path)
    try:
        voi = default_voi(header, 0) if header.pixels is not None else None
    except ViewerError:
        return None
    return voi if isinstance(voi, Window) else None


VoiKey = Window | str | None
"""A window; the name of an image whose own VOI LUT holds; or nothing."""


def _voi_key(slot: Slot) -> VoiKey:
    if slot.state is not None and slot.state.window is not None:
        return slot.state.window
    if slot.series_state is not None and slot.series_state.window is not None:
        return slot.series_state.window
    if slot.image.header.get("VOILUTSequence"):
        return slot.image.sop_instance_uid
    return windows_of(slot.image) or opening_window(slot.image)


def _fill_voi(item: Dataset, key: Window | str, image: SourceImage) -> None:
    if isinstance(key, str):
        item.add(copied(image.header["VOILUTSequence"]))
        return
    item.WindowCenter = decimal(key.center)
    item.WindowWidth = decimal(key.width)
    if key.explanation:
        item.WindowCenterWidthExplanation = phrase(key.explanation)
    if key.function != "LINEAR":
        item.VOILUTFunction = str(key.function)


def _add_aspect(item: Dataset, image: SourceImage, spacing: tuple[float, float] | None) -> None:
    if spacing is not None:
        item.PresentationPixelSpacing = [decimal(spacing[0]), decimal(spacing[1])]
        return
    stated = image.header.get("PixelAspectRatio")
    item.PresentationPixelAspectRatio = [int(stated[0]), int(stated[1])] if stated and len(stated) == 2 else [1, 1]


def _add_references(item: Dataset, members: list[Slot], slots: list[Slot]) -> None:
    if len(members) != len(slots):
        item.ReferencedImageSequence = references(members)


def _grouped(slots: list[Slot], key_of: Callable[[Slot], K]) -> list[tuple[K, list[Slot]]]:
    groups: dict[K, list[Slot]] = {}
    for slot in slots:
        groups.setdefault(key_of(slot), []).append(slot)
    return list(groups.items())
