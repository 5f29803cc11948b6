"""A search as SQL where columns can narrow it; what the columns cannot answer wholly is compared with the dataset."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from ups.datetimes import datetime_from_dt, dt_from_datetime
from ups.tags import VR_OF
from worklist_hub.store.columns import COLUMN_OF, LIMITS, clipped, comparable, further_value
from worklist_hub.store.database import ask
from worklist_hub.store.lines import Line, is_sure, selected
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.workitem.matching import Match, MatchKind, matches, moments

CHUNK = 2000
MARGIN = 8
"""SQL rarely says more than the datasets do: so one page is enough as a rule."""
_ESCAPE = "!"
_EXACT = ("uid", "state", "modified", "study_instance_uid")
_STUDY = ("StudyInstanceUID",)
_WITHOUT_MORE = (*_EXACT, "patient_id", "patient_name", "birth_date", "start_at", "due_at", "priority", "readiness")
"""Columns of attributes that stand once in a workitem."""


def found_by(
    reading: sa.Engine,
    wanted: Sequence[Match],
    *,
    limit: int,
    offset: int,
    visible: sa.ColumnElement[bool] | None = None,
) -> list[Line]:
    """Matches in order of creation; `visible` narrows it to what the asker may see."""
    clauses = [clause for clause in map(narrowed, wanted) if clause is not None]
    if visible is not None:
        clauses.append(visible)
    rest = [one for one in wanted if not is_exact(one)]
    query = sa.select(*selected(rest)).where(*clauses).order_by(WORKITEMS.c.position)
    if not rest:
        part = query.limit(limit).offset(offset)
        return [Line(row) for row in ask(reading, lambda connection: connection.execute(part).all())]
    found: list[Line] = []
    for row in _in_chunks(reading, query, min(limit + offset + MARGIN, CHUNK)):
        line = Line(row)
        if not is_sure(row, rest) and not matches(line.dataset, rest):
            continue
        if offset > 0:
            offset -= 1
            continue
        found.append(line)
        if len(found) == limit:
            break
    return found


def counted(
    reading: sa.Engine,
    wanted: Sequence[Match],
    *,
    offset: int,
    most: int,
    visible: sa.ColumnElement[bool] | None = None,
) -> tuple[int, bool]:
    """See `WorkitemStore.count`."""
    if not all(map(is_exact, wanted)):
        return 1, True
    clauses = [clause for clause in map(narrowed, wanted) if clause is not None]
    if visible is not None:
        clauses.append(visible)
    rows = sa.select(sa.literal(1)).select_from(WORKITEMS).where(*clauses).limit(most + 1).offset(offset).subquery()
    query = sa.select(sa.func.count()).select_from(rows)
    found = ask(reading, lambda connection: connection.execute(query).scalar_one())
    return min(found, most), found > most


def _in_chunks(reading: sa.Engine, query: sa.Select[Any], size: int) -> Iterator[sa.Row[Any]]:
    """Pages by position, each a query of its own: a million rows are never in memory at once."""
    last = 0
    while True:
        part = query.where(WORKITEMS.c.position > last).limit(size)
        rows = ask(reading, lambda connection, part=part: connection.execute(part).all())  # type: ignore[misc]
        yield from rows
        if len(rows) < size:
            return
        last, size = rows[-1].position, min(2 * size, CHUNK)


def is_exact(wanted: Match) -> bool:
    """Whether its SQL says the same as `matching.matches`, no more and no less."""
    if wanted.kind is not MatchKind.PLAIN:
        return False
    return not wanted.value or (_column_name(wanted) in _EXACT and (_is_moment(wanted) or wanted.is_plain))


def narrowed(wanted: Match) -> sa.ColumnElement[bool] | None:
    """SQL that every match satisfies, None where no column knows of the attribute."""
    name = _column_name(wanted)
    if not name or not wanted.value or wanted.kind is not MatchKind.PLAIN:
        return None
    column: sa.ColumnElement[str] = WORKITEMS.c[name]
    vr = VR_OF[wanted.keyword]
    if _is_moment(wanted):
        return _between(column, wanted.value)
    if vr == "UI":
        return column.in_([one[:64] for one in re.split(r"[,\\]", wanted.value)])
    if vr in ("DA", "TM") and "-" in wanted.value:
        return None
    value = comparable(wanted.keyword, wanted.value)
    if re.search(r"[*?]", value):
        if LIMITS.get(name, 256) < 256:
            return None
        first: sa.ColumnElement[bool] = column.like(_pattern(value), escape=_ESCAPE)
        more = f"%{_escaped(further_value(name, '|')).replace('|', _pattern(value))}%"
    else:
        first = column == clipped(name, value)
        more = f"%{_escaped(further_value(name, value))}%"
    if name in _WITHOUT_MORE:
        return first
    others = WORKITEMS.c.further_values
    return sa.or_(first, sa.and_(others != "", others.like(more, escape=_ESCAPE)))


def _column_name(wanted: Match) -> str:
    return "study_instance_uid" if wanted.path == _STUDY else COLUMN_OF.get(wanted.path, "")


def _is_moment(wanted: Match) -> bool:
    return VR_OF[wanted.keyword] == "DT"


def _between(column: sa.ColumnElement[str], value: str) -> sa.ColumnElement[bool]:
    first, last = moments(value)
    conditions: list[sa.ColumnElement[bool]] = [column != ""]
    if first:
        conditions.append(column >= dt_from_datetime(datetime_from_dt(first)))
    if last:
        conditions.append(column <= dt_from_datetime(datetime_from_dt(last)))
    return sa.and_(*conditions)


def _pattern(value: str) -> str:
    return _escaped(value).replace("*", "%").replace("?", "_")


def _escaped(value: str) -> str:
    return re.sub(r"([!%_])", r"!\1", value)
