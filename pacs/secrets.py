"""Where a server or a desktop without a keychain finds the secrets of its connections: environment, or a private file.

Environment: `WORKLIST_SECRET_<CONNECTION ID>` (upper case, every other sign an underscore) holding `user:password` or
`bearer:TOKEN`. File: TOML, for its owner only, one table a connection: `user`, `password`, `bearer_token`, `ca_file`.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pacs.credentials import Credentials
from pacs.errors import PacsError

FIELDS = ("user", "password", "bearer_token", "ca_file")


class SecretsError(PacsError):
    """A secrets file that cannot be used; the reason names the file and what to do, never a secret."""


def variable_of(connection_id: str) -> str:
    """Name of the environment variable of one connection."""
    return "WORKLIST_SECRET_" + re.sub(r"[^A-Z0-9]", "_", connection_id.upper())


def from_environment(connection_id: str, environment: Mapping[str, str] | None = None) -> Credentials | None:
    """The connection's secret in the environment, or None where there is none."""
    text = (os.environ if environment is None else environment).get(variable_of(connection_id), "")
    if not text:
        return None
    name = variable_of(connection_id)
    return replace(from_line(text, name), source=f"the environment variable {name}")


def from_line(text: str, where: str) -> Credentials:
    """`user:password` or `bearer:TOKEN`. Raises `SecretsError`, which names `where` and shows nothing of the text."""
    user, separator, word = text.partition(":")
    if not separator:
        raise SecretsError(f"{where} must be 'user:password' or 'bearer:TOKEN'")
    return Credentials(bearer_token=word) if user == "bearer" else Credentials(user=user, password=word)


def from_file(path: Path, connection_id: str) -> Credentials | None:
    """The connection's secret in a private file; None where the file, or the connection in it, is not there.

    What is wrong with the file is raised for those alone whose secret it holds: others go on. Raises `SecretsError`.
    """
    table = _tables(path).get(connection_id)
    if table is None:
        return None
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SecretsError(f"{path} can be read by others; run: chmod 600 {path}")
    if not isinstance(table, dict) or not set(table) <= set(FIELDS):
        raise SecretsError(f"{path}: [{connection_id}] may hold {', '.join(FIELDS)} only")
    return Credentials(**{key: str(value) for key, value in table.items()}, source=str(path))


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SecretsError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SecretsError(f"{path} is not valid TOML: {type(error).__name__}") from None


def write(path: Path, connection_id: str, credentials: Credentials) -> None:
    """Into the private file, made where it is not there: in place of what it holds for this connection, whose authority
    file stays; comments are lost where it is replaced. Raises `SecretsError`."""
    tables = _tables(path)
    before = tables.get(connection_id)
    kept = {"ca_file": before["ca_file"]} if isinstance(before, dict) and "ca_file" in before else {}
    given = {name: value for name in FIELDS if (value := getattr(credentials, name))}
    try:
        text = path.read_text(encoding="utf-8").rstrip() + "\n\n" if tables and before is None else ""
        tables = ({} if text else tables) | {connection_id: kept | given}
        _write_private(path, text.lstrip() + "\n".join(_table(name, table) for name, table in tables.items()))
    except OSError as error:
        raise SecretsError(f"{path} cannot be written: {error.strerror}") from None


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, made = tempfile.mkstemp(dir=path.parent, prefix=".secrets-")  # 0600 from its first byte on
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(made, path)
    except OSError:
        os.unlink(made)
        raise


def _table(name: str, table: Mapping[str, Any]) -> str:
    lines = [f"[{_key(name)}]"]
    for key, value in table.items():
        # A JSON text is a TOML text, but for the one control sign that JSON leaves alone.
        lines.append(f"{_key(key)} = " + json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f"))
    return "\n".join(lines) + "\n"


def line_of(connection_id: str) -> str:
    """The line of the file that holds a user and a password, for the administrator to fill in."""
    return f'{_key(connection_id)} = {{ user = "...", password = "..." }}'


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def find(connection_id: str, file: Path | None = None) -> Credentials | None:
    """Environment first, then the file."""
    found = from_environment(connection_id)
    if found is None and file is not None:
        found = from_file(file, connection_id)
    return found
