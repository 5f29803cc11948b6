"""UIDs that two desks make alike: a study fed twice is one workitem, a claim released twice one replacement."""

from __future__ import annotations

import uuid
from collections.abc import Callable

UidMaker = Callable[[], str]
"""Makes a new UID at each call; passed in, so that tests can count."""

NAMESPACE = uuid.UUID("6c4f3e0a-6f0b-5d53-9a0e-2f0a3d7b8c11")
"""Of every deterministic UID. Changing it would feed every study anew."""

INTERPRETATION = "110005"
"""Code value of a study to read in Scheduled Workitem Code Sequence (CID 9231)."""


def uid_from_name(name: str) -> str:
    """`2.25.` and the uuid5 of `name` as an integer (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(NAMESPACE, name).int}"


def workitem_uid(site_id: str, study_instance_uid: str, workitem_code: str = INTERPRETATION) -> str:
    """The workitem of one study at one site; the same UID at two sites gives two."""
    return uid_from_name(f"{site_id}|{study_instance_uid}|{workitem_code}")


def replacement_uid(old_workitem_uid: str) -> str:
    """The workitem that replaces a released one, whoever creates it."""
    return uid_from_name(old_workitem_uid)


def is_made_from_name(uid: str) -> bool:
    """Whether it is `2.25.` and a UUID of version 5, as all of the above are, of whatever namespace."""
    number = uid.removeprefix("2.25.")
    if number == uid or not number.isdecimal() or int(number) >= 1 << 128:
        return False
    return uuid.UUID(int=int(number)).version == uuid.UUID(int=0, version=5).version


def random_uid() -> str:
    """A `UidMaker`: `2.25.` and a uuid4 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"
