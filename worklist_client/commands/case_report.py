"""What the reader writes: sections and measurements of one case, with the links between words and images."""

from __future__ import annotations

from collections.abc import Callable

from viewer.records import Annotation
from worklist_client.commands.case_draft import DraftKeeper
from worklist_client.commands.case_images import CaseImages
from worklist_client.commands.case_measurements import (
    comparison_text,
    inserted,
    measurement_rows,
    place_in_text,
    refreshed,
)
from worklist_client.commands.case_priors import CasePriors
from worklist_client.commands.case_state import CaseViewer, MeasurementRow, NotEditable, Topic
from worklist_client.commands.desk import Desk
from worklist_client.report.model import Draft, PriorStudy


class CaseReport:
    """The report of one case. Every change is refused unless `editable` says so at that moment."""

    def __init__(
        self,
        desk: Desk,
        viewer: CaseViewer,
        keeper: DraftKeeper,
        images: CaseImages,
        priors: CasePriors,
        *,
        editable: Callable[[], bool],
        tell: Callable[[Topic], None],
    ) -> None:
        self._desk = desk
        self._viewer = viewer
        self._keeper = keeper
        self._images = images
        self._priors = priors
        self._editable = editable
        self._tell = tell
        self._comparison = ""
        self._question = ""

    @property
    def draft(self) -> Draft:
        """The report as it stands."""
        return self._keeper.draft

    def set_section(self, section: str, text: str) -> None:
        """The reader typed. Raises `NotEditable`."""
        self._require_editable()
        self._keeper.set_section(section, text)

    def annotations_changed(self) -> None:
        """Something was drawn, moved or deleted: keep it with the draft, and keep its words in the report true."""
        drawn = self._drawn()
        if self._editable():
            self._keeper.set_annotations(drawn)
            fresh = refreshed(self._keeper.draft, drawn, self._keeper.draft.language)
            if fresh is not self._keeper.draft:
                self._keeper.change(fresh)
                self._tell(Topic.DRAFT)
        self._tell(Topic.MEASUREMENTS)

    def measurements(self) -> tuple[MeasurementRow, ...]:
        """Everything drawn on the open studies, and whether its words are in the report."""
        return measurement_rows(self._keeper.draft, self._drawn(), self._study_text, self._keeper.draft.language)

    def insert_measurement(self, annotation_id: str, section: str, position: int) -> int:
        """Put the words of an annotation into a section at a text position; the position after them.

        Where they stand in the report already (`place_of`) nothing is put in: the position is in the section that has
        them.

        Raises `NotEditable`.
        """
        self._require_editable()
        row = next((row for row in self.measurements() if row.annotation.annotation_id == annotation_id), None)
        if row is None:
            raise NotEditable("This measurement does not exist any more")
        known = self.place_of(annotation_id)
        if known is not None:
            return known[1]
        draft, after = inserted(self._keeper.draft, row, section, position)
        self._keeper.change(draft)
        self._tell(Topic.DRAFT)
        self._tell(Topic.MEASUREMENTS)
        return after

    def place_of(self, annotation_id: str) -> tuple[str, int] | None:
        """Section and text position behind the words of a measurement that is in the report already, else None."""
        return place_in_text(self._keeper.draft, annotation_id)

    def go_to(self, annotation_id: str) -> bool:
        """The link back: select the annotation and show its frame. False: its image is not here."""
        if self._viewer.select_annotation(annotation_id):
            return True
        for item in self._keeper.draft.measurements:
            if item.annotation.annotation_id == annotation_id:
                return self._viewer.go_to(item.annotation.study_instance_uid, item.annotation.frame)
        return False

    def restore_annotations(self) -> None:
        """Give the viewer what was drawn before a crash; it keeps it until the images arrive."""
        drawn = self._keeper.draft.annotations
        for study in dict.fromkeys(item.study_instance_uid for item in drawn):
            self._viewer.set_annotations(study, tuple(item for item in drawn if item.study_instance_uid == study))

    def prefill_comparison(self) -> None:
        """The comparison names the priors that hang, from the moment that they do and until the reader writes something
        else there, or takes it out. A prior that cannot be opened after all is taken out again."""
        if not self._editable():
            return
        text = "\n".join(self._prior_line(prior) for prior in self._priors.hanging())
        now = self._keeper.draft.sections.get("comparison", "")
        if now == self._comparison and now != text:
            self._comparison = text
            self._keeper.prefill("comparison", text)
            self._tell(Topic.DRAFT)

    def learn_question(self, text: str) -> None:
        """An image says why the study was asked for."""
        self._question = text
        self.prefill_question()

    def prefill_question(self) -> None:
        """Where the list gave no clinical question, that of the images, unless the reader has written one (or has an
        earlier text here, from which it may have been taken out)."""
        now = self._keeper.draft.sections.get("clinical_question", "")
        if self._question and not now and not self._keeper.restored and self._editable():
            self._keeper.prefill("clinical_question", self._question)
            self._question = ""
            self._tell(Topic.DRAFT)

    def _drawn(self) -> tuple[Annotation, ...]:
        """Everything drawn; what belongs to a study that is not open again yet stays as the draft has it."""
        studies = self._images.studies()
        here = [item for study in studies for item in self._viewer.annotations(study)]
        kept = [item for item in self._keeper.draft.annotations if item.study_instance_uid not in studies]
        return (*here, *kept)

    def _study_text(self, study_instance_uid: str) -> str:
        """How an open prior is called beside a measurement; empty for the study being read."""
        for prior in self._priors.of_report():
            if prior.study_instance_uid == study_instance_uid:
                return self._prior_line(prior)
        return ""

    def _prior_line(self, prior: PriorStudy) -> str:
        """The hospital is named only where it is another one."""
        foreign = prior.site_id != self._keeper.draft.site_id
        name = self._desk.sites.name_of(prior.site_id) if foreign else ""
        later = self._priors.is_later(prior.study_date)
        return comparison_text(prior, name, self._keeper.draft.language, later=later)

    def _require_editable(self) -> None:
        if not self._editable():
            raise NotEditable("This report cannot be changed now")
