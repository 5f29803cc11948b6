"""The intake loop against scripted sites: one that is away stops nobody, and nothing vanishes for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pacs.errors import Refused, Unreachable
from pacs.metadata import PatientOfStudy
from pacs.port import InstanceAnswer, RetrieveRequest, SeriesAnswer, StudyAnswer, StudyQuery
from pacs.reports import Flags
from pacs.site import DicomwebConnection, Site
from ups.codes import REPORT_NOT_FINAL, TWO_PATIENTS, UNSPECIFIED_REASON, Code
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.intake import undated
from worklist_hub.intake.asking import OLDER_AT_ONCE
from worklist_hub.intake.poll import REPORTED, VANISHED
from worklist_hub.intake.reports import READ_AGAIN_POLLS
from worklist_hub.intake.rules import READ_ALL_IMAGES, Rule, RuleBook
from worklist_hub.intake.runner import Intake, Poller, own_pacs
from worklist_hub.intake.undated import LOOK_AGAIN_POLLS
from worklist_hub.store.feeding import Feed
from worklist_hub.store.keys import STUDY, Key
from worklist_hub.store.workitems import WorkitemStore

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
DOSE, PDF = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.104.1"
ENHANCED = "1.2.840.10008.5.1.4.1.1.88.22|COMPLETE|VERIFIED|FINAL"
"""SOP class, then Completion, Verification and Preliminary Flag."""
BSN = ("111222333", "2.16.840.1.113883.2.4.6.3")


def site(name: str = "north") -> Site:
    return Site(name, name.title(), "#cc0000", connections=(DicomwebConnection(f"{name}-web", "http://127.0.0.1:1/"),))


class ScriptedPacs:
    """Answers from a table: study UID -> modality -> SOP classes of its instances."""

    patient_of_images = ""
    answers_flags = True

    def __init__(self) -> None:
        self.studies: dict[str, dict[str, list[str]]] = {}
        self.away = False
        self.date = "20261121"
        self.fetched: list[tuple[str, ...]] = []
        self.others: list[StudyAnswer] = []
        """Second answers about studies that are there already."""
        self.polled = threading.Event()

    def echo(self, cancelled: Callable[[], bool]) -> None:
        raise AssertionError("intake does not echo")

    def search_for_studies(self, query: StudyQuery, cancelled: Callable[[], bool]) -> list[StudyAnswer]:
        self.polled.set()
        if self.away:
            raise Unreachable("away")
        return [
            StudyAnswer(
                uid,
                study_date=self.date,
                study_time="210000",
                modalities=tuple(series),
                number_of_instances=sum(len(classes) for classes in series.values()),
            )
            for uid, series in self.studies.items()
            if query.study_instance_uid in ("", uid)
        ] + [one for one in self.others if query.study_instance_uid in ("", one.study_instance_uid)]

    def search_for_series(self, study: str, cancelled: Callable[[], bool]) -> list[SeriesAnswer]:
        return [
            SeriesAnswer(f"{study}.{modality}", modality, number_of_instances=len(classes))
            for modality, classes in self.studies.get(study, {}).items()
        ]

    def search_for_instances(self, study: str, series: str, cancelled: Callable[[], bool]) -> list[InstanceAnswer]:
        return [instance for instance, _flags in self.search_for_documents(study, series, cancelled)]

    def search_for_documents(
        self, study: str, series: str, cancelled: Callable[[], bool]
    ) -> list[tuple[InstanceAnswer, Flags]]:
        kept = [one.split("|") for one in self.studies[study][series.rsplit(".", 1)[1]]]
        found = [(InstanceAnswer(f"{series}.{number}", one[0], series), one[1:]) for number, one in enumerate(kept)]
        return [(instance, Flags(*flags) if self.answers_flags else Flags()) for instance, flags in found]

    def patient_of_instance(self, study: str, *_more: Any) -> PatientOfStudy:
        return PatientOfStudy(study, patient_id=self.patient_of_images, other_patient_ids=(BSN,))

    def retrieve(self, request: RetrieveRequest, *_arguments: Any) -> Any:
        self.fetched.append(request.sop_instance_uids)
        raise Refused("no C-GET for this AE title")

    def store(self, *_arguments: Any) -> Any:
        raise AssertionError("intake stores nothing")


@dataclass
class MemoryFeed:
    items: dict[str, Workitem] = field(default_factory=dict)
    canceled: dict[str, str] = field(default_factory=dict)
    over: dict[str, Workitem] = field(default_factory=dict)
    updates: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def put(self, workitems: Sequence[Workitem]) -> tuple[bool, ...]:
        return tuple(self._put(workitem) for workitem in workitems)

    def _put(self, workitem: Workitem) -> bool:
        if workitem.uid in self.items or workitem.uid in self.over:
            return False
        scheduled = {**workitem.to_json(), "00741000": {"vr": "CS", "Value": ["SCHEDULED"]}}
        self.items[workitem.uid] = Workitem.from_json(scheduled)
        return True

    def adopt(self, order: Key, uid: str, changes: dict[str, Any]) -> bool:
        return self.update_scheduled(uid, changes)

    def update_all(self, changes: Sequence[tuple[str, dict[str, Any]]]) -> None:
        for uid, made in changes:
            self.update_scheduled(uid, made)

    def update_scheduled(self, uid: str, changes: dict[str, Any]) -> bool:
        self.updates.append((uid, changes))
        self.items[uid] = Workitem.from_json({**self.items[uid].to_json(), **changes})
        return True

    def update_held(self, uid: str, changes: dict[str, Any]) -> bool:
        return self.update_scheduled(uid, changes)

    def cancel_scheduled(self, uid: str, code: Code, reason: str) -> bool:
        self.canceled[uid] = reason
        item = self.items.pop(uid, None)
        if item is not None:
            self.over[uid] = replace(item, state=ProcedureStepState.CANCELED, cancel_code=code, cancel_reason=reason)
        return item is not None

    def latest_of(self, keys: Sequence[Key]) -> dict[Key, Workitem]:
        found = {}
        for key in keys:
            for item in (*self.over.values(), *self.items.values()):
                value = item.study_instance_uid if key.kind == STUDY else item.accession_number
                if (item.site_id, value) == (key.site_id, key.value) and not item.replaces:
                    found[key] = self._last(item)
        return found

    def _last(self, item: Workitem) -> Workitem:
        while (uid := replacement_uid(item.uid)) in {**self.items, **self.over}:
            item = {**self.over, **self.items}[uid]
        return item

    def open_workitems(self, site_id: str) -> tuple[Workitem, ...]:
        return tuple(item for item in self.items.values() if item.site_id == site_id)


def poller(pacs: ScriptedPacs, store: MemoryFeed) -> Poller:
    return Poller(site(), store, READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW)


def never() -> bool:
    return False


def test_a_study_goes_from_incomplete_to_ready_and_carries_the_national_id() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"] * 3}
    polling = poller(pacs, store)
    polling.poll(never)
    [item] = store.items.values()
    assert (item.readiness, item.images, item.state) == ("INCOMPLETE", 3, ProcedureStepState.SCHEDULED)
    assert [(one.patient_id, one.issuer) for one in item.other_patient_ids] == [BSN]
    polling.poll(never)
    [item] = store.items.values()
    assert item.readiness == "READY"


def test_a_dose_report_is_no_report_and_a_radiology_report_is() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"], "SR": [DOSE]}
    polling = poller(pacs, store)
    polling.poll(never)
    assert len(store.items) == 1
    pacs.studies["1.2"]["SR"].append(ENHANCED)
    polling.poll(never)
    assert list(store.canceled.values()) == [REPORTED]
    polling.poll(never)
    assert store.items == {}, "it does not come back"


@pytest.mark.parametrize(
    "flags", ["PARTIAL|VERIFIED", "COMPLETE|UNVERIFIED", "COMPLETE|VERIFIED|PRELIMINARY", "COMPLETE", ""]
)
def test_a_report_that_is_not_final_leaves_the_study_on_the_list_and_is_said(flags: str) -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    polling = poller(pacs, store)
    polling.poll(never)
    pacs.studies["1.2"]["SR"] = [f"{ENHANCED.split('|')[0]}|{flags}"]
    polling.poll(never)
    [item] = store.items.values()
    assert item.remarks == (REPORT_NOT_FINAL,)
    pacs.studies["1.2"]["SR"] = [ENHANCED]  # exchanged by the archive: the count stands still
    polling.poll(never)
    assert list(store.canceled.values()) == [REPORTED]


def test_a_document_that_does_not_say_what_it_is_counts_only_where_the_administrator_says_so() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"], "DOC": [PDF]}
    poller(pacs, store).poll(never)
    assert [item.remarks for item in store.items.values()] == [(REPORT_NOT_FINAL,)]
    strict = replace(site(), extra={"unsaid_reports": "final"})
    Poller(strict, store, READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW).poll(never)
    assert list(store.canceled.values()) == [REPORTED]


def test_a_document_that_is_not_given_hides_no_study_and_is_not_asked_for_at_each_poll() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.answers_flags = False
    pacs.studies["1.2"] = {"CT": ["ct"], "SR": [ENHANCED]}
    polling = poller(pacs, store)
    for _poll in range(READ_AGAIN_POLLS + 2):
        polling.poll(never)
    assert len(store.items) == 1
    assert pacs.fetched == [("1.2.SR.0",)] * 2


def test_key_objects_and_presentation_states_are_no_report() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"], "KO": ["ko"], "PR": ["pr"]}
    poller(pacs, store).poll(never)
    assert len(store.items) == 1


def test_a_site_that_is_away_changes_nothing_however_often() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    polling = poller(pacs, store)
    polling.poll(never)
    pacs.away = True
    for _poll in range(5):
        with pytest.raises(Unreachable):
            polling.poll(never)
    assert store.canceled == {}
    pacs.away = False
    del pacs.studies["1.2"]
    polling.poll(never)
    assert store.canceled == {}
    polling.poll(never)
    assert list(store.canceled.values()) == [VANISHED]


def vanish(pacs: ScriptedPacs, polling: Poller) -> None:
    kept, pacs.studies = pacs.studies, {}
    polling.poll(never)
    polling.poll(never)
    pacs.studies = kept


def test_a_study_that_was_away_comes_back_however_often_and_is_due_when_it_was() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    now = NOW
    polling = Poller(site(), store, RuleBook((Rule(due_min=60),)), lambda _site: pacs, lambda: now)
    polling.poll(never)
    [first] = store.items.values()
    for away in range(3):
        now = NOW + timedelta(minutes=away)
        [before] = store.items.values()
        vanish(pacs, polling)
        assert store.items == {}
        polling.poll(never)
        [back] = store.items.values()
        assert (back.replaces, back.due) == (before.uid, first.due)
        polling.poll(never)
        assert [item.readiness for item in store.items.values()] == ["READY"]
    assert len(store.over) == 3


def test_a_study_that_came_back_while_the_hub_was_not_running_is_on_the_list_again() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    first = poller(pacs, store)
    first.poll(never)
    vanish(pacs, first)
    poller(pacs, store).poll(never)
    assert [item.study_instance_uid for item in store.items.values()] == ["1.2"]


def test_a_study_whose_report_was_taken_away_is_to_be_read_again() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    polling = poller(pacs, store)
    polling.poll(never)
    pacs.studies["1.2"]["SR"] = [ENHANCED]
    polling.poll(never)
    assert store.items == {}
    del pacs.studies["1.2"]["SR"]
    polling.poll(never)
    assert len(store.items) == 1


def test_what_a_person_took_off_the_list_stays_off_it() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    polling = poller(pacs, store)
    polling.poll(never)
    store.cancel_scheduled(next(iter(store.items)), UNSPECIFIED_REASON, "read elsewhere")
    vanish(pacs, polling)
    polling.poll(never)
    poller(pacs, store).poll(never)
    assert store.items == {}


def test_two_pollers_of_one_site_bring_a_study_back_once() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    one, other = poller(pacs, store), poller(pacs, store)
    for polling in (one, other):
        polling.poll(never)
    kept, pacs.studies = pacs.studies, {}
    for polling in (one, other, one, other):
        polling.poll(never)
    pacs.studies = kept
    for polling in (one, other, one, other):
        polling.poll(never)
    assert len(store.items) == 1
    assert len(store.over) == 1


def test_two_patients_under_one_study_uid_are_listed_once_and_said(caplog: pytest.LogCaptureFixture) -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    pacs.others = [StudyAnswer("1.2", patient_id="P2", study_date="20261121", number_of_instances=3)]
    polling = poller(pacs, store)
    polling.poll(never)
    polling.poll(never)
    [item] = store.items.values()
    assert (item.remarks, item.images, item.other_patient_ids) == ((TWO_PATIENTS,), 4, ())
    warnings = [record.getMessage() for record in caplog.records if "two patients" in record.getMessage()]
    assert warnings == [f"a study holds images of two patients: site=north workitem={item.uid}"]
    pacs.others = []
    polling.poll(never)
    [item] = store.items.values()
    assert item.remarks == ()


def test_identifiers_of_an_instance_of_another_patient_are_not_taken_over() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    pacs.patient_of_images = "P9"
    poller(pacs, store).poll(never)
    assert [item.other_patient_ids for item in store.items.values()] == [()]


ODD_TEXTS = ["\ud800", "\x00", "a\nb", "x" * 2000, "\\", "{", "^^^^^^^", "\x1b$B", "\u202e", "-", "９９", "²²"]
ODD_FIELDS = [
    "patient_id", "patient_name", "patient_birth_date", "patient_sex", "study_date", "study_time",
    "study_description", "accession_number", "issuer_of_patient_id",
]  # fmt: skip


@pytest.mark.parametrize("field_name", ODD_FIELDS)
def test_a_study_with_an_odd_answer_costs_itself_alone(
    field_name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a surrogate pair in one description stopped the intake of the whole hospital."""
    pacs, store = ScriptedPacs(), WorkitemStore(tmp_path / "hub.sqlite")
    try:
        for number, odd in enumerate(ODD_TEXTS):
            good = StudyAnswer(f"1.2.{number}.1", patient_id="P1", study_date="20261121", number_of_instances=3)
            value = f"20261121{odd}" if field_name == "study_date" else odd
            pacs.others += [replace(good, study_instance_uid=f"1.2.{number}.0", **{field_name: value}), good]
        pacs.others = [replace(one, modalities=("CT",)) for one in pacs.others]
        polling = Poller(site(), Feed(store), READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW)
        polling.poll(never)
        polling.poll(never)
        listed = {one.study_instance_uid: one.readiness for one in store.open_workitems("north")}
    finally:
        store.close()
    assert [f"1.2.{number}.1" for number in range(len(ODD_TEXTS)) if listed.get(f"1.2.{number}.1") != "READY"] == []
    left_out = {f"1.2.{number}.0" for number in range(len(ODD_TEXTS))} - set(listed)
    assert left_out <= {"1.2.0.0"}, "only what cannot be written down is left out"
    said = [record.getMessage() for record in caplog.records if "cannot be written" in record.getMessage()]
    assert len(said) == len(left_out), "once each, and never silently"


