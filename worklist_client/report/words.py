"""Numbers as a radiologist reads them, Dutch and English: unit and provenance always with the value.

These are words *of the report*, in the report's language, so they do not go through the translator of the interface.
"""

from __future__ import annotations

from collections.abc import Sequence

from viewer.records import Annotation, AnnotationKind, MeasuredValue, SpacingBasis
from viewer.titles import without_modality
from worklist_client.report.model import PriorStudy

NAMES = {
    "en": {
        "length": "Length",
        "area": "Area",
        "mean": "mean",
        "standard_deviation": "SD",
        "minimum": "min",
        "maximum": "max",
    },
    "nl": {
        "length": "Lengte",
        "area": "Oppervlakte",
        "mean": "gemiddelde",
        "standard_deviation": "SD",
        "minimum": "min",
        "maximum": "max",
    },
}
BASIS = {
    "en": {
        SpacingBasis.DETECTOR_PLANE: "at detector",
        SpacingBasis.MAGNIFICATION_CORRECTED: "corrected for magnification",
        SpacingBasis.CALIBRATED: "calibrated",
        SpacingBasis.SCANNED: "of the scanned film",
        SpacingBasis.UNKNOWN_PROJECTION: "scale not certain",
    },
    "nl": {
        SpacingBasis.DETECTOR_PLANE: "op de detector",
        SpacingBasis.MAGNIFICATION_CORRECTED: "gecorrigeerd voor vergroting",
        SpacingBasis.CALIBRATED: "gekalibreerd",
        SpacingBasis.SCANNED: "van de gescande film",
        SpacingBasis.UNKNOWN_PROJECTION: "schaal onzeker",
    },
}
UNITS = {"mm": "mm", "mm2": "mm²", "[hnsf'U]": "HU", "1": "", "{pixels}": "px", "{pixels}2": "px²"}
DEGRADED = {"en": "image incomplete", "nl": "beeld onvolledig"}
SITE_WORDS = {"en": "at", "nl": "uit"}


def language_of(language: str) -> str:
    """nl or en: what this module can speak."""
    return "nl" if language.lower().startswith("nl") else "en"


def number_text(value: float, language: str, digits: int = 1) -> str:
    """14.1 as "14,1" in Dutch and "14.1" in English; no thousands separator, no negative zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.removeprefix("-")
    return text.replace(".", ",") if language_of(language) == "nl" else text


def value_text(value: MeasuredValue, language: str) -> str:
    """One number with unit and, where the millimetre is not the patient's, where it comes from."""
    speech = language_of(language)
    digits = 0 if value.unit in ("{pixels}", "{pixels}2") else 1
    # The text's unit is the plain one: the short marks of the screen ("mm?", "mm det") are spelled out below.
    unit = UNITS.get(value.unit, value.unit_text)
    words = f"{NAMES[speech].get(value.name, value.name)} {number_text(value.value, speech, digits)} {unit}".rstrip()
    basis = BASIS[speech].get(value.basis, "")
    return f"{words} ({basis})" if basis and value.name in ("length", "area") else words


def measurement_text(annotation: Annotation, language: str) -> str:
    """The words that are inserted into the report: "Lengte 14,1 mm" (nl), "Length 14.1 mm" (en).

    An arrow gives its own text. Several values follow each other with commas; a label of the annotation goes first.
    """
    if annotation.kind is AnnotationKind.ARROW:
        return annotation.text.strip()
    words = values_text(annotation.values, language)
    label = annotation.text.strip()
    if label:
        words = f"{label}: {words[:1].lower() + words[1:]}" if words else label
    if annotation.degraded:
        words += f" ({DEGRADED[language_of(language)]}: {annotation.degraded})"
    return words


def values_text(values: Sequence[MeasuredValue], language: str) -> str:
    """Several numbers after each other, with a capital first."""
    words = ", ".join(value_text(value, language) for value in values)
    return words[:1].upper() + words[1:]


def date_text(dicom_date: str, language: str) -> str:
    """YYYYMMDD as 01-03-2026 (nl) or 2026-03-01 (en); anything else unchanged."""
    if len(dicom_date) != 8 or not dicom_date.isdigit():
        return dicom_date
    year, month, day = dicom_date[:4], dicom_date[4:6], dicom_date[6:]
    return f"{day}-{month}-{year}" if language_of(language) == "nl" else f"{year}-{month}-{day}"


def prior_text(prior: PriorStudy, site_name: str, language: str) -> str:
    """One line for the comparison section: "CT 01-03-2026 Abdomen (uit West)". The reader sees it before signing."""
    rest = without_modality(prior.modality, prior.study_description)
    what = " ".join(part for part in (prior.modality, date_text(prior.study_date, language), rest) if part)
    return f"{what} ({SITE_WORDS[language_of(language)]} {site_name})" if site_name else what
