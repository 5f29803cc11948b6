"""The hub's entrance put together from its configuration: who is let in, how one signs in, and TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from worklist_hub.access.settings import BUILT_IN, TlsSettings
from worklist_hub.config import ConfigError, HubConfig
from worklist_hub.store.database import Database
from worklist_hub.web.callers import Admission, Known, Tokens, load_tokens
from worklist_hub.workitem.protocol import Caller

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2 (BCP 195); those of 1.3 are all good."""
RENEWAL_S = 60.0
"""How often a hub looks whether its certificate was renewed."""


@dataclass(frozen=True)
class KnownReaders:
    """Whom the hub knows without being asked. `all` may block; `is_complete`: nobody else can come in."""

    all: Callable[[], tuple[Known, ...]] = tuple
    is_complete: bool = False


@dataclass(frozen=True)
class Entrance:
    """What the service needs of it."""

    admission: Admission
    routes: list[BaseRoute]
    known: KnownReaders
    server: dict[str, Any] = field(default_factory=dict)
    """Arguments of uvicorn."""


def open_entrance(config: HubConfig, database: Database, token: str = "") -> Entrance:
    """Raises `ConfigError` where strangers could come in, or a file cannot be used."""
    check_reach(config)
    readers = load_tokens(config.token_file) if config.token_file is not None else {}
    tokens: Tokens | None = None
    routes: list[BaseRoute] = []
    accounts: Callable[[], tuple[Known, ...]] = tuple
    if config.auth.is_on:
        tokens, routes, accounts = _signing_in(config, database)
    is_shared = bool(readers or tokens)
    if not config.auth.is_on:
        kinds = [{"kind": "token"}] if readers else []
        routes = [Route("/region/auth", _fixed({"methods": kinds}), methods=["GET"])]
    routes.append(Route("/region/me", me, methods=["GET"]))
    admission = Admission(readers, "" if is_shared else token, tokens)
    known = KnownReaders(lambda: (*readers.values(), *accounts()), is_shared and not config.auth.issuer)
    return Entrance(admission, routes, known, server_options(config.tls))


def check_reach(config: HubConfig) -> None:
    """Beyond loopback a hub wants to know who asks, and encrypts. Raises `ConfigError`."""
    if config.is_loopback:
        return
    where = f"{config.source}: [hub] listen = {config.host!r} can be reached from other machines, so"
    if config.token_file is None and not config.auth.is_on:
        raise ConfigError(
            f"{where} [auth] or [hub] token_file is needed; without one this hub listens on 127.0.0.1 only"
        )
    if not config.tls.is_on and not config.tls.proxy_terminates:
        raise ConfigError(
            f"{where} [tls] certificate and key are needed (or [tls] proxy_terminates = true, where others reach it"
            " only through a proxy that does TLS)"
        )


def server_options(tls: TlsSettings) -> dict[str, Any]:
    """Arguments of uvicorn. Raises `ConfigError`."""
    options: dict[str, Any] = {}
    if tls.proxy_terminates:
        options |= {"proxy_headers": True, "forwarded_allow_ips": tls.proxy_address}
    if not tls.is_on:
        return options
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key, _no_password)
        if tls.client_ca:
            ssl.create_default_context(cafile=tls.client_ca)
    except (OSError, ssl.SSLError) as error:
        text = error.strerror or getattr(error, "reason", "") or "cannot be used"
        raise ConfigError(f"[tls] {tls.certificate}, {tls.key} {tls.client_ca}: {text}") from error
    options |= {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key, "ssl_ciphers": CIPHERS}
    if tls.client_ca:
        options |= {"ssl_ca_certs": tls.client_ca, "ssl_cert_reqs": int(ssl.CERT_REQUIRED)}
    return options


async def renew_certificates(context: Callable[[], ssl.SSLContext | None], tls: TlsSettings) -> None:
    """Take over a renewed certificate for new connections, without a restart. Runs until it is canceled."""
    if not tls.is_on:
        return
    known = _stamps(tls)
    while True:
        await asyncio.sleep(RENEWAL_S)
        now, used = _stamps(tls), context()
        if now != known and used is not None:
            try:
                used.load_cert_chain(tls.certificate, tls.key, _no_password)
            except (OSError, ssl.SSLError):
                continue  # half written: the next look finds it whole
            known = now


async def me(request: Request) -> Response:
    """Who the hub takes the caller for, and what was granted."""
    caller: Caller = request.state.caller
    reader = caller.reader
    told = {
        "code": reader.code if reader else "",
        "name": reader.name if reader else "",
        "organisation": reader.organisation if reader else "",
        "on_behalf_of": caller.on_behalf_of.name if caller.on_behalf_of else "",
        "signed_in_by": caller.signed_in_by,
        "grants": [grant.as_json() for grant in caller.grants or ()],
    }
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


def _signing_in(
    config: HubConfig, database: Database
) -> tuple[Tokens, list[BaseRoute], Callable[[], tuple[Known, ...]]]:
    # Loads cryptography and argon2: a tenth of a second that a desk of one's own does not pay
    from worklist_hub.access.people import People  # noqa: PLC0415 - see above
    from worklist_hub.access.sign_in import SignIn  # noqa: PLC0415 - see above
    from worklist_hub.accounts.issuer import Issuer, SigningKeyError, load_or_make_key  # noqa: PLC0415 - see above
    from worklist_hub.accounts.store import AccountStore  # noqa: PLC0415 - see above

    settings, accounts, issuer = config.auth, AccountStore(database), None
    if settings.accounts:
        try:
            issuer = Issuer(BUILT_IN, settings.audience, load_or_make_key(Path(settings.signing_key_file)))
        except SigningKeyError as error:
            raise ConfigError(f"[auth] signing_key_file: {error}") from error
    sites = [site.site_id for site in config.sites]
    people = People(settings, accounts, sites, public_key=issuer.public_key if issuer else None)

    def known() -> tuple[Known, ...]:
        return tuple(Known(one.reader, one.grants) for one in accounts.all() if people.may_come(one))

    return people, SignIn(settings, config.limits, accounts, issuer).routes(), known


def _fixed(content: dict[str, Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_request: Request) -> Response:
        return JSONResponse(content)

    return endpoint


def _stamps(tls: TlsSettings) -> tuple[int, ...]:
    try:
        return tuple(Path(name).stat().st_mtime_ns for name in (tls.certificate, tls.key))
    except OSError:
        return ()


def _no_password() -> str:
    """A key with a password cannot be opened by a service: let it fail rather than ask at a terminal."""
    return ""
