"""The way in: a connection of a site becomes an adapter that speaks `pacs.port.Pacs`."""

from __future__ import annotations

from importlib import import_module

from pacs.credentials import Credentials
from pacs.port import Pacs
from pacs.site import Connection, DicomwebConnection


def open_pacs(connection: Connection, *, calling_ae: str, credentials: Credentials | None = None) -> Pacs:
    """An adapter for this connection. Nothing is sent yet; the first call finds out whether the peer is there.

    Parameters
    ----------
    calling_ae : our own AE title (DIMSE), and where C-MOVE sends to
    credentials : user and password, token or authority file; never part of a `Site`
    """
    if isinstance(connection, DicomwebConnection):
        from pacs.dicomweb.adapter import DicomwebPacs  # noqa: PLC0415 - requests costs 0.2 s that DIMSE does not need

        return DicomwebPacs(connection, credentials or Credentials())
    # Whole, before its parts: where two threads begin with different parts of it, one finds the other's half made.
    import_module("pydicom")
    from pacs.dimse.adapter import DimsePacs  # noqa: PLC0415 - pydicom and pynetdicom cost 1 s at start-up

    return DimsePacs(connection, calling_ae)
