"""WADO-RS: whole objects in the stored transfer syntax, from the socket into files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Final

import requests

from pacs.dicomweb.http import HttpSession, read_piece
from pacs.dicomweb.multipart import PIECE_BYTES, MultipartReader, boundary_of
from pacs.elements import HEAD_BYTES, FileMeta, Identifiers, file_meta, identifiers
from pacs.errors import ProtocolViolation
from pacs.files import PREAMBLE_BYTES, IncomingFile
from pacs.receipt import Receipt

ACCEPT: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def retrieve_objects(session: HttpSession, path: str, receipt: Receipt, connection_id: str) -> None:
    """GET one study, series or instance and keep what comes. Raises `PacsError`; what came by then is kept."""
    with session.request("GET", path, accept=ACCEPT) as response:
        session.check_status(response)
        for headers, pieces in _parts(response, connection_id):
            kind = headers.get_content_type()
            if kind not in ("application/dicom", "text/plain"):
                receipt.warn("a part that is no DICOM object was dropped")
                continue
            _receive(pieces, receipt)
            if session.watch.cancelled():
                session.watch.check(0.0)


def _parts(response: requests.Response, connection_id: str) -> Iterator[tuple[Message, Iterator[memoryview]]]:
    def read(size: int) -> bytes:
        return read_piece(response, size, connection_id)

    content_type = response.headers.get("Content-Type") or ""
    boundary = boundary_of(content_type)
    if boundary:
        yield from MultipartReader(read, boundary).parts()
    elif content_type.startswith("application/dicom") and "json" not in content_type:
        headers = Message()
        headers["Content-Type"] = "application/dicom"
        yield headers, (memoryview(piece) for piece in iter(lambda: read(PIECE_BYTES), b""))
    elif response.status_code != 204:
        raise ProtocolViolation("an answer that holds no DICOM objects", connection_id=connection_id)


def _receive(pieces: Iterable[memoryview], receipt: Receipt) -> None:
    """One object: look at its head, then write it, preamble zeroed."""
    head = bytearray()
    rest: Iterator[memoryview] = iter(pieces)
    surplus = memoryview(b"")
    for piece in rest:
        room = HEAD_BYTES - len(head)
        head += piece[:room]
        if len(head) == HEAD_BYTES:
            surplus = piece[room:]
            break
    try:
        looked_at = bytes(head)
        meta = file_meta(looked_at)
        said = identifiers(looked_at, meta.transfer_syntax_uid, meta.data_set_offset)
    except ProtocolViolation as error:
        receipt.warn(error.reason)
        return
    if not receipt.wants(said.sop_instance_uid):
        return
    _write(head, surplus, rest, (meta, said), receipt)


def _write(
    head: bytearray,
    surplus: memoryview,
    rest: Iterator[memoryview],
    known: tuple[FileMeta, Identifiers],
    receipt: Receipt,
) -> None:
    meta, said = known
    head[:PREAMBLE_BYTES] = bytes(PREAMBLE_BYTES)
    with IncomingFile(receipt.request.folder) as file:
        file.write(head)
        file.write(surplus)
        for piece in rest:
            file.write(piece)
        received = receipt.keep(file, said, meta.transfer_syntax_uid, meta.sop_instance_uid)
    if received is not None:
        receipt.hand_over(received)
