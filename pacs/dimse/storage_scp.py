"""The storage SCP of C-MOVE: open only while a C-MOVE of ours is, and taking only what that one asked for.

pynetdicom serves, with its open defaults closed (reliability.md 3): called and calling AE title, address of the peer,
Move Originator, study and instance must all be right, else 0124; read lengths and connections are capped. Two of its
internal methods are replaced: run `tests/contract` after every upgrade of pynetdicom.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import threading
import time
from pathlib import Path
from typing import Any, Final

from pynetdicom import AE, _config, evt
from pynetdicom.presentation import AllStoragePresentationContexts, build_context
from pynetdicom.sop_class import Verification
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from pacs.dimse.association import (
    ACSE_TIMEOUT_S,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION,
    MAX_PDU_BYTES,
)
from pacs.dimse.contexts import STORED_SYNTAXES
from pacs.dimse.wire import PDU_LIMIT_BYTES
from pacs.elements import HEAD_BYTES, encode_file_meta, identifiers
from pacs.errors import Interrupted, Refused, Unreachable
from pacs.files import IncomingFile
from pacs.port import Cancelled, Received
from pacs.receipt import Receipt
from pacs.site import DimseConnection

NOT_AUTHORISED: Final = 0x0124
CANNOT_UNDERSTAND: Final = 0xC000
OUT_OF_RESOURCES: Final = 0xA700
MAX_CONNECTIONS: Final = 16
MAX_PER_ADDRESS: Final = 8
IDLE_S: Final = 5.0
PORT_WAIT_S: Final = 60.0
_PORT_POLL_S = 0.1

_config.ENFORCE_UID_CONFORMANCE = True
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_HANDLER_LEVEL = "none"
# Its errors are tracebacks of what any stranger can do to an open port.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


class _CappedSocket(AssociationSocket):  # type: ignore[misc]
    """Refuses to read more at once than any PDU that we agreed to."""

    def recv(self, nr_bytes: int) -> bytearray:
        if nr_bytes > PDU_LIMIT_BYTES:
            _hang_up(self)
            raise OSError("a PDU beyond all limits")
        data = bytearray(nr_bytes)
        view = memoryview(data)
        done = 0
        while done < nr_bytes:
            count = self.socket.recv_into(view[done:])
            if not count:
                break
            done += count
        return data[:done]


class _Handler(RequestHandler):  # type: ignore[misc]
    def _create_association(self) -> Any:
        association = super()._create_association()
        association.dul.socket.__class__ = _CappedSocket
        return association


class _Server(ThreadedAssociationServer):  # type: ignore[misc]
    """Gives accepted sockets a time-out, and an address that opens too many connections none at all."""

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        client, address = self.socket.accept()
        client.settimeout(IDLE_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_ones = [one.requestor.address for one in self.active_associations]
        if len(open_ones) >= MAX_CONNECTIONS or open_ones.count(address[0]) >= MAX_PER_ADDRESS:
            client.close()
            raise OSError("too many connections")
        return client, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that fails is the peer's affair; the default prints to stderr."""


