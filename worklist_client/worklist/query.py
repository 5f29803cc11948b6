"""Filters and orders of the list: pure functions over entries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from worklist_client.identity.names import display_name, folded
from worklist_client.worklist.due import URGENCY_ORDER, is_open, urgency_of
from worklist_client.worklist.entries import Status, StudyEntry

_LATEST = datetime.max.replace(tzinfo=UTC)
DEFAULT_ORDER = "urgency"


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list shows. An empty set means no limit; all set limits must hold.

    `text` is split at spaces; each word must occur, whatever its case and accents, in name, patient number, accession
    number, description, body part, modality or hospital.
    """

    text: str = ""
    sites: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    expertises: frozenset[str] = frozenset()
    statuses: frozenset[Status] = frozenset()
    mine: bool = False
    """Only what I hold, deliver, or what is reserved for me."""
    elsewhere: bool = False
    """Only what another hospital may read, for it needs no priors."""

    @property
    def is_empty(self) -> bool:
        """Whether it lets everything through."""
        return self == Filter()


def matches(entry: StudyEntry, wanted: Filter, *, me: str, site_names: Mapping[str, str]) -> bool:
    """Whether the entry passes. `me` is the reader's code, `site_names` the hospitals' names by id."""
    if wanted.sites and entry.site_id not in wanted.sites:
        return False
    if wanted.modalities and not wanted.modalities.intersection(entry.modality.split("/")):
        return False
    if wanted.expertises and entry.expertise not in wanted.expertises:
        return False
    if wanted.statuses and entry.status not in wanted.statuses:
        return False
    if wanted.mine and not is_mine(entry, me):
        return False
    if wanted.elsewhere and not entry.elsewhere:
        return False
    words = folded(wanted.text).split()
    if not words:
        return True
    searched = _searched(entry, site_names)
    return all(word in searched for word in words)


def is_mine(entry: StudyEntry, me: str) -> bool:
    """Held by me (delivering and reported ones too), or reserved for me and not held by another."""
    if entry.status is Status.MINE:
        return True
    if not me:
        return False
    if entry.is_own:
        return True
    if entry.status is Status.CLAIMED:
        return False  # somebody else's, who may share my number
    return entry.holder_code == me or (entry.reserved_for_code == me and not entry.holder_code)


def may_be_next(entry: StudyEntry, me: str) -> bool:
    """Whether this reader may go on with it: all images are there, and it is free, reserved for the reader, or held by
    the reader already."""
    if entry.status is Status.RESERVED:
        return bool(me) and entry.reserved_for_code == me
    return entry.status in (Status.AVAILABLE, Status.MINE)


def selected(
    entries: Iterable[StudyEntry],
    wanted: Filter,
    *,
    me: str = "",
    site_names: Mapping[str, str] | None = None,
    order: str = DEFAULT_ORDER,
    descending: bool = False,
) -> tuple[StudyEntry, ...]:
    """The entries that pass, in order. Equal ones keep a fixed order, so that an update moves nothing else."""
    names = site_names or {}
    kept = [entry for entry in entries if matches(entry, wanted, me=me, site_names=names)]
    kept.sort(key=lambda entry: entry.entry_id)
    kept.sort(key=_default_key)
    if order != DEFAULT_ORDER or descending:
        key = ORDERS[order]
        kept.sort(key=lambda entry: key(entry, names), reverse=descending)
    return tuple(kept)


def choices(entries: Iterable[StudyEntry]) -> dict[str, tuple[tuple[str, str], ...]]:
    """What the filters can offer: (value, text) for site, modality, expertise and status, of the entries there are."""
    found: dict[str, dict[str, str]] = {"site": {}, "modality": {}, "expertise": {}, "status": {}}
    for entry in entries:
        found["site"][entry.site_id] = entry.site_id
        found["status"][entry.status.value] = entry.status.value
        found["modality"].update({modality: modality for modality in entry.modality.split("/") if modality})
        if entry.expertise:
            found["expertise"][entry.expertise] = entry.expertise_text or entry.expertise
    return {name: tuple(sorted(values.items(), key=lambda item: item[1])) for name, values in found.items()}


def _searched(entry: StudyEntry, site_names: Mapping[str, str]) -> str:
    texts = (
        display_name(entry.patient.name),
        entry.patient.name.replace("^", " "),
        entry.patient.key.patient_id,
        entry.accession_number,
        entry.study_description,
        entry.body_part,
        entry.modality,
        site_names.get(entry.site_id, entry.site_id),
    )
    return folded("\n".join(texts))


def _default_key(entry: StudyEntry) -> tuple[bool, int, datetime, datetime]:
    """What is still to be read first; then urgency, due time, start."""
    return (not is_open(entry), URGENCY_ORDER[urgency_of(entry)], entry.due or _LATEST, entry.started or _LATEST)


Key = Callable[[StudyEntry, Mapping[str, str]], tuple[object, ...]]


def _text(read: Callable[[StudyEntry], str]) -> Key:
    """By folded text, empty ones last."""
    return lambda entry, _names: (not read(entry), folded(read(entry)))


ORDERS: dict[str, Key] = {
    "urgency": lambda entry, _names: _default_key(entry),
    "due": lambda entry, _names: (not is_open(entry), entry.due or _LATEST),
    "site": lambda entry, names: (folded(names.get(entry.site_id, entry.site_id)),),
    "patient": _text(lambda entry: display_name(entry.patient.name)),
    "age": lambda entry, _names: (not entry.patient.birth_date, entry.patient.birth_date),
    "modality": _text(lambda entry: entry.modality),
    "description": _text(lambda entry: entry.study_description),
    "body_part": _text(lambda entry: entry.body_part),
    "for": _text(lambda entry: entry.reserved_for or entry.expertise_text),
    "status": lambda entry, _names: (tuple(Status).index(entry.status),),
    "holder": _text(lambda entry: entry.holder),
    "study_datetime": lambda entry, _names: (entry.study_datetime or _LATEST,),
}
"""Order by name; each name is a column of the list."""
