"""One pass over one hospital: ask, judge, tell the list; what is known at once before what takes further questions."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from pacs.errors import Interrupted, PacsError
from pacs.metadata import patient_of
from pacs.port import Cancelled, Pacs
from pacs.site import Site
from ups import dicom_json as dj
from ups.codes import TWO_PATIENTS
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.intake.asking import Asked, SiteAsker
from worklist_hub.intake.gaps import NO_PAST, Gap, Past, asked_from, date_ranges, gap_of
from worklist_hub.intake.orders import adopted
from worklist_hub.intake.pace import CALM
from worklist_hub.intake.poll import Found, Memory, Plan, after, plan
from worklist_hub.intake.rules import RuleBook
from worklist_hub.store.keys import ACCESSION, STUDY, Key
from worklist_hub.store.port import Feed
from worklist_hub.workitem.whose import contradicts, is_waiting

AT_ONCE: Final = 50
"""Changes of one transaction; a long one would hold back the events of everybody."""
ASKED_AT_ONCE: Final = 5
"""Studies that take further questions are judged so many at a time: the first is on the list before the last is asked
for."""
IDENTIFY_S: Final = 5.0
"""So long a poll reads identifiers from images; the rest waits for the next."""
RUSH_S: Final = 0.5
"""So long where many studies are coming in: they are more urgent."""

_log = logging.getLogger("wl.hub.intake")
V = TypeVar("V")
OpenPacs = Callable[[Site], Pacs]


@dataclass(frozen=True, slots=True)
class SiteState:
    """How polling a site goes: `failures` in a row, and the last error's name; no patient data."""

    failures: int = 0
    error: str = ""
    polled_at: datetime | None = None
    undated: int = 0
    """How many studies stay off the list because they have no Study Date (`intake.undated`)."""
    gap: Gap | None = None
    """The last time it was not heard for longer than its lookback."""


@dataclass(frozen=True, slots=True)
class _Nameless:
    """A workitem whose answer had no identifiers but the patient number."""

    study_instance_uid: str
    patient_id: str


