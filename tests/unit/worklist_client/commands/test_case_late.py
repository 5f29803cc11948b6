"""Images that reach the hospital after the study was opened: fetched when the list says so, asked for at signing."""

from __future__ import annotations

import pytest

from pacs.errors import Interrupted, Unreachable
from pacs.port import Cancelled, InstanceAnswer, SeriesAnswer
from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_doubles import LaterRunner, entry, header
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_late import ASK_S, NOT_ASKED, MoreImages, require_all_seen
from worklist_client.commands.case_state import CannotSign, Standing
from worklist_client.reading.completeness import Late, SeriesCount, StudyCount, late_of

SERIES, OTHER = f"{STUDY}.1", f"{STUDY}.2"


def ready(bench: Bench) -> CaseSession:
    case = bench.opened()
    case.report.set_section("findings", "Normal brain.")
    case.report.set_section("impression", "Normal.")
    return case


def grow(bench: Bench, count: int, *, says_number: bool = True) -> None:
    """The hospital holds a second series now, which came after the opening."""
    for peer in bench.peers.values():
        number = count if says_number else None
        peer.by_study[STUDY] = [*peer.by_study[STUDY], SeriesAnswer(OTHER, "CT", 2, number_of_instances=number)]
        peer.instances[OTHER] = [InstanceAnswer(f"{OTHER}.{n}", instance_number=n) for n in range(1, count + 1)]
    bench.worker.headers = [*bench.worker.headers, *(header(STUDY, OTHER, n) for n in range(1, count + 1))]


@pytest.mark.parametrize("says_number", [True, False])
def test_images_that_came_after_the_opening_hold_the_signing_and_are_named(bench: Bench, says_number: bool) -> None:
    case = ready(bench)
    grow(bench, 5, says_number=says_number)
    assert case.signing.summary().to_confirm == ()
    case.signing.sign()
    assert (bench.delivery.signed, case.claim.standing, case.editable) == ([], Standing.MINE, True)
    assert case.images.late[STUDY] == Late(seen=2, total=7, late=5)
    [sentence] = case.signing.summary().to_confirm
    assert sentence == "2 of 7 images seen; 5 came after: sign without having seen them"
    with pytest.raises(CannotSign, match="Confirm first"):
        case.signing.sign()


def test_images_that_came_after_are_loaded_by_a_hand_and_then_it_is_signed(bench: Bench) -> None:
    case = ready(bench)
    grow(bench, 5)
    case.signing.sign()
    case.retry_images()
    assert len(case.images.headers(STUDY)) == 7
    assert case.images.late == {}
    assert case.signing.summary().to_confirm == ()
    case.signing.sign()
    assert len(bench.delivery.signed) == 1


def test_a_reader_may_sign_without_them_and_is_asked_again_where_still_more_came(bench: Bench) -> None:
    case = ready(bench)
    grow(bench, 5)
    case.signing.sign()
    confirmed = case.signing.summary().to_confirm
    for peer in bench.peers.values():
        peer.by_study[STUDY][-1] = SeriesAnswer(OTHER, "CT", 2, number_of_instances=6)
    case.signing.sign(confirmed)
    assert bench.delivery.signed == []
    case.signing.sign(case.signing.summary().to_confirm)
    assert len(bench.delivery.signed) == 1


def test_a_study_whose_images_still_arrive_says_so_at_signing_until_they_stand_still(bench: Bench) -> None:
    case = bench.opened(is_arriving=True)
    case.report.set_section("findings", "Normal brain.")
    case.report.set_section("impression", "Normal.")
    assert case.signing.summary().warnings == ("Images of this study still reach the hospital",)
    case.entry_changed(entry())
    assert case.signing.summary().warnings == ()


def test_a_hospital_that_is_down_at_signing_holds_no_report_and_that_is_said(bench: Bench) -> None:
    case = ready(bench)
    bench.peers["north"].error = Unreachable("the hospital does not answer")
    case.signing.sign()
    assert len(bench.delivery.signed) == 1
    assert case.signing.notes == (NOT_ASKED,)


def test_a_series_that_grew_is_told_complete_again(bench: Bench) -> None:
    case = bench.opened(images=2)
    bench.holds(STUDY, 3)
    case.entry_changed(entry(images=3))
    assert bench.viewer.of_kind("complete") == [("complete", STUDY, SERIES)] * 2
    assert bench.viewer.log[-1] == ("complete", STUDY, SERIES)


def test_what_the_list_announces_while_images_load_is_fetched_after_them(bench: Bench) -> None:
    runner = bench.runner = LaterRunner("retrieve")
    case = bench.opened(images=2)
    while case.images.loading(STUDY) and len(case.images.headers(STUDY)) < 2:
        runner.waiting.pop(0)()
    grow(bench, 5)
    case.entry_changed(entry(images=7))
    assert case.images.loading(STUDY)
    runner.run()
    assert len(case.images.headers(STUDY)) == 7


def test_what_did_not_come_of_what_was_promised_came_not_late() -> None:
    count = StudyCount(STUDY, (SeriesCount("1", 10, frozenset({"a", "b"})), SeriesCount("2", None, frozenset({"c"}))))
    assert late_of(count, {"1": 10, "2": 1}) is None
    assert late_of(count, {"1": 12, "2": 1, "3": 4}) == Late(3, 17, 6)
    assert late_of(count, {"1": 4}) is None, "fewer than promised"


def test_the_hospital_is_waited_for_no_longer_than_a_reader_waits() -> None:
    now = [0.0]

    def ask(cancelled: Cancelled) -> Late | None:
        while not cancelled():
            now[0] += 1.0
        raise Interrupted("stopped")

    assert require_all_seen(ask, lambda: False, None, clock=lambda: now[0]) == (NOT_ASKED,)
    assert ASK_S < now[0] <= ASK_S + 1
    with pytest.raises(Interrupted):
        require_all_seen(ask, lambda: True, None, clock=lambda: now[0])


def test_more_than_was_confirmed_is_refused() -> None:
    late = Late(2, 7, 5)
    with pytest.raises(MoreImages):
        require_all_seen(lambda _until: late, lambda: False, None)
    assert require_all_seen(lambda _until: late, lambda: False, late) == ()
