"""A synchronous DICOM association as a user (PS3.8): connect, negotiate, exchange P-DATA, release or abort.

Negotiation PDUs are pynetdicom's; the data path is ours. Every wait is cut into slices in which `cancelled` is asked,
so that a cancel reaches the socket within `POLL_S`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import build_context

from pacs.dimse import command as dimse
from pacs.dimse.wire import Wire
from pacs.errors import (
    AssociationRejected,
    Interrupted,
    ProtocolViolation,
    Refused,
    TimedOut,
)
from pacs.port import Cancelled
from pacs.site import DimseConnection

MAX_PDU_BYTES: Final = 131072
COMMAND_LIMIT_BYTES: Final = 65536
ACSE_TIMEOUT_S: Final = 8.0
RELEASE_TIMEOUT_S: Final = 1.0
MAX_CONTEXTS: Final = 128
IMPLEMENTATION_CLASS_UID: Final = "2.25.302043790172249692526321623266752743501"
IMPLEMENTATION_VERSION: Final = "WORKLIST_0_1"

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_ASSOCIATE_AC, _ASSOCIATE_RJ, _DATA, _RELEASE_RQ, _RELEASE_RP = 2, 3, 4, 5, 6
_REJECTIONS = {
    (1, 2): "application context not supported",
    (1, 3): "it does not know our AE title",
    (1, 7): "it does not answer to this AE title",
    (2, 2): "protocol version not supported",
    (3, 1): "it is busy",
    (3, 2): "its local limit is exceeded",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One presentation context to ask for; `as_scp` asks for the SCP role (C-GET)."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_scp: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted presentation context."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Message:
    """One DIMSE message; `data` is None where its data set went to a sink or where it has none."""

    context_id: int
    command: dict[int, int | str]
    data: bytes | None


Sink = Callable[[memoryview], None]
"""Takes the fragments of one data set; each view is valid during the call only."""
Sorter = Callable[[int, dict[int, int | str]], Sink | None]
"""(context id, command) -> sink for the data set that follows, or None to collect it in memory."""


class Association:
    """One open association; a context manager that releases on success and aborts on an error."""

    def __init__(
        self, connection: DimseConnection, calling_ae: str, wanted: Sequence[Wanted], cancelled: Cancelled
    ) -> None:
        """Connect and negotiate. Raises Unreachable, TimedOut, AssociationRejected, ProtocolViolation, Interrupted."""
        self._connection = connection
        self._timeout_s = connection.timeout_s
        self._message_id = 0
        self._peer_max_pdu = 16384
        self.accepted: dict[int, Accepted] = {}
        self._wire = Wire(connection, cancelled)
        try:
            self._negotiate(calling_ae, wanted[:MAX_CONTEXTS])
        except BaseException:
            self._wire.close()
            raise

    def __enter__(self) -> Association:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    def next_message_id(self) -> int:
        """1, 2, 3, ... within the association."""
        self._message_id = self._message_id % 65535 + 1
        return self._message_id

    def context_for(self, abstract_syntax: str, transfer_syntax: str = "") -> Accepted | None:
        """The accepted context of this abstract syntax (and of exactly this transfer syntax, where given)."""
        for context in self.accepted.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in ("", context.transfer_syntax):
                return context
        return None

    def need(self, abstract_syntax: str) -> Accepted:
        """As `context_for`. Raises `Refused` (0122) where the peer accepted no such context."""
        context = self.context_for(abstract_syntax)
        if context is None:
            raise Refused("the PACS does not offer this service", connection_id=self._id, status=0x0122)
        return context

    def send(self, context_id: int, command: dimse.Command, data: bytes | memoryview | None = None) -> None:
        """One DIMSE message, fragmented to the peer's maximum PDU length."""
        pieces = [self._pdu(context_id, 0x03, dimse.encode(command))]
        if data is not None:
            room = min(self._peer_max_pdu or MAX_PDU_BYTES, MAX_PDU_BYTES) - 6
            view = memoryview(data)
            for at in range(0, len(view), room):
                last = 0x02 if at + room >= len(view) else 0x00
                pieces.append(self._pdu(context_id, last, view[at : at + room]))
                if len(pieces) == 8:
                    self._wire.send_all(b"".join(pieces))
                    pieces.clear()
        self._wire.send_all(b"".join(pieces))

    def receive(self, sorter: Sorter | None = None, timeout_s: float | None = None) -> Message:
        """The next whole message. Raises TimedOut after `timeout_s` of silence, ProtocolViolation, Interrupted."""
        self._wire.check_cancelled()
        command_bytes = bytearray()
        command: dict[int, int | str] | None = None
        collected: bytearray | None = None
        sink: Sink | None = None
        for context_id, header, fragment in self._fragments(timeout_s):
            if header & 1:
                command_bytes += fragment
                if len(command_bytes) > COMMAND_LIMIT_BYTES:
                    raise ProtocolViolation("an endless DIMSE command", connection_id=self._id)
                if not header & 2:
                    continue
                command = dimse.decode(bytes(command_bytes))
                if dimse.number(command, dimse.DATA_SET_TYPE, dimse.NO_DATA_SET) == dimse.NO_DATA_SET:
                    return Message(context_id, command, None)
                sink = sorter(context_id, command) if sorter else None
                collected = None if sink else bytearray()
                continue
            if command is None:
                raise ProtocolViolation("a data set without a command", connection_id=self._id)
            if sink is not None:
                sink(fragment)
            elif collected is not None:
                collected += fragment
            if header & 2:
                return Message(context_id, command, None if collected is None else bytes(collected))
        raise ProtocolViolation("the PACS ended the association in the middle", connection_id=self._id)

    def release(self) -> None:
        """A-RELEASE; a peer that does not answer is left after a second."""
        try:
            self._wire.send_all(struct.pack(">BxII", _RELEASE_RQ, 4, 0))
            while self._wire.next_pdu(RELEASE_TIMEOUT_S)[0] not in (_RELEASE_RP, _RELEASE_RQ):
                pass
        except (TimedOut, ProtocolViolation, Interrupted):
            pass
        finally:
            self._wire.close()

    def abort(self) -> None:
        """A-ABORT and away, at once."""
        self._wire.abort()

    @property
    def _id(self) -> str:
        return self._connection.connection_id

    def _negotiate(self, calling_ae: str, wanted: Sequence[Wanted]) -> None:
        self._wire.send_all(_associate_request(calling_ae, self._connection.called_ae, wanted))
        kind, body = self._wire.next_pdu(ACSE_TIMEOUT_S)
        whole = struct.pack(">BxI", kind, len(body)) + bytes(body)
        if kind == _ASSOCIATE_RJ:
            rejection = A_ASSOCIATE_RJ()
            rejection.decode(whole)
            raise _rejected(rejection.result, rejection.source, rejection.reason_diagnostic, self._id)
        if kind != _ASSOCIATE_AC:
            raise ProtocolViolation("the PACS answered the association request with nonsense", connection_id=self._id)
        answer = A_ASSOCIATE_AC()
        try:
            answer.decode(whole)
            self._read_acceptance(answer, wanted)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error, IndexError) as error:
            raise ProtocolViolation("an A-ASSOCIATE-AC that cannot be read", connection_id=self._id) from error

    def _read_acceptance(self, answer: Any, wanted: Sequence[Wanted]) -> None:
        scp_roles = {item.sop_class_uid for item in answer.user_information.role_selection.values() if item.scp_role}
        for item in answer.presentation_context:
            number = (item.context_id - 1) // 2
            if item.result != 0 or not 0 <= number < len(wanted):
                continue
            asked = wanted[number]
            if asked.as_scp and asked.abstract_syntax not in scp_roles:
                continue
            syntax = str(item.transfer_syntax)
            if syntax in asked.transfer_syntaxes:
                self.accepted[item.context_id] = Accepted(item.context_id, asked.abstract_syntax, syntax)
        self._peer_max_pdu = max(0, answer.user_information.maximum_length or 0)
        if 0 < self._peer_max_pdu < 64:
            raise ProtocolViolation("the PACS takes only impossibly small PDUs", connection_id=self._id)

    @staticmethod
    def _pdu(context_id: int, header: int, data: bytes | memoryview) -> bytes:
        return struct.pack(">BxIIBB", _DATA, len(data) + 6, len(data) + 2, context_id, header) + data

    def _fragments(self, timeout_s: float | None) -> Iterator[tuple[int, int, memoryview]]:
        """(context id, message control header, data) of each PDV; the data is valid until the next one is asked for."""
        while True:
            kind, body = self._wire.next_pdu(self._timeout_s if timeout_s is None else timeout_s)
            if kind == _RELEASE_RQ:
                self._wire.send_all(struct.pack(">BxII", _RELEASE_RP, 4, 0))
                return
            if kind != _DATA:
                raise ProtocolViolation("an unexpected PDU", connection_id=self._id)
            at = 0
            while at < len(body):
                if at + 6 > len(body):
                    raise ProtocolViolation("a PDV that ends in the middle", connection_id=self._id)
                length, context_id, header = struct.unpack_from(">IBB", body, at)
                end = at + 4 + length
                if length < 2 or end > len(body):
                    raise ProtocolViolation("a PDV with an impossible length", connection_id=self._id)
                yield context_id, header, body[at + 6 : end]
                at = end


