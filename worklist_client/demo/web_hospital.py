"""A fictitious hospital's DICOMweb door: QIDO-RS, WADO-RS, STOW-RS over its archive (PS3.18 chapter 10)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from worklist_client.demo.archive import Archive, Stored

DICOM_JSON = "application/dicom+json"
CANNOT_UNDERSTAND = 0xC000
MAX_STORE_BYTES = 256 * 1024 * 1024


def application(archive: Archive, base_url: str) -> Starlette:
    """The web application; `base_url` is what Retrieve URLs begin with."""
    door = _Door(archive, base_url)
    routes = [
        Route("/studies", door.studies, methods=["GET"]),
        Route("/studies", door.store, methods=["POST"]),
        Route("/studies/{study}", door.store, methods=["POST"]),
        Route("/studies/{study}/series", door.series, methods=["GET"]),
        Route("/studies/{study}/instances", door.instances, methods=["GET"]),
        Route("/studies/{study}/series/{series}/instances", door.instances, methods=["GET"]),
    ]
    for place in (
        "/studies/{study}/series/{series}/instances/{instance}",
        "/studies/{study}/series/{series}",
        "/studies/{study}",
    ):
        routes += [Route(f"{place}/metadata", door.metadata), Route(place, door.retrieve, methods=["GET"])]
    return Starlette(routes=routes)


@dataclass(frozen=True)
class _Door:
    """The endpoints; Starlette calls those that are not async in threads of its own."""

    archive: Archive
    base_url: str

    def studies(self, request: Request) -> Response:
        return self._search("STUDY", request)

    def series(self, request: Request) -> Response:
        return self._search("SERIES", request)

    def instances(self, request: Request) -> Response:
        return self._search("IMAGE", request)

    def retrieve(self, request: Request) -> Response:
        found = _found(self.archive, request)
        if not found:
            return JSONResponse({"error": "not found"}, status_code=404)
        boundary = uuid.uuid4().hex
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        return StreamingResponse(_parts(found, boundary), media_type=kind)

    def metadata(self, request: Request) -> Response:
        found = _found(self.archive, request)
        if not found:
            return JSONResponse({"error": "not found"}, status_code=404)
        return JSONResponse([_json(item.header) for item in found], media_type=DICOM_JSON)

    async def store(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > MAX_STORE_BYTES:
            return JSONResponse({"error": "too large"}, status_code=413)
        kind, study = request.headers.get("content-type", ""), request.path_params.get("study", "")
        return _store(self.archive, kind, body, study, self.base_url)

    def _search(self, level: str, request: Request) -> Response:
        query = {key: value for key, value in request.query_params.items() if key not in _PAGING}
        path = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID"}
        query |= {path[name]: value for name, value in request.path_params.items()}
        answers = self.archive.search(level, {_keyword(key): value for key, value in query.items()})
        offset, limit = (int(request.query_params.get(name, 0)) for name in ("offset", "limit"))
        chosen = answers[offset : offset + limit if limit else None]
        if not chosen:
            return Response(status_code=204)
        return JSONResponse([_json(answer) for answer in chosen], media_type=DICOM_JSON)


_PAGING = ("limit", "offset", "includefield", "fuzzymatching")


def _keyword(key: str) -> str:
    """The keyword of a query key, which may be eight hex digits."""
    if len(key) == 8 and not key.isalpha():
        probe = Dataset.from_json({key.upper(): {"vr": "LO"}})
        return next((element.keyword for element in probe), key)
    return key


_STRICT = threading.Lock()
"""pydicom suppresses invalid tags by a setting of the whole process: two threads at once leave it set for good."""


def _json(dataset: Dataset) -> dict[str, object]:
    with _STRICT:
        return dict(dataset.to_json_dict(bulk_data_threshold=1 << 20, suppress_invalid_tags=True))


def _found(archive: Archive, request: Request) -> list[Stored]:
    path = request.path_params
    series = [path["series"]] if "series" in path else []
    return archive.instances(path["study"], series, [path["instance"]] if "instance" in path else [])


def _parts(found: list[Stored], boundary: str) -> Iterator[bytes]:
    for item in found:
        head = f"--{boundary}\r\nContent-Type: application/dicom; transfer-syntax={item.transfer_syntax_uid}\r\n\r\n"
        yield head.encode() + item.path.read_bytes() + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _store(archive: Archive, content_type: str, body: bytes, study: str, base_url: str) -> Response:
    good, bad = [], []
    for part in _split(content_type, body):
        try:
            dataset = dcmread(BytesIO(part))
        except (InvalidDicomError, EOFError, ValueError):
            bad.append(_failure("", "", CANNOT_UNDERSTAND))
            continue
        sop_class, sop = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
        if study and str(dataset.StudyInstanceUID) != study:
            bad.append(_failure(sop_class, sop, 0x0110))
            continue
        archive.add(dataset)
        place = f"{base_url}/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{sop}"
        good.append(_failure(sop_class, sop) | {"00081190": {"vr": "UR", "Value": [place]}})
    answer: dict[str, object] = {}
    if good:
        answer["00081199"] = {"vr": "SQ", "Value": good}
    if bad:
        answer["00081198"] = {"vr": "SQ", "Value": bad}
    status = 200 if good and not bad else 202 if good else 409
    return JSONResponse(answer, status_code=status, media_type=DICOM_JSON)


def _failure(sop_class: str, sop: str, reason: int | None = None) -> dict[str, object]:
    item: dict[str, object] = {
        "00081150": {"vr": "UI", "Value": [sop_class]},
        "00081155": {"vr": "UI", "Value": [sop]},
    }
    if reason is not None:
        item["00081197"] = {"vr": "US", "Value": [reason]}
    return item


def _split(content_type: str, body: bytes) -> list[bytes]:
    header = BytesHeaderParser().parsebytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n")
    boundary = header.get_boundary()
    if not boundary:
        return []
    parts = []
    for piece in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        _head, separator, content = piece.partition(b"\r\n\r\n")
        if separator:
            parts.append(content)
    return parts
