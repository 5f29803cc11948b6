"""Open event channels: one queue a websocket. Events come from the feed's thread and leave on the event loop."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence

from worklist_hub.events import Raised
from worklist_hub.store.subscriptions import Subscriber

QUEUE_LIMIT = 2000
"""A watcher further behind than this is cut off; it comes back and searches."""


class Channel:
    """One websocket's queue of frames; None = it is cut off."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_LIMIT + 1)
        self.is_cut_off = False

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


class Channels:
    """Who listens, and who wants what."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber, ...] = ()
        self._open: dict[str, set[Channel]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Frames leave on this loop."""
        self._loop = loop

    def set_subscribers(self, subscribers: Sequence[Subscriber]) -> None:
        """Everybody's subscriptions, after a change of them."""
        with self._lock:
            self._subscribers = tuple(subscribers)

    def open(self, ae_title: str) -> Channel:
        """A new channel of an AE title; it may have several."""
        channel = Channel()
        with self._lock:
            self._open.setdefault(ae_title, set()).add(channel)
        return channel

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

    def publish(self, raised: Sequence[Raised], *, only: str = "") -> None:
        """Pass events on to whoever wants them (`only` = one AE title); any thread, in order."""
        with self._lock:
            subscribers, channels = self._subscribers, {name: tuple(found) for name, found in self._open.items()}
        for event in raised:
            wanting = {one.ae_title for one in subscribers if one.ae_title in channels and one.wants(event)}
            if only:
                wanting &= {only}
            if wanting and self._loop is not None and not self._loop.is_closed():
                frame = event.frame or json.dumps(event.dataset, ensure_ascii=False, separators=(",", ":"))
                targets = [channel for name in wanting for channel in channels[name]]
                self._loop.call_soon_threadsafe(_offer, targets, frame)


def _offer(targets: Sequence[Channel], frame: str) -> None:
    for channel in targets:
        channel.offer(frame)


def _cut_off(targets: Sequence[Channel]) -> None:
    for channel in targets:
        channel.cut_off()