class StorageScp:
    """Listens while it is entered as a context manager. `take` gives complete objects to the thread that asks."""

    def __init__(self, connection: DimseConnection, calling_ae: str, receipt: Receipt, cancelled: Cancelled) -> None:
        self._connection, self._calling_ae, self._receipt = connection, calling_ae, receipt
        self._cancelled = cancelled
        self._originator = 0
        self._lock = threading.Lock()
        self._complete: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._addresses: frozenset[str] = frozenset()
        self._server: Any = None
        self.last_at = time.monotonic()

    def __enter__(self) -> StorageScp:
        """Start to listen. Raises `Unreachable`, `Refused` where the port stays taken, `Interrupted`."""
        if not self._connection.move_destination_port:
            raise Refused("C-MOVE needs a port of our own, and the connection names none")
        try:
            found = socket.getaddrinfo(self._connection.host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unreachable("the host name is unknown") from error
        self._addresses = frozenset(str(item[4][0]) for item in found)
        self._server = self._listen()
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="storage-scp", daemon=True)
        thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        for association in self._server.active_associations:
            _hang_up(association.dul.socket)
        # `shutdown` of pynetdicom also unregisters the server from its AE, where `make_server` never put it.
        self._server.ae._servers.append(self._server)
        self._server.shutdown()

    def expect(self, message_id: int) -> None:
        """Accept what comes for this C-MOVE request; 0 = nothing."""
        self._originator = message_id

    def take(self) -> list[Received]:
        """What has become complete since the last call."""
        taken = []
        while not self._complete.empty():
            taken.append(self._complete.get())
        return taken

    def _listen(self) -> Any:
        entity = AE(ae_title=self._calling_ae)
        entity.require_called_aet = True
        entity.require_calling_aet = [self._connection.called_ae]
        entity.maximum_associations = MAX_CONNECTIONS
        entity.maximum_pdu_size = MAX_PDU_BYTES
        entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        entity.implementation_version_name = IMPLEMENTATION_VERSION
        entity.acse_timeout = min(IDLE_S, ACSE_TIMEOUT_S)
        entity.dimse_timeout = entity.network_timeout = max(30.0, self._connection.timeout_s)
        is_local = all(address in ("127.0.0.1", "::1") for address in self._addresses)
        address = ("127.0.0.1" if is_local else "", self._connection.move_destination_port)
        deadline = time.monotonic() + PORT_WAIT_S
        while True:
            try:
                return entity.make_server(
                    address,
                    contexts=_storage_contexts(),
                    evt_handlers=[(evt.EVT_C_STORE, self._on_store)],
                    server_class=_Server,
                    request_handler=_Handler,
                )
            except OSError as error:
                # Another retrieval of this desk, in another worker, has the port: its turn first.
                if time.monotonic() > deadline:
                    raise Refused("the port for C-MOVE is taken by somebody else") from error
            if self._cancelled():
                raise Interrupted("cancelled")
            time.sleep(_PORT_POLL_S)

    def _on_store(self, event: Any) -> int:
        """On a thread of pynetdicom. The status tells the peer; nothing is raised."""
        request = event.request
        originator, entity = request.MoveOriginatorMessageID, request.MoveOriginatorApplicationEntityTitle
        if not self._originator or originator != self._originator:
            return NOT_AUTHORISED
        # WORKAROUND pynetdicom 3.0.4 and its like: as originator they name themselves, not whom they move for.
        if entity is not None and str(entity).strip() not in ("", self._calling_ae, self._connection.called_ae):
            return NOT_AUTHORISED
        if event.assoc.requestor.address not in self._addresses:
            return NOT_AUTHORISED
        uid, sop_class = str(request.AffectedSOPInstanceUID), str(request.AffectedSOPClassUID)
        syntax = str(event.context.transfer_syntax)
        try:
            with self._lock:
                return self._keep(request.DataSet.getvalue(), uid, sop_class, syntax)
        except OSError:
            return OUT_OF_RESOURCES
        except Exception:  # noqa: BLE001 - the border of a thread that is not ours
            return CANNOT_UNDERSTAND

    def _keep(self, data: bytes, uid: str, sop_class: str, syntax: str) -> int:
        said = identifiers(data[:HEAD_BYTES], syntax)
        if said.study_instance_uid != self._receipt.request.study_instance_uid or not self._receipt.wants(uid):
            return 0 if uid in self._receipt.present else NOT_AUTHORISED
        Path(self._receipt.request.folder).mkdir(parents=True, exist_ok=True)
        with IncomingFile(self._receipt.request.folder) as file:
            file.write(encode_file_meta(sop_class, uid, syntax, IMPLEMENTATION_CLASS_UID))
            file.write(data)
            received = self._receipt.keep(file, said, syntax, uid)
        if received is None:
            return CANNOT_UNDERSTAND
        self.last_at = time.monotonic()
        self._complete.put(received)
        return 0


def _hang_up(wrapped: Any) -> None:
    """Shut the connection; the thread that reads from it then ends by itself, whatever state it is in."""
    with contextlib.suppress(OSError, AttributeError):
        wrapped.socket.shutdown(socket.SHUT_RDWR)


def _storage_contexts() -> list[Any]:
    """Every storage class in every syntax: pynetdicom takes the requestor's first one that it finds here."""
    contexts = [build_context(item.abstract_syntax, list(STORED_SYNTAXES)) for item in AllStoragePresentationContexts]
    return [*contexts, build_context(Verification)]
