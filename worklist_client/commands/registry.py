"""The table of commands: every action is one row. Menus, keys, toolbars and tests run it through `CommandTable.run`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_ID = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$")


class CommandError(Exception):
    """Root of what can be wrong with the table; `command_id` names the row."""

    def __init__(self, command_id: str, reason: str) -> None:
        super().__init__(f"{command_id}: {reason}")
        self.command_id = command_id
        self.reason = reason


class UnknownCommand(CommandError):
    """No row has this id."""

    def __init__(self, command_id: str) -> None:
        super().__init__(command_id, "no such command")


class DuplicateCommand(CommandError):
    """Two rows have this id."""

    def __init__(self, command_id: str) -> None:
        super().__init__(command_id, "exists already")


class MalformedCommand(CommandError):
    """The id is not dotted lower case, or the title is empty."""


def always() -> bool:
    """The condition of commands that can always run."""
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """One action. `title` is English, translated where it is shown; `enabled` is asked at each showing and each run."""

    id: str
    title: str
    run: Callable[[], None]
    enabled: Callable[[], bool] = always


class CommandTable:
    """Commands of one window, in the order in which they were added."""

    def __init__(self, commands: tuple[Command, ...] = ()) -> None:
        self._rows: dict[str, Command] = {}
        for command in commands:
            self.add(command)

    def add(self, command: Command) -> None:
        """Add a row. Raises `DuplicateCommand`, `MalformedCommand`."""
        if not _ID.match(command.id) or not command.title.strip():
            raise MalformedCommand(command.id, "needs a dotted lower-case id and a title")
        if command.id in self._rows:
            raise DuplicateCommand(command.id)
        self._rows[command.id] = command

    def get(self, command_id: str) -> Command:
        """The row. Raises `UnknownCommand`."""
        try:
            return self._rows[command_id]
        except KeyError:
            raise UnknownCommand(command_id) from None

    def run(self, command_id: str) -> bool:
        """Run it where it is enabled; whether it ran. Raises `UnknownCommand`."""
        command = self.get(command_id)
        if not command.enabled():
            return False
        command.run()
        return True

    def __iter__(self) -> Iterator[Command]:
        return iter(self._rows.values())

    def __contains__(self, command_id: object) -> bool:
        return command_id in self._rows

    def __len__(self) -> int:
        return len(self._rows)
