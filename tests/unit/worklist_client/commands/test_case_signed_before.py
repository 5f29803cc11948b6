"""A study whose report was signed, opened again: after a restart, or while its archive or the hub is away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.peers.reading_bench import Bench
from tests.peers.reading_doubles import NOW
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_state import CannotSign, NotEditable, Standing, Topic
from worklist_client.journal import PackageState


def signed(bench: Bench) -> CaseSession:
    case = bench.opened()
    case.report.set_section("findings", "No bleeding.")
    case.signing.sign()
    assert case.claim.standing is Standing.SIGNED
    case.close()
    return case


def test_a_signed_study_that_is_opened_again_takes_no_second_report(bench: Bench) -> None:
    """It took one: an empty draft opened, and a second report of the same study could be signed."""
    package = signed(bench).signing.package
    again = bench.opened()
    assert again.claim.standing is Standing.SIGNED
    assert again.signing.package == package
    assert Topic.DELIVERY in bench.topics
    with pytest.raises(NotEditable):
        again.report.set_section("findings", "Once more.")
    with pytest.raises(CannotSign):
        again.signing.sign()
    again.close()
    assert len(bench.journal.outbox.of_workitem("2.25.1")) == 1


def test_a_report_that_was_withdrawn_opens_as_a_draft_again(bench: Bench) -> None:
    package = signed(bench).signing.package
    assert package is not None
    bench.journal.outbox.withdraw(package.report_id, "the study is not yours any more", NOW + timedelta(minutes=1))
    again = bench.opened()
    assert again.editable
    assert again.report.draft.sections["findings"] == "No bleeding."
    assert bench.journal.outbox.get(package.report_id).state is PackageState.WITHDRAWN
    again.close()
