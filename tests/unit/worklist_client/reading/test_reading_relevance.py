"""Relevance: region, modality and age of a prior, with the reasons in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worklist_client.reading.relevance import StudyTraits, regions_of, relevance

CURRENT = StudyTraits(("CT",), "", "CT abdomen portal venous", "20260301")


def test_same_region_and_modality_of_last_year_wins_over_everything_else() -> None:
    near = relevance(CURRENT, StudyTraits(("CT",), "ABDOMEN", "", "20251001"))
    old = relevance(CURRENT, StudyTraits(("CT",), "ABDOMEN", "", "20190101"))
    hand = relevance(CURRENT, StudyTraits(("CR",), "HAND", "", "20260228"))
    assert near.score > old.score > hand.score
    assert near.reasons[0] == "Same body region"


def test_dutch_words_name_the_same_regions() -> None:
    assert regions_of(StudyTraits((), "", "MR lever en nieren")) == {"abdomen"}
    assert regions_of(StudyTraits((), "", "CT hersenen")) == regions_of(StudyTraits((), "BRAIN")) == {"head"}


def test_a_later_study_says_so() -> None:
    found = relevance(CURRENT, StudyTraits(("CT",), "ABDOMEN", "", "20260401"))
    assert found.days_before == -31
    assert "Later than this study" in found.reasons


def test_a_missing_or_impossible_date_is_not_a_recent_one() -> None:
    for day in ("", "20261399", "abc"):
        assert relevance(CURRENT, StudyTraits(("CT",), "ABDOMEN", "", day)).days_before is None


@given(st.text(), st.text(), st.text())
def test_any_text_gives_a_score_from_0_to_100(part: str, words: str, day: str) -> None:
    assert 0 <= relevance(CURRENT, StudyTraits((part,), part, words, day)).score <= 100
