"""The columns of the list, as data, and the words in their cells. No Qt: what a cell says is tested without a window.

The tone of a cell is a token of the theme; it never carries a meaning that the word does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ups.codes import ORDER_OF_ANOTHER, REPORT_NOT_FINAL, TWO_PATIENTS
from viewer.dates import parse_date, shown_moment, shown_since
from worklist_client.identity.names import display_name
from worklist_client.settings.language import Translator
from worklist_client.ui.body_parts import body_part_text
from worklist_client.worklist.due import Due, DueLevel, Urgency, due_of, is_open, urgency_of
from worklist_client.worklist.entries import Status, StudyEntry

STATUS_TITLES = {
    Status.INCOMING: "Images arriving",
    Status.AVAILABLE: "Available",
    Status.RESERVED: "Reserved",
    Status.CLAIMED: "Being read",
    Status.MINE: "Mine",
    Status.DELIVERING: "Reported, not delivered",
    Status.REPORTED: "Reported",
    Status.CANCELED: "Withdrawn",
}
"""English words of each status; translated where they are shown."""

STATUS_TONES = {
    Status.INCOMING: "state.quiet",
    Status.AVAILABLE: "text.primary",
    Status.RESERVED: "state.attention",
    Status.CLAIMED: "state.quiet",
    Status.MINE: "state.mine",
    Status.DELIVERING: "state.attention",
    Status.REPORTED: "state.ok",
    Status.CANCELED: "state.quiet",
}

URGENCY_TITLES = {
    Urgency.STAT: "STAT",
    Urgency.STROKE: "Stroke",
    Urgency.HIGH: "High",
    Urgency.MEDIUM: "Routine",
    Urgency.LOW: "Low",
}
URGENCY_TONES = {Urgency.STAT: "state.stat", Urgency.STROKE: "state.high", Urgency.HIGH: "state.high"}
BADGES = (Urgency.STAT, Urgency.STROKE)
"""Classes for which somebody waits at the bedside."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DUE_TONES = {DueLevel.IN_TIME: "text.primary", DueLevel.SOON: "state.attention", DueLevel.LATE: "state.danger"}


@dataclass(frozen=True, slots=True)
class RowContext:
    """What cells need beside the entry itself. `now` is the wall clock, for counting down only."""

    tr: Translator
    now: datetime
    site_name: Callable[[str], str]
    priors: Callable[[StudyEntry], str]
    me: Callable[[], str] = str
    """Code of the reader at this desk."""
    is_here: Callable[[str], bool] = lambda _workitem_uid: True
    """Whether this desk holds the claim of a workitem that is mine; else another desk of mine does."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `width_px` at 96 dpi is the least; `weight` is its share of what is left.

    Its id is the name of its order in `query.ORDERS`; columns without one cannot be sorted.
    """

    column_id: str
    title: str
    width_px: int
    text: Callable[[StudyEntry, RowContext], str]
    tone: Callable[[StudyEntry, RowContext], str] = lambda _entry, _context: "text.primary"
    tooltip: str = ""
    weight: int = 0
    hint: Callable[[StudyEntry, RowContext], str] | None = None
    """What the pointer is told, where that is more than the cell says."""
    roomy: bool = False
    """Shown only where there is room for it beside all others."""


