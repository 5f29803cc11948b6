"""Between a study that comes and the viewer: only images of the patient they should be of are drawn."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from viewer.api import Feed
from viewer.records import InstanceHeader, PatientLabel
from worklist_client.identity.patient import PatientIdentity
from worklist_client.reading.whose import are_two_people, is_stranger


class FeedTold(Protocol):
    """Who hears what the headers of one study say. Called from the threads of workers."""

    def first(self, header: InstanceHeader) -> None:
        """The first image that is drawn."""

    def stranger(self, label: PatientLabel) -> None:
        """Images name somebody else than the list; said once."""

    def two_people(self, drawn: PatientLabel, other: PatientLabel) -> None:
        """The images of one study name two people; said once."""

    def words(self, label: PatientLabel, drawn: PatientLabel | None) -> str:
        """What stands in place of an image that is not drawn: who it names, and who the list names, or, where it agrees
        with the list, who the images that are drawn name."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was found of one label: whether it may be drawn, and which label it contradicts where the list agrees."""

    drawn: bool
    against: PatientLabel | None = None


class CheckedFeed:
    """Passes a study on to the viewer, after looking whether its images are of the patient they should be of.

    Images of somebody else are never drawn; in their place stands whom they name and whom the list names. Nor are those
    of a second person among the headers of one study, whatever the list says. Safe from any thread.
    """

    def __init__(self, feed: Feed, patient: PatientIdentity, told: FeedTold) -> None:
        self._feed = feed
        self._patient = patient
        self._told = told
        self._lock = threading.Lock()
        self._judged: dict[PatientLabel, _Judged] = {}
        self._said: set[str] = set()

    def expect(self, study_instance_uid: str, series_instance_uid: str, count: int) -> None:
        self._feed.expect(study_instance_uid, series_instance_uid, count)

    def arrived(self, headers: Sequence[InstanceHeader]) -> None:
        drawn = []
        for header in headers:
            found = self._judge(header)
            if found.drawn:
                drawn.append(header)
            else:
                self._feed.missing(
                    header.study_instance_uid,
                    header.series_instance_uid,
                    header.sop_instance_uid,
                    self._told.words(header.patient, found.against),
                )
        if drawn:
            self._feed.arrived(drawn)
            if self._once("first"):
                self._told.first(drawn[0])

    def missing(self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, reason: str) -> None:
        self._feed.missing(study_instance_uid, series_instance_uid, sop_instance_uid, reason)

    def complete(self, study_instance_uid: str, series_instance_uid: str) -> None:
        self._feed.complete(study_instance_uid, series_instance_uid)

    def _judge(self, header: InstanceHeader) -> _Judged:
        """Most studies have one label, judged once."""
        label = header.patient
        with self._lock:
            found = self._judged.get(label)
            if found is None:
                found = self._judged[label] = self._compared(label)
        if found.drawn:
            return found
        if found.against is None:
            if self._once("stranger"):
                self._told.stranger(label)
        elif self._once("two"):
            self._told.two_people(found.against, label)
        return found

    def _compared(self, label: PatientLabel) -> _Judged:
        if is_stranger(label, self._patient):
            return _Judged(drawn=False)
        others = (known for known, judged in self._judged.items() if judged.drawn)
        against = next((known for known in others if are_two_people(known, label)), None)
        return _Judged(against is None, against)

    def _once(self, what: str) -> bool:
        with self._lock:
            if what in self._said:
                return False
            self._said.add(what)
            return True
