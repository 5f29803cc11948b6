"""Writes claims, drafts and reports into a journal for ever and acknowledges each step on stdout; to be killed.

Run as `journal_writer.py JOURNAL honest|known-bad`. The known-bad one acknowledges inside a transaction that it leaves
open, as a program would that batches its commits.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from worklist_client.journal import DraftRow, Journal, ObjectRow, ObjectState, PackageRow, PackageState


def acknowledge(*words: str) -> None:
    """One write, so that a kill cuts it off or not."""
    os.write(1, (" ".join(words) + "\n").encode())


def write_one(journal: Journal, key: str) -> None:
    """A claim, a draft typed in five saves, its signing and its first steps home."""
    now = datetime.now(UTC)
    journal.claims.ask(f"w-{key}", f"t-{key}", now)
    acknowledge("claim", f"w-{key}", f"t-{key}")
    for revision in range(1, 6):
        text = "typed text " * revision * 20
        journal.drafts.save(DraftRow(f"d-{key}", f"w-{key}", "north", "1.2", "I", "P", text, revision, now))
        acknowledge("draft", f"d-{key}", str(revision))
    objects = []
    for position, kind in enumerate(("GSPS", "SR")):
        data = os.urandom(40_000)
        digest = hashlib.sha256(data).hexdigest()
        objects.append(
            ObjectRow(f"r-{key}", position, kind, "1.9", f"o-{key}-{position}", "1.3", "1.2", "1.4", digest, data)
        )
    package = PackageRow(f"r-{key}", f"w-{key}", "north", "1.2", "I", "P", "A", text, now)
    journal.outbox.sign(package, objects, f"d-{key}")
    acknowledge("sign", f"r-{key}")
    journal.outbox.advance(f"r-{key}", PackageState.FENCED, now)
    acknowledge("advance", f"r-{key}", "FENCED")
    for row in objects:
        journal.outbox.set_object(row.sop_instance_uid, ObjectState.STORED, "accepted", now)
    journal.outbox.advance(f"r-{key}", PackageState.STORED, now)
    acknowledge("advance", f"r-{key}", "STORED")


def main() -> None:
    """Until killed."""
    journal = Journal.open(Path(sys.argv[1]))
    run = uuid.uuid4().hex[:8]
    if sys.argv[2] == "known-bad":
        connection = journal._database._connection
        connection.execute("BEGIN IMMEDIATE")
        for number in itertools.count():
            key = f"{run}-{number}"
            connection.execute(
                "INSERT INTO claims (transaction_uid, workitem_uid, state, asked_at, changed_at, site_id,"
                " study_instance_uid, holder, reason, outputs, is_open)"
                " VALUES (?, ?, 'ASKED', ?, ?, '', '', '', '', '', 1)",
                (f"t-{key}", f"w-{key}", "2026-03-01T00:00:00.000000Z", "2026-03-01T00:00:00.000000Z"),
            )
            acknowledge("claim", f"w-{key}", f"t-{key}")
    for number in itertools.count():
        write_one(journal, f"{run}-{number}")


if __name__ == "__main__":
    main()
