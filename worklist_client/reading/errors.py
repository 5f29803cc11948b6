"""Why a study cannot be read here.

ReadingError
├── NotPermitted       its hospital denies the reading, or has not said
├── CannotOpenPrior    conflict, or the card is not confirmed yet
├── NoConnection       the hospital has no connection set up
└── OpeningFailed      no connection of the hospital gave the study
"""

from __future__ import annotations


class ReadingError(Exception):
    """Root; `reason` is a plain English sentence without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotPermitted(ReadingError):
    """The consent port did not say *permit*; `answer` is deny or unknown."""

    def __init__(self, site_name: str, answer: str) -> None:
        verb = "does not permit" if answer == "deny" else "has not permitted"
        super().__init__(f"{site_name} {verb} its studies to be read for another hospital")
        self.site_name = site_name
        self.answer = answer


class CannotOpenPrior(ReadingError):
    """The identity verdict forbids it."""


class NoConnection(ReadingError):
    """The hospital has no connection set up."""


class OpeningFailed(ReadingError):
    """No connection of the hospital gave the study; `reason` says what the last one answered."""