def undated_study(uid: str) -> StudyAnswer:
    return StudyAnswer(uid, patient_id="P1", modalities=("CT",), number_of_instances=3)


def test_a_study_without_a_date_is_listed_when_it_comes_and_counted_when_it_was_there() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.others = [undated_study("1.2.1")]
    polling = poller(pacs, store)
    polling.poll(never)
    assert (store.items, polling.undated) == ({}, 1), "it may be years old"
    pacs.others.append(undated_study("1.2.2"))
    for _poll in range(LOOK_AGAIN_POLLS + 2):
        polling.poll(never)
    assert [(one.study_instance_uid, one.readiness) for one in store.items.values()] == [("1.2.2", "READY")]
    assert polling.undated == 1
    pacs.others = []
    polling.poll(never)
    polling.poll(never)
    assert list(store.canceled.values()) == [VANISHED]


def test_an_archive_with_too_many_studies_is_asked_once_for_those_without_a_date(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undated, "ALL", 2)
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.others = [undated_study("1.2.1"), undated_study("1.2.2")]
    polling = poller(pacs, store)
    for number in range(LOOK_AGAIN_POLLS * 2):
        pacs.others = pacs.others[-2:] if number else pacs.others
        polling.poll(never)
        pacs.others = pacs.others[:1]
    assert store.items == {}
    assert ["would not be seen" in record.getMessage() for record in caplog.records] == [True]


