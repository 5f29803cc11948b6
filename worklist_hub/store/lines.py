"""Lines of the list as the table holds them: the text goes out as it stands, and is parsed only where it must be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from ups.dicom_json import DicomJson
from ups.states import ProcedureStepState
from ups.tags import VR_OF
from worklist_hub.access.policy import Row
from worklist_hub.store.columns import COLUMN_OF, LIMITS, ROW_COLUMNS, UNKNOWN, comparable, further_value
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.workitem.matching import Match, MatchKind, answers

_SURE = ("AE", "CS", "LO", "PN", "SH", "UT")
"""Of these a first value that answers is in a column as it stands (names without case, as they are compared)."""


class Line:
    """One workitem that a search found."""

    __slots__ = ("_dataset", "_extras", "row", "text")

    def __init__(self, found: sa.Row[Any]) -> None:
        self.text: str = found.dataset
        self._extras: str = found.extras
        self._dataset: DicomJson | None = None
        self.row = self._row_of(found)
        """What the policy asks."""

    @property
    def dataset(self) -> DicomJson:
        """The workitem."""
        if self._dataset is None:
            self._dataset = json.loads(self.text)
        return self._dataset

    def is_answer(self, tags: Collection[str] | None) -> bool:
        """Whether it holds nothing but these attributes (None = all), so that its text is the answer."""
        if tags is None or not self._extras:
            return True
        return self._extras != UNKNOWN and all(tag in tags for tag in self._extras.split(","))

    def _row_of(self, found: sa.Row[Any]) -> Row:
        if self._extras == UNKNOWN:
            return Row.of(self.dataset)
        state = ProcedureStepState(found.state) if found.state else ProcedureStepState.SCHEDULED
        return Row(found.site_id, found.expertise, state, found.holder, found.reserved_for, found.holder_identity)


def selected(wanted: Sequence[Match]) -> list[sa.ColumnElement[Any]]:
    """What a query must fetch for `Line` and `is_sure`."""
    asked = {name for one in wanted if (name := COLUMN_OF.get(one.path, ""))}
    names = dict.fromkeys(("position", "dataset", "extras", "further_values", *ROW_COLUMNS, *sorted(asked)))
    return [WORKITEMS.c[name] for name in names]


def is_sure(found: sa.Row[Any], wanted: Sequence[Match]) -> bool:
    """Whether the columns alone show that a workitem matches; False says nothing."""
    if found.extras == UNKNOWN:
        return False
    roots = Counter(one.path[0] for one in wanted)
    return all(roots[one.path[0]] == 1 and _answers(found, one) for one in wanted)


def _answers(found: sa.Row[Any], wanted: Match) -> bool:
    name, vr = COLUMN_OF.get(wanted.path, ""), VR_OF[wanted.keyword]
    if not name or wanted.kind is not MatchKind.PLAIN or vr not in _SURE:
        return False
    is_wild = "*" in wanted.value or "?" in wanted.value
    if name in LIMITS and (is_wild or len(wanted.value) >= LIMITS[name]):
        return False  # what the column cut off might not answer
    value = getattr(found, name)
    if value and answers(vr, value, wanted.value):
        return True
    return not is_wild and further_value(name, comparable(wanted.keyword, wanted.value)) in found.further_values
