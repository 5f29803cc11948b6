"""Whether two persons are one reader. A number alone does not say so: a practice may share one, and a number may be
mistyped into that of somebody else."""

from __future__ import annotations

from ups.codes import Person

FAMILY_GIVEN_MIDDLE = 3
"""Components of a person name that say who it is; prefix and suffix come and go (PS3.5 6.2.1.1)."""


def is_same_reader(one: Person | None, other: Person | None) -> bool:
    """The same number, which is not empty, and the same name, whatever its case and titles."""
    if one is None or other is None or not one.code or one.code != other.code:
        return False
    return _who(one.name) == _who(other.name)


def _who(name: str) -> tuple[str, ...]:
    parts = [" ".join(part.split()).casefold() for part in name.split("=")[0].split("^")]
    return tuple((*parts, "", "", "")[:FAMILY_GIVEN_MIDDLE])
