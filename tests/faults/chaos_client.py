"""One client of the chaos test, a process of its own: claims, proves, releases, and notes every answer it got.

    python -m tests.faults.chaos_client OUT SEED UNTIL STUDIES URL [URL ...]

UNTIL is a moment of the monotonic clock. The workitem of study n begins as `first_uid(n)`; each release makes the next.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from tests.faults.history import ALIVE, CLAIM, OK, READ, REFUSED, RELEASE, UNKNOWN, Operation, written
from ups import changes
from ups.client import UpsClient
from ups.codes import RESCHEDULING_RECOMMENDED, Person
from ups.errors import UpsError
from ups.identifiers import random_uid, replacement_uid, uid_from_name
from ups.states import ProcedureStepState as State

TIMEOUT_S = 2.0
TRIES = 40


def first_uid(study: int) -> str:
    """Where the chain of a study begins."""
    return uid_from_name(f"chaos|{study}")


class ChaosClient:
    """Asks one of several hubs at random, each time anew."""

    def __init__(self, out: Path, seed: int, until: float, urls: list[str]) -> None:
        self._out, self._until, self._dice = out, until, random.Random(seed)
        self.name = f"client-{seed}"
        reader = Person(str(seed), f"Reader^{seed}", "North")
        timeouts = {"connect_timeout_s": TIMEOUT_S, "read_timeout_s": TIMEOUT_S}
        self._clients = [UpsClient(url, reader=reader, **timeouts) for url in urls]  # type: ignore[arg-type]

    def is_over(self) -> bool:
        return time.monotonic() > self._until

    def ask(self, kind: str, uid: str, transaction_uid: str = "") -> Operation:
        """One question to one hub, noted with its answer."""
        client = self._dice.choice(self._clients)
        asked = time.monotonic()
        outcome, seen, holder = OK, "", ""
        try:
            if kind == CLAIM:
                client.change_state(uid, State.IN_PROGRESS, transaction_uid)
            elif kind == ALIVE:
                client.update(uid, changes.progress(5.0), transaction_uid)
            elif kind == RELEASE:
                client.change_state(uid, State.CANCELED, transaction_uid)
            else:
                found = client.retrieve(uid)
                seen, holder = found.state.value, found.holder.code if found.holder else ""
        except UpsError as error:
            outcome = UNKNOWN if error.is_unclear else REFUSED
        answer = Operation(self.name, kind, uid, transaction_uid, asked, time.monotonic(), outcome, seen, holder)
        written(self._out, answer)
        return answer

    def until_clear(self, kind: str, uid: str, transaction_uid: str = "") -> Operation:
        """The same again until the answer is clear; every try is noted."""
        for _ in range(TRIES):
            answer = self.ask(kind, uid, transaction_uid)
            if answer.outcome != UNKNOWN or self.is_over():
                return answer
            time.sleep(self._dice.uniform(0.02, 0.2))
        return answer

    def announce_release(self, uid: str, transaction_uid: str) -> bool:
        """The reason that makes a cancel a release."""
        leaving = changes.progress(6.0, code=RESCHEDULING_RECOMMENDED)
        for _ in range(TRIES):
            try:
                self._dice.choice(self._clients).update(uid, leaving, transaction_uid)
                return True
            except UpsError as error:
                if not error.is_unclear or self.is_over():
                    return False
            time.sleep(self._dice.uniform(0.02, 0.2))
        return False

    def work(self, studies: int) -> None:
        """Until it is over."""
        current = [first_uid(number) for number in range(studies)]
        while not self.is_over():
            number = self._dice.randrange(studies)
            uid, transaction_uid = current[number], random_uid()
            answer = self.until_clear(CLAIM, uid, transaction_uid)
            if answer.outcome == REFUSED:
                if self.ask(READ, uid).seen == State.CANCELED.value:
                    current[number] = replacement_uid(uid)
                continue
            if answer.outcome != OK:
                continue
            for _ in range(self._dice.randrange(3)):
                self.until_clear(ALIVE, uid, transaction_uid)
            if self._dice.random() < 0.3:
                self.until_clear(CLAIM, uid, transaction_uid)  # as a client that lost the answer
            if self.announce_release(uid, transaction_uid):
                if self.until_clear(RELEASE, uid, transaction_uid).outcome == OK:
                    current[number] = replacement_uid(uid)
                if self._dice.random() < 0.2:
                    self.ask(ALIVE, uid, transaction_uid)  # refused: it is ours no longer
        for client in self._clients:
            client.close()


def main(arguments: list[str]) -> int:
    """See the module."""
    out, seed, until, studies, *urls = arguments
    ChaosClient(Path(out), int(seed), float(until), urls).work(int(studies))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
