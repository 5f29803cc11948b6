"""Coded entries, persons and other patient IDs: the small records inside a workitem."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ups import dicom_json as dj
from ups.dicom_json import DicomJson

UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
"""SOP class of every workitem, whatever was negotiated."""
SITE_SCHEME = "99UWL"
"""Coding scheme of site ids, readers, the STAT setting and remarks."""


@dataclass(frozen=True, slots=True)
class Code:
    """A coded entry (PS3.3 8.8)."""

    value: str
    scheme: str = ""
    meaning: str = ""

    def item(self) -> DicomJson:
        """As an item of a code sequence."""
        return dj.make(CodeValue=self.value, CodingSchemeDesignator=self.scheme, CodeMeaning=self.meaning)

    @staticmethod
    def of(item: Mapping[str, Any]) -> Code:
        """From an item of a code sequence; empty texts where something is absent."""
        return Code(dj.text(item, "CodeValue"), dj.text(item, "CodingSchemeDesignator"), dj.text(item, "CodeMeaning"))


@dataclass(frozen=True, slots=True)
class Person:
    """A human performer: code of the reader, person name, organisation."""

    code: str
    name: str
    organisation: str = ""
    scheme: str = SITE_SCHEME

    def item(self) -> DicomJson:
        """As an item of Scheduled or Actual Human Performers Sequence."""
        made = dj.make(HumanPerformerName=self.name, HumanPerformerOrganization=self.organisation)
        dj.put_items(made, "HumanPerformerCodeSequence", [Code(self.code, self.scheme, self.name).item()])
        return made

    @staticmethod
    def of(item: Mapping[str, Any]) -> Person:
        """From an item of Scheduled or Actual Human Performers Sequence."""
        code = Code.of(dj.first_item(item, "HumanPerformerCodeSequence"))
        name = dj.text(item, "HumanPerformerName") or code.meaning
        return Person(code.value, name, dj.text(item, "HumanPerformerOrganization"), code.scheme or SITE_SCHEME)


@dataclass(frozen=True, slots=True)
class OtherId:
    """An item of Other Patient IDs Sequence; `issuer` is the local or else the universal entity."""

    patient_id: str
    issuer: str = ""


INTERPRETATION_CODE = Code("110005", "DCM", "Interpretation")
RESCHEDULED = Code("110528", "DCM", "Discontinued for rescheduling")
RESCHEDULING_RECOMMENDED = Code("110529", "DCM", "Discontinued, rescheduling recommended")
DOCTOR_CANCELED = Code("110500", "DCM", "Doctor canceled procedure")
INCORRECT_PROCEDURE_ORDERED = Code("110502", "DCM", "Incorrect procedure ordered")
DUPLICATE_ORDER = Code("110510", "DCM", "Duplicate order")
ORDER_WITHDRAWN = (DOCTOR_CANCELED, INCORRECT_PROCEDURE_ORDERED, DUPLICATE_ORDER)
"""The work itself is void: whoever says this does not want to do it instead."""
RESOURCE_PREEMPTED = Code("110526", "DCM", "Resource pre-empted")
UNSPECIFIED_REASON = Code("110513", "DCM", "Discontinued for unspecified reason")
NO_CONTACT_SINCE = Code("NOCONTACT", SITE_SCHEME, "No contact since")
"""A progress parameter (0074,1007) that our hub writes while a claim's holder is silent."""
REPORTED = Code("REPORTED", SITE_SCHEME, "Report in the PACS")
"""Off the list because the hospital holds a report; should that vanish, the feed puts the study back."""
STAT_SETTING = Code("SETTING", SITE_SCHEME, "Setting")
STAT = Code("STAT", SITE_SCHEME, "Read at once")
STROKE = Code("STROKE", SITE_SCHEME, "Suspected stroke")
ROUTINE = Code("ROUTINE", SITE_SCHEME, "Routine")
ELSEWHERE = Code("ELSEWHERE", SITE_SCHEME, "Reading elsewhere")
ELIGIBLE = Code("ELIGIBLE", SITE_SCHEME, "A single study that can be read without priors")
REMARK = Code("REMARK", SITE_SCHEME, "Remark")
REPORT_NOT_FINAL = Code("REPORT_NOT_FINAL", SITE_SCHEME, "A report that is not final, or does not say so")
TWO_PATIENTS = Code("TWO_PATIENTS", SITE_SCHEME, "The hospital keeps images of two patients under this study")
"""Such a study may be looked at and must not be reported: nobody can tell whose report it would be."""
ORDER_OF_ANOTHER = Code("ORDER_OF_ANOTHER", SITE_SCHEME, "An order with this accession number names another patient")
"""Of a study that did not go into that order, or whose question was asked about somebody else."""
NOT_CHECKED = Code("NOT_CHECKED", SITE_SCHEME, "The hospital was not asked yet whose study it is now")
"""Of a study that was given back to the list: the hospital may have corrected patient or order while it was held. Until
the feed has asked, it corrects these also under a holder; it takes the remark away with the same change."""
