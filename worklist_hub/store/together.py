"""Several requests of intake about SCHEDULED workitems in one durable transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from ups.states import ProcedureStepState
from worklist_hub.workitem.protocol import Caller, Decision, Refusal, Request

V = TypeVar("V")
Outcome = tuple[Decision | Refusal, bool]
"""What came of a request, and whether there is something to tell."""
CarryOut = Callable[[str, Request], Decision | Refusal]
_FEED = Caller(is_feed=True)


class Together:
    """Requests of one transaction, and whether any of them has something to tell."""

    def __init__(self, carry_out: Callable[..., Outcome], connection: sa.Connection) -> None:
        self._carry_out, self._connection = carry_out, connection
        self._has_told = False

    def done(self, work: Callable[[sa.Connection, CarryOut], V]) -> tuple[V, bool]:
        """What came of the work."""
        return work(self._connection, self._one), self._has_told

    def _one(self, uid: str, request: Request) -> Decision | Refusal:
        outcome, has_told = self._carry_out(self._connection, uid, request, _FEED, ProcedureStepState.SCHEDULED)
        self._has_told = self._has_told or has_told
        return outcome
