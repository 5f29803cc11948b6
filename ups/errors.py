"""What a UPS server can do to us.

UpsError
├── Unreachable          nobody listens, name unknown, TLS failed, link broken: the request may or may not have arrived
├── TimedOut             no answer in time: the request may or may not have arrived
├── ProtocolViolation    an answer that the standard does not allow
├── NotAuthorised        401, 403
├── NotFound             404, 410 (C307)
├── AlreadyThere         409 on Create (0111): harmless for a feed with deterministic UIDs
├── Conflict             409: the state does not allow it (C300, C302, C310, C311); names the reason and the holder
├── WrongTransactionUid  400 or 409 with a Transaction UID warning (C301): the workitem is not ours
├── Refused              any other failure status; `is_unclear` for 5xx
├── Unsupported          the server's dialect does not offer this (filtered subscription, event channel)
└── Interrupted          `cancelled()` said so
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ups.workitem import Person


class UpsError(Exception):
    """Root; `reason` is plain English without patient data, `status` the HTTP status where there was one."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status

    @property
    def is_unclear(self) -> bool:
        """Whether the request may have been carried out all the same."""
        return False


class Unreachable(UpsError):
    """Nobody listens, the name is unknown, TLS failed or the link broke."""

    @property
    def is_unclear(self) -> bool:
        """A link may break after the request was carried out."""
        return True


class TimedOut(UpsError):
    """No answer in time."""

    @property
    def is_unclear(self) -> bool:
        """A late answer may be a yes."""
        return True


class ProtocolViolation(UpsError):
    """An answer that the standard does not allow."""

    @property
    def is_unclear(self) -> bool:
        """A garbled answer may have been a yes."""
        return True


class NotAuthorised(UpsError):
    """401 or 403."""


class NotFound(UpsError):
    """404 or 410: the server knows no such workitem (C307)."""


class AlreadyThere(UpsError):
    """409 on Create: a workitem with this UID exists (0111), or one of the same study, named by `instead` (our hub)."""

    instead: str = ""


class Conflict(UpsError):
    """The state of the workitem does not allow the request; `holder` names who has it, where that is known."""

    def __init__(self, reason: str, *, holder: Person | None = None, status: int | None = 409) -> None:
        super().__init__(reason, status=status)
        self.holder = holder


class WrongTransactionUid(UpsError):
    """The Transaction UID is missing or not the one of the claim (C301)."""


class Refused(UpsError):
    """Any other failure status; `text` is what the server said."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the server refused with {status}: {text}" if text else f"the server refused with {status}")
        self.status = status
        self.text = text

    @property
    def is_unclear(self) -> bool:
        """A 5xx may come after the change was stored (dcm4chee: the loser of a tie may get 500)."""
        return self.status is not None and self.status >= 500


class Unsupported(UpsError):
    """The server's dialect does not offer this."""


class Interrupted(UpsError):
    """`cancelled()` said so."""
