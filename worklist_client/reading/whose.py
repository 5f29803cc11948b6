"""Whose images are these? What a header calls the patient, against the list and against the other headers. Pure.

A number of the hospital decides where both sides carry one. Where it does not, the one compare function does
(`identity.compare`): whoever it contradicts is somebody else.
"""

from __future__ import annotations

from viewer.records import InstanceHeader, PatientLabel
from worklist_client.identity.compare import compare
from worklist_client.identity.patient import PatientIdentity, PatientKey, Verdict
from worklist_client.reading.priors import national_id_among


def person_of(label: PatientLabel, site_id: str = "") -> PatientIdentity:
    """Who a header says that it is of."""
    return PatientIdentity(
        PatientKey(label.issuer, label.patient_id),
        site_id,
        label.name,
        label.birth_date,
        label.sex,
        national_id_among(label.other_ids),
    )


def is_stranger(label: PatientLabel, listed: PatientIdentity) -> bool:
    """Whether an image is of somebody else than the list says.

    Two numbers, or two issuers, that differ: yes. One number on both sides: no, for it is the hospital's own word, and
    a name or a birth date may have been corrected since. No number on either side: what the records say of the person.
    """
    person = person_of(label, listed.site_id)
    numbers = _numbers(person, listed)
    if all(numbers):
        return numbers[0] != numbers[1] or _issuers_differ(person, listed)
    return _issuers_differ(person, listed) or _contradict(person, listed)


def are_two_people(one: PatientLabel, other: PatientLabel) -> bool:
    """Whether two headers of one study cannot be of one person, whatever number they carry.

    An archive that keys patients by number puts two people who share one, or who have none, into one study. Under one
    number another family name alone is no other person: people marry, and not every image is rewritten.
    """
    left, right = person_of(one), person_of(other)
    numbers = _numbers(left, right)
    if all(numbers):
        if numbers[0] != numbers[1] or _issuers_differ(left, right):
            return True
        agreed = _agreements(left, right)
        return _is_conflict(left, right) or (agreed["family_name"] == "differs" and agreed["birth_date"] != "equal")
    return _issuers_differ(left, right) or _contradict(left, right)


def is_outdated(header: InstanceHeader, listed: PatientIdentity, accession_number: str) -> bool:
    """Whether an image that was kept here is not what the list says now: the hospital corrected it since."""
    accessions = (header.accession_number, accession_number)
    return is_stranger(header.patient, listed) or (all(accessions) and accessions[0] != accessions[1])


def _numbers(left: PatientIdentity, right: PatientIdentity) -> tuple[str, str]:
    return left.key.patient_id.strip(), right.key.patient_id.strip()


def _issuers_differ(left: PatientIdentity, right: PatientIdentity) -> bool:
    return bool(left.key.issuer and right.key.issuer and left.key.issuer != right.key.issuer)


def _contradict(left: PatientIdentity, right: PatientIdentity) -> bool:
    """Birth date, sex, national ID or family name say that these are two."""
    return _is_conflict(left, right) or _agreements(left, right)["family_name"] == "differs"


def _is_conflict(left: PatientIdentity, right: PatientIdentity) -> bool:
    return compare(left, right).verdict is Verdict.CONFLICT


def _agreements(left: PatientIdentity, right: PatientIdentity) -> dict[str, str]:
    return {row.name_of_field: row.agreement for row in compare(left, right).evidence}
