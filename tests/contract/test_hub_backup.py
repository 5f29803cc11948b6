"""Backup and restore, tried: what was acknowledged before the backup is there after it, on both databases."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.peers.hub import client_of, running_hub, study_to_read
from tests.peers.postgres import Cluster, programs
from ups.identifiers import random_uid
from ups.states import ProcedureStepState
from worklist_hub.app import main
from worklist_hub.audit.chain import verify
from worklist_hub.operations.backup import BackupError, copy_of
from worklist_hub.service import Hub
from worklist_hub.store.workitems import WorkitemStore

CLAIMED = ProcedureStepState.IN_PROGRESS


def claim_some(hub: Hub, number: int) -> list[str]:
    uids = []
    with client_of(hub) as ann:
        for _ in range(number):
            study = study_to_read()
            hub.store.create_if_absent(study)
            ann.change_state(study.uid, CLAIMED, random_uid())
            uids.append(study.uid)
    return uids


def is_whole(store: WorkitemStore, claimed: list[str]) -> bool:
    states = [found.state if (found := store.read(uid)) else None for uid in claimed]
    with store.reading.connect() as connection:
        return set(states) == {CLAIMED} and not verify(connection).faults


def test_a_file_is_copied_while_claims_go_on_and_restored(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("", "utf-8")
    copy = tmp_path / "backup.sqlite"
    with running_hub(tmp_path) as hub:
        before = claim_some(hub, 5)
        busy = threading.Thread(target=claim_some, args=(hub, 20))
        busy.start()
        assert main(["backup", "--config", str(tmp_path / "hub.toml"), "--to", str(copy)]) == 0
        busy.join()
    assert copy.stat().st_mode & 0o777 == 0o600
    for name in ("worklist.sqlite", "worklist.sqlite-wal", "worklist.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    copy.rename(tmp_path / "worklist.sqlite")
    with running_hub(tmp_path) as hub:
        assert is_whole(hub.store, before)
        assert claim_some(hub, 1)


def test_a_backup_overwrites_nothing_and_leaves_no_half_copy(tmp_path: Path) -> None:
    source, copy = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    with pytest.raises(BackupError, match="no such file"):
        copy_of(source, copy)
    source.write_bytes(b"not a database" * 100)
    with pytest.raises(BackupError):
        copy_of(source, copy)
    copy.touch()
    with pytest.raises(BackupError, match="there already"):
        copy_of(source, copy)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.sqlite", "b.sqlite"]


def test_a_dump_of_postgresql_is_restored_into_a_new_database(postgres_cluster: Cluster, tmp_path: Path) -> None:
    url, restored = postgres_cluster.new_database(), postgres_cluster.new_database()
    folder, dump = programs(), tmp_path / "worklist.dump"
    assert folder is not None
    quiet = {**os.environ, "PGCONNECT_TIMEOUT": "10"}
    settings = {"database_url": url, "durability": "acknowledged claims may be lost"}
    with running_hub(tmp_path, **settings) as hub:
        before = claim_some(hub, 3)
        subprocess.run([folder / "pg_dump", "-Fc", "-f", dump, "-d", url], check=True, env=quiet)
    subprocess.run([folder / "pg_restore", "--exit-on-error", "-d", restored, dump], check=True, env=quiet)
    with running_hub(tmp_path, **{**settings, "database_url": restored}) as hub:
        assert is_whole(hub.store, before)
        assert claim_some(hub, 1)
