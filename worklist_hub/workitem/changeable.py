"""Who may write which attribute of an existing workitem by Update: what is not named here belongs to the feed.

Which patient, which study, which order and which hospital a workitem means is said by the hospital's PACS alone: the
report goes where these say, and the images are judged against them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ups.codes import NOT_CHECKED
from ups.states import ProcedureStepState
from ups.tags import KEYWORD_OF, TAG_OF
from ups.workitem_fields import READERS

_HUB = ("SOPClassUID", "SOPInstanceUID", "ProcedureStepState", "ReplacedProcedureStepSequence")
"""Nobody changes these by Update."""
_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
PERFORMER = (
    "CommentsOnTheScheduledProcedureStep",
    "ProcedureStepProgressInformationSequence",
    "ScheduledHumanPerformersSequence",
    _PERFORMED,
)
"""Who holds the claim: how it goes, what came of it, and to whom it is handed."""
PLANNER = (
    "CommentsOnTheScheduledProcedureStep",
    "ExpectedCompletionDateTime",
    "ScheduledHumanPerformersSequence",
    "ScheduledProcedureStepExpirationDateTime",
    "ScheduledProcedureStepPriority",
    "ScheduledStationClassCodeSequence",
    "WorklistLabel",
)
"""While nobody holds it: for whom it is, and how urgent."""
COUNTED = ("InputReadinessState", "NumberOfStudyRelatedInstances", "ScheduledProcessingParametersSequence")
"""What the feed tells who holds it: images that still came, and what it noticed. Whose study it is stays as claimed."""
CORRECTED = (
    "IssuerOfPatientID",
    "OtherPatientIDsSequence",
    "PatientAge",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferencedRequestSequence",
)
"""And as long as it stands there unchecked, for whoever held it before: what the hospital corrected meanwhile."""


def not_changeable(
    dataset: Mapping[str, Any], changes: Mapping[str, Any], state: ProcedureStepState, *, is_feed: bool
) -> str:
    """The first attribute of `changes` that this caller may not write, "" where he may write all. To send an attribute
    as it stands is no change: a claim is proved so."""
    is_claimed = state is ProcedureStepState.IN_PROGRESS
    locked = frozenset(TAG_OF[keyword] for keyword in (_HUB if is_claimed else (*_HUB, _PERFORMED)))
    allowed = frozenset(TAG_OF[keyword] for keyword in _allowed(dataset, is_claimed=is_claimed, is_feed=is_feed))
    for tag in sorted(changes):
        if changes[tag] == dataset.get(tag):
            continue
        if tag in locked or not (tag in allowed or (is_feed and not is_claimed)):
            return KEYWORD_OF.get(tag, tag)
    return ""


def _allowed(dataset: Mapping[str, Any], *, is_claimed: bool, is_feed: bool) -> tuple[str, ...]:
    if not is_claimed:
        return PLANNER
    if not is_feed:
        return PERFORMER
    return (*COUNTED, *CORRECTED) if NOT_CHECKED in READERS["remarks"](dataset) else COUNTED
