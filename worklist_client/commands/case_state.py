"""What a case is, as its observers see it: where the claim stands, what has happened, and what it asks of a viewer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from viewer.api import Feed
from viewer.records import Annotation, DisplayedState, FrameRef
from viewer.ui.labels import StudyLabel
from worklist_client.identity.patient import PatientIdentity


class Standing(StrEnum):
    """Where the reader stands with this study. Typing is possible in MINE alone."""

    LOOKING = "looking"
    """Opened without claiming."""
    ASKING = "asking"
    MINE = "mine"
    LOST = "lost"
    """Another reader has it; `holder` says who."""
    MOVED = "moved"
    """The same reader went on with it at another desk."""
    UNCLEAR = "unclear"
    """The hub gave no clear answer; asking again is safe."""
    SIGNING = "signing"
    SIGNED = "signed"
    RELEASED = "released"


class Topic(StrEnum):
    """What changed; observers read the rest from the session."""

    STANDING = "standing"
    PRIORS = "priors"
    IMAGES = "images"
    DRAFT = "draft"
    """The session itself changed the draft (restored, inserted, prefilled): editors take the text over."""
    MEASUREMENTS = "measurements"
    DELIVERY = "delivery"
    DOCUMENTS = "documents"
    """It is known what the hospital holds in words."""
    NOTICE = "notice"


Observer = Callable[[Topic], None]


class CaseError(Exception):
    """Something that the reader asked for and that cannot be done; `reason` is an English sentence for `tr`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotEditable(CaseError):
    """The claim is not ours, or the report is signed already."""


class NotCorrectedYet(CaseError):
    """The reader's text waits for a patient whom the list does not name yet."""


class CardIncomplete(CaseError):
    """Fewer than two different identifiers were ticked, or one that does not agree."""


class CannotSign(CaseError):
    """The report may not be signed now."""


class CaseViewer(Feed, Protocol):
    """What a case asks of the viewer widget; a double of it makes the session testable without Qt."""

    def set_study(self, study_instance_uid: str, label: StudyLabel) -> None:
        """Say whose study this is."""

    def set_layout(self, rows: int, columns: int) -> None:
        """Viewports that stay keep what they show."""

    def remove_study(self, study_instance_uid: str) -> None:
        """Forget a study."""

    def hang(self, current_study_uid: str, prior_study_uid: str | None = None) -> None:
        """Current left, prior right."""

    def annotations(self, study_instance_uid: str) -> tuple[Annotation, ...]:
        """Everything drawn on a study."""

    def set_annotations(self, study_instance_uid: str, annotations: Sequence[Annotation]) -> None:
        """Replace what is drawn on a study."""

    def displayed_states(self, study_instance_uid: str) -> tuple[DisplayedState, ...]:
        """How each frame that was painted looked last."""

    def go_to(self, study_instance_uid: str, frame: FrameRef) -> bool:
        """Bring a frame into view."""

    def select_annotation(self, annotation_id: str) -> bool:
        """Select an annotation and bring its frame into view."""


class Observers:
    """Who wants to know. Called on the main thread, in the order of subscription."""

    def __init__(self) -> None:
        self._observers: list[Observer] = []

    def add(self, observer: Observer) -> None:
        """Subscribe for the lifetime of the case."""
        self._observers.append(observer)

    def clear(self) -> None:
        """Tell nobody any more: the case is closed."""
        self._observers.clear()

    def tell(self, topic: Topic) -> None:
        """Something changed."""
        for observer in tuple(self._observers):
            observer(topic)


@dataclass(frozen=True, slots=True)
class SignSummary:
    """What the sign dialog shows; nothing in it is asked."""

    patient: PatientIdentity
    study: str
    accession_number: str
    destination: str
    """The hospital that the report goes to: the study's origin, never chosen."""
    destination_color: str
    measurements: int
    priors: int
    warnings: tuple[str, ...] = ()
    """Translatable sentences: incomplete images, an empty impression."""
    to_confirm: tuple[str, ...] = ()
    """Translatable sentences, each of which the reader has to confirm once: how the patient lacks identification."""
    later_studies: int = 0
    """Studies of the comparison that were made after the one reported; not among `priors`."""


@dataclass(frozen=True, slots=True)
class MeasurementRow:
    """One annotation in the measurement list. `inserted`: its words are in the report; `stale`: the report still holds
    words of an earlier shape of it."""

    annotation: Annotation
    text: str
    study_text: str
    inserted: bool = False
    stale: bool = False
