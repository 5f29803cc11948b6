"""STOW-RS: frozen bytes out; the body of the answer is read per object whatever the status says (report.md 9.1)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from pacs.dicomweb.answers import datasets, items, text, whole
from pacs.dicomweb.http import HttpSession
from pacs.errors import PacsError, Unreachable
from pacs.port import StoreObject, StoreOutcome, StoreState
from pacs.statuses import http_state, store_state

BATCH_BYTES: Final = 64 << 20
_MIXED = (400, 409, 413, 415, 422)
_ANSWER_LIMIT_BYTES = 16 << 20


def batches(objects: Sequence[StoreObject]) -> list[list[StoreObject]]:
    """The objects in order, cut into requests of at most `BATCH_BYTES` (a bigger object goes alone)."""
    cut: list[list[StoreObject]] = []
    size = 0
    for item in objects:
        if not cut or size + len(item.data) > BATCH_BYTES:
            cut.append([])
            size = 0
        cut[-1].append(item)
        size += len(item.data)
    return cut


def store_batch(session: HttpSession, objects: Sequence[StoreObject]) -> list[StoreOutcome]:
    """One STOW-RS request; one outcome an object, in order."""
    boundary = secrets.token_hex(16)
    content_type = f'multipart/related; type="application/dicom"; boundary={boundary}'
    sent = False
    try:
        with session.request(
            "POST",
            "/studies",
            accept="application/dicom+json",
            body=_body(objects, boundary),
            content_type=content_type,
        ) as response:
            sent = True
            status = response.status_code
            body = session.read_body(response, _ANSWER_LIMIT_BYTES)
            is_json = "json" in (response.headers.get("Content-Type") or "")
    except PacsError as error:
        state = StoreState.RETRY if isinstance(error, Unreachable) and not sent else StoreState.UNKNOWN
        return [StoreOutcome(item.sop_instance_uid, state, error.status, error.reason) for item in objects]
    said = _outcomes(body) if is_json else {}
    if len(objects) > 1 and status in _MIXED and any(item.sop_instance_uid not in said for item in objects):
        # One bad object made the service refuse the request: what it does not mention goes again, each alone. A
        # resend has the same UID and bytes, so it is harmless where the object was stored after all.
        return [said.get(item.sop_instance_uid) or store_batch(session, [item])[0] for item in objects]
    return [said.get(item.sop_instance_uid) or _silent(item, status) for item in objects]


def _body(objects: Sequence[StoreObject], boundary: str) -> bytes:
    pieces: list[bytes] = []
    for item in objects:
        pieces += (f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(), item.data, b"\r\n")
    pieces.append(f"--{boundary}--\r\n".encode())
    return b"".join(pieces)


def _outcomes(body: bytes) -> dict[str, StoreOutcome]:
    """SOP Instance UID -> what the body says of it; nothing where it cannot be read."""
    try:
        answers = datasets(body)
    except PacsError:
        return {}
    found: dict[str, StoreOutcome] = {}
    for answer in answers:
        for item in items(answer, "00081199"):
            uid, warning = text(item, "00081155"), whole(item, "00081196")
            state = StoreState.STORED_WITH_WARNING if warning else StoreState.STORED
            found[uid] = StoreOutcome(uid, state, warning or 0)
        for item in items(answer, "00081198"):
            uid, reason = text(item, "00081155"), whole(item, "00081197")
            state = StoreState.HELD if not reason else store_state(reason)
            found[uid] = StoreOutcome(uid, state, reason, "the PACS did not store it")
    return found


def _silent(item: StoreObject, status: int) -> StoreOutcome:
    message = f"HTTP status {status}, and the answer does not mention this object"
    return StoreOutcome(item.sop_instance_uid, http_state(status), status, message)
