"""TCP connections whose waits can be cancelled."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from typing import Any, Final

from pacs.errors import Interrupted, Unreachable
from pacs.port import Cancelled

CONNECT_TIMEOUT_S: Final = 5.0
POLL_S: Final = 0.1
"""Longest time for which `cancelled` is not asked."""

_KEEP_ALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 20000))
_IN_PROGRESS = (0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", errno.EWOULDBLOCK))


def connect(host: str, port: int, cancelled: Cancelled, connection_id: str = "") -> socket.socket:
    """A connected socket with TCP_NODELAY, keep-alive and a time-out of `POLL_S` on each call.

    Raises `Unreachable` after `CONNECT_TIMEOUT_S`, `Interrupted`.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable("the host name is unknown", connection_id=connection_id) from error
    deadline = time.monotonic() + CONNECT_TIMEOUT_S
    reason: OSError = TimeoutError()
    for family, kind, protocol, _name, address in addresses:
        made = socket.socket(family, kind, protocol)
        try:
            _establish(made, address, deadline, cancelled, connection_id)
        except OSError as error:
            made.close()
            reason = error
        except BaseException:
            made.close()
            raise
        else:
            _tune(made)
            return made
    raise Unreachable(_text(reason), connection_id=connection_id) from reason


def _establish(made: socket.socket, address: Any, deadline: float, cancelled: Cancelled, connection_id: str) -> None:
    made.setblocking(False)
    number = made.connect_ex(address)
    if number not in _IN_PROGRESS:
        raise OSError(number, os.strerror(number))
    with selectors.DefaultSelector() as selector:
        selector.register(made, selectors.EVENT_WRITE)
        while not selector.select(POLL_S):
            if cancelled():
                raise Interrupted("cancelled", connection_id=connection_id)
            if time.monotonic() > deadline:
                raise TimeoutError
    number = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))


def _tune(made: socket.socket) -> None:
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE:
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    made.settimeout(POLL_S)


def _text(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer to the connection within {CONNECT_TIMEOUT_S:g} s"
    return "nobody listens there" if error.errno == errno.ECONNREFUSED else "the host cannot be reached"
