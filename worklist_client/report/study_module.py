"""Patient and Study modules, copied unchanged from an image of the study (PS3.3 C.7.1, C.7.2; report.md 3.2).

Who the patient is, by which issuer and under which accession is the hospital's word: nothing is added or improved.
"""

from __future__ import annotations

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

PATIENT = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthDate",
    "PatientBirthTime",
    "PatientSex",
    "OtherPatientIDs",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "EthnicGroup",
    "PatientSpeciesDescription",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
)
STUDY = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "ReferringPhysicianIdentificationSequence",
    "ConsultingPhysicianName",
    "StudyID",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "StudyDescription",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "RequestingServiceCodeSequence",
    "ProcedureCodeSequence",
    "AdmittingDiagnosesDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "Occupation",
    "AdditionalPatientHistory",
    "AdmissionID",
    "IssuerOfAdmissionIDSequence",
    "PatientSexNeutered",
)
_TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)


def copy_study_module(source: Dataset, target: Dataset) -> None:
    """Copy what the source has; type 2 attributes that it lacks become empty."""
    for keyword in PATIENT + STUDY:
        if keyword in source:
            target.add(copied(source[keyword]))
    for keyword in _TYPE_2:
        if keyword not in target:
            setattr(target, keyword, "")


def copied(element: DataElement) -> DataElement:
    """The element with decoded values, independent of the source's bytes and character set.

    Values that break their VR's rules are kept as they are: they are the hospital's.
    """
    if element.VR == "SQ":
        return DataElement(element.tag, "SQ", Sequence([copied_item(item) for item in element.value]))
    if element.VR == "PN":
        names = list(element.value) if element.VM > 1 else [element.value]
        value = [str(name) for name in names] if element.VM > 1 else str(names[0] or "")
        return DataElement(element.tag, "PN", value, validation_mode=config.IGNORE)
    return DataElement(element.tag, element.VR, element.value, validation_mode=config.IGNORE)


def copied_item(item: Dataset) -> Dataset:
    """A sequence item, copied in the same way; private elements and its character set (it is decoded) stay behind."""
    result = Dataset()
    for element in item:
        if not element.tag.is_private and element.keyword != "SpecificCharacterSet":
            result.add(copied(element))
    return result
