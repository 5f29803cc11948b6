"""The transport of an association: one socket, one receive buffer, whole PDUs (PS3.8 9.3).

Reads take as much as there is, up to a megabyte; PDUs are handed out as views of the buffer, so that the data of an
object go from the kernel to its file with a single copy in between.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import Final

from pacs.errors import Interrupted, ProtocolViolation, TimedOut
from pacs.port import Cancelled
from pacs.site import DimseConnection
from pacs.tcp import POLL_S, connect

PDU_LIMIT_BYTES: Final = 262144
"""A longer PDU than this, twice what we offer, is an attack or an accident: the association is aborted."""
BUFFER_BYTES: Final = 1 << 20
ABORT: Final = 7

_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Wire:
    """A connection to a DICOM peer. Every wait asks `cancelled` at least every `POLL_S`."""

    def __init__(self, connection: DimseConnection, cancelled: Cancelled) -> None:
        """Connect. Raises `Unreachable`, `Interrupted`."""
        self._id = connection.connection_id
        self._timeout_s = connection.timeout_s
        self._cancelled = cancelled
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        self._start = self._end = 0
        self.check_cancelled()
        self._socket = connect(connection.host, connection.port, cancelled, self._id)

    def check_cancelled(self) -> None:
        """Raise `Interrupted` where somebody wants us to stop."""
        if self._cancelled():
            raise Interrupted("cancelled", connection_id=self._id)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def abort(self) -> None:
        """A-ABORT and away, at once."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(POLL_S)
            self._socket.sendall(struct.pack(">BxI4x", ABORT, 4))
        self._socket.close()

    def send_all(self, data: bytes) -> None:
        """Send everything. Raises `TimedOut`, `ProtocolViolation`, `Interrupted`."""
        view = memoryview(data)
        deadline = time.monotonic() + self._timeout_s
        while view:
            try:
                done = self._socket.send(view)
            except TimeoutError:
                self.check_cancelled()
                if time.monotonic() > deadline:
                    raise TimedOut("the PACS takes no more data", connection_id=self._id) from None
                continue
            except OSError as error:
                raise ProtocolViolation("the PACS closed the connection", connection_id=self._id) from error
            view = view[done:]
            deadline = time.monotonic() + self._timeout_s

    def next_pdu(self, timeout_s: float) -> tuple[int, memoryview]:
        """(PDU type, body) of the next PDU; the body is valid until the next call. Raises `TimedOut` after `timeout_s`
        of silence, `ProtocolViolation` for an A-ABORT, a cut connection or nonsense, `Interrupted`."""
        self._fill(6, timeout_s)
        kind, length = struct.unpack_from(">BxI", self._buffer, self._start)
        if not 1 <= kind <= ABORT or length > PDU_LIMIT_BYTES:
            raise ProtocolViolation("not a DICOM peer, or a PDU beyond all limits", connection_id=self._id)
        self._fill(6 + length, timeout_s)
        body = self._buffer[self._start + 6 : self._start + 6 + length]
        self._start += 6 + length
        if kind == ABORT:
            raise ProtocolViolation("the PACS aborted the association", connection_id=self._id)
        return kind, body

    def _fill(self, wanted: int, timeout_s: float) -> None:
        """Read until `wanted` bytes lie in the buffer from `_start` on; reads as much as there is."""
        if self._end - self._start >= wanted:
            return
        if self._start + wanted > BUFFER_BYTES or self._start == self._end:
            left = self._end - self._start
            self._buffer[:left] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, left
        deadline = time.monotonic() + timeout_s
        while self._end - self._start < wanted:
            try:
                count = self._socket.recv_into(self._buffer[self._end :])
            except TimeoutError:
                self.check_cancelled()
                if time.monotonic() > deadline:
                    reason = f"the PACS has been silent for {timeout_s:g} s"
                    raise TimedOut(reason, connection_id=self._id) from None
                continue
            except OSError as error:
                raise ProtocolViolation("the connection was cut", connection_id=self._id) from error
            if count == 0:
                raise ProtocolViolation("the PACS closed the connection", connection_id=self._id)
            self._end += count
            self._acknowledge_at_once()
            deadline = time.monotonic() + timeout_s

    def _acknowledge_at_once(self) -> None:
        """Many peers (DCMTK, Orthanc) send a message in two writes without TCP_NODELAY: each would wait 40 ms for our
        delayed acknowledgement. Linux forgets this option after a while, so it is set after every read."""
        if _QUICK_ACK is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
