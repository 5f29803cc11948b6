"""C-MOVE to our own storage SCP."""

from __future__ import annotations

from pacs.dimse.get import retrieve_identifiers
from pacs.errors import Refused
from pacs.port import Cancelled, RetrieveRequest
from pacs.receipt import Receipt
from pacs.site import DimseConnection


def move(
    connection: DimseConnection, calling_ae: str, request: RetrieveRequest, receipt: Receipt, cancelled: Cancelled
) -> None:
    raise Refused("x")
