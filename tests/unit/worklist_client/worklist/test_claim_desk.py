"""The claim desk against a scripted double: every unclear answer, every point of dying, and the text that is kept."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from tests.peers.ups_double import LOST_ANSWER, UNCLEAR, ScriptedServer
from ups import dicom_json as dj
from ups.claiming import ClaimKind
from ups.client import UpsClient
from ups.codes import Person
from ups.dialects import HUB, STANDARD, Dialect
from ups.errors import Conflict, NotAuthorised, Unreachable
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState
from worklist_client.journal import (
    ClaimState,
    DraftRow,
    DraftState,
    Journal,
    JournalSuspect,
    ObjectRow,
    PackageRow,
)
from worklist_client.worklist.claim import ClaimDesk
from worklist_client.worklist.outcomes import (
    CompleteKind,
    FenceKind,
    NotClaimedHere,
    OutputReference,
    ReleaseKind,
    ReportOnItsWay,
)

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
ME, OTHER = Person("r1", "Vries^Anna"), Person("r2", "Jong^Bert")
UID = "2.25.1"
OUTPUTS = [OutputReference("1.2.3", "1.2.4", "1.9.1", "1.2.4.1"), OutputReference("1.2.3", "1.2.5", "1.9.2", "1.2.5.1")]


@dataclass
class Bench:
    """A desk, its journal and the double it talks to."""

    server: ScriptedServer
    journal: Journal
    desk: ClaimDesk

    def states(self, uid: str = UID) -> list[ClaimState]:
        return [row.state for row in self.journal.claims.history(uid)]

    def draft(self, uid: str = UID) -> DraftRow:
        return self.journal.drafts.save(DraftRow("d1", uid, "north", "1.2.3", "N", "P1", "typed", 1, NOW))

    def sign(self) -> None:
        self.draft()
        data = ObjectRow("r", 0, "SR", "1.9", "1.2.5.1", "1.2.5", "1.2.3", "1.2.840", "00", b"sr")
        package = PackageRow("r", UID, "north", "1.2.3", "N", "P1", "A", "text", NOW)
        self.journal.outbox.sign(package, [data], "d1")


def desk_on(server: ScriptedServer, journal: Journal, dialect: Dialect) -> ClaimDesk:
    client = UpsClient(
        "http://127.0.0.1:1/hub", session=cast(requests.Session, server), dialect=dialect, reader=ME, calling_ae="DESK"
    )
    counter = itertools.count(1)
    return ClaimDesk(journal, client, lambda: f"2.25.100{next(counter)}", lambda: NOW, wait=lambda _seconds: None)


@pytest.fixture(params=[HUB, STANDARD], ids=["hub", "foreign"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    server = ScriptedServer(is_hub=request.param is HUB)
    server.add(UID)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        yield Bench(server, journal, desk_on(server, journal, request.param))


# claim


def test_a_claim_is_in_the_journal_before_it_is_sent(bench: Bench) -> None:
    seen: list[list[ClaimState]] = []
    send = bench.server.request

    def spy(method: str, url: str, **rest: Any) -> requests.Response:
        if method == "PUT":
            seen.append(bench.states())
        return cast(requests.Response, send(method, url, **rest))

    bench.server.request = spy
    result = bench.desk.claim(UID, site_id="north", study_instance_uid="1.2.3")
    assert seen == [[ClaimState.ASKED]]
    assert result.kind is ClaimKind.WON
    assert result.transaction_uid == bench.server.locks[UID]
    assert bench.states() == [ClaimState.HELD]


def test_a_study_is_held_here_from_the_answer_on_until_it_is_given_back(bench: Bench) -> None:
    """While it is only asked for, it may be somebody else's."""
    seen: list[bool] = []
    send = bench.server.request

    def spy(*given: Any, **rest: Any) -> requests.Response:
        seen.append(bench.desk.holds(UID))
        return cast(requests.Response, send(*given, **rest))

    bench.server.request = spy
    assert bench.desk.claim(UID).kind is ClaimKind.WON
    assert not any(seen)
    assert bench.desk.holds(UID)
    assert bench.desk.fence(UID).kind is FenceKind.PASSED
    assert bench.desk.holds(UID)
    assert bench.desk.release(UID).kind is ReleaseKind.RELEASED
    assert not bench.desk.holds(UID)


