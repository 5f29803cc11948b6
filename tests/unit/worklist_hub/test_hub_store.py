from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from ups import dicom_json as dj
from worklist_hub.store import migrate
from worklist_hub.store.database import StoreError
from worklist_hub.store.schema import HEAD
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.matching import MatchingError, match_from, matches, moments


def test_the_file_is_durable_by_its_settings(tmp_path: Path) -> None:
    store = WorkitemStore(tmp_path / "worklist.sqlite")
    with store.reading.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]
    store.close()


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    assert ScriptDirectory.from_config(migrate.configuration()).get_current_head() == HEAD


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "worklist.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match=r"worklist\.sqlite"):
        WorkitemStore(path)


def test_opening_an_up_to_date_file_imports_neither_alembic_nor_pydicom(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import worklist_hub.app;"
        "from worklist_hub.store.workitems import WorkitemStore;"
        "[WorkitemStore(Path(sys.argv[1])).close() for _ in range(2)];"
        "print([name for name in ('alembic', 'psycopg', 'pydicom', 'pynetdicom', 'requests') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "worklist.sqlite")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024", ("2024", "20241231235959.999999")),
        ("202402", ("202402", "20240229235959.999999")),
        ("20240102-", ("20240102", "")),
        ("-20240102", ("", "20240102235959.999999")),
        ("20240102-0500", ("20240102-0500", "20240102235959.999999-0500")),
        ("20240102030405+0000-20240102030406+0000", ("20240102030405+0000", "20240102030406+0000")),
    ],
)
def test_a_range_of_moments_means_all_of_its_ends(value: str, expected: tuple[str, str]) -> None:
    assert moments(value) == expected


@pytest.mark.parametrize("value", ["-", "soon", "20241301", "2024-01-01", ""])
def test_what_is_no_moment_is_refused(value: str) -> None:
    with pytest.raises(MatchingError):
        moments(value)


def test_wildcards_match_texts_only_as_the_standard_has_them() -> None:
    dataset = dj.make(StudyDescription="CT [head]", PatientID="1*")
    assert matches(dataset, [match_from("StudyDescription", "CT [head]")])
    assert matches(dataset, [match_from("StudyDescription", "*[h?ad]")])
    assert not matches(dataset, [match_from("StudyDescription", "CT h")])
    assert not matches(dataset, [match_from("StudyDescription", "ct*")])
    assert matches({}, [match_from("StudyDescription", "")])
    assert not matches({}, [match_from("StudyDescription", "*x")])
