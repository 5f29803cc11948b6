"""What somebody was granted: a role at a hospital, for some expertise, with privileges more or less than the role's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ANY_SITE = "*"
"""Every hospital of the directory, and workitems that name none."""


class GrantError(ValueError):
    """A grant that cannot be used; the text says which part and what is allowed."""


class Role(StrEnum):
    """What somebody is at a hospital."""

    READER = "reader"
    COORDINATOR = "coordinator"
    SITE_ADMINISTRATOR = "site_administrator"
    INTAKE = "intake"
    OBSERVER = "observer"


class Privilege(StrEnum):
    """One thing that may be done to a row. Nothing is allowed that no grant names."""

    SEE = "see"
    """That the row is there, with what its line of the list needs."""
    DETAILS = "details"
    """All of it, whoever holds it."""
    READ = "read"
    """All of it while nobody holds it, and to claim it."""
    RESERVE = "reserve"
    """For oneself, and to let go of one's own reservation."""
    ASSIGN = "assign"
    """Reserve for another, or take a reservation away."""
    TAKE_OVER = "take_over"
    """Ask a holder to let go, or take over a stale claim."""
    READ_ELSEWHERE = "read_elsewhere"
    """Take a study that nobody holds off the list."""
    CORRECT = "correct"
    """Priority, due time, expertise and the like, while nobody holds it."""
    CREATE = "create"
    ACCOUNTS = "accounts"
    """Accounts of this hospital."""
    AUDIT = "audit"
    """Audit lines of this hospital."""


_P = Privilege
OF_ROLE: Mapping[Role, frozenset[Privilege]] = {
    Role.READER: frozenset({_P.SEE, _P.READ, _P.RESERVE, _P.TAKE_OVER, _P.READ_ELSEWHERE}),
    Role.COORDINATOR: frozenset({_P.SEE, _P.DETAILS, _P.ASSIGN, _P.RESERVE, _P.READ_ELSEWHERE, _P.CORRECT, _P.CREATE}),
    Role.SITE_ADMINISTRATOR: frozenset({_P.SEE, _P.ACCOUNTS, _P.AUDIT, _P.READ_ELSEWHERE}),
    Role.INTAKE: frozenset({_P.SEE, _P.DETAILS, _P.CREATE, _P.CORRECT, _P.READ_ELSEWHERE}),
    Role.OBSERVER: frozenset({_P.SEE}),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role at a hospital. `expertise` empty = all of it; a role's privileges may be widened and narrowed."""

    site_id: str
    role: Role
    expertise: frozenset[str] = frozenset()
    """Codes as in Scheduled Station Class; only readers are bound by it. A row that asks for none is open to all."""
    added: frozenset[Privilege] = frozenset()
    removed: frozenset[Privilege] = frozenset()

    @property
    def privileges(self) -> frozenset[Privilege]:
        """The role's, with those added and without those removed."""
        return (OF_ROLE[self.role] | self.added) - self.removed

    @property
    def is_bound(self) -> bool:
        """Whether it covers only its own expertise."""
        return self.role is Role.READER and bool(self.expertise)

    def covers(self, site_id: str, expertise: str) -> bool:
        """Whether a row of this hospital that asks for this expertise falls under it."""
        if self.site_id not in (ANY_SITE, site_id):
            return False
        return not self.is_bound or not expertise or expertise in self.expertise

    def as_json(self) -> dict[str, Any]:
        """As it is written in hub.toml and told to the desk."""
        told: dict[str, Any] = {"site": self.site_id, "role": self.role.value}
        if self.expertise:
            told["expertise"] = sorted(self.expertise)
        changed = [*sorted(self.added), *(f"-{one}" for one in sorted(self.removed))]
        return {**told, "privileges": changed} if changed else told

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Grant:
        """`site`, `role`, optional lists `expertise` and `privileges` ("-name" takes away). Raises `GrantError`."""
        unknown = set(data) - {"site", "role", "expertise", "privileges"}
        if unknown:
            raise GrantError(f"{', '.join(sorted(unknown))} is unknown; allowed are site, role, expertise, privileges")
        site_id = data.get("site")
        if not isinstance(site_id, str) or not site_id:
            raise GrantError("site must be the site_id of a hospital, or '*' for all")
        told = data.get("role")
        if told not in list(Role):
            raise GrantError(f"role must be one of {', '.join(Role)}, not {told!r}")
        changed = _texts(data, "privileges")
        for one in changed:
            if one.removeprefix("-") not in list(Privilege):
                raise GrantError(f"privileges: {one!r} is none; there are {', '.join(Privilege)}")
        return Grant(
            site_id,
            Role(told),
            frozenset(_texts(data, "expertise")),
            frozenset(Privilege(one) for one in changed if not one.startswith("-")),
            frozenset(Privilege(one[1:]) for one in changed if one.startswith("-")),
        )


EVERYTHING = tuple(Grant(ANY_SITE, role) for role in Role)
"""On a desk of one's own, where there is nobody to keep anything from."""


def within(grants: Iterable[Grant], site_ids: Iterable[str]) -> tuple[Grant, ...]:
    """Those for hospitals of the directory: a hospital that left the region is nobody's any more."""
    known = {ANY_SITE, *site_ids}
    return tuple(grant for grant in grants if grant.site_id in known)


def _texts(data: Mapping[str, Any], key: str) -> list[str]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise GrantError(f"{key} must be a list of texts")
    return found
