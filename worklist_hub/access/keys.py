"""Public keys of an issuer, found by their id: a fixed set, or its JWKS over HTTPS, cached and asked again sparingly.

Imported only where tokens are checked: it loads cryptography.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jwt
import requests

TIMEOUTS_S = (3.0, 5.0)
MAX_DOCUMENT_BYTES = 256 * 1024
FRESH_S = 600.0
"""So long a set of keys is not asked for again."""
RETRY_S = 30.0
"""An unknown key id, or a provider that is away, is asked for once in so long: forged ids must not make us ask."""
WAIT_S = 1.0
"""So long others wait for the first answer of all; they wait in threads that carry everybody's requests."""
KEEP_S = 86400.0
"""So long keys are used on while the provider is away: who is signed in at 03:00 goes on reading."""
_KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_LEAST_RSA_BITS = 2048


class KeysUnavailable(Exception):
    """The issuer cannot be asked for its keys, and none are known."""


class Keys(Protocol):
    """Where a verifier finds keys."""

    def find(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        """The key, fit for this algorithm; None where there is none. May block. Raises `KeysUnavailable`."""
        ...


class FixedKeys:
    """Keys of our own."""

    def __init__(self, keys: Sequence[Mapping[str, Any]]) -> None:
        self._keys = [dict(key) for key in keys]

    def find(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        """See `Keys`."""
        return choose(self._keys, key_id, algorithm)


class RemoteKeys:
    """The JWKS of an issuer. Safe from any thread; one of them asks."""

    def __init__(
        self,
        issuer: str,
        jwks_url: str = "",
        *,
        ca_file: str = "",
        clock: Callable[[], float] = time.monotonic,
        get: Callable[[str, str], Any] | None = None,
    ) -> None:
        self._issuer, self._url, self._ca_file, self._clock = issuer, jwks_url, ca_file, clock
        self._get = get or get_json
        self._lock = threading.Lock()
        self._keys: list[dict[str, Any]] = []
        self._read_at = self._asked_at = -KEEP_S

    def find(self, key_id: str, algorithm: str) -> jwt.PyJWK | None:
        """See `Keys`."""
        now = self._clock()
        found = choose(self._keys, key_id, algorithm) if now - self._read_at < KEEP_S else None
        if found is not None and (now - self._read_at < FRESH_S or now - self._asked_at < RETRY_S):
            return found
        is_first = now - self._read_at >= KEEP_S
        if not self._lock.acquire(timeout=WAIT_S if is_first else 0):
            if found is not None:
                return found  # another one asks; a provider that hangs keeps nobody waiting whose key is known
            raise KeysUnavailable(f"{self._issuer} is being asked for its keys")
        try:
            if now - self._asked_at >= RETRY_S:
                self._ask(now)
            if now - self._read_at >= KEEP_S:
                raise KeysUnavailable(f"{self._issuer} cannot be asked for its keys")
            return choose(self._keys, key_id, algorithm)
        finally:
            self._lock.release()

    def _ask(self, now: float) -> None:
        self._asked_at = now
        try:
            url = self._url or self._discovered()
            keys = self._get(url, self._ca_file)["keys"]
            self._keys = [dict(key) for key in keys]
            self._read_at = now
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return  # what is known serves on; where nothing is, the caller says so

    def _discovered(self) -> str:
        document = self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration", self._ca_file)
        if document["issuer"] != self._issuer:
            raise ValueError("the discovery document names another issuer")
        url = str(document["jwks_uri"])
        if self._issuer.startswith("https:") and not url.startswith("https:"):
            raise ValueError("the keys are not under https")
        return url


def choose(keys: Sequence[Mapping[str, Any]], key_id: str, algorithm: str) -> jwt.PyJWK | None:
    """The one key of this id that is made for this algorithm, and no other kind of key."""
    found = [
        key
        for key in keys
        if key.get("kty") == _KINDS.get(algorithm[:2])
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and (not key_id or key.get("kid") == key_id)
    ]
    if len(found) != 1:
        return None
    try:
        made = jwt.PyJWK(dict(found[0]), algorithm)
    except jwt.PyJWTError:
        return None
    return made if getattr(made.key, "key_size", _LEAST_RSA_BITS) >= _LEAST_RSA_BITS or algorithm[0] == "E" else None


def get_json(url: str, ca_file: str) -> Any:
    """A small JSON document; no redirects, no proxy credentials. Raises `requests.RequestException`, `ValueError`."""
    with (
        requests.Session() as session,
        session.get(url, timeout=TIMEOUTS_S, allow_redirects=False, stream=True, verify=ca_file or True) as response,
    ):
        if response.status_code != 200:
            raise ValueError(f"{url} answered {response.status_code}")
        content = response.raw.read(MAX_DOCUMENT_BYTES + 1, decode_content=True)
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ValueError(f"{url} is too long")
    return json.loads(content)
