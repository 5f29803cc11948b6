"""C-MOVE to our own storage SCP: one association asks, the PACS opens others to us and sends."""

from __future__ import annotations

import secrets
import time

from pydicom.dataset import Dataset

from pacs.dimse import command as dimse
from pacs.dimse.association import Association, Message, Wanted
from pacs.dimse.contexts import STUDY_ROOT_MOVE, UNCOMPRESSED
from pacs.dimse.find import PENDING, encode_identifier
from pacs.dimse.get import final, retrieve_identifiers
from pacs.dimse.storage_scp import StorageScp
from pacs.errors import ProtocolViolation, TimedOut
from pacs.port import Cancelled, RetrieveRequest
from pacs.receipt import Receipt
from pacs.site import DimseConnection

LATE_S = 2.0
"""Objects may still be on their way to disk when the last C-MOVE response is here."""


def move(
    connection: DimseConnection, calling_ae: str, request: RetrieveRequest, receipt: Receipt, cancelled: Cancelled
) -> None:
    """One C-MOVE an identifier. Raises `PacsError`; what came by then is kept and was handed over."""
    with StorageScp(connection, calling_ae, receipt, cancelled) as scp:

        def watch() -> bool:
            for received in scp.take():
                receipt.hand_over(received)
            return cancelled()

        with Association(connection, calling_ae, [Wanted(STUDY_ROOT_MOVE, UNCOMPRESSED)], watch) as association:
            for identifier in retrieve_identifiers(request):
                try:
                    _move_one(association, identifier, calling_ae, scp, connection.timeout_s, receipt)
                finally:
                    scp.expect(0)
                    watch()


def _move_one(
    association: Association,
    identifier: Dataset,
    calling_ae: str,
    scp: StorageScp,
    timeout_s: float,
    receipt: Receipt,
) -> None:
    context = association.need(STUDY_ROOT_MOVE)
    # Random, so that nobody can push objects into a retrieval by guessing the originator's message ID.
    message_id = 1 + secrets.randbelow(65535)
    request: dimse.Command = {
        dimse.AFFECTED_SOP_CLASS: STUDY_ROOT_MOVE,
        dimse.COMMAND_FIELD: dimse.C_MOVE_RQ,
        dimse.MESSAGE_ID: message_id,
        dimse.PRIORITY: 0,
        dimse.MOVE_DESTINATION: calling_ae,
        dimse.DATA_SET_TYPE: dimse.HAS_DATA_SET,
    }
    scp.expect(message_id)
    association.send(context.context_id, request, encode_identifier(identifier, context))
    while True:
        message = _response(association, scp, timeout_s)
        if dimse.number(message.command, dimse.COMMAND_FIELD) != dimse.C_MOVE_RSP:
            raise ProtocolViolation("an unexpected DIMSE message during a retrieval")
        status = dimse.number(message.command, dimse.STATUS, 0xC000)
        if status not in PENDING:
            final(message, status, receipt)
            return


def _response(association: Association, scp: StorageScp, timeout_s: float) -> Message:
    """The next C-MOVE response; while objects come in, silence on this association is no silence."""
    while True:
        try:
            return association.receive()
        except TimedOut:
            if time.monotonic() - scp.last_at > timeout_s:
                raise