def age_text(entry: StudyEntry, context: RowContext) -> str:
    """Age as the study says it (DICOM AS), or from the birth date at the day of the study; empty where unknown."""
    text = entry.patient_age.strip()
    if len(text) == 4 and text[:3].isdigit() and text[3] in "YMWD":
        return _age(int(text[:3]), text[3], context.tr)
    born = parse_date(entry.patient.birth_date)
    if born is None:
        return ""
    at = entry.study_datetime.date() if entry.study_datetime else context.now.date()
    years = at.year - born.year - ((at.month, at.day) < (born.month, born.day))
    if years >= 2:
        return _age(years, "Y", context.tr)
    days = (at - born).days
    return _age(days // 30, "M", context.tr) if days >= 60 else _age(max(0, days), "D", context.tr)


def _age(number: int, unit: str, tr: Translator) -> str:
    words = {"Y": tr("{n} y", n=number), "M": tr("{n} m", n=number), "W": tr("{n} w", n=number)}
    return words.get(unit) or tr("{n} d", n=number)


def sex_text(entry: StudyEntry, context: RowContext) -> str:
    """M, F or O in the letters of the language; empty where unknown."""
    tr = context.tr
    return {"M": tr("M"), "F": tr("F"), "O": tr("O")}.get(entry.patient.sex, "")


def age_and_sex(entry: StudyEntry, context: RowContext) -> str:
    """For example 64 y F."""
    return " ".join(part for part in (age_text(entry, context), sex_text(entry, context)) if part)


def patient_name(entry: StudyEntry, context: RowContext) -> str:
    """EVANS-WEST, Mary Jane; where there is no name, the patient number stands in."""
    return display_name(entry.patient.name) or entry.patient.key.patient_id or context.tr("No name")


def for_whom(entry: StudyEntry, context: RowContext) -> str:
    """The person it is reserved for, else the expertise."""
    if entry.reserved_for_code and entry.reserved_for_code == context.me():
        return context.tr("You")
    if entry.reserved_for:
        return display_name(entry.reserved_for) or entry.reserved_for
    return entry.expertise_text


def urgency(entry: StudyEntry, context: RowContext) -> str:
    """STAT, High, Routine, Low."""
    return context.tr(URGENCY_TITLES[urgency_of(entry)])


def urgency_tone(entry: StudyEntry, _context: RowContext) -> str:
    """Colour of the urgency."""
    return URGENCY_TONES.get(urgency_of(entry), "text.secondary")


def due_text(entry: StudyEntry, context: RowContext) -> str:
    """Time left, or how late it is; nothing once it is reported."""
    due = due_of(entry, context.now)
    if due is None or not is_open(entry):
        return ""
    return due_words(due, context.tr)


def is_late(entry: StudyEntry, context: RowContext) -> bool:
    """Whether the due time is past and nobody has reported it."""
    due = due_of(entry, context.now)
    return due is not None and is_open(entry) and due.level is DueLevel.LATE


def due_words(due: Due, tr: Translator) -> str:
    """The countdown in words: days, hours and minutes, and seconds in the last ten minutes."""
    seconds = abs(int(due.seconds_left))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        text = tr("{days} d {hours} h", days=days, hours=hours)
    elif seconds >= 600:
        text = f"{hours}:{minutes:02d}"
    elif due.seconds_left < 0:
        text = tr("{minutes} min", minutes=minutes)
    else:
        text = tr("{minutes} min {seconds} s", minutes=minutes, seconds=f"{seconds % 60:02d}")
    return tr("{time} late", time=text) if due.seconds_left < 0 else text


def due_tone(entry: StudyEntry, context: RowContext) -> str:
    """Late is danger, the last quarter of the time is attention."""
    due = due_of(entry, context.now)
    return DUE_TONES[due.level] if due is not None else "text.secondary"


def status_text(entry: StudyEntry, context: RowContext) -> str:
    """The status in words; of an open study of which is not sure whose it is that comes first."""
    if entry.has_two_patients and is_open(entry):
        return context.tr("Two patients!")
    if entry.has_order_of_another and is_open(entry):
        return context.tr("Wrong order?")
    return context.tr(STATUS_TITLES[entry.status])


def status_tone(entry: StudyEntry, _context: RowContext) -> str:
    """Colour of the status."""
    is_doubtful = entry.has_two_patients or entry.has_order_of_another
    return "state.danger" if is_doubtful and is_open(entry) else STATUS_TONES[entry.status]


def hidden_text(entry: StudyEntry, tr: Translator) -> str:
    """What stands where the hub says nothing because somebody else holds the study; empty where it hides nothing."""
    if not entry.hides_details:
        return ""
    name = display_name(entry.holder) or tr("another reader")
    if entry.status is Status.REPORTED:
        return tr("hidden: reported by {name}", name=name)
    return tr("hidden while {name} reads it", name=name)


def remark_texts(entry: StudyEntry, context: RowContext) -> tuple[str, ...]:
    """What intake noticed about the study, as sentences."""
    known = {
        TWO_PATIENTS.value: context.tr("the hospital keeps images of two patients under this study"),
        ORDER_OF_ANOTHER.value: context.tr("the order under its accession number names another patient"),
        REPORT_NOT_FINAL.value: context.tr("the study holds a report that is not final, or does not say so"),
    }
    return tuple(known[code] for code in entry.remarks if code in known)


def is_at_another_desk(entry: StudyEntry, context: RowContext) -> bool:
    """Whether it is mine, and claimed at another desk."""
    return entry.status is Status.MINE and not context.is_here(entry.workitem_uid)


def holder_text(entry: StudyEntry, context: RowContext) -> str:
    """Who has it: me, a name, or nobody."""
    if entry.status is Status.MINE:
        return context.tr("You, other desk") if is_at_another_desk(entry, context) else context.tr("You")
    name = display_name(entry.holder) or entry.holder
    if entry.silent_since is None:
        return name
    since = shown_since(entry.silent_since.astimezone(context.now.tzinfo), context.now)
    return context.tr("{name}, no contact since {time}", name=name, time=since)


def made_text(entry: StudyEntry, context: RowContext) -> str:
    """When it was made, as short as leaves no doubt: of today the time, of the six days before the weekday with the
    time, else the day. By the clock of its hospital; the tooltip has all of it."""
    made = entry.study_datetime
    if made is None:
        return ""
    days = (context.now.astimezone(made.tzinfo).date() - made.date()).days
    if days == 0:
        return f"{made:%H:%M}"
    if 0 < days < len(WEEKDAYS):
        return f"{context.tr(WEEKDAYS[made.weekday()])} {made:%H:%M}"
    return made.date().isoformat()


COLUMNS: tuple[Column, ...] = (
    Column("urgency", "Urgency", 76, urgency, urgency_tone),
    Column("due", "Due in", 90, due_text, due_tone, tooltip="Time left until the report is due"),
    Column(
        "study_datetime",
        "Made",
        90,
        made_text,
        tooltip="When the study was made, by the clock of its hospital",
        hint=lambda entry, _context: shown_moment(entry.study_datetime),
    ),
    Column("site", "Hospital", 206, lambda entry, context: context.site_name(entry.site_id), weight=1),
    Column("patient", "Patient", 154, patient_name, weight=3),
    Column("age", "Age, sex", 66, age_and_sex),
    Column("modality", "Mod.", 44, lambda entry, _context: entry.modality, tooltip="Modality"),
    Column("description", "Description", 118, lambda entry, _context: entry.study_description, weight=4),
    Column(
        "body_part",
        "Body part",
        80,
        lambda entry, context: body_part_text(entry.body_part, context.tr),
        weight=1,
        roomy=True,
    ),
    Column("for", "For", 80, for_whom, tooltip="Expertise asked for, or the person it is reserved for", weight=3),
    Column("status", "Status", 124, status_text, status_tone, weight=1),
    Column("holder", "Held by", 130, holder_text, tooltip="Who claimed it", weight=3),
    Column(
        "priors", "Priors", 54, lambda entry, context: context.priors(entry), tooltip="Other studies of the patient"
    ),
)
"""Without the roomy ones they fit a window of 1280 pixels, its scroll bar included."""

COLUMN_INDEX = {column.column_id: index for index, column in enumerate(COLUMNS)}


def column_widths(available_px: int) -> tuple[int, ...]:
    """Widths of the columns in so much room: what is beyond their own widths is shared by weight, never less. The roomy
    ones get 0 where there is no room for them."""
    is_roomy = sum(column.width_px for column in COLUMNS) <= available_px
    shown = [column for column in COLUMNS if is_roomy or not column.roomy]
    spare = max(0, available_px - sum(column.width_px for column in shown))
    weights = sum(column.weight for column in shown)
    return tuple(
        column.width_px + spare * column.weight // weights if is_roomy or not column.roomy else 0 for column in COLUMNS
    )
