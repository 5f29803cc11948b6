"""`[auth]`, `[tls]` and `[limits]` of hub.toml. Every error names the key and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from worklist_hub.access.grants import Grant, GrantError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures with a public key. `none` and the HS family (a secret that verifiers share) are never among them."""
BUILT_IN = "worklist-hub"
"""Issuer of the tokens of the built-in accounts."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SettingsError(ValueError):
    """A table that cannot be used; the text names table and key."""


@dataclass(frozen=True, slots=True)
class GroupGrant:
    """Members of a group of the identity provider have this grant."""

    group: str
    grant: Grant


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How callers sign in. Neither accounts nor an issuer: tokens are not asked for."""

    accounts: bool = False
    """Names and passwords kept by this hub."""
    issuer: str = ""
    """An OpenID provider, by the address that its tokens name."""
    audience: str = "worklist-hub"
    """What `aud` must hold. Not the desktop's client id: a token made for the desktop is none for the hub."""
    client_id: str = "worklist-desktop"
    scopes: str = "openid profile offline_access"
    algorithms: tuple[str, ...] = ("RS256",)
    jwks_url: str = ""
    """Where the issuer's keys are; "" = where its discovery document says."""
    ca_file: str = ""
    code_claim: str = "preferred_username"
    organisation_claim: str = "organisation"
    groups_claim: str = "groups"
    responsible_claim: str = ""
    """Name of the person on whose behalf the caller acts, where the provider tells it."""
    acr: tuple[str, ...] = ()
    """Where not empty, `acr` must be one of these (two factors, NEN 7510)."""
    access_token_s: int = 600
    refresh_token_s: int = 43200
    signing_key_file: str = "signing-key.pem"
    """Private key of the built-in issuer: made at the first start, and the same file for every hub of a region."""
    groups: tuple[GroupGrant, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether callers must sign in."""
        return self.accounts or bool(self.issuer)

    @staticmethod
    def from_toml(table: Mapping[str, Any], folder: Path = Path()) -> AuthSettings:
        """Read `[auth]` with its `[[auth.group]]`; file names are relative to `folder`. Raises `SettingsError`."""
        if not isinstance(table, Mapping):
            raise SettingsError("[auth] must be a table")
        data = dict(table)
        groups = data.pop("group", [])
        if not isinstance(groups, list) or not all(isinstance(one, dict) for one in groups):
            raise SettingsError("[auth] group must be written as [[auth.group]]")
        made = _read(AuthSettings, "auth", data, skip=("groups",))
        made["signing_key_file"] = str(folder / made.get("signing_key_file", "signing-key.pem"))
        _absolute(made, ("ca_file",), folder)
        settings = AuthSettings(**made, groups=tuple(_group(at, one) for at, one in enumerate(groups, start=1)))
        _check(settings)
        return settings


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Certificate files. `proxy_terminates`: a proxy does TLS in front of a hub that others reach only through it."""

    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    """Where set, callers must show a certificate of this authority too."""
    proxy_terminates: bool = False
    proxy_address: str = "127.0.0.1"
    """Of that proxy, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""

    @property
    def is_on(self) -> bool:
        """Whether this hub does TLS itself."""
        return bool(self.certificate)

    @staticmethod
    def from_toml(table: Mapping[str, Any], folder: Path = Path()) -> TlsSettings:
        """Read `[tls]`; file names are relative to `folder`. Raises `SettingsError`."""
        made = _read(TlsSettings, "tls", table)
        _absolute(made, ("certificate", "key", "client_ca"), folder)
        settings = TlsSettings(**made)
        if bool(settings.certificate) != bool(settings.key):
            raise SettingsError("[tls] certificate and key belong together; one of them is missing")
        if settings.client_ca and not settings.certificate:
            raise SettingsError("[tls] client_ca needs certificate and key")
        return settings


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may ask for. They do not bind the one desk of an embedded hub."""

    requests_per_s: float = 100.0
    burst: int = 400
    sign_ins_per_min: float = 20.0
    """Failed ones, for one address; for one account a tenth as many, but five."""
    channels: int = 16
    """Event channels that a caller may have open."""
    subscriptions: int = 256
    """That an account may have, over all its AE titles. A desk needs one."""
    body_s: float = 20.0
    """How long a body may take to come."""

    @staticmethod
    def from_toml(table: Mapping[str, Any]) -> Limits:
        """Read `[limits]`. Raises `SettingsError`."""
        settings = Limits(**_read(Limits, "limits", table))
        for one in fields(Limits):
            if getattr(settings, one.name) <= 0:
                raise SettingsError(f"[limits] {one.name} must be more than 0")
        return settings


def _absolute(made: dict[str, Any], names: tuple[str, ...], folder: Path) -> None:
    for name in names:
        if made.get(name):
            made[name] = str(folder / made[name])


_S = TypeVar("_S", AuthSettings, TlsSettings, Limits)


def _read(kind: type[_S], name: str, table: Any, skip: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise SettingsError(f"[{name}] must be a table")
    defaults = {one.name: one.default for one in fields(kind) if one.name not in skip}
    made: dict[str, Any] = {}
    for key, value in table.items():
        if key not in defaults:
            raise SettingsError(f"[{name}] {key} is unknown; allowed are {', '.join(defaults)}")
        made[key] = _converted(f"[{name}] {key}", value, defaults[key])
    return made


def _converted(where: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise SettingsError(f"{where} must be a list of texts")
        return tuple(value)
    if isinstance(default, bool) or isinstance(value, bool):
        right = isinstance(default, bool) and isinstance(value, bool)
    elif isinstance(default, float):
        right = isinstance(value, (int, float))
    else:
        right = isinstance(value, type(default))
    if not right:
        words = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
        raise SettingsError(f"{where} must be {words[type(default)]}, not {value!r}")
    return value


def _group(number: int, table: Mapping[str, Any]) -> GroupGrant:
    where = f"[[auth.group]] number {number}"
    data = dict(table)
    group = data.pop("group", None)
    if not isinstance(group, str) or not group:
        raise SettingsError(f"{where}: group must be the name of a group of the identity provider")
    try:
        return GroupGrant(group, Grant.from_json(data))
    except GrantError as error:
        raise SettingsError(f"{where}: {error}") from error


def _check(settings: AuthSettings) -> None:
    for one in settings.algorithms:
        if one not in ALGORITHMS:
            raise SettingsError(f"[auth] algorithms: {one!r} is not allowed; allowed are {', '.join(ALGORITHMS)}")
    if not settings.algorithms:
        raise SettingsError("[auth] algorithms must name at least one")
    for key in ("issuer", "jwks_url"):
        url = urlsplit(getattr(settings, key))
        if url.geturl() and url.scheme != "https" and url.hostname not in _LOOPBACK:
            raise SettingsError(f"[auth] {key} must begin with https://")
    if settings.issuer and not settings.audience:
        raise SettingsError("[auth] audience must say what the issuer writes into tokens for this hub")
    if settings.issuer == BUILT_IN:
        raise SettingsError(f"[auth] issuer {BUILT_IN!r} is the name of the built-in accounts")
    if not 30 <= settings.access_token_s <= 3600:
        raise SettingsError("[auth] access_token_s must be 30 to 3600 seconds")
    if not settings.access_token_s <= settings.refresh_token_s <= 30 * 86400:
        raise SettingsError("[auth] refresh_token_s must be from access_token_s to 30 days")
    if settings.groups and not settings.issuer:
        raise SettingsError("[[auth.group]] needs [auth] issuer")
