"""What the hospital holds in words when a study is opened, and what may be signed beside it."""

from __future__ import annotations

from typing import Any

import pytest

from pacs.errors import Unreachable
from pacs.port import Retrieved, RetrieveRequest
from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_documents import comes
from tests.peers.reading_doubles import NOW, LaterRunner
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_documents import NOT_READABLE, READ_IT
from worklist_client.commands.case_state import CannotSign, Standing, Topic
from worklist_client.journal import ClaimState, JournalFull
from worklist_client.report.draft_json import draft_from_json
from worklist_client.settings.language import load_translations
from worklist_client.ui.held_report import DRAWINGS_STAY


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """The claim is held already."""
    bench.journal.claims.ask("2.25.1", "2.25.77", NOW)
    bench.journal.claims.set_state("2.25.1", ClaimState.HELD, NOW)
    return bench


def written(bench: Bench) -> CaseSession:
    case = bench.opened()
    case.report.set_section("findings", "Normal brain.")
    return case


def known_of(bench: Bench) -> tuple[str, ...] | None:
    return draft_from_json(bench.journal.outbox.of_workitem("2.25.1")[0].text).known_documents


def test_a_report_that_comes_while_the_window_is_closed_is_not_known_and_must_be_confirmed(bench: Bench) -> None:
    """It counted as known at the second opening: two verified reports of one study, and nobody was asked."""
    written(bench).close()
    comes(bench, "8.1")
    again = bench.opened()
    assert again.report.draft.sections["findings"] == "Normal brain."
    [final] = again.documents.finals
    assert (final.author, final.written_at) == ("BAKKER, Jan", "2026-03-01 02:15")
    assert again.signing.summary().to_confirm == (READ_IT,)
    with pytest.raises(CannotSign, match="Confirm first"):
        again.signing.sign()
    assert bench.journal.claims.note_documents("2.25.1", ("9.9",)) == ()
    again.signing.sign((READ_IT,))
    assert known_of(bench) == ("8.1",)


def test_what_lay_there_at_the_first_opening_of_the_claim_stays_what_is_known(bench: Bench) -> None:
    comes(bench, "8.1", verified=False)
    written(bench).close()
    comes(bench, "8.2", verified=False)
    again = bench.opened()
    assert again.signing.summary().to_confirm == ()
    again.signing.sign()
    assert known_of(bench) == ("8.1",)


def test_a_final_report_that_is_there_at_the_first_opening_is_said_and_confirmed_too(bench: Bench) -> None:
    comes(bench, "8.1")
    case = written(bench)
    assert Topic.DOCUMENTS in bench.topics
    assert case.signing.summary().to_confirm == (READ_IT,)


def test_a_report_that_comes_while_the_images_are_loading_is_not_known(bench: Bench) -> None:
    bench.runner = LaterRunner("retrieve")
    case = written(bench)
    comes(bench, "8.1")
    bench.runner.run()
    assert case.documents.finals == ()
    case.signing.sign()
    assert known_of(bench) == ()


def test_where_the_hospital_has_not_said_what_it_holds_no_other_report_is_known(bench: Bench) -> None:
    bench.runner = LaterRunner("search")
    case = written(bench)
    assert case.documents.known() == ()
    case.signing.sign()
    assert known_of(bench) == ()


def test_where_the_disk_took_no_note_no_other_report_is_known(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object) -> tuple[str, ...]:
        raise JournalFull("the disk is full; nothing was written")

    comes(bench, "8.1", verified=False)
    with monkeypatch.context() as patched:
        patched.setattr(bench.journal.claims, "note_documents", full)
        case = written(bench)
    case.signing.sign()
    assert known_of(bench) == ()


def test_what_was_seen_while_only_looking_is_what_the_claim_is_bound_to(bench: Bench) -> None:
    case = bench.session()
    case.start(claim=False)
    comes(bench, "8.1")
    case.claim.ask()
    assert case.claim.standing is Standing.MINE
    assert bench.journal.claims.note_documents("2.25.1", ("9.9",)) == ()


def test_documents_that_cannot_be_read_are_confirmed_and_asked_for_again(bench: Bench) -> None:
    comes(bench, "8.1")
    north = bench.peers["north"]
    readable = north.retrieve

    def away(request: RetrieveRequest, deliver: Any, cancelled: Any) -> Retrieved:
        raise Unreachable("the port is taken")

    north.retrieve = away  # type: ignore[method-assign]
    case = written(bench)
    assert case.signing.summary().to_confirm == (NOT_READABLE,)
    north.retrieve = readable  # type: ignore[method-assign]
    case.images.more_announced(STUDY)
    assert case.signing.summary().to_confirm == (READ_IT,)


def test_a_hospital_that_was_away_is_asked_again_with_the_images(bench: Bench) -> None:
    comes(bench, "8.1")
    bench.peers["north"].error = Unreachable("nobody listens")
    case = written(bench)
    assert case.documents.to_confirm() == ()
    bench.peers["north"].error = None
    case.retry_images()
    assert case.documents.to_confirm() == (READ_IT,)


def test_a_window_that_is_closed_asks_no_more(bench: Bench) -> None:
    bench.runner = LaterRunner("search", "retrieve")
    case = bench.opened()
    case.close()
    waiting = len(bench.runner.waiting)
    case.documents.ask_again()
    assert len(bench.runner.waiting) == waiting


def test_what_is_confirmed_is_asked_in_dutch_too() -> None:
    assert {READ_IT, NOT_READABLE, DRAWINGS_STAY} <= set(load_translations("nl"))
