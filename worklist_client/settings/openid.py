"""Sign-in through the system's browser: authorization code with PKCE (RFC 8252, RFC 7636, OpenID Connect Core).

The port for the answer is open on loopback only while somebody signs in. State, nonce, issuer, audience and signature
are checked; no page is shown in a window of ours, so no password ever passes through this program.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from worklist_client.settings.sign_in import (
    UNREADABLE,
    OpenIdMethod,
    SignInError,
    Tokens,
    check_safe,
    exchange,
    tokens_from,
)

PATIENCE_S = 300.0
CANCELED = "The sign-in was canceled"
TOO_LATE = "Nobody signed in within five minutes"
NOT_OURS = "The answer does not belong to this sign-in; nothing was accepted"
NO_BROWSER = "No browser could be opened on this computer"
DENIED = "The sign-in service did not let you in"
DONE_PAGE = "You are signed in. You may close this page."
FAILED_PAGE = "You are not signed in. Look at the worklist for the reason."
_PATH = "/signed-in"
_POLL_S, _READ_S = 0.1, 2.0
_MAX_REQUEST = 16384
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_S = 60


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Of the discovery document."""

    authorization: str
    token: str
    keys: str
    revocation: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """One OpenID provider, as the hub names it. Implements `sign_in.Renewer`."""

    method: OpenIdMethod

    def endpoints(self) -> Endpoints:
        """Ask its discovery document. Raises `SignInError`."""
        issuer = self.method.issuer
        status, data = self._exchange("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:
            raise SignInError(UNREADABLE, is_final=False)
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint")
        authorization, token, keys, revocation = (str(data.get(name, "")) for name in names)
        found = Endpoints(authorization, token, keys, revocation)
        if data.get("issuer") != issuer:
            raise SignInError(UNREADABLE)
        for url in (found.authorization, found.token, found.keys):
            check_safe(url)
        return found

    def sign_in(
        self,
        open_browser: Callable[[str], bool],
        *,
        cancelled: Callable[[], bool] = lambda: False,
        page: Callable[[str], str] = lambda text: text,
        patience_s: float = PATIENCE_S,
    ) -> Tokens:
        """Blocks until the person has signed in, canceled, or waited too long. Raises `SignInError`.

        Parameters
        ----------
        open_browser : opens the system's browser; False where there is none
        page : translates the one sentence that the browser shows at the end
        """
        endpoints = self.endpoints()
        verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        with _Listener() as listener:
            asked = {
                "response_type": "code",
                "client_id": self.method.client_id,
                "redirect_uri": listener.url,
                "scope": self.method.scopes or "openid",
                "state": state,
                "nonce": nonce,
                "code_challenge": _challenge(verifier),
                "code_challenge_method": "S256",
            }
            joint = "&" if urlsplit(endpoints.authorization).query else "?"
            if not open_browser(f"{endpoints.authorization}{joint}{urlencode(asked)}"):
                raise SignInError(NO_BROWSER)
            told = listener.wait(state, self._verdict, page, cancelled, patience_s)
            redirect = listener.url
        form = {"grant_type": "authorization_code", "code": told["code"], "redirect_uri": redirect}
        form |= {"client_id": self.method.client_id, "code_verifier": verifier}
        status, data = self._exchange("POST", endpoints.token, form)
        tokens = tokens_from(status, data)
        self._check_identity(str(data.get("id_token", "")), nonce, endpoints)
        return tokens

    def renew(self, refresh: str) -> Tokens:
        """See `Renewer`."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": self.method.client_id}
        tokens = tokens_from(*self._exchange("POST", self.endpoints().token, form))
        return tokens if tokens.refresh else Tokens(tokens.access, tokens.expires_in_s, refresh)

    def end(self, refresh: str) -> None:
        """See `Renewer` (RFC 7009, where the provider has it)."""
        try:
            revocation = self.endpoints().revocation
            if revocation:
                self._exchange("POST", revocation, {"token": refresh, "client_id": self.method.client_id})
        except SignInError:
            return  # it ends by itself

    def _exchange(self, method: str, url: str, form: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        return exchange(method, url, form, ca_file=self.method.ca_file)

    def _verdict(self, answer: Mapping[str, str]) -> str:
        """Why the browser's answer is not accepted, "" where it is."""
        if answer.get("iss", self.method.issuer) != self.method.issuer:
            return NOT_OURS  # RFC 9207: another provider's answer mixed in
        if answer.get("error") or not answer.get("code"):
            return DENIED
        return ""

    def _check_identity(self, token: str, nonce: str, endpoints: Endpoints) -> None:
        """OpenID Connect Core 3.1.3.7."""
        import jwt  # noqa: PLC0415 - loads cryptography: a tenth of a second that the start must not pay

        status, data = self._exchange("GET", endpoints.keys)
        try:
            header = jwt.get_unverified_header(token)
            algorithm = str(header.get("alg"))
            if status != 200 or algorithm not in _ALGORITHMS:
                raise SignInError(NOT_OURS)
            keys = [key for key in data["keys"] if header.get("kid") in (None, key.get("kid"))]
            claims = jwt.decode(
                token,
                jwt.PyJWK(keys[0], algorithm).key,
                algorithms=[algorithm],
                audience=self.method.client_id,
                issuer=self.method.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "nonce"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise SignInError(NOT_OURS) from error
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise SignInError(NOT_OURS)
        if claims.get("azp", self.method.client_id) != self.method.client_id:
            raise SignInError(NOT_OURS)


class _Listener:
    """A port of loopback for one answer of the browser."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=8)
        self._socket.settimeout(_POLL_S)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{_PATH}"

    def __enter__(self) -> _Listener:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def wait(
        self,
        state: str,
        verdict: Callable[[Mapping[str, str]], str],
        page: Callable[[str], str],
        cancelled: Callable[[], bool],
        patience_s: float,
    ) -> Mapping[str, str]:
        """The answer's parameters. What does not bring our `state` is nobody's answer to us: any page of the web can
        send such a thing, and it must not end the sign-in. Raises `SignInError`."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if cancelled():
                raise SignInError(CANCELED)
            try:
                connection, _address = self._socket.accept()
            except TimeoutError:
                continue
            with connection:
                answer = _read(connection)
                if answer is None:
                    _tell(connection, "404 Not Found", "")  # its icon, or a connection that a browser opens ahead
                    continue
                if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
                    _tell(connection, "400 Bad Request", page(FAILED_PAGE))
                    continue
                refused = verdict(answer)
                _tell(connection, "200 OK", page(FAILED_PAGE if refused else DONE_PAGE))
                if refused:
                    raise SignInError(refused)
                return answer
        raise SignInError(TOO_LATE)


def _read(connection: socket.socket) -> Mapping[str, str] | None:
    """The query of a GET on our path; None for anything else."""
    connection.settimeout(_READ_S)
    received = b""
    try:
        while b"\r\n\r\n" not in received and len(received) < _MAX_REQUEST:
            part = connection.recv(4096)
            if not part:
                return None
            received += part
    except OSError:
        return None
    method, _, rest = received.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
    target = urlsplit(rest.partition(" ")[0])
    if method != "GET" or target.path != _PATH:
        return None
    found = parse_qs(target.query, max_num_fields=20)
    return {key: values[0] for key, values in found.items() if len(values) == 1}


def _tell(connection: socket.socket, status: str, text: str) -> None:
    body = f"<!doctype html><meta charset=utf-8><title>Worklist</title><p>{html.escape(text)}</p>".encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
    )
    try:
        connection.sendall(head.encode() + body)
    except OSError:
        return  # the page is a courtesy


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
