"""C-STORE as a user: frozen bytes out, one outcome an object (report.md 8.2)."""

from __future__ import annotations

from collections.abc import Sequence

from pacs.dimse import command as dimse
from pacs.dimse.association import MAX_CONTEXTS, Association, Wanted
from pacs.elements import file_meta
from pacs.errors import ProtocolViolation
from pacs.port import StoreObject, StoreOutcome, StoreState
from pacs.statuses import store_state


def contexts_for(objects: Sequence[StoreObject]) -> list[Wanted]:
    """One presentation context for each pair of SOP class and transfer syntax among the objects."""
    pairs = dict.fromkeys((item.sop_class_uid, item.transfer_syntax_uid) for item in objects)
    return [Wanted(sop_class, (syntax,)) for sop_class, syntax in pairs][:MAX_CONTEXTS]


def store(association: Association, objects: Sequence[StoreObject], outcomes: list[StoreOutcome]) -> None:
    """Send the objects in order and append one outcome each. What an association raises stops it in the middle."""
    for item in objects:
        outcomes.append(_store_one(association, item))


def _store_one(association: Association, item: StoreObject) -> StoreOutcome:
    context = association.context_for(item.sop_class_uid, item.transfer_syntax_uid)
    if context is None:
        return StoreOutcome(
            item.sop_instance_uid, StoreState.NOT_SUPPORTED, 0x0122, "the PACS does not accept this kind of object"
        )
    request: dimse.Command = {
        dimse.AFFECTED_SOP_CLASS: item.sop_class_uid,
        dimse.COMMAND_FIELD: dimse.C_STORE_RQ,
        dimse.MESSAGE_ID: association.next_message_id(),
        dimse.PRIORITY: 0,
        dimse.DATA_SET_TYPE: dimse.HAS_DATA_SET,
        dimse.AFFECTED_SOP_INSTANCE: item.sop_instance_uid,
    }
    try:
        data_set = memoryview(item.data)[file_meta(item.data[:65536]).data_set_offset :]
    except ProtocolViolation as error:
        return StoreOutcome(item.sop_instance_uid, StoreState.HELD, None, error.reason)
    association.send(context.context_id, request, data_set)
    message = association.receive()
    if dimse.number(message.command, dimse.COMMAND_FIELD) != dimse.C_STORE_RSP:
        raise ProtocolViolation("an unexpected DIMSE message after an object was sent")
    status = dimse.number(message.command, dimse.STATUS, 0xC000)
    comment = dimse.text(message.command, dimse.ERROR_COMMENT)
    return StoreOutcome(item.sop_instance_uid, store_state(status), status, comment)
