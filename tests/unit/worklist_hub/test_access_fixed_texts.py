"""What somebody who may see the line alone is shown of its progress."""

from __future__ import annotations

import pytest

from ups import changes
from ups import dicom_json as dj
from worklist_hub.access.view import reduced


def text_shown(text: str) -> str:
    item = dj.first_item(reduced(changes.progress(1.0, text)), "ProcedureStepProgressInformationSequence")
    return dj.text(item, "ProcedureStepProgressDescription")


@pytest.mark.parametrize("text", sorted(changes.FIXED_TEXTS))
def test_our_own_words_are_shown_to_whoever_asked_for_the_study(text: str) -> None:
    assert text_shown(text) == text


def test_what_somebody_wrote_is_not_shown_for_it_may_name_a_patient() -> None:
    assert text_shown("waiting for Mrs Jansen's daughter") == ""
