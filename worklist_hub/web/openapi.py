"""What the hub offers, for programs: OpenAPI 3.1, and the Capabilities Description of PS3.18 8.9 as WADL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

DICOM_JSON = "application/dicom+json"
WADL = "application/vnd.sun.wadl+xml"
_UID = {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*$", "maxLength": 64}
_AET = {"type": "string", "pattern": r"^[!-\[\]-~]{1,16}$"}
_FLAG = {"type": "string", "enum": ["true", "false"]}
_NUMBER = {"type": "integer", "minimum": 0, "maximum": 999999999}
_TEXT = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    name: str
    """operationId."""
    section: str
    """Where it is specified."""
    success: tuple[int, ...]
    failures: tuple[int, ...] = ()
    query: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    body: str = ""
    """Name of the schema of the request's body, "" for none."""
    body_is_needed: bool = True
    answers: str = ""
    """Name of the schema of a 200's body, "" for none."""


_ACCEPT = (("accept", _TEXT), ("charset", _TEXT))
_SEARCH = (
    ("ProcedureStepState", {"type": "string", "enum": ["SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"]}),
    ("PatientName", _TEXT),
    ("PatientID", _TEXT),
    ("StudyInstanceUID", _TEXT),
    ("StudyDate", _TEXT),
    ("WorklistLabel", _TEXT),
    ("ScheduledStationGeographicLocationCodeSequence.CodeValue", _TEXT),
    ("ScheduledStationClassCodeSequence.CodeValue", _TEXT),
    ("ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue", _TEXT),
    ("ExpectedCompletionDateTime", _TEXT),
    ("ScheduledProcedureStepModificationDateTime", _TEXT),
    ("includefield", _TEXT),
    ("limit", _NUMBER),
    ("offset", _NUMBER),
    ("fuzzymatching", _FLAG),
    ("emptyvaluematching", _FLAG),
    ("multiplevaluematching", _FLAG),
    *_ACCEPT,
)
_TRANSACTION = (("transaction-uid", _UID),)
_ONE = "/workitems/{uid}"
_SUBSCRIBER = f"{_ONE}/subscribers/{{aet}}"
_CHANGED = (400, 403, 404, 409)

