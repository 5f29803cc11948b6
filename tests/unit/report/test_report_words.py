"""Numbers in words: decimal comma, unit, provenance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from viewer.records import Annotation, AnnotationKind, FrameRef, MeasuredValue, SpacingBasis
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.report.model import PriorStudy
from worklist_client.report.words import measurement_text, number_text, prior_text, value_text

LENGTH = Annotation(
    "1",
    AnnotationKind.LENGTH,
    "1.2",
    "1.3",
    FrameRef("1.4"),
    ((0.0, 0.0), (3.0, 4.0)),
    values=(MeasuredValue("length", 14.14, "mm", "mm", SpacingBasis.PATIENT),),
)


@pytest.mark.parametrize(
    ("language", "words"), [("nl", "Lengte 14,1 mm"), ("en", "Length 14.1 mm"), ("de", "Length 14.1 mm")]
)
def test_a_length_is_said_in_the_language_of_the_report(language: str, words: str) -> None:
    assert measurement_text(LENGTH, language) == words


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        (SpacingBasis.DETECTOR_PLANE, "Length 14.1 mm (at detector)"),
        (SpacingBasis.UNKNOWN_PROJECTION, "Length 14.1 mm (scale not certain)"),
        (SpacingBasis.REGION, "Length 14.1 mm"),
    ],
)
def test_a_millimeter_that_is_not_the_patients_says_where_it_comes_from(basis: SpacingBasis, words: str) -> None:
    value = replace(LENGTH.values[0], basis=basis)
    assert measurement_text(replace(LENGTH, values=(value,)), "en") == words


def test_several_values_and_a_label() -> None:
    values = (
        MeasuredValue("area", 120.46, "mm2", "mm²", SpacingBasis.PATIENT),
        MeasuredValue("mean", -0.04, "[hnsf'U]", "HU"),
        MeasuredValue("maximum", 77.0, "1", ""),
    )
    ellipse = replace(LENGTH, kind=AnnotationKind.ELLIPSE, values=values, text="ő-lever")
    assert measurement_text(ellipse, "nl") == "ő-lever: oppervlakte 120,5 mm², gemiddelde 0,0 HU, max 77,0"


def test_pixels_have_no_decimals_and_no_millimeters() -> None:
    assert value_text(MeasuredValue("length", 41.2, "{pixels}", "px"), "nl") == "Lengte 41 px"


def test_a_degraded_image_is_named() -> None:
    assert "image incomplete: 3 of 5" in measurement_text(replace(LENGTH, degraded="3 of 5"), "en")


def test_an_arrow_says_its_own_text() -> None:
    assert measurement_text(replace(LENGTH, kind=AnnotationKind.ARROW, text=" nodule "), "nl") == "nodule"


def test_numbers_have_no_thousands_separator_and_no_negative_zero() -> None:
    assert (number_text(12345.67, "nl"), number_text(-0.01, "en")) == ("12345,7", "0.0")


def test_a_prior_is_named_with_its_hospital() -> None:
    patient = PatientIdentity(PatientKey("", "1"), "west")
    prior = PriorStudy("west", "1.2", "20260301", "CT", "Abdomen", patient, "same")
    assert prior_text(prior, "West", "nl") == "CT 01-03-2026 Abdomen (uit West)"
    assert prior_text(prior, "West", "en") == "CT 2026-03-01 Abdomen (at West)"
