"""Who asks: a token maps to a reader, or, without a token file, the reader's own word (`X-Worklist-Reader`)."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ups.codes import Person
from worklist_hub.config import ConfigError
from worklist_hub.protocol import Caller

MAX_HEADER = 2048
_TEXT_LIMIT = 64


class NotAdmitted(Exception):
    """The caller is not known; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Admission:
    """How callers are known. Exactly one of: a token file, one shared token (embedded), nothing (loopback)."""

    readers: Mapping[str, Person] = field(default_factory=dict)
    """SHA-256 of a token -> its reader."""
    shared_token: str = field(default="", repr=False)

    @property
    def needs_token(self) -> bool:
        """Whether a caller without a token is sent away."""
        return bool(self.readers or self.shared_token)

    def caller(self, authorization: str, reader_header: str) -> Caller:
        """From the request's headers. Raises `NotAdmitted`."""
        token = authorization[7:].strip() if authorization[:7].lower() == "bearer " else ""
        if self.readers:
            reader = self.readers.get(hashlib.sha256(token.encode()).hexdigest()) if token else None
            if reader is None:
                raise NotAdmitted("a valid token is needed")
            return Caller(reader, _ae_title(reader.code))  # the token only: what the header says is not asked
        if self.shared_token and not hmac.compare_digest(token.encode(), self.shared_token.encode()):
            raise NotAdmitted("a valid token is needed")
        reader = _reader(reader_header)
        return Caller(reader, _ae_title(reader.code) if reader else "")


def _ae_title(code: str) -> str:
    return code.encode("ascii", "replace").decode()[:16]


def _reader(header: str) -> Person | None:
    if not header:
        return None
    try:
        told = json.loads(unquote(header[:MAX_HEADER], errors="strict"))
        texts = [told.get(key, "") for key in ("code", "name", "organisation")]
    except (ValueError, AttributeError) as error:
        raise NotAdmitted("X-Worklist-Reader is not percent-encoded JSON with code, name and organisation") from error
    if not all(isinstance(one, str) and len(one) <= _TEXT_LIMIT for one in texts):
        raise NotAdmitted(f"X-Worklist-Reader: code, name and organisation are texts of up to {_TEXT_LIMIT} characters")
    if not all(one.isprintable() for one in texts):  # nor halves of surrogate pairs: they cannot be written down
        raise NotAdmitted("X-Worklist-Reader: code, name and organisation hold letters only")
    return Person(*texts) if texts[0] or texts[1] else None


def load_tokens(path: Path) -> dict[str, Person]:
    """[[reader]] tables with code, name, organisation, and token or token_sha256. Raises `ConfigError`."""
    try:
        mode = path.stat().st_mode
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path}: others may read it; allow only its owner (chmod 600)")
    tables = data.get("reader", [])
    if not isinstance(tables, list) or not tables or set(data) != {"reader"}:
        raise ConfigError(f"{path}: must hold [[reader]] tables and nothing else")
    readers: dict[str, Person] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{path}: [[reader]] number {number}"
        allowed = ("token", "token_sha256", "code", "name", "organisation")
        for key, value in table.items():
            if key not in allowed or not isinstance(value, str):
                raise ConfigError(f"{where}: {key} is unknown or not a text; allowed are {', '.join(allowed)}")
        digest = table.get("token_sha256") or _digest(where, table.get("token", ""))
        if not table.get("code") or not table.get("name"):
            raise ConfigError(f"{where}: code and name are needed")
        if digest in readers:
            raise ConfigError(f"{where}: this token stands there twice")
        readers[digest] = Person(table["code"], table["name"], table.get("organisation", ""))
    return readers


def _digest(where: str, token: str) -> str:
    if len(token) < 16:
        raise ConfigError(f"{where}: token needs at least 16 characters, or token_sha256 its SHA-256")
    return hashlib.sha256(token.encode()).hexdigest()
