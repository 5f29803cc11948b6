"""Who is signed in at this desk: keeps the tokens, renews them ahead of time, and says when somebody must sign in.

Nothing of the desk's work hangs on it: drafts and the outbox are in the journal, and wait.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Protocol

from worklist_client.settings.keychain import SERVICE
from worklist_client.settings.openid import Provider
from worklist_client.settings.sign_in import HubAccounts, OpenIdMethod, Renewer, SignInError, Tokens, me

AHEAD_S = 60.0
"""So long before its end a token is renewed; half of its life where that is short."""
RETRY_S = 5.0
"""So long a sign-in service that is away is left alone."""
ENDED = "Your sign-in has ended; sign in again. Your texts are kept."
SOMEBODY_ELSE = "Somebody else signed in; close the worklist and start it again to change the reader"
_PIECE = 1000
"""The keychain of Windows takes 1,280 characters an entry."""


class Vault(Protocol):
    """Where the refresh token lies between two starts."""

    def read(self, hub_url: str) -> str:
        """ "" where there is none. Blocks."""
        ...

    def write(self, hub_url: str, text: str) -> bool:
        """ "" forgets. False where there is no keychain: then it is kept in memory only. Blocks."""
        ...


class KeychainVault:
    """The operating system's keychain, in pieces; never a file. Each profile has its own: two readers of one computer
    must not find themselves signed in as the other."""

    def __init__(self, profile: str = "") -> None:
        self._profile = profile

    def read(self, hub_url: str) -> str:
        """See `Vault`."""
        import keyring  # noqa: PLC0415 - costs 150 ms, which the start of the windows must not pay
        from keyring.errors import KeyringError  # noqa: PLC0415 - the same

        try:
            pieces: list[str] = []
            while piece := keyring.get_password(SERVICE, self._entry(hub_url, len(pieces))):
                pieces.append(piece)
        except KeyringError:
            return ""
        return "".join(pieces)

    def write(self, hub_url: str, text: str) -> bool:
        """See `Vault`."""
        import keyring  # noqa: PLC0415 - as above
        from keyring.errors import KeyringError, PasswordDeleteError  # noqa: PLC0415 - as above

        pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
        try:
            for number, piece in enumerate(pieces):
                keyring.set_password(SERVICE, self._entry(hub_url, number), piece)
            number = len(pieces)
            while keyring.get_password(SERVICE, self._entry(hub_url, number)) is not None:
                keyring.delete_password(SERVICE, self._entry(hub_url, number))
                number += 1
        except PasswordDeleteError:
            return True
        except KeyringError:
            return False
        return True

    def _entry(self, hub_url: str, number: int) -> str:
        whose = f"{self._profile} at " if self._profile else ""
        return f"sign-in {whose}{hub_url} {number}"


class Session:
    """Implements `ups.client.TokenSource`. Any thread may call; one of them renews."""

    def __init__(self, hub_url: str, vault: Vault, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub_url, self._vault, self._clock = hub_url, vault, clock
        self._lock = threading.Lock()
        self._tokens: Tokens | None = None
        self._renewer: Renewer | None = None
        self._method: OpenIdMethod | None = None
        self._made_at = self._asked_at = -1e9
        self.reader: dict[str, str] = {}
        """Who the hub says is signed in: code, name, organisation; also from the last time, while it is away."""
        self.on_ended: Callable[[str], None] = lambda _reason: None
        """Told, from whatever thread, when somebody must sign in again."""

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a token at all."""
        return self._tokens is not None

    def begin(self, tokens: Tokens, method: OpenIdMethod | None) -> None:
        """Signed in: at a provider, or (None) by an account of the hub."""
        with self._lock:
            self._take(tokens, method)

    def introduce(self) -> None:
        """Ask the hub who we are. Blocks. Raises `SignInError`; where it lets us not in, or it is somebody else than
        before, nobody is signed in: the drafts of this desk are one reader's."""
        try:
            told = me(self._hub_url, self.token())
        except SignInError as error:
            if error.is_final:
                self.end()
            raise
        known = self.reader.get("code", "")
        if known and told.get("code") != known:
            self.end()
            raise SignInError(SOMEBODY_ELSE)
        with self._lock:
            self.reader = {key: str(told.get(key, "")) for key in ("code", "name", "organisation")}
            self._keep()

    def restore(self) -> bool:
        """Go on from the last time, by the refresh token in the keychain. Blocks. Where the hub or the provider is
        away, that is tried again whenever a token is needed, and the desk begins all the same."""
        with self._lock:
            try:
                kept = json.loads(self._vault.read(self._hub_url) or "{}")
                refresh = kept["refresh"]
                method = OpenIdMethod(**kept["openid"]) if kept.get("openid") else None
                self.reader = dict(kept.get("reader", {}))
            except (ValueError, KeyError, TypeError):
                return False
            try:
                self._take(_renewer(self._hub_url, method).renew(refresh), method)
            except SignInError as error:
                if error.is_final:
                    self._vault.write(self._hub_url, "")
                    self.reader = {}
                    return False
                self._take(Tokens("", 0.0, refresh), method)
                self._asked_at = self._clock()
            return True

    def token(self) -> str:
        """To send now; renewed where its end is near. Blocks for that. "" where nobody is signed in."""
        with self._lock:
            if self._tokens is None:
                return ""
            left = self._made_at + self._tokens.expires_in_s - self._clock()
            if left < min(AHEAD_S, self._tokens.expires_in_s / 2):
                self._renew()
            return self._tokens.access if self._tokens is not None else ""

    def rejected(self, token: str) -> bool:
        """The hub did not take this token. True: there is another one now, ask again."""
        with self._lock:
            if self._tokens is not None and self._tokens.access == token:
                self._renew()
            return self._tokens is not None and self._tokens.access != token

    def end(self) -> None:
        """Sign out. Blocks."""
        with self._lock:
            if self._tokens is not None and self._renewer is not None and self._tokens.refresh:
                self._renewer.end(self._tokens.refresh)
            self._tokens = None
            self._vault.write(self._hub_url, "")

    def _take(self, tokens: Tokens, method: OpenIdMethod | None) -> None:
        self._tokens, self._renewer, self._made_at = tokens, _renewer(self._hub_url, method), self._clock()
        self._method = method
        self._keep()

    def _keep(self) -> None:
        if self._tokens is None or not self._tokens.refresh:
            return
        method = self._method
        openid = {name: getattr(method, name) for name in OpenIdMethod.__slots__} if method is not None else None
        kept = {"refresh": self._tokens.refresh, "openid": openid, "reader": self.reader}
        self._vault.write(self._hub_url, json.dumps(kept))

    def _renew(self) -> None:
        """With the lock held: nobody asks with a refresh token that another thread has just used up."""
        assert self._tokens is not None
        assert self._renewer is not None
        if self._clock() - self._asked_at < RETRY_S:
            return
        try:
            if not self._tokens.refresh:
                raise SignInError(ENDED)
            self._take(self._renewer.renew(self._tokens.refresh), self._method)
        except SignInError as error:
            self._asked_at = self._clock()
            if error.is_final:
                self._tokens = None
                self._vault.write(self._hub_url, "")
                self.on_ended(ENDED)


def _renewer(hub_url: str, method: OpenIdMethod | None) -> Renewer:
    return HubAccounts(hub_url) if method is None else Provider(method)
