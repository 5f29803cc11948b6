"""The two readers of the demo's shared region, and their accounts at its hub."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worklist_client.worklist.embedded import hub_command

ORGANISATION = "Regionale Radiologie"
PASSWORDS = "accounts.json"
PASSWORD_VARIABLE = "WORKLIST_HUB_PASSWORD"
_CONSONANTS, _VOWELS = "bdfghjklmnprstvwz", "aeiou"
_WORDS, _SYLLABLES = 4, 2


class AccountsError(Exception):
    """The hub did not make the accounts; the text is what it said."""


@dataclass(frozen=True, slots=True)
class DemoReader:
    """Somebody who signs in. `grants` as `worklist-hub users add --grant` takes them."""

    login: str
    shown: str
    name: str
    code: str
    grants: tuple[str, ...]
    duties: str


SANNE = DemoReader("sanne", "Sanne de Vries", "Vries^Sanne^^de", "900001", ("reader@*",), "reader")
PETER = DemoReader(
    "peter", "Peter Bakker", "Bakker^Peter", "900002", ("reader@*", "coordinator@*"), "reader and coordinator"
)
READERS = (SANNE, PETER)
LOGINS = tuple(reader.login for reader in READERS)


def reader_of(login: str) -> DemoReader:
    """The reader with this name."""
    return next(reader for reader in READERS if reader.login == login)


def new_password() -> str:
    """Random and easy to type, such as `lomi-teva-suko-rani`: about 51 bits."""
    return "-".join(
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(_SYLLABLES)) for _ in range(_WORDS)
    )


def make_accounts(config: Path) -> dict[str, str]:
    """Both accounts, by the hub's own command, each with a new password; name to password. Raises `AccountsError`.

    They stand in `accounts.json` beside the configuration too, for its owner only: a desk that is opened later needs
    them, and so does a reader who closed the terminal.
    """
    made = {reader.login: new_password() for reader in READERS}
    for reader in READERS:
        granted = [part for grant in reader.grants for part in ("--grant", grant)]
        who = ["--code", reader.code, "--name", reader.name, "--organisation", ORGANISATION]
        password = made[reader.login]
        added = _users(config, password, "add", reader.login, *who, *granted)
        if added.returncode:  # of an earlier start: the name stays, the password is new
            changed = _users(config, password, "password", reader.login)
            if changed.returncode:
                raise AccountsError(added.stderr.strip() or changed.stderr.strip())
    keep(config.parent / PASSWORDS, made)
    return made


def keep(file: Path, passwords: Mapping[str, str]) -> None:
    """Write them for the owner alone, from the first byte on."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        json.dump(passwords, stream, indent=2)


def table(passwords: Mapping[str, str]) -> str:
    """What a newcomer has to type, as lines of text."""
    rows = [("who", "name", "password", "may")]
    rows += [(one.shown, one.login, passwords[one.login], one.duties) for one in READERS]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)


def _users(config: Path, password: str, what: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*hub_command(), "users", what, *arguments, "--config", str(config)]
    environment = {**os.environ, PASSWORD_VARIABLE: password}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
