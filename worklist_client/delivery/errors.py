"""Why a step of a delivery did not succeed; each is one way on.

DeliveryError
├── Later      a passing fault: try again with back-off
│   └── SiteAway   the site itself is away: nothing else is tried there now
├── Blocked    waits for something outside the report: a login, an AE title
├── Held       a person has to look
├── Refused    the fence was refused: nothing is sent, ever
└── NoWayOut   what a person chose for a held report cannot be done (any more)
"""

from __future__ import annotations

from worklist_client.delivery.reasons import Cause, Reason


class DeliveryError(Exception):
    """Root. `text` is plain English with `{fields}`, the key of its translation; no patient data."""

    def __init__(self, text: str, cause: Cause = Cause.UNSAID, **fields: object) -> None:
        self.why = Reason(text, tuple((name, str(value)) for name, value in fields.items()), cause)
        super().__init__(self.why.english)

    @property
    def reason(self) -> str:
        """The whole sentence in English."""
        return self.why.english


class Later(DeliveryError):
    """A passing fault."""

    site_wide = False
    """Whether the site itself is away, so that nothing else need be tried there now."""


class SiteAway(Later):
    """A passing fault of the whole site."""

    site_wide = True


class Blocked(DeliveryError):
    """Waits for something outside the report."""


class Held(DeliveryError):
    """A person has to look."""


class Refused(DeliveryError):
    """Another reader has the study: nothing is sent, ever."""


class NoWayOut(DeliveryError):
    """It cannot be done (any more)."""
