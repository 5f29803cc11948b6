"""Channels: what a watcher gets, in whose eyes, and how a leave is said. And the sweep that marks silent claims."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.peers.hub import ANN, study_to_read
from ups import changes
from ups import dicom_json as dj
from ups.codes import Person
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.access.grants import Grant, Role
from worklist_hub.store.subscriptions import GLOBAL, Subscriber
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.sweeper import LOOK_AGAIN_S, Sweeper
from worklist_hub.web.channels import Channel, Channels
from worklist_hub.workitem.events import STATUS_CHANGE, Raised, state_report
from worklist_hub.workitem.matching import match_from
from worklist_hub.workitem.protocol import Caller, ChangeState, ClaimRules, Create, Update

BOB = Person("2", "Bob^B", "South")
OBSERVER = Caller(BOB, "BOB", grants=(Grant("north", Role.OBSERVER),), subject="bob")
TRUSTED = Caller(ANN, "ANN", is_trusted=True)


def event_of(item: Workitem) -> Raised:
    return state_report(item.to_json(), position=1)


def claimed() -> Workitem:
    return replace(
        study_to_read("1.2.3", patient_id="17"), state=ProcedureStepState.IN_PROGRESS, holder=ANN, modified="20260101"
    )


def frames(subscribers: list[Subscriber], caller: Caller, *events: Raised) -> list[dict[str, Any]]:
    """What one channel of the first subscriber gets."""

    async def work() -> list[dict[str, Any]]:
        channels = Channels()
        channels.bind(asyncio.get_running_loop())
        channels.set_subscribers([])
        channels.set_subscribers(subscribers)
        channel: Channel = channels.open(subscribers[0].ae_title, caller)
        channels.publish(events)
        await asyncio.sleep(0)
        return [json.loads(channel.frames.get_nowait() or "null") for _ in range(channel.frames.qsize())]

    return asyncio.run(work())


def test_a_watcher_without_details_gets_the_line_only() -> None:
    (event,) = frames([Subscriber("BOB", GLOBAL)], OBSERVER, event_of(claimed()))
    assert dj.text(event, "SOPInstanceUID") == "1.2.3"
    assert not dj.has(event, "PatientID")
    (event,) = frames([Subscriber("ANN", GLOBAL)], TRUSTED, event_of(claimed()))
    assert dj.text(event, "PatientID") == "17"


def test_a_filter_on_what_is_hidden_tells_nothing() -> None:
    by_number = Subscriber("BOB", GLOBAL, (match_from("PatientID", "17"),))
    assert frames([by_number], OBSERVER, event_of(claimed())) == []
    by_label = Subscriber("BOB", GLOBAL, (match_from("ProcedureStepLabel", "CT head"),))
    assert len(frames([by_number, by_label], OBSERVER, event_of(claimed()))) == 1


def test_a_claim_is_told_to_who_saw_the_row_by_a_filter_on_what_it_hides() -> None:
    """His list went on showing the study as free."""
    reader = replace(OBSERVER, grants=(Grant("north", Role.READER),))
    free = replace(claimed(), state=ProcedureStepState.SCHEDULED, holder=None)
    by_number = [Subscriber("BOB", GLOBAL, (match_from("PatientID", "17"),))]

    def told(who: Caller, before: Workitem) -> list[dict[str, Any]]:
        return frames(by_number, who, Raised("1.2.3", 1, event_of(claimed()).dataset, before.to_json()))

    (event,) = told(reader, free)
    assert dj.text(event, "ProcedureStepState") == "IN PROGRESS"
    assert not dj.has(event, "PatientID")
    assert told(reader, replace(free, patient_id="18")) == []
    assert told(OBSERVER, free) == []


def test_of_another_hospital_nothing_is_told() -> None:
    assert frames([Subscriber("BOB", GLOBAL)], OBSERVER, event_of(replace(claimed(), site_id="south"))) == []


def test_leaving_is_said_to_every_subscriber_who_listens() -> None:
    async def work() -> tuple[list[str | None], int]:
        channels = Channels()
        channels.bind(asyncio.get_running_loop())
        channels.set_subscribers([Subscriber("ANN", GLOBAL)])
        listener, stranger = channels.open("ANN"), channels.open("STRANGER")
        taken: list[str | None] = []

        async def take() -> None:
            while True:
                taken.append(await listener.next_frame())

        task = asyncio.create_task(take())
        await channels.say_going_down()
        task.cancel()
        return taken, stranger.waiting

    taken, of_stranger = asyncio.run(work())
    greeting, leave = (json.loads(frame or "null") for frame in taken)
    assert dj.text(greeting, "SCPStatus") == "RESTARTED"
    assert (dj.number(leave, "EventTypeID"), dj.text(leave, "SCPStatus")) == (STATUS_CHANGE, "GOING DOWN")
    assert of_stranger == 0


def test_the_sweep_marks_who_is_silent_and_does_not_write_about_it_again(tmp_path: Path) -> None:
    clock = [datetime(2026, 1, 2, tzinfo=UTC)]
    ticks = [0.0]
    store = WorkitemStore(tmp_path / "worklist.sqlite", clock=lambda: clock[0])
    store.rules = ClaimRules(timedelta(minutes=5), timedelta(minutes=15))
    for uid in ("1.1", "1.2", "1.3"):
        store.carry_out(uid, Create(uid, study_to_read(uid).to_json()), Caller(is_feed=True))
        if uid != "1.3":
            store.carry_out(uid, ChangeState(ProcedureStepState.IN_PROGRESS, f"9.{uid}"), Caller(ANN))
    store.carry_out("1.1", Update(changes.started(), "9.1.1"), Caller(ANN))
    sweeper = Sweeper(store, clock=lambda: ticks[0])
    assert sweeper.sweep() == 0
    clock[0] += timedelta(minutes=20)
    assert sweeper.sweep() == 2
    rows = {row.uid: row for row in map(Workitem.from_json, store.search([], limit=9))}
    assert rows["1.1"].silent_since
    assert rows["1.2"].state is ProcedureStepState.CANCELED
    assert len(rows) == 4
    assert sweeper.sweep() == 0
    ticks[0] += LOOK_AGAIN_S + 1
    assert sweeper.sweep() == 1
    store.close()


def test_a_hub_that_was_away_hears_everybody_before_it_calls_anybody_silent(tmp_path: Path) -> None:
    """Five seconds after an outage of 16 minutes every claim without a report was taken from a reader at work."""
    clock, ticks = [datetime(2026, 1, 2, tzinfo=UTC)], [0.0]
    store = WorkitemStore(tmp_path / "worklist.sqlite", clock=lambda: clock[0])
    store.carry_out("1.1", Create("1.1", study_to_read("1.1").to_json()), Caller(is_feed=True))
    store.carry_out("1.1", ChangeState(ProcedureStepState.IN_PROGRESS, "9.1"), Caller(ANN))
    clock[0] += timedelta(minutes=16)

    def after(sweeper: Sweeper, seconds: float) -> ProcedureStepState:
        clock[0] += timedelta(seconds=seconds)
        ticks[0] += seconds
        sweeper.listen()
        sweeper.sweep()
        (row, *_) = map(Workitem.from_json, store.search([], limit=9))
        return row.state

    sweeper = Sweeper(store, clock=lambda: ticks[0])
    sweeper.listen()
    held = {after(sweeper, 10) for _ in range(6 * 15)}
    assert held == {ProcedureStepState.IN_PROGRESS}
    assert after(sweeper, 10) is ProcedureStepState.CANCELED
    store.close()