def test_an_archive_that_refuses_to_be_asked_for_all_is_polled_all_the_same() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    answer = pacs.search_for_studies

    def refusing(query: StudyQuery, cancelled: Callable[[], bool]) -> list[StudyAnswer]:
        if not (query.study_date or query.study_instance_uid):
            raise Refused("too many matches")
        return answer(query, cancelled)

    pacs.search_for_studies = refusing  # type: ignore[method-assign]
    polling = poller(pacs, store)
    polling.poll(never)
    assert len(store.items) == 1
    pacs.search_for_studies = answer  # type: ignore[method-assign]
    pacs.others = [undated_study("1.2.9")]
    for _poll in range(LOOK_AGAIN_POLLS + 1):
        polling.poll(never)
    assert (len(store.items), polling.undated) == (1, 1), "the first answer tells what was there"


def test_a_study_on_the_list_is_followed_beyond_the_lookback() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies["1.2"] = {"CT": ["ct"]}
    polling = poller(pacs, store)
    polling.poll(never)
    pacs.date = "20261101"
    for _poll in range(3):
        polling.poll(never)
    assert store.canceled == {}


def test_an_answer_outside_the_lookback_is_judged_by_its_date_not_by_having_been_returned() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    polling = poller(pacs, store)
    polling.poll(never)
    pacs.date = "20200101"
    pacs.studies["1.2"] = {"CT": ["ct"]}
    polling.poll(never)
    assert store.items == {}


