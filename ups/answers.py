"""From an HTTP status and its `Warning: 299` to an error of ours (PS3.18 11, Warning texts)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ups.codes import Person
from ups.errors import (
    AlreadyThere,
    Conflict,
    NotAuthorised,
    NotFound,
    ProtocolViolation,
    Refused,
    Unsupported,
    UpsError,
    WrongTransactionUid,
)

_WARNING = re.compile(r'299\s+[^\s"]*\s*:?\s*"?(.*?)"?\s*$')
_TRANSACTION = re.compile(r"transaction[ -]?uid|not a claimed|C301", re.IGNORECASE)
_INCONSISTENT = re.compile(r"inconsistent with the (current )?state", re.IGNORECASE)
"""PS3.18 11.6.2 wants 400 for an update of what is final; that is a conflict all the same."""
_TEXT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Not the library's own response: that would keep connections open for as long as it is held."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body. Raises `ProtocolViolation`."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise ProtocolViolation("the answer is not JSON", status=self.status) from error


def warning_text(header: str) -> str:
    """The sentence of a `Warning: 299 service: sentence` header, quoted or not; "" where there is none."""
    found = _WARNING.match(header.strip())
    return found.group(1) if found else header.strip()


def check(answer: Answer, *, creating: bool = False, filtered: bool = False) -> None:
    """Raise the error that the answer means; return for 2xx."""
    if 200 <= answer.status < 300:
        return
    error = error_of(answer.status, _said(answer), creating=creating, filtered=filtered, reason=_reason(answer))
    if isinstance(error, Conflict):
        error.holder = _holder(answer)
    if isinstance(error, AlreadyThere):
        error.instead = _instead(answer)
    raise error


def error_of(status: int, said: str, *, creating: bool = False, filtered: bool = False, reason: str = "") -> UpsError:
    """The error for a failure status and the server's sentence; `reason` is the same in more words."""
    told = reason or said
    if status == 403 and filtered:
        return Unsupported(told or "filtered subscriptions are not supported", status=status)
    if status in (401, 403):
        return NotAuthorised(told or "the server wants to know who asks", status=status)
    if status in (404, 410):
        return NotFound(told or "the server knows no such workitem", status=status)
    if status == 409 and creating:
        return AlreadyThere(told or "a workitem with this UID exists", status=status)
    if status in (400, 409) and _TRANSACTION.search(said):
        return WrongTransactionUid(told, status=status)
    if status == 409 or (status == 400 and _INCONSISTENT.search(said)):
        return Conflict(told or "the state of the workitem does not allow it", status=status)
    return Refused(status, told)


def _holder(answer: Answer) -> Person | None:
    """Who has it, where the server says so in the body, as our hub does."""
    try:
        told = answer.json()["holder"]
        return Person(str(told["code"]), str(told["name"]), str(told["organisation"]))
    except (ProtocolViolation, TypeError, KeyError):
        return None


def _instead(answer: Answer) -> str:
    """The workitem of the same study, where the server names it, as our hub does."""
    try:
        told = answer.json()["workitem"]
    except (ProtocolViolation, TypeError, KeyError):
        return ""
    return told if isinstance(told, str) else ""


def _reason(answer: Answer) -> str:
    """Why, in the server's own words, where its body says so, as our hub's does."""
    try:
        told = answer.json()["reason"]
    except (ProtocolViolation, TypeError, KeyError):
        return ""
    return told[:_TEXT_LIMIT] if isinstance(told, str) else ""


def _said(answer: Answer) -> str:
    warning = answer.headers.get("Warning", "")
    if warning:
        return warning_text(warning)[:_TEXT_LIMIT]
    if answer.headers.get("Content-Type", "").startswith("text/plain"):
        return answer.content.decode("utf-8", "replace")[:_TEXT_LIMIT].strip()
    return ""
