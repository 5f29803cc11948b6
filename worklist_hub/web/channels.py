"""Open event channels: one queue a websocket. Events come from the feed's thread and leave on the event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from worklist_hub.access.policy import SHOWN_KEYWORDS, Row, shows_details
from worklist_hub.access.view import event_for
from worklist_hub.store.subscriptions import Subscriber
from worklist_hub.workitem.events import Raised, going_down, restarted
from worklist_hub.workitem.protocol import Caller

QUEUE_LIMIT = 2000
"""A watcher further behind than this is cut off; it comes back and searches."""
EASY = 200
"""So few frames waiting count as taken."""
TAKING_S = 30.0
_STEP_S = 0.02
_ANYBODY = Caller(is_trusted=True)


class Channel:
    """One websocket's queue of frames; None = it is cut off."""

    def __init__(self, caller: Caller = _ANYBODY) -> None:
        self.caller = caller
        self.frames: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_LIMIT + 1)
        self.is_cut_off = False
        self.is_sending = False

    async def next_frame(self) -> str | None:
        """The next frame to send; asking for it says that the one before is sent."""
        self.is_sending = False
        frame = await self.frames.get()
        self.is_sending = True
        return frame

    @property
    def waiting(self) -> int:
        """Frames that did not leave yet."""
        return self.frames.qsize() + self.is_sending

    def offer(self, frame: str) -> None:
        """Queue a frame, or cut the channel off where too many wait."""
        if self.is_cut_off:
            return
        if self.frames.qsize() >= QUEUE_LIMIT:
            self.cut_off()
            return
        self.frames.put_nowait(frame)

    def cut_off(self) -> None:
        """No frame after this; its watcher connects and searches again."""
        if not self.is_cut_off:
            self.is_cut_off = True
            self.frames.put_nowait(None)


@dataclass(slots=True)
class _Frames:
    """An event as text: as it is, and with what a line of the list needs."""

    event: Raised
    whole: str = ""
    reduced: str = ""

    def for_caller(self, caller: Caller, wanting: Sequence[Subscriber]) -> str:
        """ "" where he is not told."""
        seen = event_for(caller, self.event.dataset)
        if seen is None or (seen is not self.event.dataset and not self._may_know(caller, wanting)):
            return ""
        if seen is self.event.dataset:
            self.whole = self.whole or self.event.frame or _text(seen)
            return self.whole
        self.reduced = self.reduced or _text(seen)
        return self.reduced

    def _may_know(self, caller: Caller, wanting: Sequence[Subscriber]) -> bool:
        """Whether that he is told tells him nothing that is hidden from him now: his filter needs no such thing, or he
        saw all of the row before, by the same filter, and learns that somebody claimed it."""
        if any(_is_open(one) for one in wanting):
            return True
        before = self.event.before
        if before is None or not shows_details(caller, Row.of(before)):
            return False
        return any(one.is_global and one.covers(self.event.position, before) for one in wanting)


class Channels:
    """Who listens, and who wants what."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber, ...] = ()
        self._open: dict[str, set[Channel]] = {}
        self._to_greet: set[str] | None = None
        """AE titles that were subscribed before this process began and have not listened since."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Frames leave on this loop."""
        self._loop = loop

    def set_subscribers(self, subscribers: Sequence[Subscriber]) -> None:
        """Everybody's subscriptions, after a change of them."""
        with self._lock:
            self._subscribers = tuple(subscribers)
            if self._to_greet is None:
                self._to_greet = {one.ae_title for one in subscribers}

    def open(self, ae_title: str, caller: Caller = _ANYBODY) -> Channel:
        """A new channel of an AE title; it may have several. Whoever was subscribed before this process began is told
        that it began (event 4)."""
        channel = Channel(caller)
        with self._lock:
            self._open.setdefault(ae_title, set()).add(channel)
            is_new_to_us = ae_title in (self._to_greet or ())
            if self._to_greet:
                self._to_greet.discard(ae_title)
        if is_new_to_us:
            channel.offer(_text(restarted()))
        return channel

    def waiting(self) -> int:
        """Frames of all channels that did not leave yet."""
        with self._lock:
            return sum(channel.waiting for found in self._open.values() for channel in found)

    def is_open(self, ae_title: str) -> bool:
        """Whether an AE title listens here."""
        with self._lock:
            return bool(self._open.get(ae_title))

    def close(self, ae_title: str, channel: Channel) -> None:
        """Forget a channel."""
        with self._lock:
            channels = self._open.get(ae_title, set())
            channels.discard(channel)
            if not channels:
                self._open.pop(ae_title, None)

    def cut_off_all(self) -> None:
        """Events may be missing: let every watcher come back and search again; any thread."""
        with self._lock:
            targets = [channel for found in self._open.values() for channel in found]
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_cut_off, targets)

    async def say_going_down(self) -> None:
        """Event 4 to every subscriber who listens, and a moment for it, and for all before it, to leave."""
        with self._lock:
            known = {one.ae_title for one in self._subscribers}
            targets = [channel for name, found in self._open.items() if name in known for channel in found]
        frame = _text(going_down())
        for channel in targets:
            channel.offer(frame)
        await _until(targets, 0, 1.0)

    async def until_taken(self, ae_title: str) -> None:
        """Wait for the channels of an AE title to have little left to send."""
        with self._lock:
            targets = list(self._open.get(ae_title, ()))
        await _until(targets, EASY, TAKING_S)

    def publish(self, raised: Sequence[Raised], *, only: str = "") -> None:
        """Pass events on to whoever wants them (`only` = one AE title); any thread, in order."""
        with self._lock:
            subscribers, channels = self._subscribers, {name: tuple(found) for name, found in self._open.items()}
        listening = [one for one in subscribers if one.ae_title in channels and only in ("", one.ae_title)]
        for event in raised:
            frames = _Frames(event)
            for name, wanting in _wanting(listening, event).items():
                for channel in channels[name]:
                    if frame := frames.for_caller(channel.caller, wanting):
                        self._send(channel, frame)

    def _send(self, channel: Channel, frame: str) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(channel.offer, frame)


def _wanting(subscribers: Iterable[Subscriber], event: Raised) -> dict[str, list[Subscriber]]:
    """By AE title, the subscriptions that this event is for; unsubscribing from one workitem outdoes the global one."""
    left = {one.ae_title for one in subscribers if one.is_exception and one.uid == event.uid}
    found: dict[str, list[Subscriber]] = {}
    for one in subscribers:
        if one.ae_title not in left and one.wants(event):
            found.setdefault(one.ae_title, []).append(one)
    return found


def _is_open(subscriber: Subscriber) -> bool:
    """Whether its filter needs nothing that a reduced row hides: else the event itself would tell it."""
    return all(match.path[0] in SHOWN_KEYWORDS for match in subscriber.matching)


def _text(dataset: object) -> str:
    return json.dumps(dataset, ensure_ascii=False, separators=(",", ":"))


def _cut_off(targets: Sequence[Channel]) -> None:
    for channel in targets:
        channel.cut_off()


async def _until(channels: Sequence[Channel], left: int, limit_s: float) -> None:
    steps = round(limit_s / _STEP_S)
    while steps > 0 and any(channel.waiting > left and not channel.is_cut_off for channel in channels):
        steps -= 1
        await asyncio.sleep(_STEP_S)
