"""What a PACS can do to us.

PacsError
├── Unreachable            nobody listens, name unknown, TLS failed
├── TimedOut               connected, but no answer in time
├── AssociationRejected    A-ASSOCIATE-RJ: result, source, reason (PS3.8 9.3.4)
├── NotAuthorised          401, 403, 0124
├── Refused                the peer answered with a failure status
├── ProtocolViolation      an answer that the standard does not allow, or cut off in the middle
├── NotFound               the study, series or instance is not there
├── UnsafeName             a UID that is no UID, so that no file name may be made of it
├── WorkerLost             a worker process died, was killed or ran into its limits
└── Interrupted            `cancelled()` said so
"""

from __future__ import annotations


class PacsError(Exception):
    """Root; `connection_id` names the connection, `reason` is plain English without patient data."""

    def __init__(self, reason: str, *, connection_id: str = "", status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.connection_id = connection_id
        self.status = status

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return _rebuild, (type(self), self.reason, self.connection_id, self.status)


def _rebuild(kind: type[PacsError], reason: str, connection_id: str, status: int | None) -> PacsError:
    return kind(reason, connection_id=connection_id, status=status)


class Unreachable(PacsError):
    """Nobody listens, the name is unknown, or TLS failed."""


class TimedOut(PacsError):
    """Connected, but no answer in time."""


class AssociationRejected(PacsError):
    """A-ASSOCIATE-RJ; `status` is result << 16 | source << 8 | reason."""


class NotAuthorised(PacsError):
    """401, 403 or status 0124."""


class Refused(PacsError):
    """The peer answered with a failure status; `status` holds it."""


class ProtocolViolation(PacsError):
    """An answer that the standard does not allow, or one cut off in the middle."""


class NotFound(PacsError):
    """The study, series or instance is not there."""


class Interrupted(PacsError):
    """`cancelled()` said so; what had come by then stays."""


class UnsafeName(PacsError):
    """A UID that does not match `^[0-9.]{1,64}$`; nothing is written for it (reliability.md 2.2)."""


class WorkerLost(PacsError):
    """A worker process died or ran into its limits; `status` is its exit code (negative: the signal)."""
