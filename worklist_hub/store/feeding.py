"""The list as intake feeds it: many studies in one transaction, and one workitem however many roads lead to it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from ups import dicom_json as dj
from ups.codes import Code
from ups.dicom_json import DicomJson
from ups.identifiers import replacement_uid, uid_from_name
from ups.states import Answer
from ups.workitem import Workitem
from worklist_hub.store import keys as by_key
from worklist_hub.store.creating import create_all
from worklist_hub.store.database import ask
from worklist_hub.store.keys import ACCESSION, AT_ONCE, STUDY, Key, keys_of
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.together import CarryOut
from worklist_hub.store.workitems import OPEN, WorkitemStore
from worklist_hub.workitem.protocol import Decision, Refusal, Update
from worklist_hub.workitem.whose import contradicts, is_waiting

MOVES = 3
"""So often another UID is looked for where something else has that of a study."""

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

        def work(connection: sa.Connection) -> tuple[bool, ...]:
            placed = self._placed(connection, workitems)
            datasets = [workitem.to_json() for workitem in placed]
            ours = self._ours(connection, placed, datasets)
            wanted = [(one.uid, data) for one, data in zip(placed, datasets, strict=True) if one.uid in ours]
            made = {}
            for (uid, _data), outcome in zip(wanted, create_all(self._store, connection, wanted), strict=True):
                made[uid] = isinstance(outcome, Decision)
                if isinstance(outcome, Refusal) and outcome.answer is not Answer.DUPLICATE:
                    # It costs itself alone: the others of this transaction are put on the list.
                    by_key.forget(connection, [uid])
                    _log.error("a study cannot be put on the list: workitem=%s reason=%s", uid, outcome.text)
            for one, before in zip(placed, workitems, strict=True):
                if made.get(one.uid) and one.uid != before.uid:
                    text = "the UID of a study is taken by something else: site=%s workitem=%s instead=%s"
                    _log.error(text, one.site_id, before.uid, one.uid)
            return tuple(made.pop(one.uid, False) for one in placed)

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

    def _placed(self, connection: sa.Connection, workitems: Sequence[Workitem]) -> list[Workitem]:
        """Each with its own UID, or where something else has that already with one that follows from it."""
        placed, moving = list(workitems), list(range(len(workitems)))
        for _step in range(MOVES):
            there = self._datasets(connection, [placed[at].uid for at in moving])
            moving = [at for at in moving if placed[at].uid in there and _is_other(there[placed[at].uid], placed[at])]
            for at in moving:
                one = placed[at]
                name = "|".join((one.uid, one.site_id, one.study_instance_uid))
                placed[at] = replace(one, uid=uid_from_name(name))
            if not moving:
                break
        return placed

    def _ours(
        self, connection: sa.Connection, workitems: Sequence[Workitem], datasets: Sequence[DicomJson]
    ) -> set[str]:
        """UIDs of the workitems to make: those that no other road has made. A replacement goes on with the keys of its
        chain, but for one that had to move: nobody would find it there."""
        ours, keys = set(), list[tuple[Key, ...]]()
        for one, data in zip(workitems, datasets, strict=True):
            has_moved = bool(one.replaces) and one.uid != replacement_uid(one.replaces)
            keys.append(() if one.replaces else keys_of(data))
            if has_moved:
                by_key.lead_all(connection, self._database, one.uid, keys_of(data))
        wanted: dict[Key, str] = {}
        for one, some in zip(workitems, keys, strict=True):
            for key in some:
                wanted.setdefault(key, one.uid)
        roots = by_key.claim(connection, self._database, wanted)
        fresh = {one.uid for one in workitems}
        for one, some in zip(workitems, keys, strict=True):
            claimed = {key: self._claimed(connection, one, key, roots[key], fresh) for key in some}
            if self._root(connection, one, claimed) == one.uid:
                ours.add(one.uid)
        return ours

    def _claimed(
        self, connection: sa.Connection, one: Workitem, key: Key, root_uid: str, fresh: Collection[str]
    ) -> str:
        """Where a key leads; from now on to this workitem where it led to nothing, or to something else."""
        if root_uid in fresh or self._leads(key, self._last_of(connection, root_uid), one):
            return root_uid
        by_key.lead(connection, one.uid, key)
        return one.uid

    @staticmethod
    def _leads(key: Key, last: Workitem | None, one: Workitem) -> bool:
        """Whether this chain is what the key stands for. One that names a study has one; an order may be waiting for
        it, of the same patient."""
        if last is None or last.site_id != key.site_id:
            return False
        if key.kind != STUDY or last.study_instance_uid == key.value:
            return True
        return is_waiting(last) and not contradicts(last, one)

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
        return {key: last[root] for key, root in found.items() if root in last and _stands_for(key, last[root])}

    def _chains(self, connection: sa.Connection, root_uids: Sequence[str]) -> dict[str, Workitem]:
        """Root -> the last of its chain; all chains are followed together, a query a step."""
        last: dict[str, Workitem] = {}
        following = {uid: uid for uid in root_uids}
        while following:
            found = self._datasets(connection, list(following))
            there = {uid: Workitem.from_json(json.loads(text)) for uid, text in found.items()}
            # What has taken the place of a replacement is none.
            there = {uid: item for uid, item in there.items() if _goes_on(last.get(following[uid]), item)}
            last |= {following[uid]: item for uid, item in there.items()}
            following = {replacement_uid(uid): following[uid] for uid in there}
        return last

    @staticmethod
    def _datasets(connection: sa.Connection, uids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(uids), AT_ONCE):
            part = uids[start : start + AT_ONCE]
            query = sa.select(WORKITEMS.c.uid, WORKITEMS.c.dataset).where(WORKITEMS.c.uid.in_(part))
            found.update((row.uid, row.dataset) for row in connection.execute(query))
        return found


def _is_other(text: str, one: Workitem) -> bool:
    """Whether what is there under the UID of a study is not that study."""
    there = Workitem.from_json(json.loads(text))
    is_same = there.site_id == one.site_id and there.study_instance_uid == one.study_instance_uid
    return bool(one.study_instance_uid) and not is_same


def _stands_for(key: Key, item: Workitem) -> bool:
    if item.site_id != key.site_id:
        return False
    return key.kind != STUDY or item.study_instance_uid in ("", key.value)


def _goes_on(last: Workitem | None, item: Workitem) -> bool:
    """Whether an item belongs to the chain: it is of the same hospital, and of its study where both have one."""
    if last is None:
        return True
    studies = {last.study_instance_uid, item.study_instance_uid} - {""}
    return last.site_id == item.site_id and len(studies) <= 1
