"""The event channel and the heartbeat as bodies of `TaskRunner.serve`: `work(token, emit)`."""

from __future__ import annotations

from collections.abc import Callable

from ups.client import UpsClient
from ups.events import Event, EventChannel
from viewer.cancel import CancelToken
from worklist_client.worklist.claim import HEARTBEAT_S, ClaimDesk
from worklist_client.worklist.outcomes import ClaimResult


def listen(client: UpsClient, aet: str) -> Callable[[CancelToken, Callable[[Event], None]], None]:
    """Emits the events of `ups.events`. One channel for all restarts, so that it knows where its last gap began."""
    channel = EventChannel(client, aet)

    def work(token: CancelToken, emit: Callable[[Event], None]) -> None:
        channel.run(emit, token.cancelled, token.wait)

    return work


def keep_alive(desk: ClaimDesk) -> Callable[[CancelToken, Callable[[tuple[ClaimResult, ...]], None]], None]:
    """Verifies the journal's open claims at once, then every thirty seconds; emits what is known of each claim."""

    def work(token: CancelToken, emit: Callable[[tuple[ClaimResult, ...]], None]) -> None:
        emit(desk.resume(cancelled=token.cancelled))
        while not token.wait(HEARTBEAT_S):
            emit(desk.heartbeat(cancelled=token.cancelled))

    return work
