"""The gate before another hospital's study (design decision 14): one port is asked before it is listed, prefetched or
opened. The first adapter answers from the directory of sites; an authorisation service can take its place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pacs.site import Site
from worklist_client.identity.patient import PatientKey


class ConsentAnswer(StrEnum):
    """What the port says. Only PERMIT opens the gate; UNKNOWN is told apart so that a person can act on it."""

    PERMIT = "permit"
    DENY = "deny"
    UNKNOWN = "unknown"


class Purpose(StrEnum):
    """What is about to happen; each step asks again, for consent may be withdrawn in between."""

    LIST = "list"
    PREFETCH = "prefetch"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class ConsentQuestion:
    """May `reader_code`, reading a study of `reading_site_id`, see what `holder` keeps of this patient?"""

    holder: Site
    reading_site_id: str
    patient: PatientKey
    reader_code: str
    purpose: Purpose


class ConsentPort(Protocol):
    """Who is asked."""

    def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """Answer; never raises. A service that cannot be reached answers UNKNOWN."""


class SiteDirectoryConsent:
    """Answers with `Site.foreign_reading`. A site's own studies need no consent of another."""

    def ask(self, question: ConsentQuestion) -> ConsentAnswer:
        """PERMIT for the reading site itself, else what the directory says."""
        if question.holder.site_id == question.reading_site_id:
            return ConsentAnswer.PERMIT
        try:
            return ConsentAnswer(question.holder.foreign_reading)
        except ValueError:
            return ConsentAnswer.UNKNOWN
