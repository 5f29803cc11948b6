"""Titles of studies name the modality once."""

from __future__ import annotations

import pytest

from viewer.titles import study_title, without_modality


@pytest.mark.parametrize(
    ("modality", "description", "title", "rest"),
    [
        ("CT", "CT abdomen", "CT abdomen", "abdomen"),
        ("CT", "Abdomen", "CT Abdomen", "Abdomen"),
        ("CT", "ct-thorax met contrast", "ct-thorax met contrast", "thorax met contrast"),
        ("CT", "CTA thorax", "CTA thorax", "thorax"),
        ("MR", "MRI hersenen", "MRI hersenen", "hersenen"),
        ("CR", "Crus links", "CR Crus links", "Crus links"),
        ("PT/CT", "PT CT whole body", "PT CT whole body", "whole body"),
        ("PT/CT", "CT whole body", "PT/CT CT whole body", "CT whole body"),
        ("CT", "", "CT", ""),
        ("", "CT abdomen", "CT abdomen", "CT abdomen"),
        ("CT", "CT", "CT", "CT"),
        ("", "", "", ""),
    ],
)
def test_the_modality_is_said_once(modality: str, description: str, title: str, rest: str) -> None:
    assert study_title(modality, description) == title
    assert without_modality(modality, description) == rest
