"""Why a delivery stands where it stands: an English sentence as the key of its translation, its fields, and the cause.

The journal keeps it as one text, so that a window of another language, or of a later version, can say it in its own
words. No patient data: fields name hospitals' answers, attributes, and colleagues who signed something.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

Tr = Callable[..., str]


class Cause(StrEnum):
    """What a person can do depends on it; UNSAID where that is nothing special."""

    UNSAID = ""
    OTHER_REPORT = "other report"
    """Another report of the study reached the hospital meanwhile; field `documents` lists their SOP Instance UIDs."""


@dataclass(frozen=True)
class Reason:
    """One reason. `text` holds `{fields}`; a text without fields may hold any braces."""

    text: str
    fields: tuple[tuple[str, str], ...] = ()
    cause: Cause = Cause.UNSAID

    @property
    def english(self) -> str:
        """The whole sentence in English."""
        return self.text.format(**dict(self.fields)) if self.fields else self.text

    def said(self, tr: Tr) -> str:
        """The whole sentence in the language of `tr`; fields are quotations and stay as they are, but for `why`, which
        is a sentence of our own."""
        fields = {name: tr(value) if name == "why" and value else value for name, value in self.fields}
        return tr(self.text, **fields) if self.text else ""

    def field(self, name: str) -> str:
        """One field, empty where there is none."""
        return dict(self.fields).get(name, "")

    def to_text(self) -> str:
        """For the journal: the plain sentence where that says it all."""
        if not self.fields and self.cause is Cause.UNSAID:
            return self.text
        made = {"reason": self.text, "fields": dict(self.fields), "cause": self.cause.value}
        return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def reason_of(text: str) -> Reason:
    """The inverse of `to_text`; what is no such text, or is of another version, is taken as a plain sentence."""
    if not text.startswith('{"reason":'):
        return Reason(text)
    try:
        data = json.loads(text)
        fields = tuple((str(name), str(value)) for name, value in data["fields"].items())
        reason = Reason(str(data["reason"]), fields, Cause(data["cause"]))
        _ = reason.english
    except (ValueError, KeyError, AttributeError, TypeError, IndexError):
        return Reason(text)
    return reason
