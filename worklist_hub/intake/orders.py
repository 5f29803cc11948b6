"""Orders and the studies made for them: an accession number alone makes no study that of a patient. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pacs.port import StudyAnswer
from pacs.site import Site
from ups.codes import ORDER_OF_ANOTHER, OtherId
from ups.tags import TAG_OF
from ups.workitem import Workitem
from worklist_hub.workitem.whose import are_two_people, contradicts, is_waiting


def waiting_orders(known: Iterable[Workitem]) -> dict[str, Workitem]:
    """By accession number."""
    return {item.accession_number: item for item in known if item.accession_number and is_waiting(item)}


def is_of_anothers_order(
    site: Site, orders: Mapping[str, Workitem], listed: Workitem | None, answer: StudyAnswer
) -> bool:
    """Whether the order of this study names another patient than its hospital does, so that a question on the list, or
    the number under which the report will go, may be somebody else's.

    Once said of a listed study it stays until the hospital corrects the patient or the number.
    """
    now = patient_of_answer(site, answer)
    order = orders.get(answer.accession_number)
    if order is not None and contradicts(order, now):
        return True
    if listed is None:
        return False
    if listed.clinical_question and are_two_people(listed, now):
        return True
    is_corrected = listed.accession_number != answer.accession_number or contradicts(listed, now)
    return ORDER_OF_ANOTHER in listed.remarks and not is_corrected


def patient_of_answer(site: Site, answer: StudyAnswer) -> Workitem:
    """A workitem that says whose study it is, and nothing else."""
    return Workitem(
        uid="",
        patient_name=answer.patient_name,
        patient_id=answer.patient_id,
        issuer_of_patient_id=answer.issuer_of_patient_id or site.issuer_of_patient_id,
        other_patient_ids=tuple(OtherId(number, issuer) for number, issuer in answer.other_patient_ids),
        birth_date=answer.patient_birth_date,
        sex=answer.patient_sex,
    )


def adopted(order: Workitem, fresh: Workitem) -> dict[str, Any]:
    """What to write into the workitem of an order when its images have come: the study. What the order says of why, how
    soon and for whom stays; what it leaves open the rules say."""
    made = replace(
        order,
        study_instance_uid=fresh.study_instance_uid,
        readiness=fresh.readiness,
        modalities=fresh.modalities,
        study_description=fresh.study_description,
        body_part=order.body_part or fresh.body_part,
        study_date=fresh.study_date,
        study_time=fresh.study_time,
        images=fresh.images,
        remarks=fresh.remarks,
        expertise=order.expertise or fresh.expertise,
        expertise_text=order.expertise_text or fresh.expertise_text,
        due=order.due or fresh.due,
    ).to_json()
    inputs = TAG_OF["InputInformationSequence"]
    made[inputs] = fresh.to_json()[inputs]
    before = order.to_json()
    return {tag: value for tag, value in made.items() if before.get(tag) != value}


def asked_again(last: Workitem, fresh: Workitem) -> Workitem:
    """A study that was withdrawn and is there again, with the question that was asked about it, unless it is somebody
    else's now."""
    if not contradicts(last, fresh):
        return replace(fresh, clinical_question=last.clinical_question or fresh.clinical_question)
    if not last.clinical_question or ORDER_OF_ANOTHER in fresh.remarks:
        return fresh
    return replace(fresh, remarks=(*fresh.remarks, ORDER_OF_ANOTHER))
