"""Why a step of a delivery did not succeed; each is one way on.

DeliveryError
├── Later      a passing fault: try again with back-off; `site_wide` = the site itself is away
├── Blocked    waits for something outside the report: a login, an AE title
├── Held       a person has to look
└── Refused    the fence was refused: nothing is sent, ever
"""

from __future__ import annotations


class DeliveryError(Exception):
    """Root; `reason` is plain English without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Later(DeliveryError):
    """A passing fault."""

    def __init__(self, reason: str, *, site_wide: bool = False) -> None:
        super().__init__(reason)
        self.site_wide = site_wide


class Blocked(DeliveryError):
    """Waits for something outside the report."""


class Held(DeliveryError):
    """A person has to look."""


class Refused(DeliveryError):
    """Another reader has the study: nothing is sent, ever."""
