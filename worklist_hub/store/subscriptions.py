"""Who wants to hear of what (PS3.4 CC.2.3). Subscriptions outlive the hub's process; channels do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from ups.states import ProcedureStepState
from worklist_hub.store.schema import SUBSCRIPTIONS, WORKITEMS
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.events import Raised
from worklist_hub.workitem.matching import Match, match_from, matches

GLOBAL = "1.2.840.10008.5.1.4.34.5"
FILTERED_GLOBAL = "1.2.840.10008.5.1.4.34.5.1"
EXCEPTED = -1
"""In `until_position`: unsubscribed from one workitem while subscribed globally (PS3.4 Table CC.2.3-2)."""

LONGEST_AE_TITLE = 16
OWNER_LENGTH = 33
"""Of what `watching.channel_key` puts behind the AE title of somebody's."""
_FINAL = (ProcedureStepState.COMPLETED.value, ProcedureStepState.CANCELED.value)


class TooManySubscriptions(Exception):
    """An account has as many as it may have."""

    def __init__(self, most: int) -> None:
        super().__init__(f"You have {most} subscriptions, and no more are kept; end some, or subscribe globally")
        self.most = most


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscription of one AE title: to a workitem, to all, or to those that match."""

    ae_title: str
    uid: str
    matching: tuple[Match, ...] = ()
    until_position: int = 0
    deletion_lock: bool = False

    @property
    def is_global(self) -> bool:
        """To everything, or to what matches."""
        return self.uid in (GLOBAL, FILTERED_GLOBAL)

    @property
    def is_exception(self) -> bool:
        """Not to be told of this one workitem, whatever a global subscription says."""
        return self.until_position == EXCEPTED

    def wants(self, raised: Raised) -> bool:
        """Whether this event is for it; also where the workitem has just left the filter."""
        if not self.is_global:
            return self.uid == raised.uid and not self.is_exception
        if self.covers(raised.position, raised.dataset):
            return True
        return raised.before is not None and self.covers(raised.position, raised.before)

    def covers(self, position: int, dataset: Mapping[str, Any]) -> bool:
        """Whether a global subscription is to this workitem too."""
        return not (self.until_position and position > self.until_position) and matches(dataset, self.matching)


class SubscriptionStore:
    """Subscriptions in the worklist's database."""

    def __init__(self, store: WorkitemStore, *, most: int | None = None) -> None:
        """`most` of an account (`[limits] subscriptions`), whatever its AE titles; it binds no desk of one's own."""
        self._store, self._most = store, most

    def subscribers(self) -> tuple[Subscriber, ...]:
        """Every subscription."""
        with self._store.reading.connect() as connection:
            return subscribers_in(connection)

    def subscribe(self, ae_title: str, uid: str, filters: Mapping[str, str], *, deletion_lock: bool) -> None:
        """Add or renew; renewing ends a suspension, and a global one the exceptions to it.

        Raises `TooManySubscriptions`.
        """
        if uid in (GLOBAL, FILTERED_GLOBAL):
            excepted = (SUBSCRIPTIONS.c.ae_title == ae_title, SUBSCRIPTIONS.c.until_position == EXCEPTED)
            self._change(sa.delete(SUBSCRIPTIONS).where(*excepted))
        self._put(ae_title, uid, filters, deletion_lock=deletion_lock, until_position=0)

    def _put(
        self, ae_title: str, uid: str, filters: Mapping[str, str], *, deletion_lock: bool, until_position: int
    ) -> bool:
        values = {
            "ae_title": ae_title,
            "uid": uid,
            "filters": json.dumps(dict(filters)),
            "deletion_lock": deletion_lock,
            "until_position": until_position,
        }
        statement = self._store.database.insert(SUBSCRIPTIONS).values(values)
        statement = statement.on_conflict_do_update(index_elements=["ae_title", "uid"], set_=values)
        return self._change(statement, first=partial(self._make_room, ae_title=ae_title, uid=uid))

    def _make_room(self, connection: sa.Connection, *, ae_title: str, uid: str) -> None:
        """For one more of this account; what can be told nothing any more goes first. Raises `TooManySubscriptions`."""
        if self._most is None or len(ae_title) <= LONGEST_AE_TITLE:
            return
        own = SUBSCRIPTIONS.c.ae_title.endswith(ae_title[-OWNER_LENGTH:])
        others = sa.select(sa.func.count()).where(
            own, sa.or_(SUBSCRIPTIONS.c.ae_title != ae_title, SUBSCRIPTIONS.c.uid != uid)
        )
        if connection.execute(others).scalar_one() < self._most:
            return
        connection.execute(sa.delete(SUBSCRIPTIONS).where(own, SUBSCRIPTIONS.c.uid != uid, _is_idle()))
        if connection.execute(others).scalar_one() >= self._most:
            raise TooManySubscriptions(self._most)

    def unsubscribe(self, ae_title: str, uid: str) -> bool:
        """Remove; unsubscribing globally removes every subscription of the AE title. False where there was none.

        One workitem of a global subscription becomes an exception to it. Raises `TooManySubscriptions`.
        """
        condition = SUBSCRIPTIONS.c.ae_title == ae_title
        if uid == GLOBAL:
            return self._change(sa.delete(SUBSCRIPTIONS).where(condition))
        own = [one for one in self.subscribers() if one.ae_title == ae_title]
        is_global = uid != FILTERED_GLOBAL and any(one.is_global for one in own)
        if is_global and self._store.read(uid) is not None:
            if any(one.uid == uid and one.is_exception for one in own):
                return False
            return self._put(ae_title, uid, {}, deletion_lock=False, until_position=EXCEPTED)
        return self._change(sa.delete(SUBSCRIPTIONS).where(condition, SUBSCRIPTIONS.c.uid == uid))

    def suspend(self, ae_title: str, uid: str) -> bool:
        """Tell nothing of workitems created from now on. False where no such subscription goes on."""
        position = max(self._store.last_position(), 1)
        is_own = (SUBSCRIPTIONS.c.ae_title == ae_title, SUBSCRIPTIONS.c.uid == uid)
        chosen = (*is_own, SUBSCRIPTIONS.c.until_position == 0)
        return self._change(sa.update(SUBSCRIPTIONS).where(*chosen).values(until_position=position))

    def _change(self, statement: sa.Executable, first: Callable[[sa.Connection], None] = lambda _c: None) -> bool:
        """Write, and let every process know; whether there was anything to change."""

        def job(connection: sa.Connection) -> bool:
            first(connection)
            has_changed = connection.execute(statement).rowcount != 0  # -1: an INSERT
            if has_changed:
                self._store.log.append_subscriptions(connection)
            return has_changed

        has_changed = self._store.change(job)
        if has_changed:
            self._store.database.tell()
        return has_changed


