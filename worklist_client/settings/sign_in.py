"""How to sign in to a hub: what it offers, by name and password, and the tokens that come of it. Blocking; no Qt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests

TIMEOUTS_S = (3.0, 15.0)
MAX_ANSWER = 256 * 1024
AWAY = "The sign-in service cannot be reached; try again"
REFUSED = "The sign-in was refused"
UNREADABLE = "The sign-in service gave an answer that cannot be used"
NOT_SAFE = "The address of the sign-in service is not safe: it must begin with https://"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SignInError(Exception):
    """It did not work; `reason` is an English sentence. `is_final`: trying the same again is of no use."""

    def __init__(self, reason: str, *, is_final: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.is_final = reason, is_final


@dataclass(frozen=True, slots=True)
class OpenIdMethod:
    """Through the browser, at an OpenID provider."""

    issuer: str
    client_id: str
    scopes: str = "openid"
    audience: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class PasswordMethod:
    """By an account of the hub itself."""


Method = OpenIdMethod | PasswordMethod


@dataclass(frozen=True, slots=True)
class Tokens:
    """What lets us in, and what renews it."""

    access: str = field(repr=False)
    expires_in_s: float
    refresh: str = field(default="", repr=False)


class Renewer(Protocol):
    """Gets new tokens for a refresh token."""

    def renew(self, refresh: str) -> Tokens:
        """Blocks. Raises `SignInError`."""
        ...

    def end(self, refresh: str) -> None:
        """Sign out, as well as that can be done. Blocks."""
        ...


def methods(hub_url: str) -> tuple[Method, ...]:
    """What the hub offers, best first; none = it wants a token given to us, or none at all. Raises `SignInError`."""
    status, data = exchange("GET", f"{hub_url.rstrip('/')}/region/auth")
    if status in (401, 404):
        return ()  # a hub of before there was signing in, or another UPS server
    found: list[Method] = []
    for one in data.get("methods", ()) if status == 200 else ():
        if one.get("kind") == "openid":
            found.append(
                OpenIdMethod(*(str(one.get(key, "")) for key in ("issuer", "client_id", "scopes", "audience")))
            )
        elif one.get("kind") == "password":
            found.append(PasswordMethod())
    if status != 200:
        raise SignInError(AWAY, is_final=False)
    return tuple(found)


def me(hub_url: str, access: str) -> Mapping[str, Any]:
    """Who the hub says we are: code, name, organisation, grants. Raises `SignInError` where it lets us not in."""
    status, data = exchange("GET", f"{hub_url.rstrip('/')}/region/me", token=access)
    if status == 200:
        return data
    raise SignInError(str(data.get("reason") or REFUSED), is_final=status < 500)


@dataclass(frozen=True, slots=True)
class HubAccounts:
    """The built-in accounts of a hub."""

    hub_url: str

    def sign_in(self, name: str, password: str) -> Tokens:
        """Raises `SignInError`."""
        return self._tokens({"grant_type": "password", "username": name, "password": password})

    def renew(self, refresh: str) -> Tokens:
        """See `Renewer`."""
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh})

    def end(self, refresh: str) -> None:
        """See `Renewer`."""
        try:
            exchange("POST", f"{self.hub_url.rstrip('/')}/region/auth/revoke", {"token": refresh})
        except SignInError:
            return  # it ends by itself

    def _tokens(self, form: Mapping[str, str]) -> Tokens:
        return tokens_from(*exchange("POST", f"{self.hub_url.rstrip('/')}/region/auth/token", form))


def tokens_from(status: int, data: Mapping[str, Any]) -> Tokens:
    """Of a token endpoint's answer (RFC 6749 5). Raises `SignInError`."""
    if status >= 500 or status == 429:
        raise SignInError(str(data.get("error_description") or AWAY), is_final=False)
    if status != 200:
        raise SignInError(str(data.get("error_description") or REFUSED))
    access, refresh = data.get("access_token"), data.get("refresh_token", "")
    try:
        lasts = float(data.get("expires_in", 300))
    except (TypeError, ValueError) as error:
        raise SignInError(UNREADABLE) from error
    if (
        not isinstance(access, str)
        or not access
        or not access.isascii()
        or str(data.get("token_type")).lower() != "bearer"
    ):
        raise SignInError(UNREADABLE)
    return Tokens(access, lasts, refresh if isinstance(refresh, str) else "")


def exchange(
    method: str, url: str, form: Mapping[str, str] | None = None, *, token: str = "", ca_file: str = ""
) -> tuple[int, dict[str, Any]]:
    """(status, JSON object or {"reason": text}). Raises `SignInError`."""
    check_safe(url)
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        with requests.Session() as session:
            session.trust_env = urlsplit(url).hostname not in _LOOPBACK
            with session.request(
                method,
                url,
                data=dict(form) if form is not None else None,
                headers=headers,
                timeout=TIMEOUTS_S,
                allow_redirects=False,
                stream=True,
                verify=ca_file or True,
            ) as response:
                content = response.raw.read(MAX_ANSWER, decode_content=True)
                if response.headers.get("Content-Type", "").startswith("text/plain"):
                    return response.status_code, {"reason": content[:200].decode("utf-8", "replace")}
                data = json.loads(content) if content else {}
                return response.status_code, data if isinstance(data, dict) else {}
    except requests.exceptions.SSLError as error:
        raise SignInError("The certificate of the sign-in service is not valid", is_final=False) from error
    except (requests.RequestException, OSError) as error:
        raise SignInError(AWAY, is_final=False) from error
    except ValueError as error:
        raise SignInError(UNREADABLE, is_final=False) from error


def check_safe(url: str) -> None:
    """Passwords and tokens go over TLS, or stay on this computer. Raises `SignInError`."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise SignInError(NOT_SAFE)