def test_a_journal_that_fails_says_of_no_study_that_it_is_held_here(bench: Bench) -> None:
    """The list lives on; number and name decide then."""
    bench.desk.claim(UID)
    bench.journal._database._unusable = "the disk failed"
    assert not bench.desk.holds(UID)


def test_what_is_being_given_back_and_is_claimed_again_stays_claimed(bench: Bench) -> None:
    """The hub was away at the release; the next heartbeat gave the study back under the hands of its reader."""
    bench.desk.claim(UID)
    assert bench.desk.release(UID, cancelled=lambda: True).kind is ReleaseKind.UNKNOWN
    assert bench.desk.claim(UID).kind is ClaimKind.WON
    assert bench.states() == [ClaimState.HELD]
    assert [one.kind for one in bench.desk.heartbeat()] == [ClaimKind.WON]
    assert bench.server.state(UID) == ProcedureStepState.IN_PROGRESS


@pytest.mark.parametrize("fault", UNCLEAR)
def test_a_claim_given_up_before_its_answer_came_is_never_kept(bench: Bench, fault: str) -> None:
    """Whether it arrived or not: the heartbeat leaves the study to everybody."""
    for method in ("PUT", "GET", "POST"):
        bench.server.fail(fault, method, times=12)
    assert bench.desk.claim(UID).kind is ClaimKind.UNKNOWN
    bench.desk.release(UID, cancelled=lambda: True)
    bench.server.faults.clear()
    bench.desk.heartbeat()
    assert bench.journal.claims.open_claims() == []
    assert bench.server.state(UID) != ProcedureStepState.IN_PROGRESS


def test_a_claim_that_cannot_be_journalled_is_not_sent(bench: Bench) -> None:
    bench.journal._database._unusable = "the disk failed"
    with pytest.raises(JournalSuspect):
        bench.desk.claim(UID)
    assert bench.server.requests == []


def test_claiming_again_what_is_ours_is_won_with_the_same_transaction_uid(bench: Bench) -> None:
    first, second = bench.desk.claim(UID), bench.desk.claim(UID)
    assert second.kind is ClaimKind.WON
    assert first.transaction_uid == second.transaction_uid


def test_a_lost_claim_names_the_winner_and_is_closed(bench: Bench) -> None:
    bench.server.take_over(UID, OTHER)
    result = bench.desk.claim(UID)
    assert (result.kind, result.holder, result.holder_code) == (ClaimKind.LOST, "Jong^Bert", "r2")
    assert result.transaction_uid == ""
    assert bench.states() == [ClaimState.LOST]
    assert bench.journal.claims.open_claims() == []


@pytest.mark.parametrize("fault", UNCLEAR)
@pytest.mark.parametrize("times", [1, 2])
def test_an_unclear_answer_is_resolved_and_the_claim_is_ours(bench: Bench, fault: str, times: int) -> None:
    bench.server.fail(fault, "PUT", "/state", times)
    assert bench.desk.claim(UID).kind is ClaimKind.WON
    assert bench.states() == [ClaimState.HELD]


@pytest.mark.parametrize("fault", UNCLEAR)
def test_an_unclear_answer_of_a_claim_that_another_won_is_lost(bench: Bench, fault: str) -> None:
    bench.server.take_over(UID, OTHER)
    bench.server.fail(fault, "PUT", "/state")
    result = bench.desk.claim(UID)
    assert (result.kind, result.holder) == (ClaimKind.LOST, "Jong^Bert")


def test_guessing_that_an_unclear_answer_is_a_no_would_lose_our_own_claim(bench: Bench) -> None:
    """The known-bad variant: it asks once and takes every failure for a lost claim."""
    bench.server.fail(LOST_ANSWER, "PUT", "/state")
    client = bench.desk._client
    with pytest.raises(Unreachable):
        client.change_state(UID, ProcedureStepState.IN_PROGRESS, "2.25.5")
    assert bench.server.locks[UID] == "2.25.5", "it says no, and the study is held by nobody who knows"


