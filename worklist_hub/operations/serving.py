"""uvicorn, but a first SIGTERM or Ctrl-C drains before it ends; a second one ends at once."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn


class DrainingServer(uvicorn.Server):
    """`drain` runs on the event loop between the signal and the end; the server still answers meanwhile."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain
        self._draining: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As before; remembers the loop, for the signal's handler."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come."""
        if self._draining is not None or self._loop is None or not self.started:
            super().handle_exit(sig, frame)
            return
        self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._drain_then_end())

    async def _drain_then_end(self) -> None:
        """A signal that uvicorn has seen is raised again, and kills, before `run` returns: the store would not be
        closed, nor the last line of the audit written."""
        try:
            await self._drain()
        finally:
            self.should_exit = True
