"""HTTP/1.1 whose patience ends."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_S = 15.0
"""So long the head of a request may take, from its connection or from the answer before it."""
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose request heads must arrive in time: a connection that dribbles is ended."""

    headers_s = HEADERS_S
    _patience: asyncio.TimerHandle | None = None
    _is_channel = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection is there; its first request must follow."""
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Bytes came; while they are not a whole head, the time runs."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._patience is None and not self._is_channel and not self.transport.is_closing():
            self._wait_for_head()

    def on_response_complete(self) -> None:
        """An answer is out; a part of the next head may be here already."""
        super().on_response_complete()
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self._patience is None and self.conn.trailing_data[0] and not self.transport.is_closing():
            self._wait_for_head()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """A channel may be silent for as long as it likes."""
        self._is_channel = True  # the bytes that asked for it are still being received
        self._stop_waiting()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._patience = asyncio.get_running_loop().call_later(self.headers_s, self._too_slow)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _too_slow(self) -> None:
        self._patience = None
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