def test_a_hub_that_stays_away_leaves_the_claim_unknown_and_open(bench: Bench) -> None:
    bench.server.is_away = True
    result = bench.desk.claim(UID)
    assert result.kind is ClaimKind.UNKNOWN
    assert bench.states() == [ClaimState.ASKED]
    bench.server.is_away = False
    again = bench.desk.claim(UID)
    assert (again.kind, again.transaction_uid) == (ClaimKind.WON, result.transaction_uid)


def test_a_desk_that_may_not_claim_holds_nothing_afterwards(bench: Bench) -> None:
    bench.server.status_for_all = 401
    with pytest.raises(NotAuthorised):
        bench.desk.claim(UID)
    assert bench.journal.claims.open_claims() == []


def test_a_study_that_is_gone_is_lost(bench: Bench) -> None:
    assert bench.desk.claim("2.25.404").kind is ClaimKind.LOST


# after a crash


@pytest.mark.parametrize("answer_came", [True, False])
def test_after_a_crash_in_the_middle_of_a_claim_it_is_ours(bench: Bench, answer_came: bool) -> None:
    bench.journal.claims.ask(UID, "2.25.77", NOW)
    if answer_came:
        bench.desk._client.change_state(UID, ProcedureStepState.IN_PROGRESS, "2.25.77")
    results = bench.desk.resume()
    assert [(result.kind, result.transaction_uid) for result in results] == [(ClaimKind.WON, "2.25.77")]
    assert bench.server.locks[UID] == "2.25.77"
    assert bench.states() == [ClaimState.HELD]


