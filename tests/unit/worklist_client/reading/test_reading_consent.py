"""The first consent adapter answers from the directory of sites."""

from __future__ import annotations

import pytest

from tests.peers.reading_doubles import patient, site
from worklist_client.reading.consent import ConsentAnswer, ConsentQuestion, Purpose, SiteDirectoryConsent


def ask(foreign: str, holder: str = "west") -> ConsentAnswer:
    question = ConsentQuestion(site(holder, foreign=foreign), "north", patient().key, "R1", Purpose.OPEN)
    return SiteDirectoryConsent().ask(question)


@pytest.mark.parametrize("said", ["permit", "deny", "unknown"])
def test_the_directory_decides(said: str) -> None:
    assert ask(said) == said


def test_a_word_that_nobody_knows_opens_nothing() -> None:
    assert ask("perhaps") is ConsentAnswer.UNKNOWN


def test_a_site_needs_no_consent_for_its_own_studies() -> None:
    assert ask("deny", holder="north") is ConsentAnswer.PERMIT
