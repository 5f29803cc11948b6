"""Why somebody is not let in, in sentences that the desk translates."""

from __future__ import annotations

MISSING = "Sign in first"
EXPIRED = "Your sign-in has expired; sign in again"
INVALID = "This sign-in is not valid for this worklist"
UNAVAILABLE = "The sign-in service cannot be reached; try again"
WRONG_PASSWORD = "The name or the password is not right"
TOO_MANY = "Too many attempts; wait a minute and try again"
TOO_FAST = "Too many requests; wait a moment"
NO_ACCESS = "You are signed in, but no hospital has given you access"
SENTENCES = (MISSING, EXPIRED, INVALID, UNAVAILABLE, WRONG_PASSWORD, TOO_MANY, TOO_FAST, NO_ACCESS)


class NotAdmitted(Exception):
    """The caller is not known; the text says what is missing."""

    def __init__(self, text: str, status: int = 401, retry_after_s: int = 0) -> None:
        super().__init__(text)
        self.text, self.status, self.retry_after_s = text, status, retry_after_s
