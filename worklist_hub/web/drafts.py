"""Seals the drafts that readers hand over: nobody who reads the database reads them.

Until the receiver claims the study, a draft is sealed with a key of the hub, kept outside the database. The receiver's
first look seals it anew with a key made of the Transaction UID of his claim, of which the hub keeps but a hash: from
then on nobody else can open it, the hub included. AES-256-GCM, keys by HKDF-SHA256, bound to workitem and receiver.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from pathlib import Path

KEY_VARIABLE = "WORKLIST_HUB_DRAFT_KEY"
KEY_FILE = "drafts.key"
_KEY_BYTES, _NONCE_BYTES = 32, 12


class DraftsUnavailable(Exception):
    """This hub cannot keep drafts; the text says what is missing."""


class SealBroken(Exception):
    """The draft cannot be opened with this key."""


class DraftKeys:
    """The hub's own key: from the environment, or, beside a worklist in a file, from a private file made at need."""

    def __init__(self, database: Path | None, environ: Mapping[str, str] = os.environ) -> None:
        """`database` is None where several processes share one: then all need the same key."""
        self._file = database.parent / KEY_FILE if database is not None else None
        self._environ = environ

    def key(self) -> bytes:
        """32 bytes. Raises `DraftsUnavailable`."""
        given = self._environ.get(KEY_VARIABLE, "")
        if given:
            return _decoded(given)
        if self._file is None:
            raise DraftsUnavailable(f"drafts cannot be handed over here: {KEY_VARIABLE} is not set")
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _decoded(self._file.read_text("ascii").strip())
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            made = os.urandom(_KEY_BYTES)
            file.write(base64.b64encode(made).decode())
        return made


def seal(secret: bytes, workitem_uid: str, receiver: str, content: bytes, random: Callable[[int], bytes]) -> bytes:
    """Nonce and sealed content."""
    aead, bound = _aead(secret, workitem_uid), _bound(workitem_uid, receiver)
    nonce = random(_NONCE_BYTES)
    return nonce + aead(nonce, content, bound, True)


def unseal(secret: bytes, workitem_uid: str, receiver: str, sealed: bytes) -> bytes:
    """The content. Raises `SealBroken`."""
    aead, bound = _aead(secret, workitem_uid), _bound(workitem_uid, receiver)
    return aead(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound, False)


def _aead(secret: bytes, workitem_uid: str) -> Callable[[bytes, bytes, bytes, bool], bytes]:
    try:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - an extra, and not needed to start
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - as above
    except ImportError as error:
        raise DraftsUnavailable("drafts cannot be handed over here: the program cryptography is missing") from error
    key = HKDF(SHA256(), _KEY_BYTES, salt=None, info=b"handed draft " + workitem_uid.encode()).derive(secret)

    def work(nonce: bytes, content: bytes, bound: bytes, is_sealing: bool) -> bytes:
        try:
            cipher = AESGCM(key)
            return cipher.encrypt(nonce, content, bound) if is_sealing else cipher.decrypt(nonce, content, bound)
        except InvalidTag as error:
            raise SealBroken("the draft cannot be opened with this claim") from error

    return work


def _bound(workitem_uid: str, receiver: str) -> bytes:
    return f"{workitem_uid}|{receiver}".encode()


def _decoded(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DraftsUnavailable("the key for drafts is not base64") from error
    if len(found) != _KEY_BYTES:
        raise DraftsUnavailable(f"the key for drafts must have {_KEY_BYTES} bytes")
    return found
