"""HTTP with requests over sockets whose waits ask `cancelled` and know how long the peer has been silent."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context

from pacs.credentials import Credentials
from pacs.errors import (
    Interrupted,
    NotAuthorised,
    NotFound,
    PacsError,
    ProtocolViolation,
    Refused,
    TimedOut,
    Unreachable,
)
from pacs.port import Cancelled
from pacs.tcp import CONNECT_TIMEOUT_S, POLL_S, connect

MAX_JSON_BYTES: Final = 256 << 20
_JSON_PIECE_BYTES = 1 << 16
_PLAIN_IN_QUERIES: Final = "*?,:@/!$'()"
"""Allowed unquoted in a query (RFC 3986 3.4): some servers match `%2A` as a letter, not as the wildcard."""


class Watch:
    """Who may cancel, and how long silence may last."""

    def __init__(self, cancelled: Cancelled, timeout_s: float, connection_id: str) -> None:
        self.cancelled = cancelled
        self.timeout_s = timeout_s
        self.connection_id = connection_id

    def check(self, since: float) -> None:
        """Raise `Interrupted` or `TimedOut` where waiting since then makes no sense any more."""
        if self.cancelled():
            raise Interrupted("cancelled", connection_id=self.connection_id)
        if time.monotonic() - since > self.timeout_s:
            reason = f"the PACS has been silent for {self.timeout_s:g} s"
            raise TimedOut(reason, connection_id=self.connection_id)


class _WatchedSocket(socket.socket):
    watch: Watch

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        since = time.monotonic()
        while True:
            try:
                return super().recv_into(buffer, nbytes, flags)
            except TimeoutError:
                self.watch.check(since)

    def sendall(self, data: Any, flags: int = 0) -> None:
        _send_all(super().send, data, self.watch)


class _WatchedTlsSocket(ssl.SSLSocket):
    watch: Watch | None = None

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        since = time.monotonic()
        while True:
            try:
                return super().recv_into(buffer, nbytes, flags)
            except TimeoutError:
                if self.watch is None:
                    raise
                self.watch.check(since)

    def sendall(self, data: Any, flags: int = 0) -> None:
        if self.watch is None:
            super().sendall(data, flags)
        else:
            _send_all(super().send, data, self.watch)


def _send_all(send: Any, data: Any, watch: Watch) -> None:
    view = memoryview(data).cast("B")
    since = time.monotonic()
    while view:
        try:
            view = view[send(view) :]
            since = time.monotonic()
        except TimeoutError:
            watch.check(since)


def _open_socket(connection: HTTPConnection, watch: Watch) -> socket.socket:
    made = connect(connection.host, connection.port or 80, watch.cancelled, watch.connection_id)
    watched = _WatchedSocket(fileno=made.detach())
    watched.watch = watch
    return watched


class _Adapter(HTTPAdapter):
    """Gives the pools of one session connections that are watched."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *positional: Any, **named: Any) -> None:
        watch = self._watch

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                made = _open_socket(self, watch)
                made.settimeout(POLL_S)
                return made

        class Tls(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                made = _open_socket(self, watch)
                made.settimeout(CONNECT_TIMEOUT_S)
                return made

            def connect(self) -> None:
                super().connect()
                if isinstance(self.sock, _WatchedTlsSocket):
                    self.sock.watch = watch
                    self.sock.settimeout(POLL_S)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class TlsPool(HTTPSConnectionPool):
            ConnectionCls = Tls

        context = create_urllib3_context(ssl_minimum_version=ssl.TLSVersion.TLSv1_2)
        context.sslsocket_class = _WatchedTlsSocket
        super().init_poolmanager(*positional, ssl_context=context, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}


class HttpSession:
    """One short conversation with one DICOMweb service; a context manager."""

    def __init__(
        self, base_url: str, credentials: Credentials, *, timeout_s: float, connection_id: str, cancelled: Cancelled
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._id = connection_id
        self.watch = Watch(cancelled, timeout_s, connection_id)
        self._session = requests.Session()
        # Nothing of the environment: neither a proxy nor a netrc may divert what belongs to a hospital.
        self._session.trust_env = False
        adapter = _Adapter(self.watch)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._session.headers["Accept-Encoding"] = "identity"
        if credentials.ca_file:
            self._session.verify = credentials.ca_file
        if credentials.bearer_token:
            self._session.headers["Authorization"] = f"Bearer {credentials.bearer_token}"
        elif credentials.user:
            self._session.auth = (credentials.user, credentials.password)

    def __enter__(self) -> HttpSession:
        return self

    def __exit__(self, *_error: object) -> None:
        self._session.close()

    @contextmanager
    def request(
        self,
        method: str,
        path: str,
        *,
        accept: str,
        query: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        content_type: str = "",
    ) -> Iterator[requests.Response]:
        """An answer whose body has not been read yet, whatever its status. Raises `PacsError` only."""
        if self.watch.cancelled():
            raise Interrupted("cancelled", connection_id=self._id)
        headers = {"Accept": accept}
        if content_type:
            headers["Content-Type"] = content_type
        url = self._base_url + path
        if urlsplit(url).scheme not in ("http", "https"):
            raise Unreachable("the address is neither http nor https", connection_id=self._id)
        response: requests.Response | None = None
        try:
            response = self._session.request(
                method,
                url,
                params=urlencode(query or [], safe=_PLAIN_IN_QUERIES, quote_via=quote),
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT_S, POLL_S),
            )
            yield response
        except PacsError:
            raise
        except requests.exceptions.SSLError as error:
            raise Unreachable("the secure connection failed", connection_id=self._id) from error
        except requests.exceptions.Timeout as error:
            raise TimedOut("the PACS did not answer in time", connection_id=self._id) from error
        except requests.exceptions.InvalidURL as error:
            raise Unreachable("the address is no address", connection_id=self._id) from error
        except (requests.RequestException, OSError, ValueError) as error:
            raise ProtocolViolation(
                "the connection was cut or the answer is no HTTP", connection_id=self._id
            ) from error
        finally:
            if response is not None:
                response.close()

    def read_body(self, response: requests.Response, limit: int = MAX_JSON_BYTES) -> bytes:
        """The whole body. Raises `ProtocolViolation` beyond `limit` or where it is cut off."""
        body = bytearray()
        while piece := read_piece(response, _JSON_PIECE_BYTES, self._id):
            body += piece
            if len(body) > limit:
                raise ProtocolViolation("an answer beyond all measure", connection_id=self._id)
        return bytes(body)

    def check_status(self, response: requests.Response) -> None:
        """Raise the typed error for a status that is no success."""
        status = response.status_code
        if status < 300:
            return
        if status in (401, 403):
            raise NotAuthorised("the PACS refuses us", connection_id=self._id, status=status)
        if status == 404:
            raise NotFound("the PACS does not know it", connection_id=self._id, status=status)
        raise Refused(f"the PACS answered with HTTP status {status}", connection_id=self._id, status=status)


def read_piece(response: requests.Response, size: int, connection_id: str) -> bytes:
    """Up to `size` bytes of the body as they come, b"" at its end. Raises `ProtocolViolation` where it is cut off."""
    try:
        piece: bytes = response.raw.read1(size, decode_content=False)
    except PacsError:
        raise
    except Exception as error:  # urllib3 and http.client have a dozen names for a cut
        raise ProtocolViolation("the connection was cut", connection_id=connection_id) from error
    return piece


def header_of(headers: Mapping[str, str], name: str) -> str:
    """A header, or nothing."""
    return headers.get(name) or ""
