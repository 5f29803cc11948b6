"""The command table: unknown, double and malformed ids fail at once; a disabled command does not run."""

from __future__ import annotations

import pytest

from worklist_client.commands.registry import Command, CommandTable, DuplicateCommand, MalformedCommand, UnknownCommand


def test_a_command_runs_by_its_id() -> None:
    ran: list[str] = []
    table = CommandTable((Command("study.open", "Open", lambda: ran.append("open")),))
    assert table.run("study.open") is True
    assert ran == ["open"]


def test_a_disabled_command_does_not_run() -> None:
    ran: list[str] = []
    table = CommandTable((Command("study.open", "Open", lambda: ran.append("open"), lambda: False),))
    assert table.run("study.open") is False
    assert ran == []


def test_an_unknown_id_raises() -> None:
    with pytest.raises(UnknownCommand, match=r"study\.close"):
        CommandTable().run("study.close")


def test_a_second_row_with_the_same_id_raises() -> None:
    row = Command("study.open", "Open", lambda: None)
    with pytest.raises(DuplicateCommand):
        CommandTable((row, row))


@pytest.mark.parametrize(("command_id", "title"), [("open", "Open"), ("Study.Open", "Open"), ("study.open", " ")])
def test_a_malformed_row_raises(command_id: str, title: str) -> None:
    with pytest.raises(MalformedCommand):
        CommandTable((Command(command_id, title, lambda: None),))


def test_rows_keep_their_order() -> None:
    table = CommandTable(tuple(Command(f"a.{name}", name, lambda: None) for name in ("z", "b", "m")))
    assert [command.id for command in table] == ["a.z", "a.b", "a.m"]
    assert "a.b" in table
    assert len(table) == 3
