"""Patient keys and what is known of a person (design decision 4; reliability.md 7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BSN_ISSUERS = ("2.16.840.1.113883.2.4.6.3", "NLMINBIZA", "BSN")
"""Issuers that mark the Dutch national ID in Issuer of Patient ID or its Universal Entity ID."""


@dataclass(frozen=True, slots=True)
class PatientKey:
    """(issuer, Patient ID). Never a Patient ID alone."""

    issuer: str
    patient_id: str


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """What one site says of a patient: texts as received, decoded; birth date YYYYMMDD; sex M, F, O; or empty."""

    key: PatientKey
    site_id: str
    name: str = ""
    birth_date: str = ""
    sex: str = ""
    national_id: str = ""


class Verdict(StrEnum):
    """May two keys be one person?"""

    SAME = "same"
    PROBABLE = "probable"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One compared field: national_id, birth_date, sex, family_name; and, only shown, given_name and patient_id."""

    name_of_field: str
    left: str
    right: str
    agreement: str
    """equal, alike, differs, missing, invalid; incomparable: both have a value, and comparing them says nothing."""
    reason: str = ""
    """Why, in plain English, where the agreement alone does not say it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The verdict and every field it rests on, for the card and the audit line."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]