def test_one_site_that_is_away_does_not_stop_the_other_and_stop_ends_all_threads() -> None:
    here, away = ScriptedPacs(), ScriptedPacs()
    here.studies["1.2"] = {"CT": ["ct"]}
    away.away = True
    store = MemoryFeed()
    created = threading.Event()
    put = store.put
    store.put = lambda items: (put(items), created.set())[0]  # type: ignore[method-assign]
    peers = {"north": here, "south": away}
    intake = Intake(
        store,
        [site("south"), site("north")],
        READ_ALL_IMAGES,
        opened=lambda one: peers[one.site_id],
        poll_s=0.01,
        clock=lambda: NOW,
    )
    intake.start()
    try:
        assert away.polled.wait(10)
        assert created.wait(10)
    finally:
        intake.stop()
    assert intake.states()["south"].error == "Unreachable"
    assert intake.states()["north"].failures == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("intake-")]


def test_a_site_is_polled_by_its_own_pacs_never_by_a_shared_archive() -> None:
    own = site().connections[0]
    both = replace(site(), connections=(replace(own, shared=True, base_url="not used"), own))
    assert own_pacs("HUB")(both)._connection is own  # type: ignore[attr-defined]


def test_what_is_known_at_once_is_on_the_list_before_the_first_further_question() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies = {"1.1": {"CT": ["ct"], "SR": [DOSE]}, "1.2": {"CT": ["ct"]}}
    listed: list[int] = []
    search = pacs.search_for_series
    pacs.search_for_series = lambda *asked: (listed.append(len(store.items)), search(*asked))[1]  # type: ignore[method-assign]
    poller(pacs, store).poll(never)
    assert listed[0] == 1
    assert len(store.items) == 2