def _associate_request(calling_ae: str, called_ae: str, wanted: Sequence[Wanted]) -> bytes:
    request = A_ASSOCIATE()
    request.application_context_name = _APPLICATION_CONTEXT
    request.calling_ae_title = calling_ae
    request.called_ae_title = called_ae
    contexts = []
    for number, asked in enumerate(wanted):
        context = build_context(asked.abstract_syntax, list(asked.transfer_syntaxes))
        context.context_id = 2 * number + 1
        contexts.append(context)
    request.presentation_context_definition_list = contexts
    length = MaximumLengthNotification()
    length.maximum_length_received = MAX_PDU_BYTES
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION
    information: list[Any] = [length, class_uid, version]
    for abstract_syntax in dict.fromkeys(asked.abstract_syntax for asked in wanted if asked.as_scp):
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid, role.scu_role, role.scp_role = abstract_syntax, False, True
        information.append(role)
    request.user_information = information
    data: bytes = A_ASSOCIATE_RQ(request).encode()
    return data


def _rejected(result: int, source: int, reason: int, connection_id: str) -> AssociationRejected:
    why = _REJECTIONS.get((source, reason), "no reason given")
    status = result << 16 | source << 8 | reason
    return AssociationRejected(f"the PACS refused the association: {why}", connection_id=connection_id, status=status)
