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
    own = WORKITEMS.c.holder == visible.own if visible.own else sa.false()
    seen = sa.or_(own, _covered(grants, Privilege.SEE))
    if visible.matched <= SHOWN_KEYWORDS:
        return seen
    free = sa.and_(WORKITEMS.c.state == ProcedureStepState.SCHEDULED.value, _covered(grants, Privilege.READ))
    return sa.and_(seen, sa.or_(own, _covered(grants, Privilege.DETAILS), free))


def _covered(grants: Iterable[Grant], privilege: Privilege) -> sa.ColumnElement[bool]:
    return sa.or_(sa.false(), *(_scope(grant) for grant in grants if privilege in grant.privileges))


def _scope(grant: Grant) -> sa.ColumnElement[bool]:
    site = sa.true() if grant.site_id == ANY_SITE else WORKITEMS.c.site_id == grant.site_id
    if not grant.is_bound:
        return site
    return sa.and_(site, WORKITEMS.c.expertise.in_(["", *sorted(grant.expertise)]))
