"""A syslog collector on loopback: takes RFC 5425 frames, over TLS where certificates are given."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable


class SyslogCollector:
    """A context manager. `messages` = what arrived, without the frame's length.

    `cut_after` closes the connection after so many messages, once.
    """

    def __init__(self, context: ssl.SSLContext | None = None, *, port: int = 0, cut_after: int = -1) -> None:
        self.messages: list[bytes] = []
        self._context, self._cut_after = context, cut_after
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.05)
        self.port = int(self._listener.getsockname()[1])
        self._stop = threading.Event()
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> SyslogCollector:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join(5)
        self._listener.close()

    def wait_for(self, is_there: Callable[[list[bytes]], bool], timeout_s: float = 20.0) -> bool:
        """Whether it came in time."""
        with self._arrived:
            return self._arrived.wait_for(lambda: is_there(self.messages), timeout_s)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                plain = self._listener.accept()[0]
            except TimeoutError:
                continue
            with contextlib.suppress(OSError, ssl.SSLError), plain:
                plain.settimeout(5)
                line = self._context.wrap_socket(plain, server_side=True) if self._context else plain
                with line:
                    self._take(line)

    def _take(self, line: socket.socket) -> None:
        line.settimeout(0.05)
        buffer = b""
        while not self._stop.is_set():
            try:
                received = line.recv(65536)
            except (TimeoutError, ssl.SSLWantReadError):
                continue
            if not received:
                return
            buffer += received
            while (found := _frame(buffer)) is not None:
                message, buffer = found
                with self._arrived:
                    self.messages.append(message)
                    self._arrived.notify_all()
                    if len(self.messages) == self._cut_after:
                        self._cut_after = -1
                        return


def _frame(buffer: bytes) -> tuple[bytes, bytes] | None:
    length, space, rest = buffer.partition(b" ")
    if not space or len(rest) < int(length):
        return None
    return rest[: int(length)], rest[int(length) :]
