"""The small tag table: every attribute of a workitem that we read or write (PS3.6), without pydicom."""

from __future__ import annotations

_TABLE = """
00000002 UI AffectedSOPClassUID
00001000 UI AffectedSOPInstanceUID
00001002 US EventTypeID
00080005 CS SpecificCharacterSet
00080016 UI SOPClassUID
00080018 UI SOPInstanceUID
00080020 DA StudyDate
00080030 TM StudyTime
00080050 SH AccessionNumber
00080051 SQ IssuerOfAccessionNumberSequence
00080054 AE RetrieveAETitle
00080060 CS Modality
00080061 CS ModalitiesInStudy
00080090 PN ReferringPhysicianName
00080100 SH CodeValue
00080102 SH CodingSchemeDesignator
00080104 LO CodeMeaning
00081030 LO StudyDescription
00081150 UI ReferencedSOPClassUID
00081155 UI ReferencedSOPInstanceUID
00081190 UR RetrieveURL
00081195 UI TransactionUID
00081199 SQ ReferencedSOPSequence
00100010 PN PatientName
00100020 LO PatientID
00100021 LO IssuerOfPatientID
00100024 SQ IssuerOfPatientIDQualifiersSequence
00100030 DA PatientBirthDate
00100040 CS PatientSex
00101002 SQ OtherPatientIDsSequence
00101010 AS PatientAge
00180015 CS BodyPartExamined
0020000D UI StudyInstanceUID
0020000E UI SeriesInstanceUID
00201208 IS NumberOfStudyRelatedInstances
00321032 PN RequestingPhysician
00321033 LO RequestingService
00321060 LO RequestedProcedureDescription
00321064 SQ RequestedProcedureCodeSequence
00380010 LO AdmissionID
00400031 UT LocalNamespaceEntityID
00400032 UT UniversalEntityID
00400033 CS UniversalEntityIDType
00400280 ST CommentsOnThePerformedProcedureStep
00400400 LT CommentsOnTheScheduledProcedureStep
00401001 SH RequestedProcedureID
00401002 LO ReasonForTheRequestedProcedure
00401101 SQ PersonIdentificationCodeSequence
00401400 LT RequestedProcedureComments
00404005 DT ScheduledProcedureStepStartDateTime
00404008 DT ScheduledProcedureStepExpirationDateTime
00404009 SQ HumanPerformerCodeSequence
00404010 DT ScheduledProcedureStepModificationDateTime
00404011 DT ExpectedCompletionDateTime
00404018 SQ ScheduledWorkitemCodeSequence
00404019 SQ PerformedWorkitemCodeSequence
00404021 SQ InputInformationSequence
00404025 SQ ScheduledStationNameCodeSequence
00404026 SQ ScheduledStationClassCodeSequence
00404027 SQ ScheduledStationGeographicLocationCodeSequence
00404028 SQ PerformedStationNameCodeSequence
00404033 SQ OutputInformationSequence
00404034 SQ ScheduledHumanPerformersSequence
00404035 SQ ActualHumanPerformersSequence
00404036 LO HumanPerformerOrganization
00404037 PN HumanPerformerName
00404041 CS InputReadinessState
00404050 DT PerformedProcedureStepStartDateTime
00404051 DT PerformedProcedureStepEndDateTime
00404052 DT ProcedureStepCancellationDateTime
00404070 SQ OutputDestinationSequence
00404071 SQ DICOMStorageSequence
00404072 SQ STOWRSStorageSequence
00404073 UR StorageURL
0040A040 CS ValueType
0040A043 SQ ConceptNameCodeSequence
0040A120 DT DateTime
0040A168 SQ ConceptCodeSequence
0040A370 SQ ReferencedRequestSequence
0040E020 CS TypeOfInstances
0040E021 SQ DICOMRetrievalSequence
0040E025 SQ WADORSRetrievalSequence
00741000 CS ProcedureStepState
00741002 SQ ProcedureStepProgressInformationSequence
00741004 DS ProcedureStepProgress
00741006 ST ProcedureStepProgressDescription
00741007 SQ ProcedureStepProgressParametersSequence
00741008 SQ ProcedureStepCommunicationsURISequence
0074100A UR ContactURI
0074100C LO ContactDisplayName
0074100E SQ ProcedureStepDiscontinuationReasonCodeSequence
00741200 CS ScheduledProcedureStepPriority
00741202 LO WorklistLabel
00741204 LO ProcedureStepLabel
00741210 SQ ScheduledProcessingParametersSequence
00741216 SQ UnifiedProcedureStepPerformedProcedureSequence
00741224 SQ ReplacedProcedureStepSequence
00741230 LO DeletionLock
00741234 AE ReceivingAE
00741236 AE RequestingAE
00741238 LT ReasonForCancellation
00741242 CS SCPStatus
00741244 CS SubscriptionListStatus
00741246 CS UnifiedProcedureStepListStatus
21000140 AE DestinationAE
"""

TAG_OF: dict[str, str] = {}
"""Keyword -> eight hexadecimal digits, as DICOM JSON writes a tag."""
VR_OF: dict[str, str] = {}
"""Keyword -> value representation."""
KEYWORD_OF: dict[str, str] = {}
"""Eight hexadecimal digits -> keyword."""

for _line in _TABLE.split("\n"):
    if _line:
        _tag, _vr, _keyword = _line.split(" ")
        TAG_OF[_keyword], VR_OF[_keyword], KEYWORD_OF[_tag] = _tag, _vr, _keyword
