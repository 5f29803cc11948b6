"""On what ground the policy allowed something: for the audit (NEN 7513, the authorization applied). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from worklist_hub.access.grants import Grant, Privilege
from worklist_hub.access.policy import NEEDED, Action, Row, actions_of, holds

if TYPE_CHECKING:
    from worklist_hub.workitem.protocol import Caller, Request

OWN_DESK = "own desk"
"""The one desk of an embedded hub, or loopback without tokens: nobody is kept from anything."""
HOLDER = "holder of the claim"
_BY_CLAIM = (Action.HOLD, Action.CLAIM, Action.TAKE_OVER)


def ground_of(caller: Caller, request: Request, dataset: Mapping[str, Any] | None) -> str:
    """Of a change that was allowed, or refused for another reason than the policy's. "" = made within the hub."""
    if caller.grants is None:
        return ""
    if caller.is_trusted:
        return OWN_DESK
    created = getattr(request, "dataset", None)
    about = created if created is not None else dataset
    if about is None:
        return ""
    row = Row.of(about)
    actions = (Action.CREATE,) if created is not None else actions_of(request, row, caller)
    return ", ".join(dict.fromkeys(one for action in actions for one in _grounds(caller, action, row)))


def ground_of_seeing(caller: Caller, site_ids: Iterable[str]) -> str:
    """Of a search or a look that showed something of these hospitals, or of none."""
    if caller.grants is None:
        return ""
    if caller.is_trusted:
        return OWN_DESK
    sites = set(site_ids)
    seeing = [grant for grant in caller.grants if Privilege.SEE in grant.privileges]
    found = [grant for grant in seeing if not sites or any(grant.covers(site_id, "") for site_id in sites)]
    return ", ".join(dict.fromkeys(name_of(grant) for grant in found))


def name_of(grant: Grant) -> str:
    """As `worklist-hub users --grant` writes it: role@site, with the expertise that it is bound to."""
    bound = ":" + ",".join(sorted(grant.expertise)) if grant.is_bound else ""
    return f"{grant.role}@{grant.site_id}{bound}"


def _grounds(caller: Caller, action: Action, row: Row) -> tuple[str, ...]:
    if action in _BY_CLAIM and holds(caller, row):
        return (HOLDER,)
    if action is Action.HOLD:
        return ()
    privilege = NEEDED[action][0]
    covering = (grant for grant in caller.grants or () if grant.covers(row.site_id, row.expertise))
    return tuple(name_of(grant) for grant in covering if privilege in grant.privileges)
