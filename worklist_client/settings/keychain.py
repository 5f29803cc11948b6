"""The desktop's secrets: the operating system's keychain first, then environment or the private file (`pacs.secrets`).

Never written to a settings file. Blocking (a keychain may ask the person): call it from background work.
"""

from __future__ import annotations

import json
from pathlib import Path

import keyring
from keyring.errors import KeyringError

from pacs import secrets
from pacs.credentials import Credentials

SERVICE = "universal-radiology-worklist"


def credentials_for(connection_id: str, file: Path | None = None) -> Credentials | None:
    """What this connection needs to be let in, or None where nothing is kept."""
    try:
        kept = keyring.get_password(SERVICE, connection_id)
    except KeyringError:
        # No keychain on this machine (a server, a bare desktop): environment and file remain.
        kept = None
    if kept is not None:
        return Credentials(**json.loads(kept))
    return secrets.find(connection_id, file)


def keep(connection_id: str, credentials: Credentials) -> None:
    """Store a secret in the keychain. Raises `KeyringError` where there is none: it is then not kept anywhere."""
    fields = {name: getattr(credentials, name) for name in secrets.FIELDS if getattr(credentials, name)}
    keyring.set_password(SERVICE, connection_id, json.dumps(fields))
