"""What the embedding application knows of a study and the viewer cannot: hospital, color, identity verdict."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StudyLabel:
    """Shown on every viewport of the study, always as plain text.

    `site_color` is "#rrggbb". `foreign` marks a study of another hospital than the one being read: distinct border
    and chip. `role` says in a word what the study is beside the one being read ("PRIOR"); "" for that one itself.
    `verdict_text` says how its identity was established ("same patient: national ID", "confirmed by you").
    `patient_lines` replace what the image headers say: the first is the name, the others follow on the next line.
    """

    site_name: str = ""
    site_color: str = "#5b7a99"
    foreign: bool = False
    verdict_text: str = ""
    patient_lines: tuple[str, ...] = ()
    role: str = ""