def test_a_study_that_the_pacs_will_not_tell_of_costs_itself_alone() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies = {f"1.{number}": {"CT": ["ct"], "SR": [DOSE]} for number in range(1, 9)}
    search = pacs.search_for_series

    def moody(study: str, cancelled: Callable[[], bool]) -> list[SeriesAnswer]:
        if study == "1.3" and moody_about:
            raise Refused("not this one")
        return search(study, cancelled)

    moody_about = ["1.3"]
    pacs.search_for_series = moody  # type: ignore[method-assign]
    polling = poller(pacs, store)
    for _poll in range(3):
        polling.poll(never)
    assert len(store.items) == 7
    assert store.canceled == {}
    moody_about.clear()
    polling.poll(never)
    assert len(store.items) == 8


def test_many_studies_beyond_the_lookback_are_asked_for_in_turn_and_none_is_taken_for_gone() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies = {f"1.{number}": {"CT": ["ct"]} for number in range(1, 2 * OLDER_AT_ONCE + 4)}
    polling = poller(pacs, store)
    polling.poll(never)
    pacs.date = "20261101"
    del pacs.studies["1.7"]
    asked: list[str] = []
    search = pacs.search_for_studies

    def counted(query: StudyQuery, cancelled: Callable[[], bool]) -> list[StudyAnswer]:
        asked.append(query.study_instance_uid)
        return search(query, cancelled)

    pacs.search_for_studies = counted  # type: ignore[method-assign]
    for _poll in range(2):
        asked.clear()
        polling.poll(never)
        assert len([uid for uid in asked if uid]) == OLDER_AT_ONCE
    assert store.canceled == {}, "missed once"
    for _poll in range(3):
        polling.poll(never)
    assert [item.study_instance_uid for item in store.over.values()] == ["1.7"]


