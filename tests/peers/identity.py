"""A scripted OpenID provider: a TEST DOUBLE, over plain HTTP on loopback, that signs whatever a test asks for.

It says what it is in its discovery document (`"test_double": true`). Code flow with PKCE, refresh with rotation, JWKS
with key rotation, and switches for what an attacker or a broken provider would do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, AUDIENCE = "worklist-desktop", "worklist-hub"


@dataclass
class IdentityProvider:
    """The provider's script; change a field and the next answer is so."""

    issuer: str = ""
    user: dict[str, Any] = field(default_factory=lambda: {"sub": "ann", "preferred_username": "1", "name": "Ann A"})
    nonce: str | None = None
    """Instead of the one that was asked for."""
    state: str | None = None
    denies: bool = False
    """The person says no."""
    is_away: bool = False
    lasts_s: int = 600
    seen: list[dict[str, str]] = field(default_factory=list)
    """Every authorization and token request."""
    keys: list[tuple[str, rsa.RSAPrivateKey]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _refresh: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on; the old one goes."""
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys[:] = [(secrets.token_hex(4), made)]

    def jwks(self) -> dict[str, Any]:
        """The public keys."""
        found = []
        for kid, key in self.keys:
            public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            found.append({**public, "kid": kid, "use": "sig", "alg": "RS256"})
        return {"keys": found}

    def public_pem(self) -> bytes:
        """For the attack that uses it as a shared secret."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.keys[0][1].public_key().public_bytes(serialization.Encoding.PEM, form)

    def token(self, *, lasts_s: int | None = None, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """An access token for the hub, with claims as given (None takes one away)."""
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": AUDIENCE, "iat": now, "exp": now + (lasts_s or self.lasts_s)}
        usual["jti"] = secrets.token_hex(8)
        made = {name: value for name, value in {**usual, **self.user, **claims}.items() if value is not None}
        kid, key = self.keys[0]
        return jwt.encode(made, key, algorithm="RS256", headers={"kid": kid, **(headers or {})})

    def discovery(self) -> dict[str, Any]:
        """The document."""
        return {
            "test_double": True,
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent."""
        self.seen.append(asked)
        if self.denies:
            return f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        told = {"code": code, "state": self.state or asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(told)}"

    def exchange(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        self.seen.append(form)
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self._refresh:
                return 400, {"error": "invalid_grant"}
            self._refresh.discard(form["refresh_token"])
            return 200, self._tokens("")
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        return 200, self._tokens(asked.get("nonce", ""))

    def end_sessions(self) -> None:
        """Every refresh token is worth nothing from now on."""
        self._refresh.clear()

    def _tokens(self, nonce: str) -> dict[str, Any]:
        refresh = secrets.token_urlsafe(16)
        self._refresh.add(refresh)
        made = {"access_token": self.token(), "token_type": "Bearer", "expires_in": self.lasts_s}
        identity = self.token(aud=CLIENT_ID, nonce=self.nonce if self.nonce is not None else nonce or None)
        return {**made, "refresh_token": refresh, "id_token": identity}


@contextmanager
def running_provider() -> Iterator[IdentityProvider]:
    """The double on a port of its own."""
    provider = IdentityProvider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: provider))
    server.daemon_threads = True
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="identity-double")
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(provider: Callable[[], IdentityProvider]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            it, url = provider(), urlsplit(self.path)
            if it.is_away:
                self._tell(503, {})
            elif url.path == "/.well-known/openid-configuration":
                self._tell(200, it.discovery())
            elif url.path == "/jwks":
                self._tell(200, it.jwks())
            elif url.path == "/authorize":
                self.send_response(302)
                self.send_header(
                    "Location", it.authorize({key: value[0] for key, value in parse_qs(url.query).items()})
                )
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._tell(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            it = provider()
            if it.is_away:
                self._tell(503, {})
            else:
                self._tell(*it.exchange({key: value[0] for key, value in parse_qs(body).items()}))

        def _tell(self, status: int, told: dict[str, Any]) -> None:
            content = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: Any) -> None:
            """Silent."""

    return Handler
