"""One audit event: the NEN 7513 minimum and what a DICOM audit message (PS3.15 A.5) needs, with no report text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from worklist_hub.workitem.protocol import Caller

TEXT_LIMIT = 1024
"""A free text is cut here: an audit line must fit a syslog message whatever somebody sends."""


class Action(StrEnum):
    """What was done or tried; the outcome says which."""

    SEARCH = "search"
    VIEW = "view"
    CREATE = "create"
    UPDATE = "update"
    CLAIM = "claim"
    RELEASE = "release"
    TAKE_OVER = "take-over"
    ASK_RELEASE = "ask-release"
    RESERVE = "reserve"
    ASSIGN = "assign"
    HAND_OVER = "hand-over"
    FENCE = "fence"
    COMPLETE = "complete"
    CANCEL = "cancel"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    LISTEN = "listen"
    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    ACCOUNT = "account"
    REFUSED = "refused"
    READ_AUDIT = "read-audit"
    START = "start"
    STOP = "stop"
    OTHER = "other"


class Outcome(StrEnum):
    """PS3.15 A.5.2: how it ended."""

    SUCCESS = "0"
    MINOR = "4"
    """Refused by the rules of the worklist: another was first, the state does not allow it."""
    SERIOUS = "8"
    """Refused for lack of right, or not known."""
    MAJOR = "12"
    """The hub failed."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who, in which role, for which organization, on whose behalf, from where."""

    code: str = ""
    name: str = ""
    organization: str = ""
    roles: tuple[str, ...] = ()
    on_behalf_of: str = ""
    """Code and name of the responsible person."""
    ae_title: str = ""
    address: str = ""
    subject: str = ""
    """The account, unique over issuers of tokens."""
    signed_in_by: str = ""

    @staticmethod
    def of(caller: Caller | None, address: str = "") -> Actor:
        """From the caller of a request; None = not known."""
        if caller is None:
            return Actor(address=address)
        behalf = caller.on_behalf_of
        told = Actor(
            code="intake" if caller.is_feed else "",
            roles=tuple(sorted(str(role) for role in caller.roles)),
            on_behalf_of=f"{behalf.code} {behalf.name}".strip() if behalf else "",
            ae_title=caller.ae_title,
            address=caller.address or address,
            subject=caller.subject,
            signed_in_by=caller.signed_in_by,
        )
        person = caller.reader
        if person is None:
            return told
        return replace(told, code=person.code, name=person.name, organization=person.organisation)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what it is about. A patient is (issuer, ID), as everywhere; names are not kept."""

    site_id: str = ""
    patient_id: str = ""
    issuer: str = ""
    study_instance_uid: str = ""
    accession: str = ""
    workitem_uid: str = ""

    @property
    def patient(self) -> str:
        """The key that a patient's own view of the log is found by."""
        return f"{self.issuer}|{self.patient_id}" if self.patient_id else ""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """`at` = ISO 8601 in UTC by the hub's clock, filled in by the ledger where it is ""."""

    action: Action
    actor: Actor = Actor()
    outcome: Outcome = Outcome.SUCCESS
    at: str = ""
    subjects: tuple[Subject, ...] = ()
    found: Mapping[str, int] | None = None
    """A search: how many rows of each site were shown."""
    query: str = ""
    reason: str = ""
    """Why, as the person or the code of the request says."""
    text: str = ""
    """What the hub answered, or what it is about."""
    authorization: str = ""
    """On what ground it was allowed or refused (NEN 7513: the authorization applied)."""
    consent: str = ""
    emergency: bool = False
    """The emergency procedure was used."""

    @property
    def sites(self) -> frozenset[str]:
        """The hospitals whose data it touches; each may get this line."""
        return frozenset(one.site_id for one in self.subjects if one.site_id) | frozenset(self.found or ())

    def trimmed(self, at: str) -> AuditEvent:
        """With its moment, and with texts cut to their limit."""
        cut = {name: getattr(self, name)[:TEXT_LIMIT] for name in ("query", "reason", "text", "authorization")}
        return replace(self, at=self.at or at, **cut)

    def for_site(self, site_id: str) -> AuditEvent:
        """What one hospital may read of it: nothing of another's patients and numbers."""
        mine = tuple(one for one in self.subjects if one.site_id == site_id)
        found = {site_id: self.found[site_id]} if self.found and site_id in self.found else None
        return replace(self, subjects=mine, found=found)

    def to_text(self) -> str:
        """Canonical JSON: the same event is the same text, for its digest. Empty fields are left out."""
        return json.dumps(_full(asdict(self)), ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @staticmethod
    def from_text(text: str) -> AuditEvent:
        """Back from `to_text`."""
        told: dict[str, Any] = json.loads(text)
        actor = {**told.pop("actor", {})}
        actor["roles"] = tuple(actor.get("roles", ()))
        subjects = tuple(Subject(**one) for one in told.pop("subjects", ()))
        known = {field.name for field in fields(AuditEvent)}
        rest = {key: value for key, value in told.items() if key in known and key not in ("action", "outcome")}
        action, outcome = Action(told["action"]), Outcome(told["outcome"])
        return AuditEvent(action, Actor(**actor), outcome, subjects=subjects, **rest)


def _full(value: Any) -> Any:
    if isinstance(value, dict):
        made = {key: _full(one) for key, one in value.items()}
        return {key: one for key, one in made.items() if one not in ("", None, False, [], (), {})}
    if isinstance(value, (list, tuple)):
        return [_full(one) for one in value]
    return str(value) if isinstance(value, StrEnum) else value
