"""Bearer tokens: JWT (RFC 7519, RFC 9068), checked against one issuer's keys, audience and clock.

The algorithm is taken from our list, never from the token alone; a key serves only the kind it was made for, so that
neither `none` nor a public key used as a shared secret can pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.types import Options

from worklist_hub.access.keys import Keys
from worklist_hub.access.refusals import EXPIRED, INVALID, NotAdmitted

MAX_TOKEN = 8192
LEEWAY_S = 30
_TYPES = ("", "jwt", "at+jwt", "application/at+jwt")


@dataclass(frozen=True, slots=True)
class Verifier:
    """Of one issuer."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    keys: Keys
    acr: tuple[str, ...] = ()

    def verify(self, token: str, now: Callable[[], float] = time.time) -> Mapping[str, Any]:
        """Its claims. May block to fetch keys. Raises `NotAdmitted`, `KeysUnavailable`."""
        header = header_of(token)
        algorithm = header.get("alg")
        if algorithm not in self.algorithms or "crit" in header:
            raise NotAdmitted(INVALID)
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise NotAdmitted(INVALID)
        key = self.keys.find(str(header.get("kid", "")), algorithm)
        if key is None:
            raise NotAdmitted(INVALID)
        claims = self._decoded(token, key, algorithm)
        _check_times(claims, now())
        if self.acr and claims.get("acr") not in self.acr:
            raise NotAdmitted(INVALID)
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise NotAdmitted(INVALID)
        return claims

    def _decoded(self, token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
        wanted: Options = {
            "require": ["exp", "iss", "aud", "sub"],
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
        }
        try:
            return jwt.decode(
                token, key.key, algorithms=[algorithm], audience=self.audience, issuer=self.issuer, options=wanted
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise NotAdmitted(INVALID) from error


def header_of(token: str) -> dict[str, Any]:
    """Unverified. Raises `NotAdmitted`."""
    if not token or len(token) > MAX_TOKEN or token.count(".") != 2:
        raise NotAdmitted(INVALID)
    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError) as error:
        raise NotAdmitted(INVALID) from error


def issuer_of(token: str) -> str:
    """Whose it says it is, unverified: which verifier to ask. Raises `NotAdmitted`."""
    header_of(token)
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError) as error:
        raise NotAdmitted(INVALID) from error
    return str(claims.get("iss", ""))


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """Only our clock counts, with half a minute for theirs."""
    for key in ("exp", "nbf", "iat"):
        value = claims.get(key, now)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise NotAdmitted(INVALID)
    if claims["exp"] + LEEWAY_S <= now:
        raise NotAdmitted(EXPIRED)
    if max(claims.get("nbf", now), claims.get("iat", now)) - LEEWAY_S > now:
        raise NotAdmitted(INVALID)
