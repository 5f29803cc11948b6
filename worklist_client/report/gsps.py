"""Grayscale and Color Softcopy Presentation States (PS3.3 A.33.1, A.33.2; report.md §4, §5).

One state for each (image series, matrix, modality LUT, polarity, color, orientation), because a state can hold only one
of each. A series where nothing was drawn or set gets none. Frames whose modality LUT differs inside one instance cannot
be expressed: they are named in `skipped`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from viewer.records import Annotation, DisplayedState
from worklist_client.report.document import Stamp, add_equipment, new_object
from worklist_client.report.drawn import LAYER, graphic_objects, text_object
from worklist_client.report.model import Draft
from worklist_client.report.shown import Orientation, Slot, area_items, decimal, references, slots_of, voi_items
from worklist_client.report.source import Rescale, SourceImage, rescale_of, uniform_rescale
from worklist_client.report.srgb_profile import SRGB_ICC_PROFILE
from worklist_client.report.study_module import copied
from worklist_client.report.text import phrase

GRAYSCALE = "1.2.840.10008.5.1.4.1.1.11.1"
COLOR = "1.2.840.10008.5.1.4.1.1.11.2"
SERIES_NUMBER = 9001
LAYER_COLOR_CIELAB = (55512, 27750, 61337)
"""Yellow, as unsigned 16-bit CIELab (PS3.3 C.10.7.1.1)."""


class _GroupKey(NamedTuple):
    series_instance_uid: str
    size: tuple[int, int]
    color: bool
    inverse: bool
    rescale: Rescale | None
    modality_lut: str
    """SOP Instance UID where the image has a LUT of its own; such images stay alone."""
    orientation: Orientation


@dataclass(frozen=True)
class Presentations:
    """The states; `of_image` = SOP Instance UID of an image -> (class, instance) of the state that shows it."""

    datasets: tuple[Dataset, ...]
    of_image: dict[str, tuple[str, str]]
    skipped: tuple[str, ...]


def render_presentations(
    draft: Draft, images: tuple[SourceImage, ...], stamp: Stamp, new_uid: Callable[[], str]
) -> Presentations:
    """Render all states of a draft over the images of its own study."""
    study = draft.study_instance_uid
    states = tuple(state for state in draft.displayed if state.study_instance_uid == study)
    annotations = annotations_of(draft)
    touched = {state.series_instance_uid for state in states} | {one.series_instance_uid for one in annotations}
    series_uid = new_uid()
    datasets: list[Dataset] = []
    of_image: dict[str, tuple[str, str]] = {}
    usable = [image for image in images if image.series_instance_uid in touched]
    skipped = tuple(image.sop_instance_uid for image in usable if not uniform_rescale(image))
    groups = _groups([image for image in usable if uniform_rescale(image)], states)
    for number, (key, members) in enumerate(groups.items(), start=1):
        dataset = new_object(COLOR if key.color else GRAYSCALE, new_uid(), stamp)
        _series(dataset, series_uid, members[0], stamp)
        _identification(dataset, number, len(groups), stamp)
        dataset.ReferencedSeriesSequence = Sequence([_series_item(key, members)])
        _display(dataset, key, members, states)
        _annotate(dataset, annotations, members, key.orientation, stamp.language)
        datasets.append(dataset)
        for image in members:
            of_image[image.sop_instance_uid] = (str(dataset.SOPClassUID), str(dataset.SOPInstanceUID))
    return Presentations(tuple(datasets), of_image, skipped)


def annotations_of(draft: Draft) -> tuple[Annotation, ...]:
    """Everything drawn on the current study, each once; what was inserted into the report counts as drawn."""
    found = {one.annotation_id: one for one in draft.annotations}
    for measurement in draft.measurements:
        found.setdefault(measurement.annotation.annotation_id, measurement.annotation)
    return tuple(one for one in found.values() if one.study_instance_uid == draft.study_instance_uid)


def _groups(images: list[SourceImage], states: tuple[DisplayedState, ...]) -> dict[_GroupKey, list[SourceImage]]:
    own: dict[str, DisplayedState] = {}
    series: dict[str, DisplayedState] = {}
    for one in states:
        own.setdefault(one.frame.sop_instance_uid, one)
        series[one.series_instance_uid] = one
    groups: dict[_GroupKey, list[SourceImage]] = {}
    for image in images:
        state = own.get(image.sop_instance_uid) or series.get(image.series_instance_uid)
        turn = (
            Orientation(state.rotation_deg % 360, state.flipped, state.inverted and not image.color)
            if state is not None
            else Orientation()
        )
        alone = image.sop_instance_uid if image.header.get("ModalityLUTSequence") else ""
        key = _GroupKey(
            image.series_instance_uid, image.size, image.color, image.inverse, rescale_of(image), alone, turn
        )
        groups.setdefault(key, []).append(image)
    return groups


def _series(dataset: Dataset, series_uid: str, image: SourceImage, stamp: Stamp) -> None:
    dataset.Modality = "PR"
    dataset.SeriesInstanceUID = series_uid
    dataset.SeriesNumber = SERIES_NUMBER
    dataset.SeriesDescription = "Annotations and windows of the report"
    # Laterality is 2C: needed for a paired body part, so without a body part it is stated, empty if need be.
    for keyword in ("BodyPartExamined", "Laterality"):
        if image.header.get(keyword):
            dataset.add(copied(image.header[keyword]))
    if "BodyPartExamined" not in dataset and "Laterality" not in dataset:
        dataset.Laterality = ""
    add_equipment(dataset, stamp)


def _identification(dataset: Dataset, number: int, count: int, stamp: Stamp) -> None:
    dataset.InstanceNumber = number
    dataset.ContentLabel = "REPORT" if count == 1 else f"REPORT_{number}"
    dataset.ContentDescription = "Annotations of the signed report"
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = stamp.date, stamp.time
    dataset.ContentCreatorName = phrase(stamp.reader.name)


def _series_item(key: _GroupKey, images: list[SourceImage]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = key.series_instance_uid
    item.ReferencedImageSequence = references(slots_of(images, ()))
    return item


def _display(dataset: Dataset, key: _GroupKey, images: list[SourceImage], states: tuple[DisplayedState, ...]) -> None:
    slots = slots_of(images, states)
    dataset.DisplayedAreaSelectionSequence = Sequence(area_items(slots, key.orientation))
    if key.orientation.rotation_deg or key.orientation.flipped:
        dataset.ImageRotation = key.orientation.rotation_deg
        dataset.ImageHorizontalFlip = "Y" if key.orientation.flipped else "N"
    if key.color:
        dataset.ICCProfile = SRGB_ICC_PROFILE
        dataset.ColorSpace = "SRGB"
        return
    if key.modality_lut:
        dataset.add(copied(images[0].header["ModalityLUTSequence"]))
    elif key.rescale is not None:
        dataset.RescaleIntercept = decimal(key.rescale.intercept)
        dataset.RescaleSlope = decimal(key.rescale.slope)
        dataset.RescaleType = phrase(key.rescale.kind)
    windows = voi_items(slots)
    if windows:
        dataset.SoftcopyVOILUTSequence = Sequence(windows)
    # The shape overrides Photometric Interpretation (PS3.4 N.2.1.4): MONOCHROME1 is inverted here and nowhere else.
    dataset.PresentationLUTShape = "INVERSE" if key.inverse != key.orientation.inverted else "IDENTITY"


def _annotate(
    dataset: Dataset,
    annotations: tuple[Annotation, ...],
    images: list[SourceImage],
    orientation: Orientation,
    language: str,
) -> None:
    by_uid = {image.sop_instance_uid: image for image in images}
    items = []
    for annotation in annotations:
        image = by_uid.get(annotation.frame.sop_instance_uid)
        if image is None:
            continue
        item = Dataset()
        item.ReferencedImageSequence = references([Slot(image, annotation.frame.frame_number, None, None)])
        item.GraphicLayer = LAYER
        item.GraphicObjectSequence = Sequence(graphic_objects(annotation))
        turn = (orientation.rotation_deg, orientation.flipped)
        words = text_object(annotation, image.size, turn, language)
        if words is not None:
            item.TextObjectSequence = Sequence([words])
        items.append(item)
    if items:
        dataset.GraphicAnnotationSequence = Sequence(items)
        layer = Dataset()
        layer.GraphicLayer = LAYER
        layer.GraphicLayerOrder = 1
        layer.GraphicLayerDescription = "Annotations of the report"
        layer.GraphicLayerRecommendedDisplayCIELabValue = list(LAYER_COLOR_CIELAB)
        dataset.GraphicLayerSequence = Sequence([layer])
