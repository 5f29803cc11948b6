"""To whom a study may be given, as the hub tells each caller: every role x hospital x expertise, against an oracle.

The oracle is written by hand, in plain words of its own; it imports nothing of the policy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from pacs.site import Site
from tests.peers.hub import ANN, client_of, running_hub
from tests.peers.identity import IdentityProvider, running_provider
from ups.codes import Person
from worklist_client.worklist import region
from worklist_hub.access.grants import Grant, Privilege, Role
from worklist_hub.access.settings import AuthSettings, GroupGrant
from worklist_hub.accounts.store import AccountStore
from worklist_hub.audit.records import Action, AuditEvent
from worklist_hub.audit.tables import AUDIT_EVENTS
from worklist_hub.service import Hub
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.web.assignable import assignable
from worklist_hub.web.callers import Known
from worklist_hub.workitem.protocol import Caller

SITES = (Site("north", "North", "#f00"), Site("south", "South", "#0f0"))
PASSWORD = "correct horse battery"
GIVING = {"coordinator", "reader"}
"""Roles that may give a study away: a coordinator assigns, a reader hands over what he holds. Others may not."""


@dataclass(frozen=True)
class Who:
    """A caller or a reader: grants as (site, role, expertise)."""

    code: str
    grants: tuple[tuple[str, str, str], ...]
    is_enabled: bool = True

    @property
    def granted(self) -> tuple[Grant, ...]:
        return tuple(
            Grant(site, Role(role), frozenset({expertise} if expertise else ()))
            for site, role, expertise in self.grants
        )


CALLERS = (
    Who("cor", (("north", "coordinator", ""),)),
    Who("corboth", (("north", "coordinator", ""), ("south", "coordinator", ""))),
    Who("coreverywhere", (("*", "coordinator", ""),)),
    Who("callnorth", (("north", "reader", ""),)),
    Who("callneuro", (("north", "reader", "neuro"),)),
    Who("mixed", (("north", "observer", ""), ("south", "reader", "msk"))),
    Who("administrator", (("north", "site_administrator", ""),)),
    Who("intake", (("north", "intake", ""),)),
    Who("observer", (("*", "observer", ""),)),
)
READERS = (
    Who("ann", (("north", "reader", ""),)),
    Who("nel", (("north", "reader", "neuro"),)),
    Who("max", (("north", "reader", "msk"), ("south", "reader", "neuro"))),
    Who("els", (("south", "reader", ""),)),
    Who("eve", (("*", "reader", ""),)),
    Who("coo", (("north", "coordinator", ""),)),
    Who("gone", (("north", "reader", ""),), is_enabled=False),
)


def covers(grant: tuple[str, str, str], site: str, expertise: str) -> bool:
    at, role, only = grant
    return at in ("*", site) and (role != "reader" or not only or not expertise or only == expertise)


def expected(who: Who, site: str, expertise: str) -> set[str]:
    if not any(covers(one, site, expertise) and one[1] in GIVING for one in who.grants):
        return set()
    return {
        reader.code
        for reader in (*READERS, *CALLERS)
        if reader.is_enabled and any(covers(one, site, expertise) and one[1] == "reader" for one in reader.grants)
    }


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as found:
        yield found


def accounts_of(hub: Hub, *people: Who) -> AccountStore:
    accounts = AccountStore(hub.store.database)
    for one in people:
        accounts.create(one.code, Person(one.code, f"Name^{one.code}", "Group"), one.granted, PASSWORD)
        accounts.set_disabled(one.code, not one.is_enabled)
    return accounts


def token_of(hub: Hub, login: str) -> str:
    form = {"grant_type": "password", "username": login, "password": PASSWORD}
    answer = requests.post(f"{hub.url}/region/auth/token", data=form, timeout=10)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def ask(hub: Hub, token: str, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{hub.url}/region/readers", params=query, headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def codes(told: Any) -> set[str]:
    return {one["code"] for one in told["readers"]}


@pytest.fixture
def auth(tmp_path: Path) -> AuthSettings:
    return AuthSettings(accounts=True, signing_key_file=str(tmp_path / "key.pem"))


def test_each_caller_is_told_of_the_readers_whom_the_oracle_names(
    any_database: Path | str, tmp_path: Path, auth: AuthSettings
) -> None:
    store = WorkitemStore(any_database)
    with running_hub(tmp_path, store=store, sites=SITES, auth=auth) as hub:
        accounts_of(hub, *READERS, *CALLERS)
        for who in CALLERS:
            token = token_of(hub, who.code)
            for site, expertise in itertools.product(("north", "south", "nowhere", ""), ("", "neuro", "msk")):
                told = ask(hub, token, site=site, expertise=expertise)
                assert codes(told) == expected(who, site, expertise), (who.code, site, expertise)
                assert told["complete"] is True
            everywhere = set().union(*(expected(who, site, "") for site in ("north", "south")))
            assert codes(ask(hub, token)) == everywhere, who.code


def test_names_are_told_and_neither_accounts_nor_rights(tmp_path: Path, auth: AuthSettings) -> None:
    with running_hub(tmp_path, sites=SITES, auth=auth) as hub:
        accounts = accounts_of(hub, Who("cor", (("north", "coordinator", ""),)))
        accounts.create(
            "ann@example.org", Person("1", "Ann^A", "North"), (Grant("north", Role.READER),), PASSWORD, "Dr. Boss"
        )
        told = ask(hub, token_of(hub, "cor"), site="north")
        assert told == {"readers": [{"code": "1", "name": "Ann^A", "organisation": "North"}], "complete": True}


def test_who_may_read_no_more_is_not_offered_and_who_may_assign_besides_is_told(
    tmp_path: Path, auth: AuthSettings
) -> None:
    with running_hub(tmp_path, sites=SITES, auth=auth) as hub:
        accounts = accounts_of(hub, READERS[0])
        less = Grant("north", Role.READER, removed=frozenset({Privilege.READ}))
        accounts.create("less", Person("2", "Less^L"), (less,), PASSWORD)
        more = Grant("north", Role.OBSERVER, added=frozenset({Privilege.ASSIGN}))
        accounts.create("more", Person("3", "More^M"), (more,), PASSWORD)
        assert codes(ask(hub, token_of(hub, "more"), site="north")) == {"ann"}
        assert codes(ask(hub, token_of(hub, "less"), site="north")) == set()
        accounts.set_grants("ann", (Grant("south", Role.READER),))
        assert codes(ask(hub, token_of(hub, "more"), site="north")) == set()


def test_with_a_provider_the_answer_says_that_it_is_not_everybody(
    tmp_path: Path, provider: IdentityProvider, auth: AuthSettings
) -> None:

    coordinator = GroupGrant("coordinators", Grant("north", Role.COORDINATOR))
    readers = GroupGrant("readers", Grant("north", Role.READER))
    both = replace(auth, issuer=provider.issuer, groups=(coordinator, readers))
    with running_hub(tmp_path, sites=SITES, auth=both) as hub:
        accounts = accounts_of(hub, READERS[0])
        granted = (Grant("north", Role.READER),)
        accounts.create(f"{provider.issuer}|pia", Person("7", "Pia^P"), granted)
        accounts.create("https://former.example|old", Person("8", "Old^O"), granted)
        ask(hub, provider.token(sub="rob", preferred_username="rob", groups=["readers"]))  # the hub does not keep him
        told = ask(hub, provider.token(sub="cor", preferred_username="cor", groups=["coordinators"]), site="north")
        assert codes(told) == {"ann", "7"}
        assert told["complete"] is False


def test_the_token_file_is_known(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    lines = [f'[[reader]]\ncode = "{n}"\nname = "Reader^{n}"\ntoken = "{"x" * 20}{n}"\n' for n in (1, 2)]
    lines.append('[[reader.grant]]\nsite = "south"\nrole = "reader"\n')
    path.write_text("".join(lines))
    path.chmod(0o600)
    with running_hub(tmp_path, sites=SITES, token_file=path) as hub:
        first = "x" * 20 + "1"
        assert codes(ask(hub, first)) == {"1", "2"}
        assert codes(ask(hub, first, site="north")) == {"1"}
        assert ask(hub, first)["complete"] is True


def test_a_hub_without_sign_in_knows_nobody_and_says_so(tmp_path: Path) -> None:
    with running_hub(tmp_path, sites=SITES) as hub:
        assert ask(hub, "") == {"readers": [], "complete": False}


def test_being_asked_is_a_line_of_the_audit_log(tmp_path: Path, auth: AuthSettings) -> None:
    with running_hub(tmp_path, sites=SITES, auth=auth) as hub:
        accounts_of(hub, READERS[0])
        ask(hub, token_of(hub, "ann"), site="north")
        query = sa.select(AUDIT_EVENTS.c.body).order_by(AUDIT_EVENTS.c.process, AUDIT_EVENTS.c.number)
        with hub.store.reading.connect() as connection:
            lines = [AuditEvent.from_text(body) for body in connection.execute(query).scalars()]
        (line,) = (one for one in lines if "/region/readers" in one.text)
        assert (line.actor.code, line.action) == ("ann", Action.OTHER)


def test_without_a_grant_nothing_is_told(tmp_path: Path, provider: IdentityProvider, auth: AuthSettings) -> None:

    with running_hub(tmp_path, sites=SITES, auth=replace(auth, issuer=provider.issuer)) as hub:
        headers = {"Authorization": f"Bearer {provider.token(sub='nob', preferred_username='nob', groups=[])}"}
        assert requests.get(f"{hub.url}/region/readers", headers=headers, timeout=10).status_code == 403


def test_the_desk_understands_the_answer(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(f'[[reader]]\ncode = "1"\nname = "Ann^A"\norganisation = "North"\ntoken = "{"x" * 20}"\n')
    path.chmod(0o600)
    with running_hub(tmp_path, sites=SITES, token_file=path) as hub, client_of(hub, token="x" * 20) as client:
        assert region.readers(client, "north", "neuro & spine") == region.KnownReaders((ANN,), is_complete=True)
        assert region.readers(client, "north", "") == region.KnownReaders((ANN,), is_complete=True)


def test_a_reader_of_two_entries_is_told_once() -> None:

    grants = (Grant("north", Role.READER),)
    known = [Known(ANN, grants), Known(ANN, grants)]
    assert assignable(Caller(grants=grants), known, ("north", "south"), "") == (ANN,)
