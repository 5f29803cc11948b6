"""Content items of a structured report (PS3.3 C.17.3), in our own small builder."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Items
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from viewer.records import Point2
from worklist_client.report.codes import Code
from worklist_client.report.shown import decimal
from worklist_client.report.text import paragraph, phrase

CONTAINS = "CONTAINS"
HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
INFERRED_FROM = "INFERRED FROM"
SELECTED_FROM = "SELECTED FROM"


@dataclass(frozen=True)
class ImageReference:
    """One image or frame, and the presentation state that shows it as it was read."""

    sop_class_uid: str
    sop_instance_uid: str
    frame_number: int | None = None
    """Only for multi-frame images."""
    presentation: tuple[str, str] | None = None
    """(SOP Class UID, SOP Instance UID)."""


def code_item(code: Code) -> Dataset:
    """One item of a code sequence."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = phrase(code.meaning)
    return item


def container(relationship: str, name: Code, children: Iterable[Dataset]) -> Dataset:
    """CONTAINER, SEPARATE."""
    item = _item(relationship, "CONTAINER", name)
    item.ContinuityOfContent = "SEPARATE"
    return with_children(item, children)


def text(relationship: str, name: Code, value: str, children: Iterable[Dataset] = ()) -> Dataset:
    """TEXT."""
    item = _item(relationship, "TEXT", name)
    item.TextValue = paragraph(value)
    return with_children(item, children)


def code(relationship: str, name: Code, value: Code) -> Dataset:
    """CODE."""
    item = _item(relationship, "CODE", name)
    item.ConceptCodeSequence = Sequence([code_item(value)])
    return item


def person(relationship: str, name: Code, value: str) -> Dataset:
    """PNAME."""
    item = _item(relationship, "PNAME", name)
    item.PersonName = phrase(value)
    return item


def number(relationship: str, name: Code, value: float, unit: Code, children: Iterable[Dataset] = ()) -> Dataset:
    """NUM."""
    item = _item(relationship, "NUM", name)
    measured = Dataset()
    measured.NumericValue = decimal(round(value, 6))
    measured.MeasurementUnitsCodeSequence = Sequence([code_item(unit)])
    item.MeasuredValueSequence = Sequence([measured])
    return with_children(item, children)


def shape(
    relationship: str, name: Code, kind: str, points: Items[Point2], image: ImageReference, image_name: Code
) -> Dataset:
    """SCOORD in corner coordinates, selected from one image."""
    item = _item(relationship, "SCOORD", name)
    item.GraphicType = kind
    item.GraphicData = [value for point in points for value in point]
    return with_children(item, [picture(SELECTED_FROM, image_name, image)])


def picture(relationship: str, name: Code, reference: ImageReference) -> Dataset:
    """IMAGE; the presentation state is nested in the reference (PS3.3 C.17.3.6)."""
    item = _item(relationship, "IMAGE", name)
    image = Dataset()
    image.ReferencedSOPClassUID = reference.sop_class_uid
    image.ReferencedSOPInstanceUID = reference.sop_instance_uid
    if reference.frame_number is not None:
        image.ReferencedFrameNumber = reference.frame_number
    if reference.presentation is not None:
        state = Dataset()
        state.ReferencedSOPClassUID, state.ReferencedSOPInstanceUID = reference.presentation
        image.ReferencedSOPSequence = Sequence([state])
    item.ReferencedSOPSequence = Sequence([image])
    return item


def with_children(item: Dataset, children: Iterable[Dataset]) -> Dataset:
    """The item with its Content Sequence, which is absent where there are none."""
    kept = list(children)
    if kept:
        item.ContentSequence = Sequence(kept)
    return item


def _item(relationship: str, value_type: str, name: Code) -> Dataset:
    item = Dataset()
    item.RelationshipType = relationship
    item.ValueType = value_type
    item.ConceptNameCodeSequence = Sequence([code_item(name)])
    return item
