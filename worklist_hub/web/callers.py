"""Who asks: a token says so, or, on a desk of one's own, the reader's own word (`X-Worklist-Reader`)."""

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
from typing import Protocol
from urllib.parse import unquote

from ups.codes import Person
from ups.readers import is_same_reader
from worklist_hub.access.grants import ANY_SITE, EVERYTHING, Grant, GrantError, Role
from worklist_hub.access.refusals import INVALID, MISSING, NotAdmitted
from worklist_hub.config import ConfigError
from worklist_hub.workitem.protocol import Caller

__all__ = ["Admission", "Known", "NotAdmitted", "Tokens", "load_tokens"]
MAX_HEADER = 2048
_TEXT_LIMIT = 64
_WIDE = tuple(Grant(ANY_SITE, role) for role in (Role.READER, Role.COORDINATOR, Role.INTAKE))


class Tokens(Protocol):
    """Who a token is: `access.people.People`, loaded only where callers sign in."""

    def remembered(self, token: str) -> Caller | None:
        """Of a token checked a moment ago; does not block."""
        ...

    def has_seen(self, token: str) -> bool:
        """Whether it was checked before and found good, be it long ago."""
        ...

    def caller_of(self, token: str) -> Caller:
        """Check it. May block. Raises `NotAdmitted`."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """One line of the token file."""

    reader: Person
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Admission:
    """How callers are known: by signing in, by a token file (both may be), by one shared token (embedded), or not at
    all (loopback)."""

    readers: Mapping[str, Known] = field(default_factory=dict)
    """SHA-256 of a token -> who has it."""
    shared_token: str = field(default="", repr=False)
    tokens: Tokens | None = None

    @property
    def needs_token(self) -> bool:
        """Whether a caller without a token is sent away."""
        return bool(self.readers or self.shared_token or self.tokens)

    @property
    def is_shared(self) -> bool:
        """Whether different people come here, so that limits bind each."""
        return bool(self.readers or self.tokens)

    def caller(self, authorization: str, reader_header: str) -> Caller:
        """From the request's headers. May block where `needs_checking` says so. Raises `NotAdmitted`."""
        token = _bearer(authorization)
        if self.is_shared:
            known = self._known(token)
            if known is not None:
                return known
            if self.tokens is None or token.count(".") != 2:
                raise NotAdmitted(INVALID if token else MISSING)
            return self.tokens.caller_of(token)
        if self.shared_token and not hmac.compare_digest(token.encode(), self.shared_token.encode()):
            raise NotAdmitted(INVALID if token else MISSING)
        reader = _reader(reader_header)
        title = _ae_title(reader.code) if reader else ""
        return Caller(reader, title, grants=EVERYTHING, is_trusted=True, signed_in_by="desk")

    def needs_checking(self, authorization: str) -> bool:
        """Whether `caller` may block: a token that was not checked a moment ago."""
        token = _bearer(authorization)
        return self.tokens is not None and token.count(".") == 2 and self._known(token) is None

    def has_seen(self, authorization: str) -> bool:
        """Whether this token was good before; it may have ended since."""
        token = _bearer(authorization)
        return self._known(token) is not None or (self.tokens is not None and self.tokens.has_seen(token))

    def _known(self, token: str) -> Caller | None:
        known = self.readers.get(hashlib.sha256(token.encode()).hexdigest()) if token else None
        if known is not None:  # the token only: what the header says is not asked
            reader = known.reader
            subject = f"token-file|{reader.code}"
            title = _ae_title(reader.code)
            return Caller(reader, title, grants=known.grants, subject=subject, signed_in_by="token file")
        return self.tokens.remembered(token) if self.tokens is not None and token else None


def _bearer(authorization: str) -> str:
    return authorization[7:].strip() if authorization[:7].lower() == "bearer " else ""


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


def load_tokens(path: Path) -> dict[str, Known]:
    """[[reader]] tables with code, name, organisation, token or token_sha256, and `grant` tables.

    A reader without `grant` may do everything at every hospital but administer, as before there were grants.
    Raises `ConfigError`.
    """
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
    readers: dict[str, Known] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{path}: [[reader]] number {number}"
        allowed = ("token", "token_sha256", "code", "name", "organisation")
        granted = table.pop("grant", None)
        for key, value in table.items():
            if key not in allowed or not isinstance(value, str):
                raise ConfigError(f"{where}: {key} is unknown or not a text; allowed are {', '.join(allowed)}")
        digest = table.get("token_sha256") or _digest(where, table.get("token", ""))
        if not table.get("code") or not table.get("name"):
            raise ConfigError(f"{where}: code and name are needed")
        if digest in readers:
            raise ConfigError(f"{where}: this token stands there twice")
        reader = Person(table["code"], table["name"], table.get("organisation", ""))
        if any(one.reader.code == reader.code and not is_same_reader(one.reader, reader) for one in readers.values()):
            raise ConfigError(f"{where}: code {reader.code!r} is that of another reader; each has a code of his own")
        readers[digest] = Known(reader, _WIDE if granted is None else _grants(where, granted))
    return readers


def _grants(where: str, tables: object) -> tuple[Grant, ...]:
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ConfigError(f"{where}: grant must be written as [[reader.grant]]")
    try:
        return tuple(Grant.from_json(one) for one in tables)
    except GrantError as error:
        raise ConfigError(f"{where}: grant: {error}") from error


def _digest(where: str, token: str) -> str:
    if len(token) < 16:
        raise ConfigError(f"{where}: token needs at least 16 characters, or token_sha256 its SHA-256")
    return hashlib.sha256(token.encode()).hexdigest()
