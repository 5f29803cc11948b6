"""The list as intake feeds it: many studies in one transaction, and one workitem however many roads lead to it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ups import dicom_json as dj
from ups.codes import Code
from ups.dicom_json import DicomJson
from ups.identifiers import replacement_uid
from ups.states import Answer
from ups.workitem import Workitem
from worklist_hub.protocol import Decision, Refusal, Update
from worklist_hub.store import keys as by_key
from worklist_hub.store.creating import create_all
from worklist_hub.store.database import ask
from worklist_hub.store.keys import ACCESSION, AT_ONCE, STUDY, Key, keys_of
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.workitems import OPEN, CarryOut, WorkitemStore
from worklist_hub.whose import contradicts, is_waiting

_log = logging.getLogger("wl.hub.store")


class Feed:
    """Implements `store.port.Feed` over a store; any thread may call. May raise what the store raises."""

    def __init__(self, store: WorkitemStore) -> None:
        self._store = store
        self._database = store.database
        self._known: dict[str, dict[str, tuple[int, Workitem]]] = {}
        """Site -> UID -> version and workitem, as last read."""

    def latest_of(self, keys: Sequence[Key]) -> Mapping[Key, Workitem]:
        """See `store.port.Feed`."""
        return ask(self._store.reading, lambda connection: self._latest_of(connection, keys))

    def put(self, workitems: Sequence[Workitem]) -> tuple[bool, ...]:
        """See `store.port.Feed`."""
        datasets = [workitem.to_json() for workitem in workitems]

        def work(connection: sa.Connection) -> tuple[bool, ...]:
            ours = self._ours(connection, workitems, datasets)
            wanted = [(one.uid, data) for one, data in zip(workitems, datasets, strict=True) if one.uid in ours]
            made = {}
            for (uid, _data), outcome in zip(wanted, create_all(self._store, connection, wanted), strict=True):
                made[uid] = isinstance(outcome, Decision)
                if isinstance(outcome, Refusal) and outcome.answer is not Answer.DUPLICATE:
                    # It costs itself alone: the others of this transaction are put on the list.
                    by_key.forget(connection, [uid])
                    _log.error("a study cannot be put on the list: workitem=%s reason=%s", uid, outcome.text)
            return tuple(made.pop(one.uid, False) for one in workitems)

        made = self._database.do(work) if workitems else ()
        if any(made):
            self._database.tell()
        return made

    def adopt(self, order: Key, uid: str, changes: dict[str, Any]) -> bool:
        """See `store.port.Feed`."""

        def work(connection: sa.Connection, carry_out: CarryOut) -> bool:
            outcome = carry_out(uid, Update(changes))
            if not isinstance(outcome, Decision):
                return False
            root = by_key.roots(connection, [order]).get(order, uid)
            study = Key(order.site_id, STUDY, dj.text(changes, "StudyInstanceUID"))
            by_key.note(connection, self._database, root, [study])
            return True

        return self._store.write_together(work)

    def update_scheduled(self, uid: str, changes: dict[str, Any]) -> bool:
        """See `store.port.Feed`."""
        return self._store.update_scheduled(uid, changes)

    def update_held(self, uid: str, changes: dict[str, Any]) -> bool:
        """See `store.port.Feed`."""
        return self._store.update_held(uid, changes)

    def update_all(self, changes: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """See `store.port.Feed`."""

        def work(_connection: sa.Connection, carry_out: CarryOut) -> None:
            for uid, made in sorted(changes, key=lambda one: one[0]):
                outcome = carry_out(uid, Update(made))
                if isinstance(outcome, Refusal) and outcome.answer is Answer.INVALID_ATTRIBUTE:
                    _log.error("a study cannot be changed: workitem=%s reason=%s", uid, outcome.text)

        if changes:
            self._store.write_together(work)

    def cancel_scheduled(self, uid: str, code: Code, reason: str) -> bool:
        """See `store.port.Feed`."""
        return self._store.cancel_scheduled(uid, code, reason)

    def open_workitems(self, site_id: str) -> tuple[Workitem, ...]:
        """See `store.port.Feed`. What has not changed since the last time is not read again."""
        return ask(self._store.reading, lambda connection: self._open(connection, site_id))

    # Inside a transaction

    def _open(self, connection: sa.Connection, site_id: str) -> tuple[Workitem, ...]:
        columns = WORKITEMS.c
        query = sa.select(columns.uid, columns.version).where(columns.site_id == site_id, columns.state.in_(OPEN))
        versions = {row.uid: row.version for row in connection.execute(query.order_by(columns.position))}
        before = self._known.get(site_id, {})
        changed = [uid for uid, version in versions.items() if uid not in before or before[uid][0] != version]
        texts = self._datasets(connection, changed)
        known = {uid: before[uid] for uid in versions if uid in before and uid not in texts}
        # One that ended between the two queries is left out: it is not open.
        known |= {uid: (versions[uid], Workitem.from_json(json.loads(text))) for uid, text in texts.items()}
        self._known[site_id] = known
        found = (known[uid][1] for uid in versions if uid in known)
        return tuple(item for item in found if not item.state.is_final)

    def _ours(
        self, connection: sa.Connection, workitems: Sequence[Workitem], datasets: Sequence[DicomJson]
    ) -> set[str]:
        """UIDs of the workitems to make: those that no other road has made. A replacement goes on with the keys of its
        chain."""
        keys = [() if one.replaces else keys_of(data) for one, data in zip(workitems, datasets, strict=True)]
        wanted: dict[Key, str] = {}
        for one, some in zip(workitems, keys, strict=True):
            for key in some:
                wanted.setdefault(key, one.uid)
        roots = by_key.claim(connection, self._database, wanted)
        ours = set()
        for one, some in zip(workitems, keys, strict=True):
            if self._root(connection, one, {key: roots[key] for key in some}) == one.uid:
                ours.add(one.uid)
        return ours

    def _root(self, connection: sa.Connection, one: Workitem, claimed: Mapping[Key, str]) -> str:
        """Whose study it is: that of the chain that has its study already, or of an order that waits for its images,
        else its own. An order may be of several studies: then the second one gets a workitem of its own. So does what
        names another patient: an accession number alone makes nobody's study."""
        uid, of = one.uid, {key.kind: key for key in claimed}
        study, order = of.get(STUDY), of.get(ACCESSION)
        if study is None and order is not None and claimed[order] != uid:
            last = self._last_of(connection, claimed[order])
            if last is not None and contradicts(last, one):
                by_key.lead(connection, uid, order)  # its own images will find it
                return uid
        if study is None or order is None:
            return next(iter(claimed.values()), uid)
        if claimed[study] != uid:
            if claimed[order] == uid:
                by_key.lead(connection, claimed[study], order)
            return claimed[study]
        if claimed[order] != uid:
            last = self._last_of(connection, claimed[order])
            if last is not None and is_waiting(last) and not contradicts(last, one):
                by_key.lead(connection, claimed[order], study)
                return claimed[order]
        return uid

    def _last_of(self, connection: sa.Connection, root_uid: str) -> Workitem | None:
        return self._chains(connection, [root_uid]).get(root_uid)

    def _latest_of(self, connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, Workitem]:
        found = by_key.roots(connection, keys)
        last = self._chains(connection, list(dict.fromkeys(found.values())))
        return {key: last[root] for key, root in found.items() if root in last}

    def _chains(self, connection: sa.Connection, root_uids: Sequence[str]) -> dict[str, Workitem]:
        """Root -> the last of its chain; all chains are followed together, a query a step."""
        last: dict[str, str] = {}
        following = {uid: uid for uid in root_uids}
        while following:
            texts = self._datasets(connection, list(following))
            last |= {following[uid]: text for uid, text in texts.items()}
            following = {replacement_uid(uid): following[uid] for uid in texts}
        return {root: Workitem.from_json(json.loads(text)) for root, text in last.items()}

    @staticmethod
    def _datasets(connection: sa.Connection, uids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(uids), AT_ONCE):
            part = uids[start : start + AT_ONCE]
            query = sa.select(WORKITEMS.c.uid, WORKITEMS.c.dataset).where(WORKITEMS.c.uid.in_(part))
            found.update((row.uid, row.dataset) for row in connection.execute(query))
        return found
