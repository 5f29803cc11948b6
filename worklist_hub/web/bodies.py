"""From the wire to requests and back: bodies, query strings, media types, statuses (PS3.18 chapters 8 and 11)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from ups import dicom_json as dj
from ups.codes import Person
from ups.dicom_json import DicomJson
from ups.tags import KEYWORD_OF, TAG_OF
from worklist_hub.web.sentences import Transaction, sentence_of, status_of
from worklist_hub.workitem.listed import ROW_TAGS
from worklist_hub.workitem.protocol import Decision, Refusal
from worklist_hub.workitem.values import checked, is_uid

MEDIA_TYPE = "application/dicom+json"
DEFAULT_LIMIT = 1000
MAX_LIMIT = 5000
TRANSACTION_NAMES = ("transaction", "transaction-uid", "Transaction-uid")
"""The query parameter's name in 2014c, 2019b and 2025e."""
CREATE_NAMES = ("workitem", "AffectedSOPInstanceUID")
_UNSAYABLE = re.compile(r"[^\x20-\x7e]")
MAX_NESTING = 64
"""Brackets within brackets in a body; a workitem has a dozen."""
_ACCEPTABLE = (MEDIA_TYPE, "application/json", "application/*", "*/*")
_UTF8 = ("utf-8", "utf8", "*", "us-ascii", "iso_ir 192")


class BadRequest(Exception):
    """A 4xx of its own; the text goes to the caller and holds no values."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text, self.status = text, status


async def dataset_of(request: HttpRequest, *, may_be_empty: bool = False) -> DicomJson:
    """The body as one DICOM JSON dataset, bare or as an array of one. Raises `BadRequest`."""
    data = await json_of(request, may_be_empty=may_be_empty)
    if data is None:
        return {}
    if isinstance(data, list):
        if len(data) != 1:
            raise BadRequest("the body must hold exactly one dataset")
        data = data[0]
    try:
        return checked(data)
    except dj.DatasetError as error:
        raise BadRequest(str(error)) from error


async def json_of(request: HttpRequest, *, may_be_empty: bool = False) -> Any:
    """The body as JSON; None for an empty one that may be. Raises `BadRequest`."""
    body = await request.body()
    if not body and may_be_empty:
        return None
    content_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if content_type.strip().lower() not in (MEDIA_TYPE, "application/json"):
        raise BadRequest(f"the body must be {MEDIA_TYPE}", 415)
    if not _is_utf8(parameters):
        raise BadRequest("the body must be UTF-8", 415)
    if _nesting(body) > MAX_NESTING:
        raise BadRequest("the body is nested too deep")
    try:
        return json.loads(body, parse_constant=_no_constant, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON in UTF-8, or a name stands there twice") from error


def check_acceptable(request: HttpRequest) -> None:
    """PS3.18 8.7.5: we have DICOM JSON in UTF-8. Raises `BadRequest` (406) where something else only is wanted."""
    asked = request.query_params.get("accept") or ",".join(request.headers.getlist("accept")) or "*/*"
    wanted = [part.split(";") for part in asked.split(",")]
    names = [name.strip().lower() for name, *rest in wanted if not _is_excluded(rest)]
    if not any(name in _ACCEPTABLE for name in names):
        raise BadRequest(f"only {MEDIA_TYPE} is sent", 406)
    charset = request.query_params.get("charset") or "utf-8"
    if not any(one.partition(";")[0].strip().lower() in _UTF8 for one in charset.split(",")):
        raise BadRequest("only UTF-8 is sent", 406)


def uid_from_query(request: HttpRequest, names: Sequence[str]) -> str:
    """A UID in the query, under any of its names or bare; "" where there is none. Raises `BadRequest`."""
    query = request.url.query
    if query and "=" not in query:
        found = {unquote(query)}
    else:
        found = {value for key, value in parse_qsl(query) if key in names}
    if len(found) > 1:
        raise BadRequest(f"{' and '.join(names)} contradict each other")
    uid = found.pop() if found else ""
    if uid and not is_uid(uid):
        raise BadRequest("the UID in the query is not one")
    return uid


def number_from_query(value: str, name: str, highest: int) -> int:
    """A whole number of 0 or more, capped. Raises `BadRequest`."""
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise BadRequest(f"{name} must be a whole number of 0 or more")
    return min(int(value), highest)


def flag_from_query(request: HttpRequest, name: str) -> bool:
    """`true` or `false`, false where it is absent. Raises `BadRequest`."""
    found = {value.lower() for value in request.query_params.getlist(name)} or {"false"}
    if len(found) > 1 or not found <= {"true", "false"}:
        raise BadRequest(f"{name} must be true or false")
    return "true" in found


def tags_wanted(include: Sequence[str], matched: Sequence[str] = ()) -> frozenset[str] | None:
    """Which attributes a search returns; None = all. Raises `BadRequest` for an attribute that is none."""
    wanted = ROW_TAGS | {TAG_OF[keyword] for keyword in matched}
    for one in include:
        first = one.partition(".")[0]
        keyword = KEYWORD_OF.get(first.upper(), first)
        if one != "all" and keyword not in TAG_OF:
            raise BadRequest("includefield names something that is not an attribute of a workitem")
        wanted |= {TAG_OF[keyword]} if one != "all" else set()
    return None if "all" in include else wanted


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """DICOM JSON."""
    content = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, MEDIA_TYPE)


def lines_answer(texts: Sequence[str]) -> Response:
    """Datasets that are JSON already."""
    return Response(f"[{','.join(texts)}]".encode(), media_type=MEDIA_TYPE)


def change_answer(
    request: HttpRequest,
    transaction: Transaction,
    outcome: Decision | Refusal,
    *,
    has_transaction_uid: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What came of a change: the status and the `Warning` of PS3.18; a refusal's reason and holder in the body."""
    told = dict(headers or {})
    said = sentence_of(transaction, outcome.answer, has_transaction_uid=has_transaction_uid)
    if isinstance(outcome, Decision):
        if said:
            told["Warning"] = warning(request, said)
        return Response(status_code=status_of(transaction, outcome.answer), headers=told)
    status = 403 if outcome.is_forbidden else status_of(transaction, outcome.answer)
    content = {"code": outcome.answer.value, "reason": outcome.text, "holder": _person(outcome.holder)}
    if outcome.instead:
        content["workitem"] = outcome.instead
    told["Warning"] = warning(request, outcome.text if outcome.is_forbidden or not said else said)
    return Response(json.dumps(content, ensure_ascii=False).encode(), status, told, "application/json")


