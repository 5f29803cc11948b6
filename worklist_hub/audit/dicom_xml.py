"""An event as DICOM audit message (PS3.15 A.5.1), one for each patient it touches where the message allows one only."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from worklist_hub.audit.records import Action, AuditEvent, Subject

UPS_QUERY = "1.2.840.10008.5.1.4.34.6.2"
"""UPS Watch: whose search it is (PS3.4 CC.2.8)."""
_SERVER = "4"
"""Application server process."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_Code = tuple[str, str, str]
"""Code, system, meaning."""
_PROCEDURE: _Code = ("110111", "DCM", "Procedure Record")
_SECURITY: _Code = ("110113", "DCM", "Security Alert")
_AUTHENTICATION: _Code = ("110114", "DCM", "User Authentication")
_ACTIVITY: _Code = ("110100", "DCM", "Application Activity")
_EMERGENCY: _Code = ("110127", "DCM", "Emergency Override Started")
_HUB_ROLE: _Code = ("110150", "DCM", "Application")
_PATIENT_NUMBER: _Code = ("2", "RFC-3881", "Patient Number")
_URI: _Code = ("12", "RFC-3881", "URI")
_STUDY: _Code = ("110180", "DCM", "Study Instance UID")
_SOP_CLASS: _Code = ("110181", "DCM", "SOP Class UID")
_WORKITEM: _Code = ("workitem", "99UWL", "Workitem UID")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How an action is told: event, action letter, type."""

    event: _Code
    letter: str
    type: _Code | None = None


def _procedure(letter: str, action: Action) -> _Kind:
    return _Kind(_PROCEDURE, letter, (action.value, "99UWL", action.value))


_KINDS: dict[Action, _Kind] = {
    Action.SEARCH: _Kind(("110112", "DCM", "Query"), "E"),
    Action.VIEW: _procedure("R", Action.VIEW),
    Action.LISTEN: _Kind(("110112", "DCM", "Query"), "E", ("listen", "99UWL", "Event channel opened")),
    Action.SUBSCRIBE: _Kind(("110112", "DCM", "Query"), "E", ("subscribe", "99UWL", "Subscribe")),
    Action.UNSUBSCRIBE: _Kind(("110112", "DCM", "Query"), "E", ("unsubscribe", "99UWL", "Unsubscribe")),
    Action.CREATE: _procedure("C", Action.CREATE),
    Action.SIGN_IN: _Kind(_AUTHENTICATION, "E", ("110122", "DCM", "Login")),
    Action.SIGN_OUT: _Kind(_AUTHENTICATION, "E", ("110123", "DCM", "Logout")),
    Action.ACCOUNT: _Kind(_SECURITY, "E", ("110137", "DCM", "User Security Attributes Changed")),
    Action.REFUSED: _Kind(_SECURITY, "E", ("110132", "DCM", "Use of Restricted Function")),
    Action.READ_AUDIT: _Kind(("110101", "DCM", "Audit Log Used"), "R"),
    Action.START: _Kind(_ACTIVITY, "E", ("110120", "DCM", "Application Start")),
    Action.STOP: _Kind(_ACTIVITY, "E", ("110121", "DCM", "Application Stop")),
    Action.OTHER: _Kind(_ACTIVITY, "E", ("other", "99UWL", "Other request")),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Which link of which chain this is, and of whose hub: what a collector can check the log against."""

    source: str
    """Audit Source ID: the hub's AE title."""
    process: str
    day: str
    seq: int
    hash: str
    site_id: str = ""
    """The hospital this copy is for; "" = all."""


def audit_messages(event: AuditEvent, origin: Origin) -> Iterator[bytes]:
    """UTF-8 XML. PS3.15 A.5.3.15 wants a single patient in a Procedure Record, so there may be several."""
    kind = _KINDS.get(event.action) or _procedure("U", event.action)
    if kind.event is not _PROCEDURE or len(event.subjects) < 2:
        yield _message(event, kind, origin, event.subjects)
        return
    for subject in event.subjects:
        yield _message(event, kind, origin, (subject,))


def _message(event: AuditEvent, kind: _Kind, origin: Origin, subjects: tuple[Subject, ...]) -> bytes:
    root = ElementTree.Element("AuditMessage")
    head = _sub(
        root,
        "EventIdentification",
        EventActionCode=kind.letter,
        EventDateTime=event.at,
        EventOutcomeIndicator=event.outcome.value,
    )
    _code(head, "EventID", kind.event)
    if kind.type is not None:
        _code(head, "EventTypeCode", kind.type)
    if event.emergency:
        _code(head, "EventTypeCode", _EMERGENCY)
    if event.text:
        _sub(head, "EventOutcomeDescription").text = _clean(event.text)
    _participants(root, event, origin)
    source = _sub(root, "AuditSourceIdentification", AuditSourceID=origin.source)
    if origin.site_id:
        source.set("AuditEnterpriseSiteID", _clean(origin.site_id))
    _sub(source, "AuditSourceTypeCode", **{"csd-code": _SERVER})
    _objects(root, event, kind, origin, subjects)
    return b"<?xml version='1.0' encoding='UTF-8'?>\n" + ElementTree.tostring(root, "unicode").encode()


