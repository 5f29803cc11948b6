"""From an HTTP status and its `Warning: 299` to an error of ours (PS3.18 11, Warning texts)."""

from __future__ import annotations

import re

import requests

from ups.codes import Person
from ups.errors import (
    AlreadyThere,
    Conflict,
    NotAuthorised,
    NotFound,
    Refused,
    Unsupported,
    UpsError,
    WrongTransactionUid,
)

_WARNING = re.compile(r'299\s+[^\s"]*\s*:?\s*"?(.*?)"?\s*$')
_TRANSACTION = re.compile(r"transaction[ -]?uid|not a claimed|C301", re.IGNORECASE)
_TEXT_LIMIT = 200


def warning_text(header: str) -> str:
    """The sentence of a `Warning: 299 service: sentence` header, quoted or not; "" where there is none."""
    found = _WARNING.match(header.strip())
    return found.group(1) if found else header.strip()


def check(response: requests.Response, *, creating: bool = False, filtered: bool = False) -> None:
    """Raise the error that the answer means; return for 2xx."""
    status = response.status_code
    if 200 <= status < 300:
        return
    error = error_of(status, _said(response), creating=creating, filtered=filtered)
    if isinstance(error, Conflict):
        error.holder = _holder(response)
    raise error


def error_of(status: int, said: str, *, creating: bool = False, filtered: bool = False) -> UpsError:
    """The error for a failure status and the server's sentence."""
    if status == 403 and filtered:
        return Unsupported(said or "filtered subscriptions are not supported", status=status)
    if status in (401, 403):
        return NotAuthorised(said or "the server wants to know who asks", status=status)
    if status in (404, 410):
        return NotFound(said or "the server knows no such workitem", status=status)
    if status == 409 and creating:
        return AlreadyThere(said or "a workitem with this UID exists", status=status)
    if status in (400, 409) and _TRANSACTION.search(said):
        return WrongTransactionUid(said, status=status)
    if status == 409:
        return Conflict(said or "the state of the workitem does not allow it")
    return Refused(status, said)


def _holder(response: requests.Response) -> Person | None:
    """Who has it, where the server says so in the body, as our hub does."""
    try:
        told = response.json()["holder"]
        return Person(str(told["code"]), str(told["name"]), str(told["organisation"]))
    except (ValueError, TypeError, KeyError):
        return None


def _said(response: requests.Response) -> str:
    warning = response.headers.get("Warning", "")
    if warning:
        return warning_text(warning)[:_TEXT_LIMIT]
    if response.headers.get("Content-Type", "").startswith("text/plain"):
        return response.text[:_TEXT_LIMIT].strip()
    return ""
