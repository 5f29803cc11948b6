"""What the hospital corrected of patient and order since a study came on the list. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from pacs.port import StudyAnswer
from pacs.site import Site
from ups.codes import OtherId
from ups.workitem import Workitem


def corrections(site: Site, workitem: Workitem, answer: StudyAnswer) -> dict[str, Any]:
    """The attributes that are to be written (an unknown trauma patient gets a name and a number).

    What stands on the list came from earlier answers: what is answered empty now was taken away, for it was wrong. An
    answer that names nobody any more says nothing at all.
    """
    if _names_somebody(workitem.patient_name, workitem.patient_id, workitem.birth_date) and not _names_somebody(
        answer.patient_name, answer.patient_id, answer.patient_birth_date
    ):
        return {}
    listed = workitem.to_json()
    corrected = _corrected(site, Workitem.from_json(listed), answer).to_json()
    return {tag: element for tag, element in corrected.items() if element != listed.get(tag)}


def age_at(birth_date: str, study_date: str) -> str:
    """Patient's Age (AS) on the day of the study: years, below two years months; empty where it cannot be told."""
    born, day = day_of(birth_date), day_of(study_date)
    if born is None or day is None or day < born:
        return ""
    years = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    if years >= 2:
        return f"{years:03d}Y"
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    return f"{months:03d}M"


def day_of(text: str) -> date | None:
    """Of a DA; None where it is none."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _names_somebody(*said: str) -> bool:
    return any(said)


def _corrected(site: Site, workitem: Workitem, answer: StudyAnswer) -> Workitem:
    made = replace(
        workitem,
        patient_name=answer.patient_name,
        patient_id=answer.patient_id,
        birth_date=answer.patient_birth_date,
        sex=answer.patient_sex,
        accession_number=answer.accession_number,
        # An issuer may be known from the images alone: what the answer does not say does not take it away.
        issuer_of_patient_id=answer.issuer_of_patient_id or workitem.issuer_of_patient_id,
    )
    if made.birth_date != workitem.birth_date:
        made = replace(made, age=age_at(made.birth_date, workitem.study_date))
    if made.patient_id == workitem.patient_id:
        return made
    # The other identifiers are those of somebody else: they go, and come with the images again.
    return replace(
        made,
        issuer_of_patient_id=answer.issuer_of_patient_id or site.issuer_of_patient_id,
        other_patient_ids=tuple(OtherId(number, issuer) for number, issuer in answer.other_patient_ids),
    )
