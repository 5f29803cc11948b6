"""One way of writing days and times, for every window."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from viewer.dates import shown_date, shown_moment, shown_since

ROOT = Path(__file__).resolve().parents[3]
AT = datetime(2024, 3, 31, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240331", "2024-03-31"),
        ("2024.03.31", "2024-03-31"),
        ("31/3/24", "31/3/24"),
        ("20241399", "20241399"),
        ("", ""),
    ],
)
def test_dates_are_written_so_that_no_two_countries_read_them_differently(text: str, expected: str) -> None:
    assert shown_date(text) == expected


def test_a_moment_has_its_day_and_one_that_is_not_known_is_empty() -> None:
    assert (shown_moment(AT), shown_moment(None)) == ("2024-03-31 14:05", "")


def test_a_time_of_another_day_says_which_day() -> None:
    assert shown_since(AT, AT) == "14:05"
    assert shown_since(AT, AT.replace(month=4, day=1)) == "2024-03-31 14:05"


def test_no_window_writes_dates_in_a_style_of_its_own() -> None:
    """The list said 2026-03-02 and the reading window 02-mar-2026."""
    own = re.compile(r"%[bBy]|%Y-|%d-")
    folders = ("viewer/ui", "worklist_client/ui", "worklist_client/commands")
    files = [path for folder in folders for path in sorted((ROOT / folder).glob("*.py"))]
    assert len(files) > 60
    found = {path.name for path in files if own.search(path.read_text(encoding="utf-8"))}
    assert not found, "use viewer.dates"
