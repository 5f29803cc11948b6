"""What one hospital's PACS is asked, and as seldom as it may be: studies, then what the answers left open."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pacs import secrets
from pacs.connect import open_pacs
from pacs.errors import NotFound, PacsError, ProtocolViolation, Refused, UnsafeName
from pacs.files import check_uid
from pacs.port import Cancelled, Pacs, SeriesAnswer, StudyAnswer, StudyQuery
from pacs.reports import DOCUMENT_MODALITIES, Finality
from pacs.site import Connection, Site
from ups.identifiers import workitem_uid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.intake.poll import Found, one_answer
from worklist_hub.intake.reports import ReportWatch
from worklist_hub.intake.undated import UndatedWatch

UNSAID_REPORTS: Final = "unsaid_reports"
"""Key of a site's `extra`: "preliminary" (the default) or "final"."""
OLDER_AT_ONCE: Final = 20
"""Studies on the list that are older than the lookback are asked for one by one, so many a poll, in turn."""

_log = logging.getLogger("wl.hub.intake")


@dataclass(frozen=True, slots=True)
class Listed:
    """One study as the search for studies answered it."""

    answer: StudyAnswer
    patients: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search answered, and the studies of the list that it did not ask for this time."""

    studies: tuple[Listed, ...]
    left_out: frozenset[str]


def own_connection(site: Site) -> Connection | None:
    """The first that is not a shared archive; None where it has none."""
    return next((one for one in site.connections if not one.shared), None)


def own_pacs(site: Site, calling_ae: str, secrets_file: Path | None) -> Pacs:
    """The site's own PACS: its first connection that is not a shared archive. Secrets come from the environment or a
    private file (`pacs.secrets`). Raises `PacsError` without a connection."""
    connection = own_connection(site)
    if connection is None:
        raise PacsError(f"site {site.site_id} has no connection of its own")
    return open_pacs(
        connection, calling_ae=calling_ae, credentials=secrets.find(connection.connection_id, secrets_file)
    )


class SiteAsker:
    """Of one site; remembers what need not be asked again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reports = ReportWatch(site.site_id)
        self._mixed: frozenset[str] = frozenset()
        self._undated = UndatedWatch(site.site_id)
        self._turn = 0
        self._unjudged: set[str] = set()
        """Studies that could not be judged: asked for by name where the dates do not name them any more."""

    @property
    def undated(self) -> int:
        """How many studies stay off the list because they have no Study Date."""
        return self._undated.left_out

    def studies(
        self, pacs: Pacs, known: Sequence[Workitem] | None, ranges: Sequence[str], cancelled: Cancelled
    ) -> Asked:
        """Every study of these dates (`gaps.date_ranges`), at least of the lookback, each time anew: so nothing falls
        between two polls, whatever clock runs wrong.
        Studies on the list that are not among them are asked for by name; `known` is None at a glance, which asks for
        the lookback alone.

        Answers are judged by their values: a PACS that ignores the date key must not flood the list.
        """
        first = ranges[0].partition("-")[0]
        by_uid: dict[str, list[StudyAnswer]] = {}
        for wanted in ranges:
            for answer in pacs.search_for_studies(StudyQuery(study_date=wanted), cancelled):
                if answer.study_instance_uid and answer.study_date >= first:
                    by_uid.setdefault(answer.study_instance_uid, []).append(answer)
        listed = {item.study_instance_uid: item.patient_id for item in known or () if item.study_instance_uid}
        older = [
            item.study_instance_uid
            for item in known or ()
            if item.state is ProcedureStepState.SCHEDULED
            and item.study_instance_uid
            and item.study_instance_uid not in by_uid
        ]
        if known is not None:
            older += sorted(self._unjudged - by_uid.keys() - set(older))
        chosen = self._in_turn(older)
        for uid in chosen:
            answers = pacs.search_for_studies(StudyQuery(study_instance_uid=uid), cancelled)
            same = [answer for answer in answers if answer.study_instance_uid == uid]
            by_uid.update({uid: same} if same else {})
            self._unjudged.discard(uid)
        for answer in self._undated.arrived(pacs, cancelled) if known is not None else ():
            if answer.study_instance_uid not in listed:
                by_uid.setdefault(answer.study_instance_uid, []).append(answer)
        studies = [
            Listed(*one_answer(self._site, answers, listed.get(uid, "")))
            for uid, answers in by_uid.items()
            if self._is_uid(uid)
        ]
        self._reports.keep_only(by_uid.keys())
        self._warn_of_mixed([one.answer.study_instance_uid for one in studies if one.patients > 1])
        return Asked(tuple(studies), frozenset(older) - frozenset(chosen))

    def at_once(self, listed: Listed) -> Found | None:
        """What can be said without a further question, else None."""
        answer, count = listed.answer, listed.answer.number_of_instances
        if count is None:
            return None
        if answer.modalities and not any(one in DOCUMENT_MODALITIES for one in answer.modalities):
            return Found(answer, count, patients=listed.patients)
        kinds = self._reports.settled(answer.study_instance_uid, count)
        return None if kinds is None or not answer.modalities else self._judged(listed, answer, count, kinds)

    def found(self, pacs: Pacs, listed: Listed, cancelled: Cancelled) -> Found | None:
        """With further questions; None where the PACS answers, but not about this study: it costs itself alone."""
        answer = listed.answer
        uid, count = answer.study_instance_uid, answer.number_of_instances
        try:
            series = pacs.search_for_series(uid, cancelled)
            if not answer.modalities:
                modalities = tuple(dict.fromkeys(one.modality for one in series if one.modality))
                answer = replace(answer, modalities=modalities)
            if count is None:
                count = sum(_count(pacs, uid, one, cancelled) for one in series)
            kinds = self._reports.look(pacs, uid, count, series, cancelled)
        except (Refused, NotFound, ProtocolViolation) as error:
            workitem = workitem_uid(self._site.site_id, uid)
            text = "a study cannot be judged: site=%s workitem=%s error=%s"
            _log.warning(text, self._site.site_id, workitem, type(error).__name__)
            self._unjudged.add(uid)
            return None
        self._unjudged.discard(uid)
        return self._judged(listed, answer, count, kinds)

    def _judged(self, listed: Listed, answer: StudyAnswer, count: int, kinds: frozenset[Finality]) -> Found:
        """A report that does not say what it is counts as one only where the site's administrator says so."""
        has_report = Finality.FINAL in kinds or (Finality.UNSAID in kinds and unsaid_counts(self._site))
        return Found(answer, count, has_report, bool(kinds) and not has_report, listed.patients)

    def _in_turn(self, older: Sequence[str]) -> list[str]:
        if len(older) <= OLDER_AT_ONCE:
            return list(older)
        start = self._turn % len(older)
        self._turn = start + OLDER_AT_ONCE
        return [*older[start : start + OLDER_AT_ONCE], *older[: max(0, start + OLDER_AT_ONCE - len(older))]]

    def _is_uid(self, uid: str) -> bool:
        """One whose UID is no UID costs itself alone, for it can be neither fetched nor reported."""
        try:
            check_uid(uid)
        except UnsafeName:
            _log.warning("a study is left out, its UID is no UID: site=%s", self._site.site_id)
            return False
        return True

    def _warn_of_mixed(self, studies: Sequence[str]) -> None:
        """Once a study, by the UID of its workitem: that of the study would lead to the patient."""
        for study in studies:
            if study not in self._mixed:
                uid = workitem_uid(self._site.site_id, study)
                _log.warning("a study holds images of two patients: site=%s workitem=%s", self._site.site_id, uid)
        self._mixed = frozenset(studies)


def unsaid_counts(site: Site) -> bool:
    """Whether a PDF or other document that does not say that it is final counts as the report at this site."""
    return site.extra.get(UNSAID_REPORTS) == "final"


def _count(pacs: Pacs, study: str, series: SeriesAnswer, cancelled: Cancelled) -> int:
    if series.number_of_instances is not None:
        return series.number_of_instances
    return len(pacs.search_for_instances(study, series.series_instance_uid, cancelled))
