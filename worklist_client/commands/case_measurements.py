"""Measurements in the words of the report: inserted with a link back, kept true while they are moved. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from viewer.records import Annotation
from worklist_client.commands.case_state import MeasurementRow
from worklist_client.report.model import Draft, PriorStudy, ReportedMeasurement
from worklist_client.report.words import language_of, measurement_text, prior_text

CLOSING = ".,;:)]!?"
"""Marks that stay with the words before them."""
LATER_WORDS = {"en": "Later study: ", "nl": "Later onderzoek: "}
"""Of the report, in its language: a study made after the one reported is no earlier one to compare with."""


def comparison_text(prior: PriorStudy, site_name: str, language: str, *, later: bool = False) -> str:
    """One line for the comparison section; a study that was made later says so first."""
    said = LATER_WORDS[language_of(language)] if later else ""
    return said + prior_text(prior, site_name, language)


def measurement_rows(
    draft: Draft, drawn: tuple[Annotation, ...], study_text: Callable[[str], str], language: str
) -> tuple[MeasurementRow, ...]:
    """The list beside the report, oldest first; `study_text` is empty for the study being read."""
    reported = {item.annotation.annotation_id: item for item in draft.measurements}
    rows = []
    for item in drawn:
        text = measurement_text(item, language)
        known = reported.get(item.annotation_id)
        in_text = known is not None and known.text in draft.sections.get(known.section, "")
        stale = known is not None and in_text and not known.text.startswith(text)
        rows.append(MeasurementRow(item, text, study_text(item.study_instance_uid), in_text, stale))
    return tuple(rows)


def inserted(draft: Draft, row: MeasurementRow, section: str, position: int) -> tuple[Draft, int]:
    """The draft with the words of a row at a text position of a section, and where the reader types on: always behind
    a space, so that what is typed next never touches the words."""
    before = draft.sections.get(section, "")
    position = max(0, min(position, len(before)))
    words = row.text + (f" ({row.study_text})" if row.study_text else "")
    head, tail = before[:position], before[position:]
    space = " " if head and not head[-1].isspace() and head[-1] not in "([" else ""
    joint, rest = _joined(tail)
    kept = tuple(item for item in draft.measurements if item.annotation.annotation_id != row.annotation.annotation_id)
    reported = ReportedMeasurement(row.annotation, section, words)
    text = f"{head}{space}{words}{joint}{rest}"
    changed = replace(draft, sections={**draft.sections, section: text}, measurements=(*kept, reported))
    return changed, len(head) + len(space) + len(words) + len(joint)


def _joined(tail: str) -> tuple[str, str]:
    """What stands between the words and where the reader types on, and the text from there: a full stop where the
    sentence ends there, the marks that close it where they stand already, a space in any case."""
    line = tail.partition("\n")[0]
    rest = line.lstrip()
    if not rest:
        return ". ", tail[len(line) :]
    marks = len(tail) - len(tail.lstrip(CLOSING))
    stop = "." if rest[0].isupper() else ""
    behind = tail[marks:]
    blank = behind[:1].isspace() and behind[0] != "\n"
    return f"{tail[:marks] or stop} ", behind[1:] if blank else behind


def place_in_text(draft: Draft, annotation_id: str) -> tuple[str, int] | None:
    """Section and text position behind the words of a measurement; None where they are not in the report."""
    known = next((item for item in draft.measurements if item.annotation.annotation_id == annotation_id), None)
    if known is None or not known.text:
        return None
    found = draft.sections.get(known.section, "").find(known.text)
    return (known.section, found + len(known.text)) if found >= 0 else None


def refreshed(draft: Draft, drawn: tuple[Annotation, ...], language: str) -> Draft:
    """The draft after annotations changed: the words of a moved one are replaced where they still stand as inserted;
    a deleted one is no longer a measurement of the report (its words stay, for the reader wrote around them)."""
    now = {item.annotation_id: item for item in drawn}
    sections = dict(draft.sections)
    kept: list[ReportedMeasurement] = []
    for item in draft.measurements:
        current = now.get(item.annotation.annotation_id)
        if current is None:
            continue
        if current == item.annotation:
            kept.append(item)
            continue
        old, new = measurement_text(item.annotation, language), measurement_text(current, language)
        words = item.text.replace(old, new, 1)
        sections[item.section] = sections.get(item.section, "").replace(item.text, words, 1)
        kept.append(ReportedMeasurement(current, item.section, words))
    if tuple(kept) == draft.measurements:
        return draft
    return replace(draft, sections=sections, measurements=tuple(kept))
