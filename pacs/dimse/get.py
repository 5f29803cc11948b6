"""C-GET: objects come as C-STORE requests on the same association and go from the receive buffer straight to disk."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from pacs.dimse import command as dimse
from pacs.dimse.association import IMPLEMENTATION_CLASS_UID, Association, Message, Sink
from pacs.dimse.contexts import STUDY_ROOT_GET
from pacs.dimse.find import PENDING, encode_identifier, failure
from pacs.elements import HEAD_BYTES, encode_file_meta, identifiers
from pacs.errors import ProtocolViolation, UnsafeName
from pacs.files import IncomingFile, check_uid
from pacs.port import RetrieveRequest
from pacs.receipt import Receipt

SUCCESS: Final = 0x0000
SOME_FAILED: Final = 0xB000
CANNOT_UNDERSTAND: Final = 0xC000
_UIDS_AT_ONCE = 500


def retrieve_identifiers(request: RetrieveRequest) -> list[Dataset]:
    """The identifiers of a C-GET or C-MOVE, at the lowest level that the request names."""
    identifier = Dataset()
    identifier.StudyInstanceUID = request.study_instance_uid
    if request.sop_instance_uids:
        identifier.QueryRetrieveLevel = "IMAGE"
        if request.series_instance_uid:
            identifier.SeriesInstanceUID = request.series_instance_uid
        return [
            _with_instances(identifier, request.sop_instance_uids[at : at + _UIDS_AT_ONCE])
            for at in range(0, len(request.sop_instance_uids), _UIDS_AT_ONCE)
        ]
    if request.series_instance_uid:
        identifier.QueryRetrieveLevel = "SERIES"
        identifier.SeriesInstanceUID = request.series_instance_uid
    else:
        identifier.QueryRetrieveLevel = "STUDY"
    return [identifier]


def _with_instances(identifier: Dataset, uids: tuple[str, ...]) -> Dataset:
    chosen = Dataset()
    chosen.update(identifier)
    chosen.SOPInstanceUID = list(uids)
    return chosen


class ObjectReceiver:
    """Takes the C-STORE requests of one C-GET, answers them and hands complete files over."""

    def __init__(self, association: Association, receipt: Receipt) -> None:
        self._association = association
        self._receipt = receipt
        self._file: IncomingFile | None = None
        self._head = b""

    def sort(self, context_id: int, command: dict[int, int | str]) -> Sink | None:
        """Open a file for the data set of a C-STORE request; others are collected in memory."""
        if dimse.number(command, dimse.COMMAND_FIELD) != dimse.C_STORE_RQ:
            return None
        self.discard()
        context = self._association.accepted.get(context_id)
        if context is None:
            raise ProtocolViolation("an object in a presentation context that was not agreed")
        sop_class = dimse.text(command, dimse.AFFECTED_SOP_CLASS)
        sop_instance = dimse.text(command, dimse.AFFECTED_SOP_INSTANCE)
        try:
            check_uid(sop_class)
            check_uid(sop_instance)
        except UnsafeName:
            return _forget
        if not self._receipt.wants(sop_instance):
            return _forget
        self._file = IncomingFile(self._receipt.request.folder)
        self._file.write(encode_file_meta(sop_class, sop_instance, context.transfer_syntax, IMPLEMENTATION_CLASS_UID))
        self._head = b""
        return self._take

    def _take(self, fragment: memoryview) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head += bytes(fragment[: HEAD_BYTES - len(self._head)])
        if self._file is not None:
            self._file.write(fragment)

    def answer(self, message: Message) -> None:
        """Judge the object, answer the C-STORE request, then hand the object over (the peer sends on meanwhile)."""
        announced = dimse.text(message.command, dimse.AFFECTED_SOP_INSTANCE)
        received, status = None, SUCCESS
        if self._file is not None:
            syntax = self._association.accepted[message.context_id].transfer_syntax
            said = identifiers(self._head, syntax)
            received = self._receipt.keep(self._file, said, syntax, announced)
            self._file = None
            status = SUCCESS if received else CANNOT_UNDERSTAND
        elif announced not in self._receipt.present:
            self._receipt.warn("an object that was not asked for was dropped")
            status = CANNOT_UNDERSTAND
        self._association.send(message.context_id, _store_response(message, announced, status))
        if received is not None:
            self._receipt.hand_over(received)

    def discard(self) -> None:
        """Remove a half-written file."""
        if self._file is not None:
            self._file.discard()
            self._file = None


def _forget(_fragment: memoryview) -> None:
    """A sink for objects that nobody wants."""


def get(association: Association, identifier: Dataset, receipt: Receipt) -> None:
    """One C-GET. Raises `Refused`, `NotAuthorised` and what an
    association raises; what came by then is kept."""
    context = association.need(STUDY_ROOT_GET)
    request: dimse.Command = {
        dimse.AFFECTED_SOP_CLASS: STUDY_ROOT_GET,
        dimse.COMMAND_FIELD: dimse.C_GET_RQ,
        dimse.MESSAGE_ID: association.next_message_id(),
        dimse.PRIORITY: 0,
        dimse.DATA_SET_TYPE: dimse.HAS_DATA_SET,
    }
    association.send(context.context_id, request, encode_identifier(identifier, context))
    receiver = ObjectReceiver(association, receipt)
    try:
        while True:
            message = association.receive(receiver.sort)
            field = dimse.number(message.command, dimse.COMMAND_FIELD)
            if field == dimse.C_STORE_RQ:
                receiver.answer(message)
            elif field == dimse.C_GET_RSP:
                status = dimse.number(message.command, dimse.STATUS, CANNOT_UNDERSTAND)
                if status not in PENDING:
                    final(message, status, receipt)
                    return
            else:
                raise ProtocolViolation("an unexpected DIMSE message during a retrieval")
    finally:
        receiver.discard()


def final(message: Message, status: int, receipt: Receipt) -> None:
    """Read the last response of a C-GET or C-MOVE. Raises where nothing at all was sent and the status is a failure."""
    failed = dimse.number(message.command, dimse.FAILED)
    if failed:
        receipt.warn(f"the PACS could not send {failed} object(s), status {status:04X}H")
    elif status not in (SUCCESS, SOME_FAILED):
        raise failure(status, dimse.text(message.command, dimse.ERROR_COMMENT))


def _store_response(message: Message, sop_instance_uid: str, status: int) -> dict[int, int | str]:
    return {
        dimse.AFFECTED_SOP_CLASS: dimse.text(message.command, dimse.AFFECTED_SOP_CLASS),
        dimse.COMMAND_FIELD: dimse.C_STORE_RSP,
        dimse.MESSAGE_ID_RESPONDED_TO: dimse.number(message.command, dimse.MESSAGE_ID),
        dimse.DATA_SET_TYPE: dimse.NO_DATA_SET,
        dimse.STATUS: status,
        dimse.AFFECTED_SOP_INSTANCE: sop_instance_uid,
    }