OPERATIONS: tuple[Operation, ...] = (
    Operation("get", "/workitems", "search", "PS3.18 11.9", (200, 204), (400, 406), _SEARCH, answers="Workitems"),
    Operation(
        "post", "/workitems", "create", "PS3.18 11.4", (201,), (400, 403, 409), (("workitem", _UID),), "Workitem"
    ),
    Operation("get", _ONE, "retrieve", "PS3.18 11.5", (200,), (404, 406), _ACCEPT, answers="Workitems"),
    Operation("post", _ONE, "update", "PS3.18 11.6", (200,), _CHANGED, _TRANSACTION, "Workitem"),
    Operation("put", f"{_ONE}/state", "change_state", "PS3.18 11.7", (200,), _CHANGED, (), "State"),
    Operation("put", f"{_ONE}/state/{{aet}}", "change_state_as", "PS3.18 11.7", (200,), _CHANGED, (), "State"),
    Operation(
        "post",
        f"{_ONE}/cancelrequest",
        "request_cancel",
        "PS3.18 11.8",
        (202,),
        _CHANGED,
        (),
        "Cancellation",
        body_is_needed=False,
    ),
    Operation(
        "post",
        f"{_ONE}/cancelrequest/{{aet}}",
        "request_cancel_as",
        "PS3.18 11.8",
        (202,),
        _CHANGED,
        (),
        "Cancellation",
        body_is_needed=False,
    ),
    Operation(
        "post",
        _SUBSCRIBER,
        "subscribe",
        "PS3.18 11.10",
        (201,),
        (400, 403, 404),
        (("deletionlock", _FLAG), ("filter", _TEXT)),
    ),
    Operation("delete", _SUBSCRIBER, "unsubscribe", "PS3.18 11.11", (200,), (400, 403, 404)),
    Operation("post", f"{_SUBSCRIBER}/suspend", "suspend", "PS3.18 11.12", (200,), (400, 403, 404)),
    Operation("options", "/", "capabilities", "PS3.18 8.9", (200,), (406,)),
    Operation("get", "/region/sites", "sites", "the directory of hospitals", (200,), answers="Any"),
    Operation("get", "/region/intake", "intake", "which hospitals answer the hub", (200,), answers="Any"),
    Operation(
        "get",
        "/region/readers",
        "readers",
        "to whom the caller may give a study",
        (200,),
        query=(("site", _TEXT), ("expertise", _TEXT)),
        answers="Any",
    ),
    Operation("get", "/region/about", "about", "name and version", (200,), answers="Any"),
    Operation("get", "/region/openapi.json", "openapi", "this document", (200,), answers="Any"),
    Operation(
        "put", "/region/drafts/{uid}", "hand_draft", "hand-over of a draft", (204,), _CHANGED, _TRANSACTION, "Draft"
    ),
    Operation(
        "get",
        "/region/drafts/{uid}",
        "take_draft",
        "hand-over of a draft",
        (200,),
        _CHANGED,
        _TRANSACTION,
        answers="Any",
    ),
    Operation("delete", "/region/drafts/{uid}", "drop_draft", "hand-over of a draft", (204,), _CHANGED, _TRANSACTION),
)
_ALWAYS = (401, 408, 411, 413, 415, 429, 431, 503)
_SAID = {
    200: "Done",
    201: "Created",
    202: "Accepted; the workitem has not necessarily changed",
    204: "Nothing to return",
    400: "The request is malformed, or names no or another Transaction UID",
    401: "Nobody known asks",
    403: "Not allowed to this caller",
    404: "There is none",
    406: "Only DICOM JSON in UTF-8 is sent",
    408: "The body took too long",
    409: "The state of the workitem does not allow it",
    411: "A Content-Length is needed",
    413: "Too large",
    415: "Only DICOM JSON in UTF-8 is taken, not compressed",
    429: "Too many requests",
    431: "The headers are too large",
    503: "The worklist cannot be read or written now",
}


