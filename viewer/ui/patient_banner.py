"""Who this is: the lines of the banner above every image, from the image's own header. Pure; plain text only."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.dates import parse_date, shown_date
from viewer.records import InstanceHeader, PatientLabel
from viewer.titles import study_title
from viewer.ui.labels import StudyLabel


@dataclass(frozen=True, slots=True)
class BannerText:
    """`day` and `name` in bold, `details` after them, `study` last."""

    name: str
    details: str
    study: str
    day: str = ""


def shown_name(person_name: str) -> str:
    """A DICOM person name for reading: "Vries^Anna^van der" -> "Vries, Anna van der"; the alphabetic group."""
    parts = [part.strip() for part in person_name.split("=")[0].split("^")]
    family, given = parts[0], " ".join(part for part in parts[1:3] if part)
    return ", ".join(part for part in (family, given) if part)


def age_at(birth_date: str, study_date: str) -> int | None:
    """Whole years at the time of the study."""
    born, then = parse_date(birth_date), parse_date(study_date)
    if born is None or then is None or then < born:
        return None
    return then.year - born.year - ((then.month, then.day) < (born.month, born.day))


def patient_details(patient: PatientLabel, study_date: str) -> str:
    """Birth date with age, sex, number with issuer; what is absent is left out."""
    parts = []
    if patient.birth_date:
        age = age_at(patient.birth_date, study_date)
        parts.append(shown_date(patient.birth_date) + (f" ({age})" if age is not None else ""))
    if patient.sex:
        parts.append(patient.sex)
    if patient.patient_id:
        parts.append(patient.patient_id + (f" [{patient.issuer}]" if patient.issuer else ""))
    return "  ·  ".join(parts)


def banner_text(header: InstanceHeader | None, label: StudyLabel) -> BannerText:
    """The lines of one viewport: the embedding application's where it gave some, else the image's."""
    if label.patient_lines:
        name, details = label.patient_lines[0], "  ·  ".join(label.patient_lines[1:])
    elif header is not None:
        name, details = shown_name(header.patient.name), patient_details(header.patient, header.study_date)
    else:
        name, details = "", ""
    if header is None:
        return BannerText(name, details, "")
    study = study_title(header.modality, header.study_description)
    return BannerText(name, details, study, shown_date(header.study_date))
