"""The content tree of TID 2000 Basic Diagnostic Imaging Report (PS3.16; order significant), from the neutral model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom.dataset import Dataset

from viewer.records import Annotation, AnnotationKind, FrameRef, MeasuredValue
from worklist_client.report import codes
from worklist_client.report.codes import Code
from worklist_client.report.content import (
    CONTAINS,
    HAS_CONCEPT_MOD,
    HAS_OBS_CONTEXT,
    INFERRED_FROM,
    ImageReference,
    code,
    container,
    number,
    person,
    picture,
    shape,
    text,
)
from worklist_client.report.drawn import outline
from worklist_client.report.model import SECTIONS, Draft, Reader, ReportedMeasurement
from worklist_client.report.source import SourceImage
from worklist_client.report.text import phrase
from worklist_client.report.words import language_of, measurement_text, values_text

_GEOMETRIC = {"length": codes.LENGTH, "area": codes.AREA}


@dataclass(frozen=True)
class References:
    """The images that the tree may point at (current study, priors of the same site), and who presents them."""

    images: Mapping[str, SourceImage]
    presentations: Mapping[str, tuple[str, str]]

    def of(self, frame: FrameRef) -> ImageReference | None:
        """The reference of a frame, or None where its image is not ours to point at (another site's prior)."""
        image = self.images.get(frame.sop_instance_uid)
        if image is None:
            return None
        return ImageReference(
            image.sop_class_uid,
            image.sop_instance_uid,
            frame.frame_number if image.multi_frame else None,
            self.presentations.get(image.sop_instance_uid),
        )

    def is_of_study(self, frame: FrameRef, study_instance_uid: str) -> bool:
        """Whether the image belongs to that study."""
        image = self.images.get(frame.sop_instance_uid)
        return image is not None and image.study_instance_uid == study_instance_uid


def content_tree(
    draft: Draft, reader: Reader, first: SourceImage, references: References, language: str
) -> list[Dataset]:
    """Children of the root container, in the template's order."""
    return [
        *_procedure(first, _regions(draft, references)),
        code(HAS_CONCEPT_MOD, codes.LANGUAGE, codes.LANGUAGES[language_of(language)]),
        *_observer(reader),
        *_sections(draft, references, language),
    ]


def _regions(draft: Draft, references: References) -> set[str]:
    """Body Part Examined of every image of the study, empty ones too."""
    return {
        str(image.header.get("BodyPartExamined", "") or "").strip().upper()
        for image in references.images.values()
        if image.study_instance_uid == draft.study_instance_uid
    }


def _procedure(first: SourceImage, regions: set[str]) -> list[Dataset]:
    """What was reported, on which device, of which region: where known, never guessed. Where no code says it, the
    hospital's own description does, in words."""
    modality = str(first.header.get("Modality", ""))
    items = []
    said = _coded(first.header)
    if said is None and len(regions) == 1:
        said = codes.PROCEDURES_OF_REGION.get((modality, next(iter(regions))))
    reported = said or codes.PROCEDURES.get(modality)
    if reported is not None:
        items.append(code(HAS_CONCEPT_MOD, codes.PROCEDURE_REPORTED, reported))
    description = phrase(_described(first.header))
    if said is None and description:
        items.append(text(HAS_CONCEPT_MOD, codes.PROCEDURE_DESCRIPTION, description))
    if modality in codes.DEVICE_TYPES:
        items.append(code(HAS_CONCEPT_MOD, codes.ACQUISITION_DEVICE_TYPE, codes.DEVICE_TYPES[modality]))
    region = codes.REGIONS.get(str(first.header.get("BodyPartExamined", "")).strip().upper())
    if region is not None:
        items.append(code(HAS_CONCEPT_MOD, codes.TARGET_REGION, region))
    return items


def _described(header: Dataset) -> str:
    """The order's words for the procedure, else the study's."""
    asked = next(iter(header.get("RequestAttributesSequence") or ()), Dataset())
    return str(asked.get("RequestedProcedureDescription", "") or header.get("StudyDescription", "") or "")


def _coded(header: Dataset) -> Code | None:
    """Procedure Code Sequence of the study, where it is complete."""
    for item in header.get("ProcedureCodeSequence") or ():
        values = [
            str(item.get(keyword, "") or "") for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
        ]
        if all(values):
            return Code(*values)
    return None


def _observer(reader: Reader) -> list[Dataset]:
    """TID 1001, 1002, 1003: the person who reports."""
    items = [
        code(HAS_OBS_CONTEXT, codes.OBSERVER_TYPE, codes.PERSON),
        person(HAS_OBS_CONTEXT, codes.PERSON_NAME, reader.name),
    ]
    if reader.organisation:
        items.append(text(HAS_OBS_CONTEXT, codes.PERSON_ORGANIZATION, phrase(reader.organisation)))
    if reader.role == "Radiologist":
        items.append(code(HAS_OBS_CONTEXT, codes.ROLE_IN_ORGANIZATION, codes.RADIOLOGIST))
    items.append(code(HAS_OBS_CONTEXT, codes.ROLE_IN_PROCEDURE, codes.RECORDING))
    return items


def _sections(draft: Draft, references: References, language: str) -> list[Dataset]:
    result = []
    for section in SECTIONS:
        element = codes.SECTION_ELEMENTS[section]
        words = draft.sections.get(section, "").strip()
        children = [text(CONTAINS, element, words)] if words else []
        for measurement in draft.measurements:
            if measurement.section == section:
                children += _measured(measurement, element, references, language)
        if section == "comparison":
            children += _baselines(draft, references)
        if children:
            result.append(container(CONTAINS, codes.SECTION_HEADINGS[section], children))
    key = references.of(draft.key_frame) if draft.key_frame is not None else None
    if key is not None:
        result.append(container(CONTAINS, codes.KEY_IMAGES, [picture(CONTAINS, codes.BEST_ILLUSTRATION, key)]))
    return result


def _baselines(draft: Draft, references: References) -> list[Dataset]:
    """One image of each prior that may be referenced: the baseline of the comparison."""
    seen: dict[str, SourceImage] = {}
    for image in references.images.values():
        if image.study_instance_uid != draft.study_instance_uid:
            seen.setdefault(image.study_instance_uid, image)
    return [
        picture(
            CONTAINS,
            codes.BASELINE,
            ImageReference(image.sop_class_uid, image.sop_instance_uid, 1 if image.multi_frame else None),
        )
        for image in seen.values()
    ]


def _measured(measurement: ReportedMeasurement, element: Code, references: References, language: str) -> list[Dataset]:
    """One TEXT for each kind of number: TID 2001 allows one kind below an observation (report.md §3).

    Words that the reader changed stand on the first, unchanged ones are dealt out with their numbers; a numberless
    one (arrow) points at its image.
    """
    annotation = measurement.annotation
    geometric = [value for value in annotation.values if value.name in _GEOMETRIC]
    derived = [value for value in annotation.values if value.name in codes.DERIVATIONS]
    reference = references.of(annotation.frame)
    spoken = measurement_text(annotation, language)
    words = measurement.text.strip() or spoken
    if not geometric and not derived:
        children = [picture(INFERRED_FROM, codes.BEST_ILLUSTRATION, reference)] if reference is not None else []
        return [text(CONTAINS, element, words, children)] if words else []
    kinds = [[value] for value in geometric] + ([derived] if derived else [])
    items = []
    for place, values in enumerate(kinds):
        is_whole = place == 0 and (words != spoken or len(kinds) == 1)
        says = words if is_whole else values_text(values, language)
        items.append(_finding(element, says, values, annotation, reference, references))
    return items


def _finding(
    element: Code,
    words: str,
    values: list[MeasuredValue],
    annotation: Annotation,
    reference: ImageReference | None,
    references: References,
) -> Dataset:
    image = references.images.get(annotation.frame.sop_instance_uid)
    modality = str(image.header.get("Modality", "")) if image is not None else ""
    return text(CONTAINS, element, words, [_number(value, annotation, reference, modality) for value in values])


def _number(value: MeasuredValue, annotation: Annotation, reference: ImageReference | None, modality: str) -> Dataset:
    unit = codes.UNITS.get(value.unit) or Code(value.unit, "UCUM", value.unit_text or value.unit)
    children = []
    name = _GEOMETRIC.get(value.name)
    if name is None:
        children.append(code(HAS_CONCEPT_MOD, codes.DERIVATION, codes.DERIVATIONS[value.name]))
        name = _quantity(value, modality)
    if reference is not None and annotation.kind is not AnnotationKind.ARROW:
        kind, points = outline(annotation)
        source = codes.SOURCE_OF_MEASUREMENT
        children.append(shape(INFERRED_FROM, source, kind, points, reference, source))
    return number(INFERRED_FROM, name, value.value, unit, children)


def _quantity(value: MeasuredValue, modality: str) -> Code:
    if value.unit == "[hnsf'U]":
        return codes.ATTENUATION
    return codes.MR_SIGNAL if modality == "MR" else codes.PIXEL_VALUE
