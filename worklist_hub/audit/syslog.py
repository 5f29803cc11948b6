"""Syslog over TLS: RFC 5424 messages in RFC 5425 frames, as PS3.15 A.6 asks. Also plain TCP to this machine only.

Syslog has no acknowledgement. What counts as delivered here is what the receiver's TCP has taken (the send queue is
empty); where the connection breaks before, the caller sends again: a line may come twice, none is lost on the way.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Sequence

from worklist_hub.audit.settings import Collector

if sys.platform.startswith("linux"):
    import fcntl

PRIORITY = 10 * 8 + 5
"""Facility 10 (security), severity 5 (notice)."""
MESSAGE_ID = "DICOM+RFC3881"
_SIOCOUTQ = 0x5411
_DRAIN_S = 10.0


class SyslogUnavailable(Exception):
    """The collector cannot be reached or broke off; the text says where."""


def frame(message: bytes, *, at: str, application: str, host: str | None = None) -> bytes:
    """One RFC 5425 frame. `at` = RFC 3339 with an offset."""
    name = (host or socket.gethostname() or "-")[:255]
    header = f"<{PRIORITY}>1 {at} {name} {application[:48] or '-'} {os.getpid()} {MESSAGE_ID} - "
    content = header.encode("ascii", "replace") + b"\xef\xbb\xbf" + message
    return str(len(content)).encode() + b" " + content


class SyslogSender:
    """One connection to a collector, opened when needed. One thread at a time."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self._socket: socket.socket | None = None

    def send(self, frames: Sequence[bytes]) -> None:
        """Returns when the collector's machine has taken all of them. Raises `SyslogUnavailable`."""
        try:
            line = self._connected()
            self._refuse_if_closed(line)
            for one in frames:
                line.sendall(one)
            self._drained(line)
        except (OSError, ssl.SSLError) as error:
            self.close()
            raise SyslogUnavailable(f"{self.collector.name}: {error}") from error

    def close(self) -> None:
        """Say goodbye; the next `send` opens a new connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is not None:
            return self._socket
        one = self.collector
        plain = socket.create_connection((one.host, one.port), one.timeout_s)
        try:
            self._socket = self._wrapped(plain)
        except BaseException:
            plain.close()
            raise
        return self._socket

    def _wrapped(self, plain: socket.socket) -> socket.socket:
        one = self.collector
        if not one.tls:
            return plain
        context = ssl.create_default_context(cafile=str(one.ca_file) if one.ca_file else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if one.certificate is not None:
            context.load_cert_chain(one.certificate, one.key)
        return context.wrap_socket(plain, server_hostname=one.host)

    @staticmethod
    def _refuse_if_closed(line: socket.socket) -> None:
        """A collector that has gone says so only to who reads."""
        line.settimeout(0.0)
        try:
            if line.recv(1) == b"":
                raise ConnectionResetError("closed by the collector")
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            line.settimeout(_DRAIN_S)

    @staticmethod
    def _drained(line: socket.socket) -> None:
        """Wait for an empty send queue; elsewhere than on Linux nobody tells, and a sent line counts."""
        if sys.platform.startswith("linux"):
            until = time.monotonic() + _DRAIN_S
            while struct.unpack("i", fcntl.ioctl(line.fileno(), _SIOCOUTQ, b"\0" * 4))[0]:
                if time.monotonic() > until:
                    raise TimeoutError("the collector does not take what is sent")
                time.sleep(0.005)
