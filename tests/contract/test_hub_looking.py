"""Commands that look leave the schema of the database alone: an older hub may be serving from it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from worklist_hub.app import main
from worklist_hub.store.opening import open_database
from worklist_hub.store.schema import HEAD, schema_version
from worklist_hub.store.up_to_date import NoTables, Schema

OLDER = "0001"
LOOKING = (
    ["check"],
    ["sites"],
    ["users", "list"],
    ["audit", "verify"],
    ["audit", "show"],
    ["audit", "export"],
)
CHANGING = (["users", "disable", "ann"], ["users", "grants", "ann", "--grant", "reader@*"])
Say = Callable[[str], str]


@pytest.fixture
def config(any_database: Path | str, tmp_path: Path) -> list[str]:
    """The option that names a hub.toml for the database."""
    path = tmp_path / "hub.toml"
    lines = ["[hub]", f'database = "{any_database}"']
    if isinstance(any_database, str):
        lines.append('durability = "acknowledged claims may be lost"')
    path.write_text("\n".join([*lines, "[auth]", "accounts = true", ""]), "utf-8")
    return ["--config", str(path)]


def test_without_the_library_of_postgresql_it_says_which(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "worklist_hub.store.postgres", None)
    monkeypatch.delitem(sys.modules, "worklist_hub.store.postgres")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    (tmp_path / "hub.toml").write_text('[hub]\ndatabase = "postgresql://worklist@127.0.0.1:1/worklist"\n', "utf-8")
    assert main(["sites", "--config", str(tmp_path / "hub.toml")]) == 2
    assert "pip install 'psycopg[binary]" in capsys.readouterr().err


def test_a_grant_for_a_hospital_that_nobody_knows_is_said(
    config: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKLIST_HUB_PASSWORD", "only of this test")
    add = ["users", "add", "eve", "--code", "3", "--name", "Eve^E", "--grant", "reader@nord", "--grant", "observer@*"]
    assert main([*add, *config]) == 0
    assert "no [[site]] is called 'nord'" in capsys.readouterr().err


def test_where_there_is_nothing_to_show_it_says_so(
    config: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["migrate", *config])
    capsys.readouterr()
    assert main(["sites", *config]) == 0
    assert "names no [[site]]" in capsys.readouterr().err
    assert main(["audit", "show", "--reader", "nobody", *config]) == 0
    assert "no line of the audit log is of these" in capsys.readouterr().err


def version_of(address: Path | str, made: str = "") -> str:
    """The schema as it stands; `made`: after it was set to this."""
    url = (
        address.replace("postgresql://", "postgresql+psycopg://")
        if isinstance(address, str)
        else f"sqlite:///{address}"
    )
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            if made:
                connection.execute(sa.text("UPDATE alembic_version SET version_num = :made"), {"made": made})
            return schema_version(connection)
    finally:
        engine.dispose()


@pytest.mark.parametrize("asked", [*LOOKING, *CHANGING], ids=" ".join)
def test_an_older_database_is_left_as_it_is_and_what_to_do_is_said(
    any_database: Path | str, config: list[str], asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    open_database(any_database).close()
    assert version_of(any_database, OLDER) == OLDER
    assert main([*asked, *config]) != 0
    said = "".join(capsys.readouterr())
    assert f"has schema {OLDER}, and this version needs {HEAD}" in said
    assert "worklist-hub migrate" in said
    assert version_of(any_database) == OLDER


@pytest.mark.parametrize("asked", LOOKING, ids=" ".join)
def test_looking_makes_no_tables(
    any_database: Path | str, config: list[str], asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main([*asked, *config])
    said = "".join(capsys.readouterr())
    if asked == ["check"]:
        assert "is made at the first start" in said
    elif asked != ["sites"]:
        assert "there is no worklist yet" in said
    if isinstance(any_database, Path):
        assert not any_database.exists()
    else:
        assert version_of(any_database) == ""
    with pytest.raises(NoTables):
        open_database(any_database, Schema.AS_IS)


def test_migrate_makes_and_then_everything_looks(
    any_database: Path | str, config: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate", *config]) == 0
    assert HEAD in capsys.readouterr().out
    for asked in LOOKING[1:]:
        assert main([*asked, *config]) == 0
