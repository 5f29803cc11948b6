"""The desktop's secrets: the operating system's keychain first, then environment or a private file (`pacs.secrets`).

Never written to a settings file. Blocking (a keychain may ask the person): call it from background work.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pacs import secrets
from pacs.credentials import Credentials
from pacs.secrets import SecretsError

SERVICE = "universal-radiology-worklist"
KEYCHAIN = "the keychain of this computer"
REMEMBERED_S = 60.0
"""How long an answer is remembered: a study is not to wait for the keychain at each of its questions, and a secret that
was changed is to be used soon."""


class NoKeychain(SecretsError):
    """This computer has no keychain, or it is locked: nothing was stored."""


def credentials_for(connection_id: str, *files: Path) -> Credentials | None:
    """What this connection needs to be let in, or None where nothing is kept. Raises `SecretsError`."""
    kept = _kept(connection_id)
    if kept is not None:
        try:
            return Credentials(**json.loads(kept), source=KEYCHAIN)
        except (ValueError, TypeError):
            text = f"the keychain's entry for '{connection_id}' cannot be read; store it anew"
            raise SecretsError(text, connection_id=connection_id) from None
    found = secrets.from_environment(connection_id)
    for file in files:
        found = found or secrets.from_file(file, connection_id)
    return found


def keep(connection_id: str, credentials: Credentials) -> str:
    """Store a secret in the keychain; the name of that keychain. Raises `NoKeychain`."""
    import keyring  # noqa: PLC0415 - costs 150 ms, which the start of the windows must not pay
    from keyring.errors import KeyringError  # noqa: PLC0415 - the same

    fields = {name: getattr(credentials, name) for name in secrets.FIELDS if getattr(credentials, name)}
    try:
        keyring.set_password(SERVICE, connection_id, json.dumps(fields))
    except KeyringError as error:
        raise NoKeychain("this computer has no keychain that can be used", connection_id=connection_id) from error
    return str(keyring.get_keyring().name)


class Secrets:
    """Secrets by connection, each asked for once a minute at most. Safe from any thread; blocking."""

    def __init__(
        self,
        files: Sequence[Path],
        find: Callable[..., Credentials | None] = credentials_for,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files, self._find, self._clock = tuple(files), find, clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Credentials | None]] = {}

    def __call__(self, connection_id: str) -> Credentials | None:
        """The secret of a connection, or None. Raises `SecretsError`."""
        # One at a time: a keychain that asks the person must not ask once a thread.
        with self._lock:
            known = self._known.get(connection_id)
            if known is not None and self._clock() - known[0] < REMEMBERED_S:
                return known[1]
            found = self._find(connection_id, *self._files)
            self._known[connection_id] = (self._clock(), found)
            return found


def _kept(connection_id: str) -> str | None:
    import keyring  # noqa: PLC0415 - as above
    from keyring.errors import KeyringError  # noqa: PLC0415 - as above

    try:
        kept: str | None = keyring.get_password(SERVICE, connection_id)
    except KeyringError:
        return None  # no keychain on this machine (a server, a bare desktop): environment and file remain
    return kept
