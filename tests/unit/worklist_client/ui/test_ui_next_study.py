"""Next: what is claimed is opened or given back, whatever the reader does while it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.peers.reading_doubles import NORTH, entry
from ups.claiming import ClaimKind
from viewer.cancel import CancelToken
from worklist_client.commands.desk import Desk, SiteDirectory
from worklist_client.settings.language import Translator
from worklist_client.ui.next_study import NextActs, NextStudy
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.outcomes import ClaimResult, NotClaimedHere, ReleaseKind, ReleaseResult

AWAY = "The shared worklist does not answer, so no further study was claimed."


@dataclass
class Late:
    """A runner whose work is done when the test says so, by priority as the real one."""

    jobs: list[tuple[int, Callable[[], None]]] = field(default_factory=list)

    def submit(self, work: Any, request: Any, *, done: Any = None, priority: int = 0, **_: Any) -> None:
        def run() -> None:
            value = work(request, CancelToken())
            if done is not None:
                done(value)

        self.jobs.append((priority, run))

    def run_all(self) -> None:
        while self.jobs:
            self.jobs.sort(key=lambda job: job[0])
            self.jobs.pop(0)[1]()


@dataclass
class Hub:
    """The claim desk: every claim comes to `kind`; `events` is what it did, in order."""

    kind: ClaimKind = ClaimKind.WON
    events: list[tuple[str, str]] = field(default_factory=list)

    def claim(self, uid: str, *, cancelled: Callable[[], bool], **_: Any) -> ClaimResult:
        self.events.append(("claim", uid))
        return ClaimResult(uid, self.kind, holder="Bakker^Joost" if self.kind is ClaimKind.LOST else "")

    def release(self, uid: str, *, cancelled: Callable[[], bool]) -> ReleaseResult:
        if ("claim", uid) not in self.events:
            raise NotClaimedHere("this desk does not hold the study")
        self.events.append(("write down" if cancelled() else "release", uid))
        return ReleaseResult(uid, ReleaseKind.RELEASED)


@dataclass
class Ward:
    """Next, over a slow hub."""

    runner: Late = field(default_factory=Late)
    hub: Hub = field(default_factory=Hub)
    windows: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    back: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        desk = SimpleNamespace(tr=Translator("en"), runner=self.runner, claims=self.hub, sites=SiteDirectory([NORTH]))
        acts = NextActs(
            open=lambda study: self.windows.append(study.study_instance_uid),
            is_open=lambda entry_id: entry_id[1] in self.windows,
            say=lambda text, _tone: self.said.append(text),
            come_back=lambda: self.back.append(True),
        )
        self.next = NextStudy(cast(Desk, desk), acts, cast(Any, self))

    def open_by_hand(self, number: int) -> None:
        self.next.drop()
        self.windows.append(f"1.2.{number}")


def studies(*numbers: int, **changes: Any) -> list[StudyEntry]:
    return [entry(workitem_uid=f"2.25.{n}", study_instance_uid=f"1.2.{n}", **changes) for n in numbers]


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_the_first_that_can_be_had_is_claimed_and_opened(ward: Ward) -> None:
    ward.next.begin(studies(1, 2))
    ward.runner.run_all()
    assert (ward.windows, ward.hub.events) == (["1.2.1"], [("claim", "2.25.1")])


def test_what_is_mine_is_opened_without_asking(ward: Ward) -> None:
    ward.next.begin(studies(1, status=Status.MINE))
    assert (ward.windows, ward.runner.jobs) == (["1.2.1"], [])


def test_a_study_opened_by_hand_meanwhile_stays_and_the_next_one_is_given_back(ward: Ward) -> None:
    """Next opened its own study over it."""
    ward.next.begin(studies(1, 2))
    ward.open_by_hand(9)
    ward.runner.run_all()
    assert ward.windows == ["1.2.9"]
    assert ward.hub.events == [("claim", "2.25.1"), ("release", "2.25.1")]
    assert "is given back, for you opened another study" in ward.said[0]


def test_the_study_that_is_asked_for_may_be_opened_by_hand_and_is_kept(ward: Ward) -> None:
    ward.next.begin(studies(1, 2))
    ward.open_by_hand(1)
    ward.runner.run_all()
    assert (ward.windows, ward.hub.events, ward.said) == (["1.2.1"], [("claim", "2.25.1")], [])


def test_asking_twice_opens_one_study(ward: Ward) -> None:
    ward.next.begin(studies(1, 2))
    ward.next.begin(studies(1, 2))
    ward.runner.run_all()
    assert (ward.windows, ward.hub.events) == (["1.2.1"], [("claim", "2.25.1")])


def test_next_asked_again_after_a_study_opened_by_hand_keeps_what_it_asks_for(ward: Ward) -> None:
    ward.next.begin(studies(1, 2))
    ward.open_by_hand(9)
    ward.next.begin(studies(1, 2))
    ward.runner.run_all()
    assert ward.windows == ["1.2.9", "1.2.1"]
    assert {kind for kind, _uid in ward.hub.events} == {"claim"}


def test_a_claim_that_nobody_knows_of_is_given_up_so_that_no_heartbeat_claims_it(ward: Ward) -> None:
    """It said that nothing was claimed, and thirty seconds later a study was, without a window."""
    ward.hub.kind = ClaimKind.UNKNOWN
    ward.next.begin(studies(1, 2))
    ward.runner.run_all()
    assert (ward.windows, ward.said, ward.back) == ([], [AWAY], [True])
    assert ward.hub.events == [("claim", "2.25.1"), ("write down", "2.25.1")]


def test_a_claim_that_nobody_knows_of_is_given_up_silently_where_the_reader_went_on(ward: Ward) -> None:
    ward.hub.kind = ClaimKind.UNKNOWN
    ward.next.begin(studies(1, 2))
    ward.open_by_hand(9)
    ward.runner.run_all()
    assert (ward.said, ward.back) == ([], [])
    assert ward.hub.events[-1] == ("write down", "2.25.1")


def test_what_is_lost_after_the_reader_went_on_is_not_followed_by_another_claim(ward: Ward) -> None:
    ward.hub.kind = ClaimKind.LOST
    ward.next.begin(studies(1, 2))
    ward.open_by_hand(9)
    ward.runner.run_all()
    assert (ward.hub.events, ward.said) == ([("claim", "2.25.1")], [])


def test_all_that_is_lost_is_named_until_nothing_is_left(ward: Ward) -> None:
    ward.hub.kind = ClaimKind.LOST
    ward.next.begin(studies(1, 2))
    ward.runner.run_all()
    assert ward.said[0].count("BAKKER, Joost claimed") == 2
    assert ward.said[0].endswith("Nothing is left to read with these filters.")
    ward.next.begin(studies(3))
    assert ward.runner.jobs, "and it can be asked again"