def error_answer(request: HttpRequest, text: str, status: int) -> Response:
    """Any other failure."""
    body = json.dumps({"reason": text}).encode()
    headers = {"Warning": warning(request, text)}
    if status == 503:
        headers["Retry-After"] = "1"
    return Response(body, status, headers, "application/json")


def warning(request: HttpRequest, text: str) -> str:
    """`Warning: 299 <service>: text`, the service being our base URI (PS3.18 8.3.4.2)."""
    said = _UNSAYABLE.sub("?", text)[:500]  # it may quote the request: a line break would be another header
    return f"299 {service_of(request)}: {said}"


def service_of(request: HttpRequest) -> str:
    """The base URI of this server, as the caller knows it."""
    return _UNSAYABLE.sub("?", f"{request.url.scheme}://{request.url.netloc}")


def _person(person: Person | None) -> dict[str, str] | None:
    if person is None:
        return None
    return {"code": person.code, "name": person.name, "organisation": person.organisation}


def _is_excluded(parameters: Sequence[str]) -> bool:
    return any(one.strip().lower().rstrip("0").rstrip(".") in ("q=", "q=0") for one in parameters)


def _is_utf8(parameters: str) -> bool:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "charset" and value.strip('"').lower() not in _UTF8:
            return False
    return True


def _nesting(body: bytes) -> int:
    """How deep brackets lie, at most: counted before anything recurses. A bracket within a text counts, harmlessly."""
    depth = deepest = 0
    for byte in body.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands there twice")  # two readers of one body must not see two things
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
