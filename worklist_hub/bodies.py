"""From the wire to requests and back: bodies, query strings, statuses (PS3.18 chapter 11)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from ups import dicom_json as dj
from ups.codes import Person
from ups.dicom_json import DicomJson
from ups.states import TEXTS, Answer
from ups.tags import KEYWORD_OF, TAG_OF
from worklist_hub.protocol import Refusal
from worklist_hub.values import checked

MEDIA_TYPE = "application/dicom+json"
DEFAULT_LIMIT = 1000
MAX_LIMIT = 5000
TRANSACTION_NAMES = ("transaction", "transaction-uid", "Transaction-uid")
"""The query parameter's name in 2014c, 2019b and 2025e."""
CREATE_NAMES = ("workitem", "AffectedSOPInstanceUID")

_STATUS: dict[Answer, int] = {
    Answer.OK: 200,
    Answer.PASSED_ON: 202,
    Answer.CREATED_WITH_CHANGES: 201,
    Answer.ALREADY_CANCELED: 200,
    Answer.ALREADY_COMPLETED: 200,
    Answer.DUPLICATE: 409,
    Answer.INVALID_ATTRIBUTE: 400,
    Answer.FINAL: 409,
    Answer.WRONG_TRANSACTION_UID: 400,
    Answer.ALREADY_IN_PROGRESS: 409,
    Answer.ONLY_BY_CREATE: 400,
    Answer.FINAL_STATE_REQUIREMENTS: 409,
    Answer.UNKNOWN_WORKITEM: 404,
    Answer.NOT_CREATED_AS_SCHEDULED: 400,
    Answer.NOT_IN_PROGRESS: 409,
    Answer.COMPLETED_CANNOT_CANCEL: 409,
    Answer.PERFORMER_REFUSES: 409,
}

_ROW_TAGS = frozenset(
    TAG_OF[keyword]
    for keyword in [
        "SpecificCharacterSet",
        "SOPClassUID",
        "SOPInstanceUID",
        "ProcedureStepState",
        "InputReadinessState",
        "ScheduledProcedureStepPriority",
        "WorklistLabel",
        "ProcedureStepLabel",
        "ScheduledWorkitemCodeSequence",
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "IssuerOfPatientIDQualifiersSequence",
        "OtherPatientIDsSequence",
        "PatientBirthDate",
        "PatientSex",
        "PatientAge",
        "AdmissionID",
        "ReferencedRequestSequence",
        "StudyInstanceUID",
        "ModalitiesInStudy",
        "StudyDescription",
        "BodyPartExamined",
        "StudyDate",
        "StudyTime",
        "NumberOfStudyRelatedInstances",
        "ScheduledProcedureStepStartDateTime",
        "ExpectedCompletionDateTime",
        "ScheduledProcedureStepExpirationDateTime",
        "ScheduledProcedureStepModificationDateTime",
        "ScheduledStationNameCodeSequence",
        "ScheduledStationClassCodeSequence",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledHumanPerformersSequence",
        "ScheduledProcessingParametersSequence",
        "ProcedureStepProgressInformationSequence",
        "UnifiedProcedureStepPerformedProcedureSequence",
        "ReplacedProcedureStepSequence",
        "InputInformationSequence",
    ]
)
"""What a search returns unasked: return-key types 1 and 2, and the columns of the list."""


class BadRequest(Exception):
    """A 4xx of its own; the text goes to the caller and holds no values."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text, self.status = text, status


async def dataset_of(request: HttpRequest, *, may_be_empty: bool = False) -> DicomJson:
    """The body as one DICOM JSON dataset, bare or as an array of one. Raises `BadRequest`."""
    body = await request.body()
    if not body and may_be_empty:
        return {}
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in (MEDIA_TYPE, "application/json"):
        raise BadRequest(f"the body must be {MEDIA_TYPE}", 415)
    try:
        data = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest("the body is not JSON") from error
    if isinstance(data, list):
        if len(data) != 1:
            raise BadRequest("the body must hold exactly one dataset")
        data = data[0]
    try:
        return checked(data)
    except dj.DatasetError as error:
        raise BadRequest(str(error)) from error


def uid_from_query(request: HttpRequest, names: Sequence[str]) -> str:
    """A UID in the query, under any of its names or bare; "" where there is none. Raises `BadRequest` for two."""
    query = request.url.query
    if query and "=" not in query:
        return unquote(query)
    found = {value for key, value in parse_qsl(query) if key in names}
    if len(found) > 1:
        raise BadRequest(f"{' and '.join(names)} contradict each other")
    return found.pop() if found else ""


def number_from_query(value: str, name: str, highest: int) -> int:
    """A whole number of 0 or more, capped. Raises `BadRequest`."""
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise BadRequest(f"{name} must be a whole number of 0 or more")
    return min(int(value), highest)


def tags_wanted(include: Sequence[str]) -> frozenset[str] | None:
    """Which attributes a search returns; None = all. Raises `BadRequest` for an attribute that is none."""
    wanted = set(_ROW_TAGS)
    for one in include:
        keyword = KEYWORD_OF.get(one.upper(), one).partition(".")[0]
        if one != "all" and keyword not in TAG_OF:
            raise BadRequest(f"includefield {one[:64]} is not an attribute of a workitem")
        wanted.add(TAG_OF.get(keyword, ""))
    return None if "all" in include else frozenset(wanted)


def row_of(dataset: DicomJson, wanted: frozenset[str] | None) -> DicomJson:
    """What a search returns of a workitem."""
    return dataset if wanted is None else {tag: element for tag, element in dataset.items() if tag in wanted}


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """DICOM JSON."""
    content = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status, headers, MEDIA_TYPE)


def plain_answer(answer: Answer, *, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """A success without a body; a B3xx says so in `Warning`."""
    told = dict(headers or {})
    if TEXTS[answer]:
        told["Warning"] = warning(TEXTS[answer])
    return Response(status_code=status or _STATUS[answer], headers=told)


def refusal_answer(refusal: Refusal) -> Response:
    """A failure: the reason in `Warning` and, with the holder, in the body."""
    content = {"code": refusal.answer.value, "reason": refusal.text, "holder": _person(refusal.holder)}
    body = json.dumps(content, ensure_ascii=False).encode()
    return Response(body, _STATUS[refusal.answer], {"Warning": warning(refusal.text)}, "application/json")


def error_answer(text: str, status: int) -> Response:
    """Any other failure."""
    body = json.dumps({"reason": text}).encode()
    return Response(body, status, {"Warning": warning(text)}, "application/json")


def warning(text: str) -> str:
    """A `Warning: 299` header."""
    return f'299 worklist-hub: "{text.encode("ascii", "replace").decode()}"'


def _person(person: Person | None) -> dict[str, str] | None:
    if person is None:
        return None
    return {"code": person.code, "name": person.name, "organisation": person.organisation}


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
