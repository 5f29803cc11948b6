"""Complete means: everything that the origin promised is here."""

from __future__ import annotations

from worklist_client.reading.completeness import SeriesCount, StudyCount


def test_nothing_is_complete_that_was_never_promised() -> None:
    assert not SeriesCount("1", None, frozenset({"a"})).complete
    assert not StudyCount("1.2").complete


def test_a_missing_instance_that_comes_later_completes_the_series() -> None:
    count = SeriesCount("1", 2, frozenset({"a"})).with_missing(frozenset({"b"}), "lost")
    assert not count.complete
    assert count.with_received(frozenset({"b"})).complete


def test_what_is_here_cannot_be_missing() -> None:
    assert SeriesCount("1", 1, frozenset({"a"})).with_missing(frozenset({"a"}), "lost").missing == frozenset()


def test_a_study_counts_all_series_and_a_failure_is_not_complete() -> None:
    whole = (SeriesCount("1", 1, frozenset({"a"})), SeriesCount("2", 2, frozenset({"b", "c"})))
    assert (StudyCount("1.2", whole).received, StudyCount("1.2", whole).expected) == (3, 3)
    assert StudyCount("1.2", whole).complete
    assert not StudyCount("1.2", whole, "link broken").complete
