"""Images that come late, of somebody else, or not at all: asked for again by itself, named, and never drawn wrongly."""

from __future__ import annotations

from collections.abc import Callable

from pacs.errors import Unreachable
from pacs.port import InstanceAnswer, SeriesAnswer
from tests.peers.reading_bench import PRIOR, STUDY, Bench
from tests.peers.reading_doubles import FakeWorker, LaterRunner, answer, entry, header
from viewer.records import PatientLabel
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_images import RETRY_AFTER_S

SERIES = f"{STUDY}.1"


class Clock:
    """A double of the window's timers: keeps what was asked for until somebody lets the time pass."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._calls: list[Callable[[], None]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.asked.append(seconds)
        self._calls.append(call)

    def pass_time(self) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            call()


def opened(bench: Bench) -> tuple[CaseSession, Clock]:
    clock, case = Clock(), bench.session()
    case.images.later = clock.later
    case.start(claim=True)
    return case, clock


def lose(bench: Bench, *numbers: int) -> None:
    bench.holds(STUDY, 20)
    bench.worker.lost = frozenset(f"{SERIES}.{number}" for number in numbers)


def test_an_image_that_reaches_the_archive_late_is_fetched_without_a_hand(bench: Bench) -> None:
    lose(bench, 7)
    case, clock = opened(bench)
    count = case.images.count(STUDY)
    assert (len(count.series[0].received), count.complete, case.images.waiting(STUDY)) == (19, False, True)
    bench.worker.lost = frozenset()
    clock.pass_time()
    assert case.images.count(STUDY).complete
    assert not case.images.waiting(STUDY)
    assert clock.asked == [RETRY_AFTER_S[0]]
    assert ("arrived", STUDY, f"{SERIES}.7") in bench.viewer.log
    assert bench.viewer.of_kind("complete") == [("complete", STUDY, SERIES)]


def test_asking_again_is_bounded_with_growing_pauses_and_a_hand_begins_anew(bench: Bench) -> None:
    lose(bench, 7)
    case, clock = opened(bench)
    for _ in range(10):
        clock.pass_time()
    assert clock.asked == list(RETRY_AFTER_S)
    assert not case.images.waiting(STUDY)
    case.retry_images()
    assert clock.asked == [*RETRY_AFTER_S, RETRY_AFTER_S[0]]


def test_whenever_something_comes_counting_begins_anew(bench: Bench) -> None:
    lose(bench, 7, 8)
    _case, clock = opened(bench)
    clock.pass_time()
    bench.worker.lost = frozenset({f"{SERIES}.8"})
    clock.pass_time()
    assert clock.asked == [RETRY_AFTER_S[0], RETRY_AFTER_S[1], RETRY_AFTER_S[0]]


def test_nothing_is_asked_for_after_the_window_closed(bench: Bench) -> None:
    lose(bench, 7)
    case, clock = opened(bench)
    asked = len(bench.worker.requests)
    case.close()
    clock.pass_time()
    assert len(bench.worker.requests) == asked


def test_a_hospital_that_comes_back_is_asked_again_by_itself(bench: Bench) -> None:
    bench.peers["north"].error = Unreachable("the hospital does not answer")
    case, clock = opened(bench)
    assert case.images.waiting(STUDY)
    bench.peers["north"].error = None
    clock.pass_time()
    assert case.images.count(STUDY).complete
    assert case.images.error(STUDY) == ""


def test_images_that_the_list_announces_while_the_study_is_open_are_fetched(bench: Bench) -> None:
    case = bench.opened(images=2)
    assert case.images.count(STUDY).complete
    for peer in bench.peers.values():
        peer.by_study[STUDY] = [SeriesAnswer(SERIES, "CT", 1, number_of_instances=3)]
        peer.instances[SERIES] = [InstanceAnswer(f"{SERIES}.{n}", instance_number=n) for n in (1, 2, 3)]
    bench.worker.headers.append(header(STUDY, SERIES, 3))
    case.entry_changed(entry(images=2))
    assert len(case.images.headers(STUDY)) == 2
    case.entry_changed(entry(images=3))
    assert len(case.images.headers(STUDY)) == 3


def test_in_place_of_an_image_of_another_patient_stand_both_names_in_plain_text(bench: Bench) -> None:
    bench.holds(STUDY, 1, PatientLabel("Bakker^Piet", "N2", birth_date="19500101"))
    case = bench.opened()
    (missing,) = {item[4] for item in bench.viewer.of_kind("missing")}
    assert "BAKKER, Piet" in missing
    assert "N2" in missing
    assert "JÁNSSEN, Zoë" in missing
    assert "N1" in missing
    assert case.images.patient_of(STUDY).key.patient_id == "N1"


def test_the_comparison_names_a_prior_as_soon_as_it_hangs_and_can_be_written_over(bench: Bench) -> None:
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1")]
    bench.holds(PRIOR, 1)
    runner = bench.runner = LaterRunner("retrieve")
    case = bench.opened()
    assert case.images.headers(PRIOR) == ()
    assert "2025-01-01" in case.report.draft.sections["comparison"]
    assert case.priors.of_report() == (), "named, and not said to be seen"
    case.report.set_section("comparison", "")
    runner.run()
    assert case.images.opened(PRIOR)
    assert case.report.draft.sections["comparison"] == "", "what the reader took out stays out"


def test_a_prior_that_cannot_be_opened_after_all_leaves_the_comparison_again(bench: Bench) -> None:
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1")]
    bench.holds(PRIOR, 1)
    runner = bench.runner = LaterRunner("retrieve")
    case = bench.opened()
    assert "2025-01-01" in case.report.draft.sections["comparison"]
    bench.worker = FakeWorker()
    for peer in bench.peers.values():
        peer.by_study.pop(PRIOR)
    runner.run()
    assert case.images.error(PRIOR)
    assert case.report.draft.sections["comparison"] == ""
