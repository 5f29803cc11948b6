"""Tokens: what is let in, and every way of forging one that is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.peers.identity import AUDIENCE, IdentityProvider, running_provider
from worklist_hub.access import refusals
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.keys import FRESH_S, KEEP_S, RETRY_S, FixedKeys, KeysUnavailable, RemoteKeys
from worklist_hub.access.people import People
from worklist_hub.access.refusals import NotAdmitted
from worklist_hub.access.settings import ALGORITHMS, AuthSettings, GroupGrant
from worklist_hub.access.tokens import LEEWAY_S, Verifier


class NoAccounts:
    """Nobody has an account."""

    def by_id(self, account_id: str) -> None:
        return None

    def find(self, login: str) -> None:
        return None


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as found:
        yield found


@pytest.fixture
def verifier(provider: IdentityProvider) -> Verifier:
    return Verifier(provider.issuer, AUDIENCE, ("RS256",), RemoteKeys(provider.issuer))


def part(data: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).rstrip(b"=").decode()


def test_a_token_of_the_issuer_is_let_in(provider: IdentityProvider, verifier: Verifier) -> None:
    assert verifier.verify(provider.token())["sub"] == "ann"
    assert verifier.verify(provider.token(aud=["other", AUDIENCE], headers={"typ": "at+jwt"}))["sub"] == "ann"


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "worklist-desktop"},
        {"aud": None},
        {"iss": "https://another.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"exp": None},
        {"exp": "tomorrow"},
        {"nbf": int(time.time()) + 3600},
        {"iat": int(time.time()) + 3600},
    ],
)
def test_a_wrong_claim_is_not_let_in(provider: IdentityProvider, verifier: Verifier, claims: dict[str, Any]) -> None:
    with pytest.raises(NotAdmitted, match=refusals.INVALID):
        verifier.verify(provider.token(**claims))


def test_an_expired_token_is_told_so_after_the_leeway(provider: IdentityProvider, verifier: Verifier) -> None:
    now = int(time.time())
    assert verifier.verify(provider.token(exp=now), lambda: now + LEEWAY_S - 1)
    with pytest.raises(NotAdmitted, match=refusals.EXPIRED):
        verifier.verify(provider.token(exp=now), lambda: now + LEEWAY_S)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_a_token_without_a_signature_is_not_let_in(
    provider: IdentityProvider, verifier: Verifier, algorithm: str
) -> None:
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    kid = provider.keys[0][0]
    for signature in ("", provider.token().rpartition(".")[2]):
        forged = f"{part({'alg': algorithm, 'kid': kid, 'typ': 'JWT'})}.{part(claims)}.{signature}"
        with pytest.raises(NotAdmitted):
            verifier.verify(forged)


def test_the_public_key_is_no_shared_secret(provider: IdentityProvider, verifier: Verifier) -> None:
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    head = f"{part({'alg': 'HS256', 'kid': provider.keys[0][0]})}.{part(claims)}"
    for secret in (provider.public_pem(), json.dumps(provider.jwks()["keys"][0]).encode()):
        signature = base64.urlsafe_b64encode(hmac.digest(secret, head.encode(), hashlib.sha256)).rstrip(b"=").decode()
        with pytest.raises(NotAdmitted):
            verifier.verify(f"{head}.{signature}")
        # Not even where an administrator could have listed the algorithm: no key of ours is of that kind.
        careless = Verifier(provider.issuer, AUDIENCE, ("RS256", "HS256"), RemoteKeys(provider.issuer))
        with pytest.raises(NotAdmitted):
            careless.verify(f"{head}.{signature}")
    assert not {"HS256", "HS384", "HS512", "none"} & set(ALGORITHMS)


def test_a_signature_by_another_key_or_over_another_text_is_not_let_in(
    provider: IdentityProvider, verifier: Verifier
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(provider.token(), options={"verify_signature": False})
    kid = provider.keys[0][0]
    own_key = jwt.algorithms.RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True)
    for headers in ({"kid": kid}, {"kid": "unknown"}, {}, {"kid": kid, "jwk": own_key}):
        with pytest.raises(NotAdmitted):
            verifier.verify(jwt.encode(claims, stranger, algorithm="RS256", headers=headers))
    head, _, signature = provider.token().split(".")
    with pytest.raises(NotAdmitted):
        verifier.verify(f"{head}.{part({**claims, 'sub': 'bob'})}.{signature}")
    elliptic = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": kid})
    with pytest.raises(NotAdmitted):
        verifier.verify(elliptic)


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "..", "a" * 9000, "ey.ey.ey", "\udcff.a.b", ".".join(["é"] * 3)])
def test_what_is_no_token_is_not_let_in(verifier: Verifier, text: str) -> None:
    with pytest.raises(NotAdmitted):
        verifier.verify(text)


@pytest.mark.parametrize("headers", [{"crit": ["exp"], "exp": 1}, {"typ": "id+jwt"}, {"typ": "logout+jwt"}])
def test_a_token_of_another_kind_is_not_let_in(
    provider: IdentityProvider, verifier: Verifier, headers: dict[str, Any]
) -> None:
    with pytest.raises(NotAdmitted):
        verifier.verify(provider.token(headers=headers))


def test_a_second_factor_can_be_asked_for(provider: IdentityProvider) -> None:
    strict = Verifier(provider.issuer, AUDIENCE, ("RS256",), RemoteKeys(provider.issuer), ("two-factors",))
    assert strict.verify(provider.token(acr="two-factors"))
    with pytest.raises(NotAdmitted):
        strict.verify(provider.token(acr="one"))


def test_a_short_key_serves_nobody() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    public = {**jwt.algorithms.RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True), "kid": "k"}
    assert FixedKeys([public]).find("k", "RS256") is None


def test_a_rotated_key_is_found_and_forged_ids_do_not_make_the_hub_ask() -> None:
    provider, now, asked = IdentityProvider(issuer="https://idp.example"), [1e6], []

    def get(url: str, _ca_file: str) -> Any:
        asked.append(url)
        return provider.discovery() if "well-known" in url else provider.jwks()

    keys = RemoteKeys(provider.issuer, clock=lambda: now[0], get=get)
    kid = provider.keys[0][0]
    assert keys.find(kid, "RS256") is not None
    for number in range(50):
        assert keys.find(f"forged-{number}", "RS256") is None
    assert len(asked) == 2
    provider.rotate()
    now[0] += RETRY_S
    assert keys.find(provider.keys[0][0], "RS256") is not None
    assert len(asked) == 4


def test_a_provider_that_hangs_keeps_only_the_one_waiting_who_asks_it() -> None:
    provider, now = IdentityProvider(issuer="https://idp.example"), [1e6]
    hangs, goes_on = threading.Event(), threading.Event()

    def get(url: str, _ca_file: str) -> Any:
        if now[0] > 1e6:
            hangs.set()
            assert goes_on.wait(10)
        return provider.discovery() if "well-known" in url else provider.jwks()

    keys = RemoteKeys(provider.issuer, clock=lambda: now[0], get=get)
    kid = provider.keys[0][0]
    assert keys.find(kid, "RS256") is not None
    now[0] += FRESH_S
    asking = threading.Thread(target=keys.find, args=(kid, "RS256"))
    asking.start()
    try:
        assert hangs.wait(10)
        assert keys.find(kid, "RS256") is not None  # the lock is held; who waited for it would wait for ever
        with pytest.raises(KeysUnavailable, match="is being asked"):
            keys.find("forged", "RS256")
    finally:
        goes_on.set()
        asking.join()
    assert keys.find("forged", "RS256") is None


def test_who_is_signed_in_reads_on_while_the_provider_is_away() -> None:
    provider, now = IdentityProvider(issuer="https://idp.example"), [1e6]

    def get(url: str, _ca_file: str) -> Any:
        if provider.is_away:
            raise ValueError("away")
        return provider.discovery() if "well-known" in url else provider.jwks()

    keys = RemoteKeys(provider.issuer, clock=lambda: now[0], get=get)
    kid = provider.keys[0][0]
    provider.is_away = True
    with pytest.raises(KeysUnavailable):
        keys.find(kid, "RS256")
    provider.is_away = False
    now[0] += RETRY_S
    assert keys.find(kid, "RS256") is not None
    provider.is_away = True
    now[0] += KEEP_S - 1
    assert keys.find(kid, "RS256") is not None
    now[0] += RETRY_S
    with pytest.raises(KeysUnavailable):
        keys.find(kid, "RS256")


def test_a_provider_that_names_another_issuer_is_not_believed() -> None:
    provider = IdentityProvider(issuer="https://idp.example")

    def get(url: str, _ca_file: str) -> Any:
        return {**provider.discovery(), "issuer": "https://evil.example"} if "well-known" in url else provider.jwks()

    with pytest.raises(KeysUnavailable):
        RemoteKeys(provider.issuer, get=get).find(provider.keys[0][0], "RS256")


def people(provider: IdentityProvider, *groups: GroupGrant, sites: tuple[str, ...] = ("north",)) -> People:
    return People(AuthSettings(issuer=provider.issuer, groups=groups), NoAccounts(), sites)


def test_a_group_of_the_provider_is_a_grant_here(provider: IdentityProvider) -> None:
    grant = Grant("north", Role.READER)
    known = people(provider, GroupGrant("readers", grant), GroupGrant("admins", Grant("north", Role.OBSERVER)))
    told = {"groups": ["readers", "staff"], "family_name": "Jansen", "given_name": "Ann", "organisation": "North"}
    caller = known.caller_of(provider.token(**told))
    assert caller.grants == (grant,)
    assert caller.reader is not None
    assert (caller.reader.code, caller.reader.name, caller.reader.organisation) == ("1", "Jansen^Ann", "North")
    assert caller.subject == f"{provider.issuer}|ann"
    assert not caller.is_trusted


@pytest.mark.parametrize("groups", [[], ["others"], "readers", None, [["readers"]], {"readers": 1}])
def test_without_a_grant_signing_in_opens_nothing(provider: IdentityProvider, groups: Any) -> None:
    known = people(provider, GroupGrant("readers", Grant("north", Role.READER)))
    with pytest.raises(NotAdmitted, match="no hospital") as refused:
        known.caller_of(provider.token(groups=groups))
    assert refused.value.status == 403


def test_a_checked_token_is_remembered_no_longer_than_it_lives(provider: IdentityProvider) -> None:
    now = [time.time()]
    settings = AuthSettings(issuer=provider.issuer, groups=(GroupGrant("g", Grant("north", Role.READER)),))
    known = People(settings, NoAccounts(), ("north",), clock=lambda: now[0])
    token = provider.token(groups=["g"], lasts_s=5)
    assert known.remembered(token) is None
    assert known.caller_of(token) == known.remembered(token)
    now[0] += 60
    assert known.remembered(token) is None
    with pytest.raises(NotAdmitted, match=refusals.EXPIRED):
        known.caller_of(token)
