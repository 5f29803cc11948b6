"""The policy's filter of rows as SQL, so that paging counts only rows that the caller may see.

It says the same as `RowFilter.admits` (a test compares them); the store still asks that of each row it hands out.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from ups.states import ProcedureStepState
from worklist_hub.access.grants import ANY_SITE, Grant, Privilege
from worklist_hub.access.policy import SHOWN_KEYWORDS, RowFilter
from worklist_hub.store.schema import WORKITEMS


def where(visible: RowFilter) -> sa.ColumnElement[bool]:
    """The condition on `WORKITEMS`."""
    if visible.is_everything:
        return sa.true()
    grants = visible.caller.grants or ()
    own = _own(visible)
    held = sa.and_(own, WORKITEMS.c.state == ProcedureStepState.IN_PROGRESS.value)
    seen = sa.or_(held, _covered(grants, Privilege.SEE))
    if visible.matched <= SHOWN_KEYWORDS:
        return seen
    is_free = WORKITEMS.c.state == ProcedureStepState.SCHEDULED.value
    readable = sa.and_(sa.or_(is_free, own), _covered(grants, Privilege.READ))
    return sa.and_(seen, sa.or_(held, _covered(grants, Privilege.DETAILS), readable))


def _own(visible: RowFilter) -> sa.ColumnElement[bool]:
    """What the caller holds or held."""
    if not visible.own:
        return sa.false()
    is_his = WORKITEMS.c.holder_identity.in_(["", visible.caller.identity])
    return sa.and_(WORKITEMS.c.holder == visible.own, is_his)


def _covered(grants: Iterable[Grant], privilege: Privilege) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(_scope(grant) for grant in grants if privilege in grant.privileges))


def _scope(grant: Grant) -> sa.ColumnElement[bool]:
    site = sa.true() if grant.site_id == ANY_SITE else WORKITEMS.c.site_id == grant.site_id
    if not grant.is_bound:
        return site
    return sa.and_(site, WORKITEMS.c.expertise.in_(["", *sorted(grant.expertise)]))