class Poller:
    """Polls one site; `poll` is one pass."""

    def __init__(
        self,
        site: Site,
        feed: Feed,
        rules: RuleBook,
        opened: OpenPacs,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        past: Past = NO_PAST,
    ) -> None:
        self.site, self._past = site, past
        self._feed, self._rules, self._open = feed, rules, opened
        self._clock, self._monotonic = clock, monotonic
        self._memory = Memory()
        self._asker = SiteAsker(site)
        self._refused: set[str] = set()
        self._nameless: deque[_Nameless] = deque()
        self.state = SiteState()
        self.new = 0
        """How many studies the last poll put on the list."""
        self.gap: Gap | None = None
        """See `SiteState.gap`."""
        self._heard_here: datetime | None = None

    @property
    def undated(self) -> int:
        """See `SiteState.undated`."""
        return self._asker.undated

    def poll(self, cancelled: Cancelled, *, is_glance: bool = False) -> None:
        """Ask the site and tell the list. Raises `PacsError` where it does not answer: what it had said by then is on
        the list, and nothing counts as vanished. A glance looks for new studies alone."""
        self.new = 0
        now = self._clock()
        heard_at = self._heard_at()
        since = asked_from(self.site, now, heard_at, self._past.catch_up)
        if self._memory.is_first:
            self._memory = replace(self._memory, since=since)
        pacs = self._open(self.site)
        known = self._feed.open_workitems(self.site.site_id)
        ranges = date_ranges(self.site, now, since)
        asked = self._asker.studies(pacs, None if is_glance else known, ranges, cancelled)
        listed = {item.study_instance_uid for item in known}
        if is_glance:
            seen = listed | self._memory.studies.keys()
            fresh = tuple(one for one in asked.studies if one.answer.study_instance_uid not in seen)
            self._take(pacs, replace(asked, studies=fresh), known, now, cancelled)
            self._heard(now, gap_of(self.site, now, heard_at, since))
            return
        if self._memory.is_first:
            self._nameless.extend(_nameless(item) for item in known if _is_nameless(item))
        self._take(pacs, asked, known, now, cancelled)
        there = {one.answer.study_instance_uid for one in asked.studies} | asked.left_out
        self._apply(plan(self.site, [], known, self._memory, self._rules, now, there))  # those that are gone
        self._memory = replace(self._memory, is_first=False)
        self._heard(now, gap_of(self.site, now, heard_at, since))
        self._identify(pacs, cancelled)

    def _heard_at(self) -> datetime | None:
        """When the hospital was heard last, by whatever process; by this one perhaps a moment ago."""
        heard = (self._heard_here, self._past.heard_at(self.site.site_id))
        return max((one for one in heard if one is not None), default=None)

    def _heard(self, now: datetime, gap: Gap | None) -> None:
        self._heard_here = now
        if gap is None:
            return
        self.gap = gap
        text = "not heard for longer than its lookback, studies are asked for since then: site=%s from=%s until=%s"
        _log.warning(text, self.site.site_id, gap.heard_at.isoformat(), gap.until.isoformat())
        if not gap.is_whole:
            text = "studies of a gap are not asked for, it is longer than catch_up_days: site=%s from=%s until=%s"
            _log.error(text, self.site.site_id, gap.heard_at.isoformat(), gap.asked_from.isoformat())

    def _take(self, pacs: Pacs, asked: Asked, known: Sequence[Workitem], now: datetime, cancelled: Cancelled) -> None:
        """Judge what the search answered: what is known at once first, of that what is new."""
        there = {one.answer.study_instance_uid for one in asked.studies} | asked.left_out
        at_once, later = [], []
        for one in asked.studies:
            found = self._asker.at_once(one)
            if found is None:
                later.append(one)
            else:
                at_once.append(found)
        listed = {item.study_instance_uid for item in known}
        self._judge([item for item in at_once if item.answer.study_instance_uid not in listed], known, now, there)
        self._judge([item for item in at_once if item.answer.study_instance_uid in listed], known, now, there)
        for part in _parts(later, ASKED_AT_ONCE):
            more = [found for one in part if (found := self._asker.found(pacs, one, cancelled)) is not None]
            self._judge(more, known, now, there)

    def _judge(self, found: Sequence[Found], known: Sequence[Workitem], now: datetime, there: Collection[str]) -> None:
        """Judge some studies, and none of the others."""
        if not found:
            return
        judged = {item.answer.study_instance_uid for item in found}
        others = {*there, *self._memory.studies, *(item.study_instance_uid for item in known)} - judged
        self._apply(plan(self.site, found, known, self._memory, self._rules, now, others))

    def _apply(self, decided: Plan) -> None:
        for uid, code, reason in decided.cancel:
            self._feed.cancel_scheduled(uid, code, reason)
        for fresh in _parts(decided.create, AT_ONCE):
            self._each(fresh, self._put, lambda item: item.uid)
        for changes in _parts(decided.update, AT_ONCE):
            self._each(changes, self._feed.update_all, lambda change: change[0])
        for change in decided.tell:
            self._each([change], lambda some: self._feed.update_held(*some[0]), lambda told: told[0])
        self._memory = replace(decided.memory, is_first=self._memory.is_first, since=self._memory.since)

    def _each(self, items: Sequence[V], write: Callable[[Sequence[V]], object], uid_of: Callable[[V], str]) -> None:
        """Write all together; where one of them cannot be written, one by one, so that it costs itself alone."""
        try:
            write(items)
        except (ValueError, OverflowError) as error:
            if len(items) > 1:
                for item in items:
                    self._each([item], write, uid_of)
                return
            uid = uid_of(items[0])
            if uid not in self._refused:  # once: it is tried again at every poll
                text = "a study cannot be written: site=%s workitem=%s error=%s"
                _log.warning(text, self.site.site_id, uid, type(error).__name__)
            self._refused.add(uid)

    def _put(self, fresh: Sequence[Workitem]) -> None:
        """What is not on the list yet, by whatever road; what was withdrawn by us and is there again; the images of an
        order that waits for them."""
        last = self._feed.latest_of([self._key(STUDY, item.study_instance_uid) for item in fresh])
        new = [item for item in fresh if self._key(STUDY, item.study_instance_uid) not in last]
        numbers = [item.accession_number for item in new if item.accession_number]
        orders = dict(self._feed.latest_of([self._key(ACCESSION, number) for number in numbers]))
        wanted = []
        for item in fresh:
            before = last.get(self._key(STUDY, item.study_instance_uid))
            number = self._key(ACCESSION, item.accession_number)
            order = orders.get(number) if before is None else before
            if order is not None and is_waiting(order) and not contradicts(order, item):
                orders.pop(number, None)
                self._feed.adopt(number, order.uid, adopted(order, item))
                continue
            made = after(before, item)
            if made is not None:
                wanted.append(made)
        for item, is_made in zip(wanted, self._feed.put(wanted), strict=True):
            self.new += is_made
            if is_made and _is_nameless(item):
                self._nameless.append(_nameless(item))

    def _key(self, kind: str, value: str) -> Key:
        return Key(self.site.site_id, kind, value)

    def _identify(self, pacs: Pacs, cancelled: Cancelled) -> None:
        """Read further identifiers (a national number, an issuer) from one image of each study that came without, when
        everything is on the list. A failure here stops nothing."""
        until = self._monotonic() + (RUSH_S if self.new > CALM else IDENTIFY_S)
        read: list[tuple[str, dict[str, Any]]] = []
        listed = self._feed.open_workitems(self.site.site_id) if self._nameless else ()
        uids = {item.study_instance_uid: item.uid for item in listed}
        while self._nameless and self._monotonic() < until:
            item = self._nameless.popleft()
            try:
                changes = _identifiers(pacs, item, cancelled)
            except Interrupted:
                raise
            except PacsError as error:
                _log.info("identifiers not read: site=%s error=%s", self.site.site_id, type(error).__name__)
                continue
            if changes and item.study_instance_uid in uids:
                read.append((uids[item.study_instance_uid], changes))
        for part in _parts(read, AT_ONCE):
            self._feed.update_all(part)


def _is_nameless(item: Workitem) -> bool:
    is_open = item.state is ProcedureStepState.SCHEDULED and bool(item.study_instance_uid)
    return is_open and not item.other_patient_ids and TWO_PATIENTS not in item.remarks


def _nameless(item: Workitem) -> _Nameless:
    return _Nameless(item.study_instance_uid, item.patient_id)


def _identifiers(pacs: Pacs, item: _Nameless, cancelled: Cancelled) -> dict[str, Any]:
    patient = patient_of(pacs, item.study_instance_uid, cancelled)
    if patient.patient_id not in ("", item.patient_id):
        return {}  # of whom its identifiers are is not known
    changes: dict[str, Any] = {}
    if patient.other_patient_ids:
        others = (dj.make(PatientID=one, IssuerOfPatientID=by) for one, by in patient.other_patient_ids)
        dj.put_items(changes, "OtherPatientIDsSequence", others)
    if patient.issuer_of_patient_id:
        dj.put(changes, "IssuerOfPatientID", patient.issuer_of_patient_id)
    return changes


def _parts(items: Sequence[V], size: int) -> Iterator[Sequence[V]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
