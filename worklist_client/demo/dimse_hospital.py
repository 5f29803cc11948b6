"""A fictitious hospital's DIMSE door: C-ECHO, C-FIND, C-GET, C-MOVE, C-STORE over its archive (PS3.4 B and C)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from worklist_client.demo.archive import Archive, Stored

PENDING, SUCCESS, CANCEL, UNABLE = 0xFF00, 0x0000, 0xFE00, 0xC000
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless]


def serve(archive: Archive, ae_title: str, port: int, destinations: Mapping[str, int]) -> Any:
    """Start the door on 127.0.0.1; `destinations` maps AE title to the local port that C-MOVE may send to."""
    door = _Door(archive, ae_title, destinations)
    handlers: list[Any] = [
        (evt.EVT_C_ECHO, lambda _event: SUCCESS),
        (evt.EVT_C_FIND, door.find),
        (evt.EVT_C_GET, door.get),
        (evt.EVT_C_MOVE, door.move),
        (evt.EVT_C_STORE, door.store),
    ]
    return _entity(ae_title).start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)


def _entity(ae_title: str) -> AE:
    """What the door negotiates."""
    ae = AE(ae_title=ae_title)
    ae.require_called_aet = True
    ae.maximum_pdu_size = 131072
    ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 5, 30, 60
    ae.add_supported_context(Verification)
    for model in (
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        ae.add_supported_context(model)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax, SYNTAXES, scu_role=True, scp_role=True)
    return ae


@dataclass(frozen=True)
class _Door:
    """The handlers; pynetdicom calls them from a thread an association."""

    archive: Archive
    ae_title: str
    destinations: Mapping[str, int]

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        level = str(event.identifier.get("QueryRetrieveLevel", ""))
        if level not in ("STUDY", "SERIES", "IMAGE"):
            yield UNABLE, None
            return
        for answer in self.archive.search(level, _query(event.identifier)):
            if event.is_cancelled:
                yield CANCEL, None
                return
            answer.QueryRetrieveLevel = level
            answer.RetrieveAETitle = self.ae_title
            yield PENDING, answer

    def get(self, event: evt.Event) -> Iterator[Any]:
        found = _asked(self.archive, event.identifier)
        yield len(found)
        yield from _pending(event, found)

    def move(self, event: evt.Event) -> Iterator[Any]:
        port = self.destinations.get(str(event.move_destination).strip())
        if port is None:
            yield None, None
            return
        found = _asked(self.archive, event.identifier)
        # One context a stored syntax: objects are sent as they are kept.
        kept = sorted({(str(item.header.SOPClassUID), item.transfer_syntax_uid) for item in found})
        yield "127.0.0.1", port, {"contexts": [build_context(sop_class, syntax) for sop_class, syntax in kept]}
        yield len(found)
        yield from _pending(event, found)

    def store(self, event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        if str(dataset.SOPInstanceUID) != str(event.request.AffectedSOPInstanceUID):
            return UNABLE
        self.archive.add(dataset)
        return SUCCESS


def _pending(event: evt.Event, found: list[Stored]) -> Iterator[tuple[int, Dataset | None]]:
    for item in found:
        if event.is_cancelled:
            yield CANCEL, None
            return
        yield PENDING, dcmread(item.path)


def _query(identifier: Dataset) -> dict[str, str]:
    query = {}
    for element in identifier:
        if (
            element.VR == "SQ"
            or not element.keyword
            or element.keyword in ("QueryRetrieveLevel", "SpecificCharacterSet")
        ):
            continue
        value = element.value
        query[element.keyword] = "\\".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return query


def _asked(archive: Archive, identifier: Dataset) -> list[Stored]:
    def uids(keyword: str) -> list[str]:
        value = identifier.get(keyword)
        if not value:
            return []
        return [str(value)] if isinstance(value, str) else [str(item) for item in value]

    return archive.instances(
        str(identifier.get("StudyInstanceUID", "")), uids("SeriesInstanceUID"), uids("SOPInstanceUID")
    )
