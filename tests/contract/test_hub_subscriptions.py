"""How many subscriptions an account may have, and what makes room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.peers.hub import running_hub, study_to_read
from ups.codes import UNSPECIFIED_REASON
from worklist_hub.access.settings import Limits
from worklist_hub.service import Hub
from worklist_hub.store.subscriptions import FILTERED_GLOBAL, GLOBAL, SubscriptionStore, TooManySubscriptions
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.web.watching import channel_key
from worklist_hub.workitem.protocol import Caller

MOST = 4
ANN, BOB = (Caller(subject=f"token-file|{code}") for code in ("1", "2"))


@pytest.fixture
def store(any_database: Path | str) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database)
    yield made
    made.close()


@pytest.fixture
def kept(store: WorkitemStore) -> SubscriptionStore:
    return SubscriptionStore(store, most=MOST)


def new_uid(store: WorkitemStore) -> str:
    made = study_to_read()
    assert store.create_if_absent(made)
    return made.uid


def fill(kept: SubscriptionStore, store: WorkitemStore, caller: Caller, count: int = MOST) -> list[str]:
    """Single subscriptions, each by an AE title of its own."""
    uids = [new_uid(store) for _ in range(count)]
    for number, uid in enumerate(uids):
        kept.subscribe(channel_key(caller, f"DESK{number}"), uid, {}, deletion_lock=False)
    return uids


def test_the_bound_is_the_accounts_whatever_its_ae_titles(kept: SubscriptionStore, store: WorkitemStore) -> None:
    fill(kept, store, ANN)
    for uid in (GLOBAL, new_uid(store)):
        with pytest.raises(TooManySubscriptions, match="You have 4 subscriptions"):
            kept.subscribe(channel_key(ANN, "ANOTHER"), uid, {}, deletion_lock=False)
    assert len(kept.subscribers()) == MOST
    kept.subscribe(channel_key(BOB, "ANOTHER"), GLOBAL, {}, deletion_lock=False)


def test_renewing_what_is_there_goes_on(kept: SubscriptionStore, store: WorkitemStore) -> None:
    key = channel_key(ANN, "DESK")
    kept.subscribe(key, FILTERED_GLOBAL, {"WorklistLabel": "NEURO"}, deletion_lock=False)
    fill(kept, store, ANN, MOST - 1)
    kept.subscribe(key, FILTERED_GLOBAL, {"WorklistLabel": "CHEST"}, deletion_lock=True)
    assert len(kept.subscribers()) == MOST


def test_ending_one_makes_room(kept: SubscriptionStore, store: WorkitemStore) -> None:
    uids = fill(kept, store, ANN)
    assert kept.unsubscribe(channel_key(ANN, "DESK0"), uids[0])
    kept.subscribe(channel_key(ANN, "DESK"), GLOBAL, {}, deletion_lock=False)


def test_what_has_ended_makes_room_and_what_is_kept_does_not(kept: SubscriptionStore, store: WorkitemStore) -> None:
    uids = fill(kept, store, ANN)
    kept.subscribe(channel_key(ANN, "DESK1"), uids[1], {}, deletion_lock=True)
    for uid in uids[:2]:
        assert store.cancel_scheduled(uid, UNSPECIFIED_REASON, "read elsewhere")
    kept.subscribe(channel_key(ANN, "DESK"), GLOBAL, {}, deletion_lock=False)
    assert {one.uid for one in kept.subscribers()} == {GLOBAL, *uids[1:]}
    with pytest.raises(TooManySubscriptions):
        kept.subscribe(channel_key(ANN, "DESK"), new_uid(store), {}, deletion_lock=False)


def test_exceptions_to_a_global_subscription_count_too(kept: SubscriptionStore, store: WorkitemStore) -> None:
    key = channel_key(ANN, "DESK")
    kept.subscribe(key, GLOBAL, {}, deletion_lock=True)
    uids = [new_uid(store) for _ in range(MOST)]
    for uid in uids[:-1]:
        assert kept.unsubscribe(key, uid)
        assert store.cancel_scheduled(uid, UNSPECIFIED_REASON, "read elsewhere")  # excepted from the lock all the same
    with pytest.raises(TooManySubscriptions):
        kept.unsubscribe(key, uids[-1])
    assert len(kept.subscribers()) == MOST


def test_a_desk_of_ones_own_is_not_bound(kept: SubscriptionStore, store: WorkitemStore) -> None:
    fill(kept, store, Caller(is_trusted=True), MOST + 2)
    assert len(kept.subscribers()) == MOST + 2


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    path = tmp_path / "tokens.toml"
    path.write_text(f'[[reader]]\ncode = "1"\nname = "Ann^A"\ntoken = "{"x" * 20}"\n')
    path.chmod(0o600)
    with running_hub(tmp_path, token_file=path, limits=Limits(subscriptions=2)) as running:
        yield running


def test_an_account_with_as_many_as_are_kept_is_told_so_and_keeps_them(hub: Hub) -> None:
    def ask(method: str, ae_title: str) -> requests.Response:
        url = f"{hub.url}/workitems/{GLOBAL}/subscribers/{ae_title}"
        return requests.request(method, url, headers={"Authorization": f"Bearer {'x' * 20}"}, timeout=10)

    assert [ask("POST", title).status_code for title in ("ONE", "TWO", "ONE")] == [201, 201, 201]
    refused = ask("POST", "THREE")
    assert refused.status_code == 429
    assert refused.json() == {
        "reason": "You have 2 subscriptions, and no more are kept; end some, or subscribe globally"
    }
    assert "You have 2 subscriptions" in refused.headers["Warning"]
    assert ask("DELETE", "TWO").status_code == 200
    assert ask("POST", "THREE").status_code == 201
