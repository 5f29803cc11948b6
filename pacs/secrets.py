"""Where a server or a desktop without a keychain finds the secrets of its connections: environment, or a private file.

Environment: `WORKLIST_SECRET_<CONNECTION ID>` (upper case, every other sign an underscore) holding `user:password` or
`bearer:TOKEN`. File: TOML, for its owner only, one table a connection: `user`, `password`, `bearer_token`, `ca_file`.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Mapping
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
    return from_line(text, variable_of(connection_id))


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
    return Credentials(**{key: str(value) for key, value in table.items()})


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SecretsError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SecretsError(f"{path} is not valid TOML: {type(error).__name__}") from None


def line_of(connection_id: str) -> str:
    """The line of the file that holds a user and a password, for the administrator to fill in."""
    is_bare = re.fullmatch(r"[A-Za-z0-9_-]+", connection_id) is not None
    key = connection_id if is_bare else json.dumps(connection_id)
    return f'{key} = {{ user = "...", password = "..." }}'


def find(connection_id: str, file: Path | None = None) -> Credentials | None:
    """Environment first, then the file."""
    found = from_environment(connection_id)
    if found is None and file is not None:
        found = from_file(file, connection_id)
    return found