def test_after_a_crash_a_claim_that_was_taken_over_is_lost_and_its_text_is_kept(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.draft()
    bench.server.take_over(UID, OTHER)
    results = bench.desk.resume()
    assert [(result.kind, result.holder) for result in results] == [(ClaimKind.LOST, "Jong^Bert")]
    (orphan,) = bench.journal.drafts.in_state(DraftState.ORPHAN)
    assert orphan.content == "typed"


def test_at_start_without_a_hub_the_claim_stays_in_the_journal(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.is_away = True
    assert [result.kind for result in bench.desk.resume()] == [ClaimKind.UNKNOWN]
    assert bench.states() == [ClaimState.HELD]


def test_a_release_that_was_interrupted_is_finished_at_start(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.journal.claims.set_state(UID, ClaimState.RELEASING, NOW, reason="pause")
    assert bench.desk.resume() == ()
    assert bench.states() == [ClaimState.RELEASED]
    assert bench.server.state(UID) == "CANCELED"
    assert bench.server.state(replacement_uid(UID)) == "SCHEDULED"


def test_a_completion_that_was_interrupted_is_finished_at_start(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.desk.fence(UID)
    bench.server.is_away = True
    assert bench.desk.complete(UID, OUTPUTS).kind is CompleteKind.AWAY
    assert bench.states() == [ClaimState.COMPLETING]
    assert [result.kind for result in bench.desk.resume()] == [ClaimKind.UNKNOWN]
    bench.server.is_away = False
    assert bench.desk.resume() == ()
    assert bench.server.state(UID) == "COMPLETED"
    assert bench.states() == [ClaimState.COMPLETED]


# heartbeat


def test_a_heartbeat_changes_nothing_and_proves_the_claim(bench: Bench) -> None:
    bench.desk.claim(UID)
    before = dict(bench.server.items[UID])
    assert [result.kind for result in bench.desk.heartbeat()] == [ClaimKind.WON]
    assert bench.server.items[UID] == before
    assert ("POST", f"/workitems/{UID}") in bench.server.requests


def test_a_heartbeat_never_lifts_a_fence(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.desk.fence(UID)
    bench.desk.heartbeat()
    progress = dj.first_item(bench.server.items[UID], "ProcedureStepProgressInformationSequence")
    assert dj.number(progress, "ProcedureStepProgress") == 100


def test_a_heartbeat_notices_a_take_over(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.draft()
    bench.server.take_over(UID, OTHER)
    (result,) = bench.desk.heartbeat()
    assert (result.kind, result.holder) == (ClaimKind.LOST, "Jong^Bert")
    assert bench.states() == [ClaimState.LOST]
    assert bench.journal.drafts.get("d1").state is DraftState.ORPHAN
    assert bench.desk.heartbeat() == ()


def test_a_heartbeat_without_a_hub_loses_nothing(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.is_away = True
    assert [result.kind for result in bench.desk.heartbeat()] == [ClaimKind.UNKNOWN]
    assert bench.states() == [ClaimState.HELD]


# release


def test_a_release_puts_the_study_back_and_keeps_the_text(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.draft()
    result = bench.desk.release(UID, "called away")
    assert (result.kind, result.replacement_uid) == (ReleaseKind.RELEASED, replacement_uid(UID))
    assert bench.server.state(UID) == "CANCELED"
    assert bench.server.state(result.replacement_uid) == "SCHEDULED"
    assert bench.states() == [ClaimState.RELEASED]
    assert bench.journal.drafts.get("d1").state is DraftState.ORPHAN


@pytest.mark.parametrize("fault", UNCLEAR)
@pytest.mark.parametrize(("method", "ending"), [("POST", f"/workitems/{UID}"), ("PUT", "/state")])
def test_a_release_survives_unclear_answers(bench: Bench, fault: str, method: str, ending: str) -> None:
    bench.desk.claim(UID)
    bench.server.fail(fault, method, ending)
    assert bench.desk.release(UID).kind is ReleaseKind.RELEASED
    assert [uid for uid in bench.server.items if bench.server.state(uid) == "SCHEDULED"] == [replacement_uid(UID)]


def test_a_release_without_a_hub_is_remembered(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.is_away = True
    assert bench.desk.release(UID, "called away").kind is ReleaseKind.UNKNOWN
    assert bench.states() == [ClaimState.RELEASING]


def test_the_heartbeat_finishes_what_was_left_over_when_the_hub_is_back(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.is_away = True
    bench.desk.release(UID)
    bench.server.is_away = False
    assert bench.desk.heartbeat() == ()
    assert bench.states() == [ClaimState.RELEASED]


def test_a_release_of_what_is_not_ours_any_more_is_lost(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.take_over(UID, OTHER)
    assert bench.desk.release(UID).kind is ReleaseKind.LOST
    assert bench.server.state(UID) == "IN PROGRESS"


def test_what_is_not_claimed_here_cannot_be_released(bench: Bench) -> None:
    with pytest.raises(NotClaimedHere):
        bench.desk.release(UID)


def test_a_signed_report_is_delivered_before_anything_is_given_back(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.sign()
    with pytest.raises(ReportOnItsWay):
        bench.desk.release(UID)
    assert bench.server.state(UID) == "IN PROGRESS"


# fence


def test_the_fence_writes_signed_delivering(bench: Bench) -> None:
    bench.desk.claim(UID)
    assert bench.desk.fence(UID).kind is FenceKind.PASSED
    progress = dj.first_item(bench.server.items[UID], "ProcedureStepProgressInformationSequence")
    assert dj.text(progress, "ProcedureStepProgressDescription") == "signed, delivering"
    assert bench.states() == [ClaimState.FENCED]
    assert bench.desk.fence(UID).kind is FenceKind.PASSED


def test_a_refused_fence_means_nothing_is_ever_sent(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.take_over(UID, OTHER)
    result = bench.desk.fence(UID)
    assert (result.kind, result.holder) == (FenceKind.REFUSED, "Jong^Bert")
    assert bench.states() == [ClaimState.LOST]
    assert bench.desk.fence(UID).kind is FenceKind.REFUSED


@pytest.mark.parametrize("fault", UNCLEAR)
def test_an_unclear_fence_is_no_permission(bench: Bench, fault: str) -> None:
    bench.desk.claim(UID)
    bench.server.fail(fault, "POST", f"/workitems/{UID}")
    assert bench.desk.fence(UID).kind is FenceKind.AWAY
    assert bench.states() == [ClaimState.HELD]
    assert bench.desk.fence(UID).kind is FenceKind.PASSED


def test_a_fence_that_may_not_be_asked_waits_for_the_login(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.status_for_all = 403
    assert bench.desk.fence(UID).kind is FenceKind.BLOCKED
    assert bench.states() == [ClaimState.HELD]


def test_a_study_nobody_claimed_here_passes_no_fence(bench: Bench) -> None:
    assert bench.desk.fence(UID).kind is FenceKind.REFUSED
    assert bench.server.requests == []


# complete


def performed(bench: Bench) -> dict[str, Any]:
    return dj.first_item(bench.server.items[UID], "UnifiedProcedureStepPerformedProcedureSequence")


def test_completing_writes_the_final_state_attributes(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.desk.fence(UID)
    assert bench.desk.complete(UID, OUTPUTS).kind is CompleteKind.DONE
    assert bench.server.state(UID) == "COMPLETED"
    for tag in ("00404050", "00404051", "00404028", "00404019", "00404035", "00404033"):
        assert performed(bench)[tag].get("Value"), tag
    assert len(dj.items(performed(bench), "OutputInformationSequence")) == 2
    assert bench.states() == [ClaimState.COMPLETED]


def test_completing_again_is_done_without_asking(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.desk.complete(UID, OUTPUTS)
    before = len(bench.server.requests)
    assert bench.desk.complete(UID, OUTPUTS).kind is CompleteKind.DONE
    assert len(bench.server.requests) == before


@pytest.mark.parametrize("fault", UNCLEAR)
@pytest.mark.parametrize(("method", "ending"), [("POST", f"/workitems/{UID}"), ("PUT", "/state")])
def test_completing_survives_unclear_answers(bench: Bench, fault: str, method: str, ending: str) -> None:
    bench.desk.claim(UID)
    bench.desk.fence(UID)
    bench.server.fail(fault, method, ending)
    assert bench.desk.complete(UID, OUTPUTS).kind is CompleteKind.AWAY
    assert bench.desk.complete(UID, OUTPUTS).kind is CompleteKind.DONE
    assert bench.server.state(UID) == "COMPLETED"


def test_a_workitem_completed_by_somebody_else_is_not_our_success(bench: Bench) -> None:
    bench.desk.claim(UID)
    bench.server.take_over(UID, OTHER)
    dj.put(bench.server.items[UID], "ProcedureStepState", "COMPLETED")
    assert bench.desk.complete(UID, OUTPUTS).kind is CompleteKind.REFUSED


def test_completing_what_was_never_claimed_is_refused(bench: Bench) -> None:
    assert bench.desk.complete(UID, OUTPUTS).kind is CompleteKind.REFUSED


# read elsewhere


def test_read_elsewhere_takes_the_study_off_the_list_with_its_reason(bench: Bench) -> None:
    bench.desk.read_elsewhere(UID, "reported on paper")
    assert bench.server.state(UID) == "CANCELED"
    text = str(bench.server.items[UID])
    assert "reported on paper" in text
    assert "110513" in text
    assert bench.journal.claims.open_claims() == []


def test_a_request_that_the_server_only_passes_on_is_not_taken_for_done(bench: Bench) -> None:
    answer = bench.server._answer

    def claimed_meanwhile(method: str, path: str, query: Any, body: Any) -> requests.Response:
        if path.endswith(("cancelrequest", "state")):
            bench.server.take_over(UID, OTHER)
        return answer(method, path, query, body)

    bench.server._answer = claimed_meanwhile  # type: ignore[method-assign]
    with pytest.raises(Conflict):
        bench.desk.read_elsewhere(UID, "x")


def test_a_study_that_somebody_reads_is_not_taken_off_the_list(bench: Bench) -> None:
    bench.server.take_over(UID, OTHER)
    with pytest.raises(Conflict):
        bench.desk.read_elsewhere(UID, "x")
    assert bench.server.state(UID) == "IN PROGRESS"
    assert not any(path.endswith("cancelrequest") for _method, path in bench.server.requests)
