"""Writes the tables of keys into the user guides, from the key map and the command tables of the windows.

    .venv/bin/python docs/key_tables.py

A test compares the guides with what this would write.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from unittest.mock import Mock

from worklist_client.commands.registry import CommandTable
from worklist_client.settings.keymap import Keymap, load_keymap
from worklist_client.settings.language import Translator
from worklist_client.ui.reading_commands import reading_commands, reading_keymap
from worklist_client.ui.worklist_commands import worklist_commands

DOCS = Path(__file__).resolve().parent
GUIDES = {"en": DOCS / "user-guide.md", "nl": DOCS / "gebruikershandleiding.md"}
TITLES = {"en": ("Key", "What it does"), "nl": ("Toets", "Wat het doet")}
OR = {"en": " or ", "nl": " of "}


def tables(language: str) -> dict[str, str]:
    """Markdown tables by the name of their place: the worklist window and the reading window."""
    keymap = load_keymap()
    verbs = Mock()  # the commands are listed here, never run
    return {
        "worklist": _table(worklist_commands(verbs), keymap, "rows", language),
        "reading": _table(reading_commands(verbs), reading_keymap(keymap), "reading", language),
    }


def filled(text: str, language: str) -> str:
    """The guide with its tables made anew, between `<!-- keys: NAME -->` and `<!-- end of keys -->`."""
    for name, table in tables(language).items():
        place = re.compile(rf"(<!-- keys: {name} -->\n).*?(<!-- end of keys -->)", re.DOTALL)
        text, count = place.subn(lambda found, table=table: f"{found[1]}{table}{found[2]}", text)  # type: ignore[misc]
        if count != 1:
            raise ValueError(f"the guide in '{language}' has {count} places for the keys of '{name}'")
    return text


def _table(commands: CommandTable, keymap: Keymap, context: str, language: str) -> str:
    tr = Translator(language)
    lines = ["| {} | {} |".format(*TITLES[language]), "|---|---|"]
    for command in commands:
        keys = keymap.keys(context, command.id)
        if keys:
            shown = OR[language].join(f"`{key}`" for key in keys)
            lines.append(f"| {shown} | {tr(command.title).removesuffix('…').rstrip()} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write both guides."""
    for language, path in GUIDES.items():
        path.write_text(filled(path.read_text(encoding="utf-8"), language), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
