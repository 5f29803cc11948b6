"""The priors of a case: found at every hospital that can be asked, gated by identity and consent, opened on record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pacs.port import Cancelled, Pacs
from pacs.site import Connection, Site
from viewer.cancel import CancelToken
from viewer.dates import shown_date
from viewer.tasks import Task
from viewer.ui.labels import StudyLabel
from worklist_client.commands.case_images import PRIOR, CaseImages, LoadRequest, port_of, sentence_of
from worklist_client.commands.case_state import CardIncomplete
from worklist_client.commands.desk import Desk
from worklist_client.identity.links import (
    DECLINED,
    Gate,
    LinkRefused,
    confirmed_link,
    decision,
    declined_link,
    gate,
)
from worklist_client.identity.names import display_name
from worklist_client.identity.patient import PatientIdentity, Verdict
from worklist_client.journal import AuditRow, LinkRow
from worklist_client.reading.consent import ConsentAnswer, ConsentPort, ConsentQuestion, Purpose, SiteDirectoryConsent
from worklist_client.reading.errors import CannotOpenPrior, NotPermitted
from worklist_client.reading.instance_identity import read_national_id
from worklist_client.reading.priors import (
    CurrentStudy,
    PriorCandidate,
    PriorServices,
    SearchState,
    SiteSearch,
    hangs_by_itself,
    ranked,
    search_elsewhere,
    search_home,
)
from worklist_client.reading.relevance import StudyTraits
from worklist_client.report.model import PriorStudy
from worklist_client.worklist.entries import StudyEntry

HANGS_EARLY_SCORE = 50
"""A prior of the home site that scores this is hung at once; otherwise all hospitals are waited for."""


@dataclass(frozen=True, slots=True)
class PriorRow:
    """One row of the prior list: the candidate and what may be done with it."""

    candidate: PriorCandidate
    gate: Gate
    confirmed: tuple[str, ...] = ()
    """Identifiers the reader ticked, where a card was needed."""
    opened: bool = False
    hung: bool = False
    declined: bool = False
    """Whether the reader compared the two and said that they are different people."""
    later: bool = False
    """Whether it was made after the study being read."""


def current_study_of(entry: StudyEntry) -> CurrentStudy:
    """What finding priors needs to know of a row of the list."""
    day = entry.study_datetime.strftime("%Y%m%d") if entry.study_datetime is not None else ""
    modalities = tuple(part for part in entry.modality.replace("\\", "/").split("/") if part)
    traits = StudyTraits(modalities, entry.body_part, entry.study_description, day)
    return CurrentStudy(entry.site_id, entry.study_instance_uid, entry.patient, traits)


def patient_lines(patient: PatientIdentity, site: Site, tr: Callable[[str], str] = str) -> tuple[str, str, str]:
    """What stands on every viewport: name, birth date with sex, number. Who issued the number is said only where it is
    not the hospital itself, whose name is there already."""
    key = patient.key
    issuer = key.issuer if key.issuer != site.issuer_of_patient_id else ""
    sex = {"M": tr("M"), "F": tr("F"), "O": tr("O")}.get(patient.sex, patient.sex)
    facts = f"{shown_date(patient.birth_date)} {sex}".strip()
    return display_name(patient.name), facts, f"{key.patient_id} {issuer}".strip()


def prior_services(desk: Desk, consent: ConsentPort | None = None) -> PriorServices:
    """How the sites of this desk are asked; also for the timeline of the worklist."""

    def open_port(connection: Connection) -> Pacs:
        return port_of(desk, connection)

    def national_id(site: Site, study_instance_uid: str, cancelled: Cancelled) -> str:
        return read_national_id(site, study_instance_uid, open_port, cancelled)

    return PriorServices(
        open_port=open_port,
        national_id=national_id,
        consent=consent or SiteDirectoryConsent(),
        reader_code=desk.reader.code,
    )


class CasePriors:
    """Searches, judges, confirms and opens the priors of one case. Main thread; the work is in the background."""

    def __init__(
        self,
        desk: Desk,
        entry: StudyEntry,
        images: CaseImages,
        changed: Callable[[], None],
        services: PriorServices | None = None,
    ) -> None:
        self._desk = desk
        self._entry = entry
        self._current = current_study_of(entry)
        self._images = images
        self._changed = changed
        self._services = services or prior_services(desk)
        self._searches: dict[str, SiteSearch] = {}
        self._waiting: set[str] = set()
        self._tasks: list[Task] = []
        self._links: list[LinkRow] = []
        self._opened: list[PriorCandidate] = []
        self._hung = ""
        self._chosen = False
        self.hang: Callable[[PriorCandidate], None] = lambda candidate: None
        """Set by the session: brings an opened prior into view."""

    def search(self) -> None:
        """Ask every hospital, each in a task of its own, so that one that is down delays nobody."""
        self._links = self._desk.journal.links.of_workitem(self._entry.workitem_uid)
        self._ask(self._desk.sites.all())

    def identify(self, entry: StudyEntry) -> None:
        """More is known of the patient now (the national ID, from an image): the other hospitals are asked anew."""
        self._entry = entry
        self._current = current_study_of(entry)
        self._ask([site for site in self._desk.sites.all() if site.site_id != entry.site_id])
        self._changed()

    def _ask(self, sites: Iterable[Site]) -> None:
        """Each in a task of its own; a newer question to a hospital takes the place of an older one."""
        for site in sites:
            self._waiting.add(site.site_id)
            work = search_home if site.site_id == self._entry.site_id else search_elsewhere

            def ask(site: Site, token: CancelToken, work: Callable[..., SiteSearch] = work) -> SiteSearch:
                return work(self._current, site, self._services, token.cancelled)

            task = self._desk.runner.submit(
                ask,
                site,
                lane="search",
                owner=self,
                key=(self._entry.workitem_uid, site.site_id),
                priority=0 if site.site_id == self._entry.site_id else 5,
                done=self._found,
                failed=lambda error, site=site: self._found(  # type: ignore[misc]
                    SiteSearch(site.site_id, site.name, SearchState.DOWN, (), sentence_of(error))
                ),
            )
            self._tasks.append(task)

    @property
    def searching(self) -> tuple[str, ...]:
        """Names of the hospitals that have not answered yet."""
        return tuple(self._desk.sites.name_of(site_id) for site_id in sorted(self._waiting))

    @property
    def searches(self) -> tuple[SiteSearch, ...]:
        """How the search ended at each hospital so far."""
        return tuple(self._searches.values())

    def rows(self) -> tuple[PriorRow, ...]:
        """Every candidate with what may be done with it, most relevant first, conflicts last."""
        candidates = [item for search in self._searches.values() for item in search.candidates]
        opened = {item.candidate_id for item in self._opened}
        return tuple(
            PriorRow(
                item,
                self.gate(item),
                self._confirmed(item),
                item.candidate_id in opened,
                item.study.study_instance_uid == self._hung,
                self._is_declined(item),
                self.is_later(item.study.study_date),
            )
            for item in ranked(candidates, self._entry.site_id)
        )

    def row(self, candidate_id: tuple[str, str]) -> PriorRow:
        """One row. Raises `CannotOpenPrior` where it is not in the list."""
        for row in self.rows():
            if row.candidate.candidate_id == candidate_id:
                return row
        raise CannotOpenPrior("This study is not in the list of priors")

    def gate(self, candidate: PriorCandidate) -> Gate:
        """Same opens, probable needs the card, conflict is closed."""
        return gate(
            candidate.comparison, self._entry.patient.key, candidate.patient.key, self._entry.workitem_uid, self._links
        )

    def confirm(self, candidate_id: tuple[str, str], ticked: tuple[str, ...]) -> None:
        """The reader ticked the card: journal the link, for this workitem only, then open the prior.

        Raises
        ------
        CardIncomplete : fewer than two identifiers of different kinds, or one that does not agree
        JournalError : the link could not be written; nothing is opened
        """
        candidate = self.row(candidate_id).candidate
        try:
            link = confirmed_link(
                candidate.comparison,
                self._entry.patient,
                candidate.patient,
                workitem_uid=self._entry.workitem_uid,
                ticked=ticked,
                reader_code=self._desk.reader.code,
                at=self._desk.now(),
            )
        except LinkRefused as error:
            raise CardIncomplete(error.reason) from error
        self._desk.journal.links.confirm(link)
        self._links.append(link)
        self.open(candidate_id)

    def decline(self, candidate_id: tuple[str, str]) -> None:
        """The reader says: not the same person. Journalled for this workitem; the prior stays closed, and the card may
        be asked for again. Raises `CannotOpenPrior`, `JournalError`."""
        candidate = self.row(candidate_id).candidate
        link = declined_link(
            candidate.comparison,
            self._entry.patient,
            candidate.patient,
            workitem_uid=self._entry.workitem_uid,
            reader_code=self._desk.reader.code,
            at=self._desk.now(),
        )
        self._desk.journal.links.confirm(link)
        self._links.append(link)
        self._changed()

    def open(self, candidate_id: tuple[str, str]) -> None:
        """Load a prior and hang it. Raises `CannotOpenPrior` where its gate is not open."""
        row = self.row(candidate_id)
        if row.gate is Gate.CLOSED:
            raise CannotOpenPrior("The two records contradict each other: this is not the same patient")
        if row.gate is Gate.CARD:
            raise CannotOpenPrior("Compare the two patients on the card first")
        self._chosen = True
        self._open(row.candidate)

    def of_report(self) -> tuple[PriorStudy, ...]:
        """The priors that were really opened: images of them were here."""
        return tuple(
            self._as_reported(item) for item in self._opened if self._images.opened(item.study.study_instance_uid)
        )

    def hanging(self) -> tuple[PriorStudy, ...]:
        """The priors whose images are here or on their way: not those that failed, nor those of somebody else."""
        images = self._images
        return tuple(
            self._as_reported(item)
            for item in self._opened
            for study in (item.study.study_instance_uid,)
            if study not in images.strangers and (images.opened(study) or not images.error(study))
        )

    def _as_reported(self, item: PriorCandidate) -> PriorStudy:
        confirmed = self._confirmed(item)
        return PriorStudy(
            site_id=item.site_id,
            study_instance_uid=item.study.study_instance_uid,
            study_date=item.study.study_date,
            modality="/".join(item.study.modalities),
            study_description=item.study.study_description,
            patient=item.patient,
            verdict="confirmed" if confirmed else item.verdict.value,
            confirmed_identifiers=confirmed,
        )

    def label(self, candidate: PriorCandidate) -> StudyLabel:
        """What the viewer writes on every viewport of a prior."""
        tr = self._desk.tr
        patient = candidate.patient
        if candidate.same_key:
            verdict = tr("Same patient number")
        elif candidate.verdict is Verdict.SAME:
            verdict = tr("Same patient: national ID and birth date")
        else:
            verdict = tr("Confirmed by you")
        site = self._desk.sites.get(candidate.site_id)
        foreign = candidate.site_id != self._entry.site_id
        role = tr("LATER") if self.is_later(candidate.study.study_date) else tr("PRIOR")
        return StudyLabel(site.name, site.color, foreign, verdict, patient_lines(patient, site, tr), role)

    def is_later(self, study_date: str) -> bool:
        """Whether a study of that day was made after the one being read: no prior, whatever list it stands in."""
        read = self._entry.study_datetime
        return read is not None and study_date > read.strftime("%Y%m%d")

    def cancel(self) -> None:
        """Stop searching."""
        for task in self._tasks:
            task.cancel()

    def _found(self, search: SiteSearch) -> None:
        self._searches[search.site_id] = search
        self._waiting.discard(search.site_id)
        self._hang_by_itself()
        self._changed()

    def _hang_by_itself(self) -> None:
        """Once, and never over a choice of the reader: what hangs is not exchanged under somebody's eyes."""
        if self._chosen:
            return
        fit = [row.candidate for row in self.rows() if hangs_by_itself(row.candidate)]
        if not fit:
            return
        best = max(fit, key=lambda item: item.relevance.score)
        if self._waiting and best.relevance.score < HANGS_EARLY_SCORE:
            return
        self._chosen = True
        self._open(best)

    def _open(self, candidate: PriorCandidate) -> None:
        if candidate.candidate_id not in {item.candidate_id for item in self._opened}:
            self._opened.append(candidate)
        site = self._desk.sites.get(candidate.site_id)
        study = candidate.study.study_instance_uid
        self._hung = study
        self.hang(candidate)
        accession = candidate.study.accession_number
        request = LoadRequest(site, study, candidate.patient, lambda: self._pass(site, candidate), PRIOR, accession)
        self._images.load(request)
        self._changed()

    def _pass(self, site: Site, candidate: PriorCandidate) -> None:
        """The gate, in the background: ask consent again, then write the audit line. Raises to refuse."""
        if site.site_id != self._entry.site_id:
            question = ConsentQuestion(
                site, self._entry.site_id, candidate.patient.key, self._desk.reader.code, Purpose.OPEN
            )
            answer = self._services.consent.ask(question)
            if answer is not ConsentAnswer.PERMIT:
                raise NotPermitted(site.name, answer.value)
        confirmed = self._confirmed(candidate)
        verdict = f"confirmed: {', '.join(confirmed)}" if confirmed else candidate.verdict.value
        self._desk.journal.audit.append(
            AuditRow(
                at=self._desk.now(),
                event="prior.opened",
                reader_code=self._desk.reader.code,
                site_id=site.site_id,
                study_instance_uid=candidate.study.study_instance_uid,
                patient_issuer=candidate.patient.key.issuer,
                patient_id=candidate.patient.key.patient_id,
                workitem_uid=self._entry.workitem_uid,
                reason=f"prior of a study being read ({verdict})",
            )
        )

    def _confirmed(self, candidate: PriorCandidate) -> tuple[str, ...]:
        if candidate.verdict is not Verdict.PROBABLE or self.gate(candidate) is not Gate.OPEN:
            return ()
        said = self._decision(candidate)
        return said.identifiers if said is not None else ()

    def _is_declined(self, candidate: PriorCandidate) -> bool:
        said = self._decision(candidate)
        return said is not None and said.verdict == DECLINED

    def _decision(self, candidate: PriorCandidate) -> LinkRow | None:
        return decision(
            candidate.comparison, self._entry.patient.key, candidate.patient.key, self._entry.workitem_uid, self._links
        )
