"""Signing in for real: the desktop's code against a hub, with the scripted provider and with built-in accounts."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import trustme
from websockets.sync.client import connect

from pacs.site import Site
from tests.peers.hub import running_hub, study_to_read
from tests.peers.identity import CLIENT_ID, IdentityProvider, running_provider
from ups.client import UpsClient
from ups.codes import Person
from ups.errors import NotAuthorised
from worklist_client.settings import openid, session, sign_in
from worklist_client.settings.language import load_translations
from worklist_client.settings.openid import Provider
from worklist_client.settings.session import ENDED, RETRY_S, Session
from worklist_client.settings.sign_in import (
    HubAccounts,
    OpenIdMethod,
    PasswordMethod,
    SignInError,
    methods,
)
from worklist_client.ui.start import SignInNeeded, let_in
from worklist_hub.access import entrance, policy, refusals
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.settings import AuthSettings, GroupGrant, Limits, TlsSettings
from worklist_hub.accounts.store import AccountStore
from worklist_hub.config import ConfigError, HubConfig
from worklist_hub.service import Hub
from worklist_hub.web.guard import SIGNED_OUT

PASSWORD = "correct horse battery"
SITES = (Site("north", "North", "#f00"),)
READER = Grant("north", Role.READER)


@dataclass
class MemoryVault:
    """A keychain of a test."""

    kept: dict[str, str] = field(default_factory=dict)

    def read(self, hub_url: str) -> str:
        return self.kept.get(hub_url, "")

    def write(self, hub_url: str, text: str) -> bool:
        self.kept[hub_url] = text
        return True


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as found:
        found.user["groups"] = ["readers"]
        yield found


@pytest.fixture
def hub(tmp_path: Path, provider: IdentityProvider) -> Iterator[Hub]:
    auth = AuthSettings(
        accounts=True,
        issuer=provider.issuer,
        groups=(GroupGrant("readers", READER),),
        signing_key_file=str(tmp_path / "key.pem"),
    )
    with running_hub(tmp_path, sites=SITES, auth=auth, limits=Limits(sign_ins_per_min=12)) as running:
        accounts = AccountStore(running.store.database)
        accounts.create("ann", Person("1", "Ann^A", "North"), (READER,), PASSWORD)
        assert running.store.create_if_absent(study_to_read("1.2.3"))
        yield running


def browser(provider: IdentityProvider, *, change: Callable[[str], str] = lambda url: url) -> Callable[[str], bool]:
    """A person whose browser goes where it is sent."""

    def opened(url: str) -> bool:
        def go() -> None:
            answer = requests.get(url, allow_redirects=False, timeout=5)
            requests.get(change(answer.headers["Location"]), timeout=5)

        threading.Thread(target=go, daemon=True).start()
        return True

    return opened


def openid_of(hub: Hub) -> OpenIdMethod:
    found = methods(hub.url)
    assert isinstance(found[0], OpenIdMethod)
    assert isinstance(found[1], PasswordMethod)
    return found[0]


def test_by_browser_with_code_and_pkce_and_the_port_is_closed_again(hub: Hub, provider: IdentityProvider) -> None:
    tokens = Provider(openid_of(hub)).sign_in(browser(provider))
    client = UpsClient(hub.url, token=tokens.access)
    assert [one.uid for one in client.search()] == ["1.2.3"]
    client.close()
    asked, exchanged = provider.seen
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert asked["client_id"] == CLIENT_ID
    assert asked["state"] != asked["nonce"]
    assert len(exchanged["code_verifier"]) >= 43
    assert "client_secret" not in exchanged
    redirect = urlsplit(asked["redirect_uri"])
    assert redirect.hostname == "127.0.0.1"
    with pytest.raises(requests.ConnectionError):
        requests.get(asked["redirect_uri"], timeout=5)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"nonce": "of-another"}, openid.NOT_OURS),
        ({"nonce": ""}, openid.NOT_OURS),
        ({"denies": True}, openid.DENIED),
    ],
)
def test_an_answer_that_does_not_belong_to_it_is_not_accepted(
    hub: Hub, provider: IdentityProvider, script: dict[str, Any], said: str
) -> None:
    method = openid_of(hub)
    for name, value in script.items():
        setattr(provider, name, value)
    with pytest.raises(SignInError, match=said):
        Provider(method).sign_in(browser(provider))


def test_a_page_that_calls_the_waiting_port_does_not_end_the_sign_in(hub: Hub, provider: IdentityProvider) -> None:
    """Any page of the web can send the browser there, but none knows our state."""
    refused: list[int] = []

    def opened(url: str) -> bool:
        (redirect,) = parse_qs(urlsplit(url).query)["redirect_uri"]

        def go() -> None:
            refused.extend(
                requests.get(f"{redirect}?{of}", timeout=5).status_code for of in ("code=a&state=b", "error=c")
            )
            browser(provider)(url)

        threading.Thread(target=go, daemon=True).start()
        return True

    assert Provider(openid_of(hub)).sign_in(opened).access
    assert refused == [400, 400]
    provider.state = "of-another"
    with pytest.raises(SignInError, match=openid.TOO_LATE):
        Provider(openid_of(hub)).sign_in(browser(provider), patience_s=1.0)


def test_another_provider_s_answer_and_a_code_of_another_are_not_accepted(hub: Hub, provider: IdentityProvider) -> None:
    method = openid_of(hub)
    with pytest.raises(SignInError, match=openid.NOT_OURS):
        Provider(method).sign_in(browser(provider, change=lambda url: f"{url}&iss=https://evil.example"))
    with pytest.raises(SignInError):
        Provider(method).sign_in(browser(provider, change=lambda url: url.replace("code=", "code=stolen")))


def test_it_can_be_canceled_and_ends_by_itself(hub: Hub, provider: IdentityProvider) -> None:
    method = openid_of(hub)
    with pytest.raises(SignInError, match=openid.CANCELED):
        Provider(method).sign_in(lambda _url: True, cancelled=lambda: True)
    with pytest.raises(SignInError, match=openid.TOO_LATE):
        Provider(method).sign_in(lambda _url: True, patience_s=0.2)
    with pytest.raises(SignInError, match=openid.NO_BROWSER):
        Provider(method).sign_in(lambda _url: False)
    provider.is_away = True
    with pytest.raises(SignInError) as away:
        Provider(method).sign_in(lambda _url: True)
    assert not away.value.is_final


def test_by_name_and_password(hub: Hub) -> None:
    signed_in = Session(hub.url, MemoryVault())
    signed_in.begin(HubAccounts(hub.url).sign_in("Ann", PASSWORD), None)
    signed_in.introduce()
    assert signed_in.reader == {"code": "1", "name": "Ann^A", "organisation": "North"}
    client = UpsClient(hub.url, token=signed_in)
    assert client.retrieve("1.2.3").uid == "1.2.3"
    signed_in.end()
    with pytest.raises(NotAuthorised, match=refusals.MISSING):
        client.search()
    client.close()


def test_guessing_from_one_address_is_stopped(hub: Hub) -> None:
    for number in range(120):  # on a slow computer some more of them are due before the limit
        with pytest.raises(SignInError) as wrong:
            HubAccounts(hub.url).sign_in(f"nobody-{number}", PASSWORD)
        if number < 12:
            assert str(wrong.value) == refusals.WRONG_PASSWORD
        elif str(wrong.value) == refusals.TOO_MANY:
            break
    with pytest.raises(SignInError, match=refusals.TOO_MANY) as refused:
        HubAccounts(hub.url).sign_in("ann", PASSWORD)
    assert not refused.value.is_final


def test_a_password_goes_nowhere_without_tls() -> None:
    for act in (
        lambda: HubAccounts("http://hub.example").sign_in("ann", PASSWORD),
        lambda: methods("http://hub.example"),
    ):
        with pytest.raises(SignInError, match="https"):
            act()


def test_a_token_is_renewed_before_its_end_and_after_a_refusal_and_nothing_is_lost(
    hub: Hub, provider: IdentityProvider
) -> None:
    now = [0.0]
    signed_in = Session(hub.url, MemoryVault(), clock=lambda: now[0])
    signed_in.begin(Provider(openid_of(hub)).sign_in(browser(provider)), openid_of(hub))
    first = signed_in.token()
    assert signed_in.token() == first
    now[0] += provider.lasts_s - 1
    second = signed_in.token()
    assert second != first
    # The provider changes its keys: the hub does not take the old token, and the client asks again with a new one.
    assert signed_in.rejected(second)
    assert signed_in.rejected(first)  # told by a slower thread: there is a newer one already
    client = UpsClient(hub.url, token=signed_in)
    assert client.search()
    client.close()


def test_a_provider_that_is_away_is_not_the_end_and_one_that_refuses_is(hub: Hub, provider: IdentityProvider) -> None:
    now, vault, ended = [0.0], MemoryVault(), []
    signed_in = Session(hub.url, vault, clock=lambda: now[0])
    signed_in.on_ended = ended.append
    signed_in.begin(Provider(openid_of(hub)).sign_in(browser(provider)), openid_of(hub))
    provider.is_away = True
    now[0] += provider.lasts_s
    kept = signed_in.token()
    assert kept
    assert not ended
    provider.is_away = False
    now[0] += RETRY_S
    assert signed_in.token() != kept
    provider.end_sessions()
    now[0] += provider.lasts_s
    assert signed_in.token() == ""
    assert ended == [ENDED]
    assert not vault.kept[hub.url]


def test_the_next_start_goes_on_where_the_last_one_signed_in(hub: Hub, provider: IdentityProvider) -> None:
    vault = MemoryVault()
    with pytest.raises(SignInNeeded) as needed:
        let_in(hub.url, Session(hub.url, vault))
    assert len(needed.value.methods) == 2
    first = Session(hub.url, vault)
    first.begin(HubAccounts(hub.url).sign_in("ann", PASSWORD), None)
    assert let_in(hub.url, first)
    again = Session(hub.url, vault)
    assert let_in(hub.url, again)
    assert again.reader["code"] == "1"
    AccountStore(hub.store.database).set_password("ann", PASSWORD + "!")
    with pytest.raises(SignInNeeded):
        let_in(hub.url, Session(hub.url, vault))
    away = Session("http://127.0.0.1:9", MemoryVault({"http://127.0.0.1:9": vault.kept[hub.url] or '{"refresh": "x"}'}))
    assert away.restore()  # the hub is away: the desk begins all the same
    assert away.token() == ""


def test_who_has_no_grant_is_told_so_in_words(hub: Hub, provider: IdentityProvider) -> None:
    provider.user["groups"] = []
    signed_in = Session(hub.url, MemoryVault())
    signed_in.begin(Provider(openid_of(hub)).sign_in(browser(provider)), openid_of(hub))
    with pytest.raises(SignInNeeded) as needed:
        let_in(hub.url, signed_in)
    assert needed.value.reason == refusals.NO_ACCESS


def test_a_channel_ends_with_its_token(hub: Hub, provider: IdentityProvider) -> None:
    token = provider.token(exp=int(time.time()) - 28)  # within the leeway for clocks, so over in two seconds at most
    url = f"{hub.url.replace('http', 'ws')}/ws/subscribers/DESK"
    with connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None) as channel:
        with pytest.raises(Exception, match="sign-in has expired"):
            channel.recv(timeout=10)
        assert channel.close_code == SIGNED_OUT


def test_every_refusal_of_the_hub_has_a_dutch_sentence() -> None:
    dutch = load_translations("nl")
    named = {**vars(openid), **vars(session), **vars(sign_in)}
    ours = [text for name, text in named.items() if name.isupper() and isinstance(text, str) and " " in text]
    assert len(ours) > 10
    assert [text for text in (*policy.SENTENCES, *refusals.SENTENCES, *ours) if text not in dutch] == []


def test_beyond_loopback_a_hub_wants_sign_in_and_tls(tmp_path: Path) -> None:
    config = HubConfig(tmp_path / "w", host="0.0.0.0")
    signing_in = {"auth": AuthSettings(accounts=True)}
    with pytest.raises(ConfigError, match=r"\[auth\] or \[hub\] token_file is needed"):
        entrance.check_reach(config)
    with pytest.raises(ConfigError, match=r"\[tls\] certificate and key are needed"):
        entrance.check_reach(HubConfig(tmp_path / "w", host="0.0.0.0", **signing_in))
    for tls in (TlsSettings("c", "k"), TlsSettings(proxy_terminates=True)):
        entrance.check_reach(HubConfig(tmp_path / "w", host="0.0.0.0", **signing_in, tls=tls))
    with pytest.raises(ConfigError, match="absent"):
        entrance.server_options(TlsSettings(str(tmp_path / "absent"), str(tmp_path / "absent")))


def test_a_hub_with_tls_speaks_nothing_older_than_1_2_and_nothing_in_clear(tmp_path: Path) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, trusted = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    made.cert_chain_pems[0].write_to_path(certificate)
    made.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trusted)
    auth = AuthSettings(accounts=True, signing_key_file=str(tmp_path / "signing.pem"))
    tls = TlsSettings(str(certificate), str(key))
    with running_hub(tmp_path, sites=SITES, auth=auth, tls=tls) as hub:
        assert hub.url.startswith("https://")
        assert requests.get(f"{hub.url}/region/auth", verify=str(trusted), timeout=5).json()["methods"]
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{hub.url}/region/auth", timeout=5)
        with pytest.raises(requests.ConnectionError):
            requests.get(hub.url.replace("https", "http") + "/region/auth", timeout=5)
        port = int(urlsplit(hub.url).port or 0)
        for version, is_taken in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl.create_default_context(cafile=str(trusted))
            context.minimum_version = context.maximum_version = version
            assert _handshake(context, port) is is_taken
        weak = ssl.create_default_context(cafile=str(trusted))
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        weak.set_ciphers("AES128-SHA:ECDHE+AES128+SHA@SECLEVEL=0")
        assert not _handshake(weak, port)


def _handshake(context: ssl.SSLContext, port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="127.0.0.1"):
                return True
        except (ssl.SSLError, ConnectionError):
            return False


def test_the_old_token_file_still_lets_in_and_may_narrow(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(
        '[[reader]]\ntoken = "0123456789abcdef"\ncode = "1"\nname = "Ann^A"\n'
        '[[reader]]\ntoken = "fedcba9876543210"\ncode = "2"\nname = "Bob^B"\n'
        '[[reader.grant]]\nsite = "south"\nrole = "reader"\n',
        "utf-8",
    )
    path.chmod(0o600)
    with running_hub(tmp_path, sites=SITES, token_file=path) as hub:
        ann, bob = UpsClient(hub.url, token="0123456789abcdef"), UpsClient(hub.url, token="fedcba9876543210")
        ann.create(study_to_read("1.2.3"))
        assert len(ann.search()) == 1
        assert bob.search() == ()
        with pytest.raises(NotAuthorised, match="add studies"):
            bob.create(study_to_read("1.2.4"))
        assert methods(hub.url) == ()
        ann.close()
        bob.close()


def test_limits_stop_a_flood_and_compressed_and_doubled_things(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text('[[reader]]\ntoken = "0123456789abcdef"\ncode = "1"\nname = "Ann^A"\n', "utf-8")
    path.chmod(0o600)
    header = {"Authorization": "Bearer 0123456789abcdef"}
    with running_hub(tmp_path, token_file=path, limits=Limits(requests_per_s=0.01, burst=5)) as hub:
        gzip = {**header, "Content-Encoding": "gzip", "Content-Type": "application/dicom+json"}
        assert requests.post(f"{hub.url}/workitems", data=b"x", headers=gzip, timeout=5).status_code == 415
        answers = [requests.get(f"{hub.url}/workitems", headers=header, timeout=5) for _ in range(6)]
        assert [one.status_code for one in answers] == [204] * 5 + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0
