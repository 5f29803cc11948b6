"""Which attributes a line of the list is made of: what a search returns unasked."""

from __future__ import annotations

from typing import Final

from ups.tags import TAG_OF

ROW_TAGS: Final = frozenset(
    TAG_OF[keyword]
    for keyword in [
        "SpecificCharacterSet",
        "SOPClassUID",
        "SOPInstanceUID",
        "ProcedureStepState",
        "InputReadinessState",
        "ScheduledProcedureStepPriority",
        "WorklistLabel",
        "ProcedureStepLabel",
        "ScheduledWorkitemCodeSequence",
        "PatientName",
        "PatientID",
        "IssuerOfPatientID",
        "IssuerOfPatientIDQualifiersSequence",
        "OtherPatientIDsSequence",
        "PatientBirthDate",
        "PatientSex",
        "PatientAge",
        "AdmissionID",
        "ReferencedRequestSequence",
        "StudyInstanceUID",
        "ModalitiesInStudy",
        "StudyDescription",
        "BodyPartExamined",
        "StudyDate",
        "StudyTime",
        "NumberOfStudyRelatedInstances",
        "ScheduledProcedureStepStartDateTime",
        "ExpectedCompletionDateTime",
        "ScheduledProcedureStepExpirationDateTime",
        "ScheduledProcedureStepModificationDateTime",
        "ScheduledStationNameCodeSequence",
        "ScheduledStationClassCodeSequence",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledHumanPerformersSequence",
        "ScheduledProcessingParametersSequence",
        "ProcedureStepProgressInformationSequence",
        "UnifiedProcedureStepPerformedProcedureSequence",
        "ReplacedProcedureStepSequence",
        "InputInformationSequence",
    ]
)
"""Return-key types 1 and 2, and the columns of the list. It may grow, not shrink: the column `extras` of a row says
what was not in it when the row was written."""
