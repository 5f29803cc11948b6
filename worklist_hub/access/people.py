"""From a checked token to a `Caller`: who it is and what was granted. Imported only where tokens are checked."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ups.codes import Person
from worklist_hub.access.grants import Grant, within
from worklist_hub.access.keys import FixedKeys, KeysUnavailable, RemoteKeys
from worklist_hub.access.refusals import INVALID, NO_ACCESS, UNAVAILABLE, NotAdmitted
from worklist_hub.access.settings import BUILT_IN, AuthSettings
from worklist_hub.access.tokens import LEEWAY_S, Verifier, issuer_of
from worklist_hub.accounts.issuer import ALGORITHM
from worklist_hub.accounts.store import Account
from worklist_hub.workitem.protocol import Caller

REMEMBERED_S = 15.0
"""So long a checked token is believed without looking again; a disabled account is out after as long."""
_REMEMBERED = 4096


class Directory(Protocol):
    """Where accounts are found."""

    def by_id(self, account_id: str) -> Account | None:
        """By `sub` of a built-in token."""
        ...

    def find(self, login: str) -> Account | None:
        """By name, or `issuer|subject` for somebody of a provider."""
        ...


class People:
    """Known by token. Any thread may call."""

    def __init__(
        self,
        settings: AuthSettings,
        directory: Directory,
        site_ids: Sequence[str],
        *,
        public_key: Mapping[str, Any] | None = None,
        keys: Callable[[str, str], Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._directory, self._sites, self._clock = settings, directory, tuple(site_ids), clock
        self._verifiers: dict[str, Verifier] = {}
        if public_key is not None:
            own = FixedKeys([public_key])
            self._verifiers[BUILT_IN] = Verifier(BUILT_IN, settings.audience, (ALGORITHM,), own)
        if settings.issuer:
            remote = RemoteKeys(settings.issuer, settings.jwks_url, ca_file=settings.ca_file, get=keys)
            self._verifiers[settings.issuer] = Verifier(
                settings.issuer, settings.audience, settings.algorithms, remote, settings.acr
            )
        self._lock = threading.Lock()
        self._remembered: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    def remembered(self, token: str) -> Caller | None:
        """Of a token checked a moment ago; does not block."""
        with self._lock:
            until, caller = self._remembered.get(_digest(token), (0.0, None))
        return caller if self._clock() < until else None

    def has_seen(self, token: str) -> bool:
        """Whether it was checked before and found good, be it long ago."""
        with self._lock:
            return _digest(token) in self._remembered

    def caller_of(self, token: str) -> Caller:
        """Check it. May block (keys, database). Raises `NotAdmitted`."""
        verifier = self._verifiers.get(issuer_of(token))
        if verifier is None:
            raise NotAdmitted(INVALID)
        try:
            claims = verifier.verify(token, self._clock)
        except KeysUnavailable as error:
            raise NotAdmitted(UNAVAILABLE, 503, 30) from error
        is_own = verifier.issuer == BUILT_IN
        caller = self._by_account(claims) if is_own else self._by_provider(claims)
        ends = float(claims["exp"])
        with self._lock:
            self._remembered[_digest(token)] = (min(self._clock() + REMEMBERED_S, ends + LEEWAY_S), caller)
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return caller

    def may_come(self, account: Account) -> bool:
        """Whether somebody could be let in as this account: it is enabled, and its way of signing in is on."""
        issuer = BUILT_IN if account.has_password else account.login.partition("|")[0]
        return not account.is_disabled and issuer in self._verifiers

    def _by_account(self, claims: Mapping[str, Any]) -> Caller:
        account = self._directory.by_id(claims["sub"])
        if account is None or account.is_disabled or not account.has_password:
            raise NotAdmitted(INVALID)
        responsible = account.responsible
        return self._caller(claims, account.reader, account.grants, responsible, "password")

    def _by_provider(self, claims: Mapping[str, Any]) -> Caller:
        subject = f"{claims['iss']}|{claims['sub']}"
        account = self._directory.find(subject)
        if account is not None and account.is_disabled:
            raise NotAdmitted(NO_ACCESS, 403)
        settings = self._settings
        groups = claims.get(settings.groups_claim, ())
        member_of = {one for one in groups if isinstance(one, str)} if isinstance(groups, list) else set()
        grants = [one.grant for one in settings.groups if one.group in member_of]
        grants += account.grants if account is not None else ()
        reader = account.reader if account is not None else self._reader(claims)
        told = _text(claims, settings.responsible_claim) if settings.responsible_claim else ""
        responsible = told or (account.responsible if account is not None else "")
        return self._caller(claims, reader, grants, responsible, "openid")

    def _reader(self, claims: Mapping[str, Any]) -> Person:
        code = _text(claims, self._settings.code_claim) or claims["sub"][:64]
        family, given = _text(claims, "family_name"), _text(claims, "given_name")
        name = f"{family}^{given}".rstrip("^") if family else _text(claims, "name") or code
        return Person(code, name, _text(claims, self._settings.organisation_claim))

    def _caller(
        self, claims: Mapping[str, Any], reader: Person, grants: Sequence[Grant], responsible: str, how: str
    ) -> Caller:
        held = within(grants, self._sites)
        if not held:
            raise NotAdmitted(NO_ACCESS, 403)
        return Caller(
            reader,
            ae_title_of(reader.code),
            grants=held,
            subject=f"{claims['iss']}|{claims['sub']}",
            on_behalf_of=Person("", responsible) if responsible else None,
            signed_in_by=how,
            expires_at=float(claims["exp"]),
        )


def ae_title_of(code: str) -> str:
    """The AE title that a reader is named by in events."""
    return code.encode("ascii", "replace").decode()[:16]


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    return value[:64].replace("\\", "") if isinstance(value, str) else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
