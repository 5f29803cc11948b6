"""Known bad: a hub that reads, waits at a barrier until a second claimer has read too, and then writes.

python -m tests.faults.naive_hub PORT FOLDER
"""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import sqlalchemy as sa

from worklist_hub.config import HubConfig
from worklist_hub.service import Hub
from worklist_hub.store.columns import columns_of
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.decisions import decide
from worklist_hub.workitem.protocol import Caller, ChangeState, Decision, Refusal, Request

PATIENCE_S = 1.0


class NaiveStore(WorkitemStore):
    """Without compare-and-set."""

    def __init__(self, address: Path | str) -> None:
        super().__init__(address)
        self._read_by: dict[str, int] = {}
        self._readers = threading.Condition()

    async def carried_out(self, uid: str, request: Request, caller: Caller) -> Decision | Refusal:
        """See `carry_out`."""
        return await asyncio.to_thread(self.carry_out, uid, request, caller)

    def carry_out(self, uid: str, request: Request, caller: Caller) -> Decision | Refusal:
        """Read, wait, write."""
        if not isinstance(request, ChangeState):
            return super().carry_out(uid, request, caller)
        stored = self.read(uid)
        outcome = decide(stored, request, caller, self.change(self.tick))
        with self._readers:
            self._read_by[uid] = self._read_by.get(uid, 0) + 1
            self._readers.notify_all()
            self._readers.wait_for(lambda: self._read_by[uid] >= 2, timeout=PATIENCE_S)
        if isinstance(outcome, Decision) and outcome.dataset is not None:
            values = {**columns_of(outcome.dataset), "transaction_hash": outcome.transaction_hash}
            statement = sa.update(WORKITEMS).where(WORKITEMS.c.uid == uid).values(values)
            self.change(lambda connection: connection.execute(statement).rowcount)
            if outcome.replacement is not None:
                replacement = outcome.replacement
                self.change(lambda connection: self._insert(connection, replacement) is not None)
        return outcome


def main(arguments: list[str]) -> int:
    """See the module."""
    port, folder = int(arguments[0]), Path(arguments[1])
    config = HubConfig(folder / "worklist.sqlite", port=port)
    Hub(config, store=NaiveStore(config.database)).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