def _participants(root: ElementTree.Element, event: AuditEvent, origin: Origin) -> None:
    actor = event.actor
    if actor.code or actor.name or actor.address:
        person = _sub(root, "ActiveParticipant", UserID=_clean(actor.code or actor.subject or actor.address or "-"))
        alternative = [actor.subject, f"AETITLES={actor.ae_title}" if actor.ae_title else ""]
        if any(alternative):
            person.set("AlternativeUserID", _clean(";".join(one for one in alternative if one)))
        if actor.name:
            person.set("UserName", _clean(actor.name))
        person.set("UserIsRequestor", "true")
        if actor.address:
            person.set("NetworkAccessPointID", _clean(actor.address))
            person.set("NetworkAccessPointTypeCode", "2")
        for role in actor.roles:
            _code(person, "RoleIDCode", (role, "99UWL", role))
    if actor.on_behalf_of:
        responsible = _sub(root, "ActiveParticipant", UserID=_clean(actor.on_behalf_of), UserIsRequestor="false")
        _code(responsible, "RoleIDCode", ("responsible", "99UWL", "On whose behalf"))
    hub = _sub(root, "ActiveParticipant", UserID=_clean(origin.process), UserIsRequestor="false")
    hub.set("AlternativeUserID", f"AETITLES={origin.source}")
    _code(hub, "RoleIDCode", _HUB_ROLE)


def _objects(
    root: ElementTree.Element, event: AuditEvent, kind: _Kind, origin: Origin, subjects: tuple[Subject, ...]
) -> None:
    details = [
        ("reason", event.reason),
        ("authorization", event.authorization),
        ("consent", event.consent),
        ("organization", event.actor.organization),
        ("signed in by", event.actor.signed_in_by),
        ("chain", f"{origin.process} {origin.day} {origin.seq} {origin.hash}"),
    ]
    if event.found is not None:
        details.append(("found", ", ".join(f"{site}: {number}" for site, number in sorted(event.found.items()))))
    is_query = kind.event[0] == "110112"
    if is_query:
        _object(root, UPS_QUERY, ("2", "3"), _SOP_CLASS, details, query=event.query)
    else:
        _object(root, _log_uri(origin), ("2", "13"), _URI, details, name="Security Audit Log")
    for subject in subjects:
        if subject.study_instance_uid and not is_query:  # whom a search showed is enough: messages are short
            _object(root, subject.study_instance_uid, ("2", "3"), _STUDY, (), name="Study", accession=subject.accession)
        if subject.workitem_uid and not is_query:
            site = [("site", subject.site_id)]
            _object(root, subject.workitem_uid, ("2", "20"), _WORKITEM, site, name="Workitem")
        if subject.patient_id:
            number = f"{subject.patient_id}^^^{subject.issuer}" if subject.issuer else subject.patient_id
            _object(root, number, ("1", "1"), _PATIENT_NUMBER, (), name="Patient")


def _log_uri(origin: Origin) -> str:
    return f"urn:worklist-hub:audit:{origin.process}:{origin.day}"


def _object(
    root: ElementTree.Element,
    object_id: str,
    types: tuple[str, str],
    id_type: _Code,
    details: tuple[()] | list[tuple[str, str]],
    *,
    name: str = "",
    query: str | None = None,
    accession: str = "",
) -> None:
    made = _sub(root, "ParticipantObjectIdentification", ParticipantObjectID=_clean(object_id))
    made.set("ParticipantObjectTypeCode", types[0])
    made.set("ParticipantObjectTypeCodeRole", types[1])
    _code(made, "ParticipantObjectIDTypeCode", id_type)
    if query is not None:
        _sub(made, "ParticipantObjectQuery").text = _base64(query)
    else:
        _sub(made, "ParticipantObjectName").text = name
    for key, value in details:
        if value:
            _sub(made, "ParticipantObjectDetail", type=key, value=_base64(value))
    if accession:
        _sub(_sub(made, "ParticipantObjectDescription"), "Accession", Number=_clean(accession))


def _sub(parent: ElementTree.Element, tag: str, /, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes)


def _code(parent: ElementTree.Element, tag: str, code: _Code) -> None:
    value, system, meaning = code
    _sub(parent, tag, **{"csd-code": value, "codeSystemName": system, "originalText": meaning})


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _clean(text: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("�", text)