def test_identifiers_are_read_when_everything_is_on_the_list_and_after_a_restart_too() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies = {"1.2": {"CT": ["ct"]}}
    busy = iter([0.0, 10.0]).__next__
    Poller(site(), store, READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW, busy).poll(never)
    assert [item.other_patient_ids for item in store.items.values()] == [()]
    poller(pacs, store).poll(never)
    assert [item.other_patient_ids[0].patient_id for item in store.items.values()] == [BSN[0]]


def test_the_images_of_an_order_go_into_its_workitem() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    order = Workitem(
        "9.9", state=ProcedureStepState.SCHEDULED, site_id="north", accession_number="A1", clinical_question="Bleed?"
    )
    store.items["9.9"] = Workitem.from_json(order.to_json())
    pacs.others = [
        StudyAnswer(uid, accession_number="A1", study_date="20261121", modalities=("CT",), number_of_instances=3)
        for uid in ("1.5", "1.6")
    ]
    poller(pacs, store).poll(never)
    adopted = store.items["9.9"]
    assert (adopted.study_instance_uid, adopted.images, adopted.modalities) == ("1.5", 3, ("CT",))
    assert (adopted.clinical_question, adopted.accession_number, adopted.readiness) == ("Bleed?", "A1", "INCOMPLETE")
    assert len(store.items) == 2, "the second study of the order has its own"


def test_a_glance_finds_what_is_new_and_leaves_everything_else_to_the_next_whole_poll() -> None:
    pacs, store = ScriptedPacs(), MemoryFeed()
    pacs.studies = {"1.1": {"CT": ["ct"]}, "1.2": {"CT": ["ct"]}}
    polling = poller(pacs, store)
    polling.poll(never)
    pacs.studies["1.3"] = {"CT": ["ct"]}
    del pacs.studies["1.2"]
    updates = len(store.updates)
    for _glance in range(5):
        polling.poll(never, is_glance=True)
    assert sorted(item.study_instance_uid for item in store.items.values()) == ["1.1", "1.2", "1.3"]
    assert {item.readiness for item in store.items.values()} == {"INCOMPLETE"}, "no time has passed"
    assert len(store.updates) == updates
    polling.poll(never)
    assert [item.readiness for item in store.items.values()] == ["READY", "INCOMPLETE", "READY"]
    polling.poll(never)
    assert [item.study_instance_uid for item in store.over.values()] == ["1.2"]
