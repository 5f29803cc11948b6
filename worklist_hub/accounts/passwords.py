"""Passwords as argon2id (RFC 9106). Imported only where a password is set or checked."""

from __future__ import annotations

import threading

import argon2

LEAST_LENGTH, MOST_LENGTH = 12, 256
AT_ONCE = 2
"""Each check takes 64 MiB: many at once would be a way to take the hub's memory."""
_hasher = argon2.PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
_slots = threading.BoundedSemaphore(AT_ONCE)
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$kxnHaGEtDI0W4kHoGV0jdpmO0gRq5vQjKa1MNeeUpUA"
"""Checked against where a name is unknown, so that the time of the answer tells nothing."""


class PasswordError(ValueError):
    """A password that may not be set; the text says why."""


def hash_of(password: str) -> str:
    """For storing. Raises `PasswordError`."""
    if not LEAST_LENGTH <= len(password) <= MOST_LENGTH:
        raise PasswordError(f"a password has {LEAST_LENGTH} to {MOST_LENGTH} characters")
    with _slots:
        return _hasher.hash(password)


def is_right(stored: str, password: str) -> bool:
    """Whether it is the password; takes as long where there is none."""
    with _slots:
        try:
            return _hasher.verify(stored or _NOBODY, password[:MOST_LENGTH]) and bool(stored)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False


def needs_rehash(stored: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)
