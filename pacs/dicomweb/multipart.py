"""Reading `multipart/related` (RFC 2387) as a stream: each part comes in pieces that are views of what was received."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from functools import lru_cache
from typing import Final

from pacs.errors import ProtocolViolation

PIECE_BYTES: Final = 1 << 19
_HEADER_LIMIT_BYTES = 16384

ReadPiece = Callable[[int], bytes]
"""Up to so many bytes; b"" at the end of the body."""


def boundary_of(content_type: str) -> str:
    """The boundary of a multipart content type; empty where it is none. Raises `ProtocolViolation`."""
    message = Message()
    message["Content-Type"] = content_type
    if message.get_content_maintype() != "multipart":
        return ""
    boundary = message.get_boundary("")
    if not boundary:
        raise ProtocolViolation("a multipart answer without boundary")
    return boundary


class MultipartReader:
    """Iterates over parts; each part's pieces must be consumed before the next part is asked for."""

    def __init__(self, read: ReadPiece, boundary: str) -> None:
        self._read = read
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        # The first delimiter may stand at the very beginning, without the line break that belongs to all others.
        self._data = b"\r\n"
        self._at = 0

    def parts(self) -> Iterator[tuple[Message, Iterator[memoryview]]]:
        """(headers, pieces of the body) of each part. Raises `ProtocolViolation` where the answer is cut off."""
        _skip(self._until_delimiter())
        while self._take(2) != b"--":
            headers = self._headers()
            length = headers.get("Content-Length", "").strip()
            pieces = self._exactly(int(length)) if length.isdigit() else self._until_delimiter()
            yield headers, pieces
            _skip(pieces)

    def _exactly(self, left: int) -> Iterator[memoryview]:
        while left:
            self._need(1)
            piece = memoryview(self._data)[self._at : self._at + left]
            self._at += len(piece)
            left -= len(piece)
            yield piece
        if self._take(len(self._delimiter)) != self._delimiter:
            raise ProtocolViolation("a part whose length is not what its header says")

    def _until_delimiter(self) -> Iterator[memoryview]:
        while True:
            found = self._data.find(self._delimiter, self._at)
            end = found if found >= 0 else max(self._at, len(self._data) - len(self._delimiter) + 1)
            if end > self._at:
                yield memoryview(self._data)[self._at : end]
            self._at = end
            if found >= 0:
                self._at += len(self._delimiter)
                return
            self._more()

    def _headers(self) -> Message:
        start = self._at - 2
        while (end := self._data.find(b"\r\n\r\n", start)) < 0:
            if len(self._data) - start > _HEADER_LIMIT_BYTES:
                raise ProtocolViolation("a part with endless headers")
            self._at = start
            self._more()
            start = 0
        self._at = end + 4
        return _parsed(bytes(self._data[start + 2 : end + 2]))

    def _take(self, count: int) -> bytes:
        self._need(count)
        self._at += count
        return self._data[self._at - count : self._at]

    def _need(self, count: int) -> None:
        while len(self._data) - self._at < count:
            self._more()

    def _more(self) -> None:
        """Read on; what was not consumed moves to the front (usually nothing, then nothing is copied)."""
        piece = self._read(PIECE_BYTES)
        if not piece:
            raise ProtocolViolation("the answer was cut off in the middle")
        self._data = self._data[self._at :] + piece
        self._at = 0


@lru_cache(64)
def _parsed(headers: bytes) -> Message:
    """Headers of a part, to be read only: most parts of an answer have the same ones."""
    return BytesHeaderParser().parsebytes(headers)


def _skip(pieces: Iterator[memoryview]) -> None:
    for _piece in pieces:
        pass