def document(version: str) -> dict[str, Any]:
    """The OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Worklist hub: UPS-RS (PS3.18 chapter 11) and the region", "version": version},
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}, {}],
    }


def wadl(base_url: str) -> str:
    """The Capabilities Description (PS3.18 8.9.3 and annex H)."""
    by_path: dict[str, list[Operation]] = {}
    for one in OPERATIONS:
        by_path.setdefault(one.path, []).append(one)
    resources = "".join(_wadl_resource(path, operations) for path, operations in by_path.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<application xmlns="http://wadl.dev.java.net/2009/02">'
        f"<resources base={quoteattr(base_url + '/')}>{resources}</resources></application>"
    )


def _operation(one: Operation) -> dict[str, Any]:
    parameters = [_parameter(name, "path") for name in ("uid", "aet") if f"{{{name}}}" in one.path]
    parameters += [{"name": name, "in": "query", "schema": dict(schema)} for name, schema in one.query]
    made: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.section,
        "parameters": parameters,
        "responses": {str(status): _response(one, status) for status in (*one.success, *one.failures, *_ALWAYS)},
    }
    if one.body:
        schema = {"$ref": f"#/components/schemas/{one.body}"}
        made["requestBody"] = {"required": one.body_is_needed, "content": {DICOM_JSON: {"schema": schema}}}
    return made


def _parameter(name: str, where: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": True, "schema": dict(_UID if name == "uid" else _AET)}


def _response(one: Operation, status: int) -> dict[str, Any]:
    made: dict[str, Any] = {"description": _SAID[status]}
    if status == 200 and one.answers:
        kind = DICOM_JSON if one.answers == "Workitems" else "application/json"
        made["content"] = {kind: {"schema": {"$ref": f"#/components/schemas/{one.answers}"}}}
    elif status == 200 and one.name == "capabilities":
        made["content"] = {WADL: {}, "application/json": {}}
    elif status >= 400:
        made["content"] = {"application/json": {}, "text/plain": {}}
    return made


def _wadl_resource(path: str, operations: Sequence[Operation]) -> str:
    names = [name for name in ("uid", "aet") if f"{{{name}}}" in path]
    parameters = "".join(f'<param name="{name}" style="template" type="xsd:string"/>' for name in names)
    methods = "".join(_wadl_method(one) for one in operations)
    return f"<resource path={quoteattr(path.lstrip('/'))}>{parameters}{methods}</resource>"


def _wadl_method(one: Operation) -> str:
    query = "".join(f"<param name={quoteattr(name)} style='query' type='xsd:string'/>" for name, _ in one.query)
    body = f'<representation mediaType="{DICOM_JSON}"/>' if one.body else ""
    asked = f"<request>{query}{body}</request>" if query or body else ""
    statuses = " ".join(str(status) for status in (*one.success, *one.failures))
    told = f'<representation mediaType="{DICOM_JSON}"/>' if one.answers == "Workitems" else ""
    method = f'name="{one.method.upper()}" id="{one.name}"'
    return f'<method {method}>{asked}<response status="{statuses}">{told}</response></method>'


def _element(vr: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"vr": {"const": vr}, "Value": {"type": "array", "items": value, "maxItems": 1}},
        "required": ["vr"],
        "additionalProperties": False,
    }


_CODES = _element(
    "SQ",
    {
        "type": "object",
        "properties": {
            "00080100": _element("SH", {"type": "string", "maxLength": 16}),
            "00080102": _element("SH", {"type": "string", "maxLength": 16}),
            "00080104": _element("LO", {"type": "string", "maxLength": 64}),
        },
        "required": ["00080100"],
    },
)
_PRIORITY = {"type": "string", "enum": ["HIGH", "MEDIUM", "LOW"]}
_PERFORMERS = _element("SQ", {"type": "object", "properties": {"00404009": _CODES}, "required": ["00404009"]})
_SCHEMAS: dict[str, Any] = {
    "Any": {},
    "Workitems": {"type": "array", "items": {"type": "object"}},
    "Workitem": {
        "type": "object",
        "description": "A dataset in DICOM JSON (PS3.18 F.2)",
        "properties": {
            "00100010": _element("PN", {"type": "object", "properties": {"Alphabetic": {"type": "string"}}}),
            "00100020": _element("LO", {"type": "string", "maxLength": 64}),
            "0020000D": _element("UI", _UID),
            "00404005": _element("DT", {"type": "string", "pattern": "^20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|1[0-9])$"}),
            "00404027": _CODES,
            "00404034": _PERFORMERS,
            "00404041": _element("CS", {"type": "string", "enum": ["INCOMPLETE", "UNAVAILABLE", "READY"]}),
            "00741000": _element("CS", {"const": "SCHEDULED"}),
            "00741200": _element("CS", _PRIORITY),
            "00741204": _element("LO", {"type": "string", "maxLength": 64}),
        },
    },
    "State": {
        "type": "object",
        "properties": {
            "00741000": _element("CS", {"type": "string", "enum": ["IN PROGRESS", "COMPLETED", "CANCELED"]}),
            "00081195": _element("UI", _UID),
        },
        "required": ["00741000", "00081195"],
    },
    "Cancellation": {
        "type": "object",
        "properties": {
            "00741238": _element("LT", {"type": "string", "maxLength": 1024}),
            "0074100C": _element("LO", {"type": "string", "maxLength": 64}),
            "0074100A": _element("UR", {"type": "string", "maxLength": 64}),
            "0074100E": _CODES,
        },
    },
    "Draft": {
        "type": "object",
        "properties": {"receiver": {"type": "string", "maxLength": 64}, "draft": {"type": "object"}},
        "required": ["receiver", "draft"],
    },
}
