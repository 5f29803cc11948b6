"""What a reading window shows of its case: claim, priors, draft, measurements, delivery. It reads; it does not act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from viewer.dates import shown_moment
from viewer.titles import study_title
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_state import Standing, Topic
from worklist_client.commands.desk import Desk
from worklist_client.identity.names import display_name
from worklist_client.identity.patient import PatientIdentity
from worklist_client.reading.whose import person_of
from worklist_client.settings.theme import Theme
from worklist_client.ui.bars import NoticeBar
from worklist_client.ui.letting_go import RequestBar
from worklist_client.ui.reading_bar import PatientBar, SiteChip
from worklist_client.ui.reading_priors import PriorStrip
from worklist_client.ui.reading_report import ReportPanel
from worklist_client.ui.reading_text import delivery_text, patient_facts, standing_text
from worklist_client.ui.worklist_columns import hidden_text
from worklist_client.worklist.entries import StudyEntry


@dataclass(frozen=True)
class ViewActs:
    """What the buttons in a notice do, and who is told when commands may have become possible or impossible."""

    claim: Callable[[], None]
    release: Callable[[], None]
    retry_images: Callable[[], None]
    next_case: Callable[[], None]
    refresh: Callable[[], None]
    watch_delivery: Callable[[bool], None]
    name_next: Callable[[str], None]
    report_made: Callable[[ReportPanel], None]


NOTICE_PX = 40
"""A notice of two lines; most are no longer."""


def keep_room(notice: NoticeBar) -> None:
    """Its place stays when it is put away: images must not be scaled anew because a message comes or goes."""
    policy = notice.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    notice.setSizePolicy(policy)
    notice.setMinimumHeight(NOTICE_PX)


class CaseView:
    """Bar, strip, notice and report panel of one case."""

    def __init__(self, desk: Desk, session: CaseSession, theme: Theme, acts: ViewActs) -> None:
        self._desk, self._tr, self._theme, self._acts = desk, desk.tr, theme, acts
        self.session = session
        self.bar = PatientBar(theme)
        self.strip = PriorStrip(desk.tr, theme)
        self.notice = NoticeBar("reading_notice", desk.tr("Put away"))
        self.request = RequestBar("reading_request", desk.tr, self._share_room)
        """Somebody asks for this study."""
        self.request.setMinimumHeight(NOTICE_PX)
        keep_room(self.notice)
        self._next = ""
        self._delivery_said = ""
        self._missing_said = ""
        self._reports_said = False
        self._reserved_said = ""

    @cached_property
    def report(self) -> ReportPanel:
        """Made when it is first asked for: while a window opens, in a turn of the event loop of its own."""
        panel, entry = ReportPanel(self._tr), self.session.entry
        panel.show_patient(display_name(entry.patient.name) or self._tr("no name"))
        panel.edit("clinical_question").setPlaceholderText(hidden_text(entry, self._tr))
        self._acts.report_made(panel)
        return panel

    def on_topic(self, topic: Topic) -> None:
        """Show what changed."""
        {
            Topic.STANDING: self._show_standing,
            Topic.PRIORS: self._show_priors,
            Topic.IMAGES: self._show_images,
            Topic.DRAFT: self._show_draft,
            Topic.MEASUREMENTS: self._show_measurements,
            Topic.DELIVERY: self._show_delivery,
            Topic.DOCUMENTS: self._show_documents,
            Topic.NOTICE: self._show_notice,
        }[topic]()

    def show_case(self, entry: StudyEntry) -> str:
        """Fill in who and what, once; the title of the window comes back, without the patient."""
        site = self._desk.sites.get(entry.site_id)
        name = display_name(entry.patient.name) or self._tr("no name")
        what = study_title(entry.modality, entry.study_description)
        accession = self._tr("Accession {number}", number=entry.accession_number) if entry.accession_number else ""
        exam = "  ·  ".join(part for part in (what, shown_moment(entry.study_datetime), accession) if part)
        facts = patient_facts(entry.patient, self._desk.now().date(), self._tr)
        hidden = hidden_text(entry, self._tr)
        if hidden:
            facts = self._tr("birth date and number {hidden}", hidden=hidden)
        self.bar.show_case(name, facts, exam, SiteChip("site_chip", site.name, site.color, self._theme))
        return f"{what} – {site.name}"

    def show_next(self, what: str) -> None:
        """Who comes next, on menu and button, so that nobody is surprised; empty where nothing is left."""
        title = self._tr("Next study: {what}", what=what) if what else self._tr("Next study")
        self._acts.name_next(title.replace("&", "&&"))
        if what != self._next:
            self._next = what
            if self._delivery_said and self.notice.text() == self._delivery_said:
                self._show_delivery()

    def _share_room(self) -> None:
        """A question stands in the empty place of the notice, so that the images do not move."""
        policy = self.notice.sizePolicy()
        policy.setRetainSizeWhenHidden(self.request.isHidden())
        self.notice.setSizePolicy(policy)

    def _show_standing(self) -> None:
        claim = self.session.claim
        text, tone = standing_text(claim.standing, display_name(claim.holder), self._tr)
        self.bar.show_standing(text, tone)
        self._show_editable()
        if claim.reason and claim.standing is not Standing.SIGNED:
            if claim.standing is Standing.LOST:
                self.notice.say(self._why_lost(claim.reason), "danger", self._tr("Next study"), self._acts.next_case)
            else:
                again = self._tr("Try again") if claim.standing is Standing.UNCLEAR else ""
                self.notice.say(self._tr(claim.reason), "attention", again, self._acts.claim)
        elif claim.standing is Standing.MINE:
            self.notice.hide()
            self._reports_said = False
            self._reserved_said = ""
            self._say_missing_images()
        self._acts.refresh()

    def _why_lost(self, reason: str) -> str:
        """Why a study was withdrawn stands as whoever withdrew it wrote it."""
        return reason if reason == self.session.entry.cancel_reason else self._tr(reason)

    def _show_editable(self) -> None:
        strange = self.session.is_strange
        self.report.set_editable(self.session.editable, alarm=strange)
        if self.session.keeper.is_waiting:
            self.report.show_status(self._tr(self.session.notice), "attention")
        elif strange:
            text = self._tr(
                "STOP: the images are of another patient than the list says. This report cannot be written."
            )
            if self.session.has_two_patients:
                text = self._tr("STOP: the hospital keeps images of two patients under this study. Tell the hospital.")
            self.report.show_status(text, "danger")
        elif not self.session.editable and self.session.signing.package is None:
            claim = self.session.claim
            self.report.show_status(standing_text(claim.standing, display_name(claim.holder), self._tr)[0])
        elif self.session.editable:
            restored = self._whose_text() if self.session.keeper.restored else ""
            final = (
                self._tr("A final report of this study is at the hospital.") if self.session.documents.finals else ""
            )
            order = (
                self._tr("The order under this accession number names another patient. Tell the hospital.")
                if self.session.entry.has_order_of_another
                else ""
            )
            said = "  ".join(part for part in (order, final, restored) if part)
            self.report.show_status(said, "danger" if order else "attention" if final else "muted")

    def _whose_text(self) -> str:
        """Of a text that was there already: mine, or of the reader who handed the study over."""
        code = self.session.claim.handed_by
        if not code:
            return self._tr("Your earlier text is here again.")
        people = {one.holder_code: one.holder for one in self._desk.live.entries}
        people |= {one.reserved_for_code: one.reserved_for for one in self._desk.live.entries}
        name = display_name(people.get(code, "")) or code
        return self._tr("This text was written by {name}, who handed the study over to you.", name=name)

    def _show_priors(self) -> None:
        priors = self.session.priors
        rows = priors.rows()
        sites = self._desk.sites.all()
        self.strip.show_rows(
            rows, {site.site_id: site.name for site in sites}, {site.site_id: site.color for site in sites}
        )
        self.strip.show_searches(priors.searches, priors.searching, len(rows))

    def _show_images(self) -> None:
        self._show_editable()
        self._show_priors()
        self._say_missing_images()

    def _say_missing_images(self) -> None:
        """Why images are not here; again after the claim is won, for its answer may come later than theirs."""
        if self.session.keeper.is_waiting:
            self.notice.say(self._tr(self.session.notice), "attention")
            return
        if self._say_strangers() or self._say_reports():
            return
        images = self.session.images
        for late in images.late.values():
            self._missing_said = self._tr(
                "{seen} of {total} images seen; {late} came after. The report is not signed.",
                seen=late.seen,
                total=late.total,
                late=late.late,
            )
            self.notice.say(self._missing_said, "attention", self._tr("Load them"), self._acts.retry_images)
            return
        for study in images.studies():
            text = self._missing_text(study)
            if text:
                text = text if text.endswith((".", "!", "?")) else f"{text}."
                if images.waiting(study):
                    text += "  " + self._tr("It is asked for again by itself.")
                self._missing_said = text
                self.notice.say(text, "attention", self._tr("Try again"), self._acts.retry_images)
                return
        loading = any(images.loading(study) for study in images.studies())
        if self._missing_said and not loading and self.notice.text() == self._missing_said:
            self.notice.hide()
        if self.notice.isHidden():
            self._say_reserved()

    def _say_reports(self) -> bool:
        """Once: that the hospital holds a final report of this study, by whom; whether that stands there now."""
        finals = self.session.documents.finals
        if not finals or self.session.signing.package is not None:
            return False
        said = "; ".join(" ".join(part for part in (one.author, one.written_at) if part) for one in finals).strip("; ")
        text = self._tr("A final report of this study is at the hospital. Read it before you write.")
        if said:
            text = self._tr(
                "A final report of this study is at the hospital: {said}. Read it before you write.", said=said
            )
        if self._reports_said:
            return not self.notice.isHidden() and self.notice.text() == text
        self._reports_said = True
        self.notice.say(text, "attention")
        return True

    def _say_reserved(self) -> None:
        """Once, where nothing else is said: that the study was meant for somebody else."""
        claim = self.session.claim
        if not claim.reserved_for or claim.standing is not Standing.MINE or self._reserved_said:
            return
        name = display_name(claim.reserved_for) or claim.reserved_for
        self._reserved_said = self._tr(
            "This study was reserved for {name}, who may have a text of it. Released, it is reserved for {name} again.",
            name=name,
        )
        self.notice.say(self._reserved_said, "attention", self._tr("Release"), self._acts.release)

    def _missing_text(self, study: str) -> str:
        """Why images of a study are not here; empty where all are, or are on their way."""
        images, tr = self.session.images, self._tr
        count, reason = images.count(study), images.error(study)
        if count.complete or images.loading(study):
            return ""
        reason = reason or next((one.reason for one in count.series if one.reason), "")
        if reason and not count.received and reason[0].islower():
            # What a PACS did is said by `pacs` in half a sentence, without whom it is about.
            return tr(
                "No images from {hospital}: {reason}. An administrator finds out why with 'worklist-client check'.",
                hospital=images.hospital_of(study),
                reason=tr(reason),
            )
        if not count.received or not reason:
            return tr(reason) if reason else ""
        total = "?" if count.expected is None else str(count.expected)
        return tr("{here} of {all} images are here: {reason}", here=count.received, all=total, reason=tr(reason))

    def _say_strangers(self) -> bool:
        """Whom the list names and whom the images name, one under the other; whether there is such a study."""
        images = self.session.images
        for study, label in images.strangers.items():
            text = self._tr(
                "The images are of another patient and are not drawn.\n"
                "The list says:  {ours}\nThe images say:  {theirs}",
                ours=self._person(images.patient_of(study)),
                theirs=self._person(person_of(label)),
            )
            self.notice.say(text, "danger")
            return True
        for drawn, other in images.two_people.values():
            text = self._tr(
                "The images of this study name two people. Those of the second are not drawn.\n"
                "Drawn:  {ours}\nNot drawn:  {theirs}",
                ours=self._person(person_of(drawn)),
                theirs=self._person(person_of(other)),
            )
            self.notice.say(text, "danger")
            return True
        return False

    def _person(self, patient: PatientIdentity) -> str:
        name = display_name(patient.name) or self._tr("no name")
        return f"{name}  ·  {patient_facts(patient, self._desk.now().date(), self._tr)}"

    def _show_documents(self) -> None:
        self._show_editable()
        self._say_missing_images()

    def _show_draft(self) -> None:
        self.report.show_sections(self.session.report.draft.sections)
        self._show_editable()
        self._show_measurements()

    def _show_measurements(self) -> None:
        self.report.show_measurements(self.session.report.measurements())

    def _show_delivery(self) -> None:
        package = self.session.signing.package
        if package is None:
            return
        text, tone = delivery_text(package, self._desk.sites.name_of(package.site_id), self._tr)
        self.report.show_status(text, "muted" if tone == "info" else tone)
        notes = [self._tr(note) for note in self.session.signing.notes]
        self._delivery_said = "\n".join([text, *notes])
        following = self._tr("Next: {what}", what=self._next) if self._next else self._tr("Next study")
        self.notice.say(self._delivery_said, tone, following.replace("&", "&&"), self._acts.next_case)
        self._acts.watch_delivery(not self.session.signing.delivered)

    def _show_notice(self) -> None:
        self._show_editable()
        if self.session.notice:
            self.notice.say(self._tr(self.session.notice), "attention")
        else:
            self.notice.hide()
            self._say_missing_images()