def _is_idle() -> sa.ColumnElement[bool]:
    """Of one workitem that is gone, or has ended without being kept: nothing more will be told of it."""
    there = sa.exists().where(WORKITEMS.c.uid == SUBSCRIPTIONS.c.uid)
    ended = sa.exists().where(WORKITEMS.c.uid == SUBSCRIPTIONS.c.uid, WORKITEMS.c.state.in_(_FINAL))
    is_plain = sa.and_(sa.not_(SUBSCRIPTIONS.c.deletion_lock), SUBSCRIPTIONS.c.until_position != EXCEPTED)
    is_global = SUBSCRIPTIONS.c.uid.in_([GLOBAL, FILTERED_GLOBAL])
    return sa.and_(sa.not_(is_global), sa.or_(sa.not_(there), sa.and_(ended, is_plain)))


def subscribers_in(connection: sa.Connection) -> tuple[Subscriber, ...]:
    """Every subscription as a transaction sees it."""
    return tuple(_subscriber(row) for row in connection.execute(sa.select(SUBSCRIPTIONS)).all())


def _subscriber(row: sa.Row[tuple[str, str, str, bool, int]]) -> Subscriber:
    filters = json.loads(row.filters)
    matching = tuple(match_from(key, value) for key, value in filters.items())
    return Subscriber(row.ae_title, row.uid, matching, row.until_position, row.deletion_lock)
