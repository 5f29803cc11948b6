"""One rule: when an object counts as a report."""

from __future__ import annotations

import pytest

from pacs.reports import Finality, Flags, finality_of

ENHANCED, PDF = "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.104.1"


@pytest.mark.parametrize(
    ("sop_class", "flags", "finality"),
    [
        (ENHANCED, Flags("COMPLETE", "VERIFIED"), Finality.FINAL),
        (ENHANCED, Flags("COMPLETE", "VERIFIED", "FINAL"), Finality.FINAL),
        (ENHANCED, Flags("COMPLETE", "VERIFIED", "PRELIMINARY"), Finality.PRELIMINARY),
        (ENHANCED, Flags("PARTIAL", "VERIFIED"), Finality.PRELIMINARY),
        (ENHANCED, Flags("COMPLETE", "UNVERIFIED"), Finality.PRELIMINARY),
        (ENHANCED, Flags("", "VERIFIED"), Finality.UNSAID),
        (ENHANCED, Flags("COMPLETE", ""), Finality.UNSAID),
        (ENHANCED, Flags(), Finality.UNSAID),
        (PDF, Flags(), Finality.UNSAID),
        (PDF, Flags("", "VERIFIED"), Finality.FINAL),
        (PDF, Flags("", "UNVERIFIED"), Finality.PRELIMINARY),
    ],
)
def test_only_what_says_that_it_is_whole_and_verified_is_final(
    sop_class: str, flags: Flags, finality: Finality
) -> None:
    assert finality_of(sop_class, flags) is finality
