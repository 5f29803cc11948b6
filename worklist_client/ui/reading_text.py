"""Words that the reading window shares: dates, patients, how a claim and a delivery stand. Pure; `tr` is handed in."""

from __future__ import annotations

from datetime import date

from viewer.dates import shown_date
from worklist_client.commands.case_state import Standing
from worklist_client.delivery.reasons import reason_of
from worklist_client.identity.patient import PatientIdentity
from worklist_client.journal import PackageRow, PackageState
from worklist_client.settings.language import Translator

FIELD_TITLES = {
    "name": "Name",
    "family_name": "Family name",
    "given_name": "Given name",
    "birth_date": "Date of birth",
    "sex": "Sex",
    "national_id": "National ID",
    "patient_id": "Patient number",
}
AGREEMENT_TITLES = {
    "equal": "Equal",
    "alike": "Alike",
    "differs": "Differs",
    "missing": "Not known",
    "invalid": "Not usable",
    "incomparable": "Not comparable",
}
SEXES = {"M": "male", "F": "female", "O": "other"}
SECTION_TITLES = {
    "clinical_question": "Clinical question",
    "technique": "Technique",
    "comparison": "Comparison",
    "findings": "Findings",
    "impression": "Impression",
}


def age_text(birth_date: str, on: date, tr: Translator) -> str:
    """Age in years on a day, or empty."""
    try:
        born = date(int(birth_date[:4]), int(birth_date[4:6]), int(birth_date[6:8]))
    except ValueError:
        return ""
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return tr("{years} y", years=years) if years >= 0 else ""


def patient_facts(patient: PatientIdentity, on: date, tr: Translator) -> str:
    """Birth date with age, sex, number with issuer: what stands beside the name."""
    born = shown_date(patient.birth_date) if patient.birth_date else tr("birth date not known")
    age = age_text(patient.birth_date, on, tr)
    sex = tr(SEXES[patient.sex]) if patient.sex in SEXES else tr("sex not known")
    number = patient.key.patient_id or tr("no number")
    issuer = f" ({patient.key.issuer})" if patient.key.issuer else ""
    return "  ·  ".join((f"{born} ({age})" if age else born, sex, f"{number}{issuer}"))


def field_text(name_of_field: str, value: str, tr: Translator) -> str:
    """A value on the card: dates as dates, sexes as words, an empty one as a dash."""
    if not value.strip():
        return "–"
    if name_of_field == "birth_date":
        return shown_date(value)
    if name_of_field == "sex" and value in SEXES:
        return tr(SEXES[value])
    return value


def standing_text(standing: Standing, holder: str, tr: Translator) -> tuple[str, str]:
    """What the bar says of the claim, and its tone: ok, info, attention or danger."""
    if standing is Standing.LOST:
        return (tr("Read-only: {name} has this study", name=holder or tr("another reader")), "danger")
    if standing is Standing.LOOKING and holder:
        return (tr("Read-only: {name} has this study", name=holder), "attention")
    return {
        Standing.LOOKING: (tr("Read-only: not claimed"), "info"),
        Standing.ASKING: (tr("Asking for the claim …"), "info"),
        Standing.MINE: (tr("Claimed by you"), "ok"),
        Standing.MOVED: (tr("Read-only: you went on at another desk"), "attention"),
        Standing.UNCLEAR: (tr("Read-only: the claim is not certain"), "attention"),
        Standing.SIGNING: (tr("Signing …"), "info"),
        Standing.SIGNED: (tr("Signed"), "ok"),
        Standing.RELEASED: (tr("Released"), "info"),
    }[standing]


def delivery_text(package: PackageRow, site_name: str, tr: Translator) -> tuple[str, str]:
    """How far a signed report is, in words that promise nothing that was not proven; and the tone."""
    reason = reason_of(package.reason).said(tr)
    if package.state is PackageState.DONE:
        return (tr("Delivered to {site}, read back and equal", site=site_name), "ok")
    if package.state is PackageState.RETRY:
        return (
            tr("Signed; {site} does not take it yet, trying again: {reason}", site=site_name, reason=reason),
            "attention",
        )
    if package.state is PackageState.BLOCKED:
        return (tr("Signed; waits: {reason}", reason=reason), "attention")
    if package.state is PackageState.ATTENTION:
        return (tr("Signed, NOT delivered: {reason}", reason=reason), "danger")
    if package.state is PackageState.WITHDRAWN:
        return (tr("Not sent: {reason}. The text is kept as a draft", reason=reason), "danger")
    return (tr("Signed, being delivered to {site} …", site=site_name), "info")
