"""Coded concepts of the report (PS3.16), as data. LOINC headings, DCM elements, SNOMED CT and UCUM values."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """A coded concept; schemes DCM, LN, SCT, UCUM, RFC5646 or our private 99UWL."""

    value: str
    scheme: str
    meaning: str


REPORT_TITLE = Code("18748-4", "LN", "Diagnostic Imaging Report")
PROCEDURE_REPORTED = Code("121058", "DCM", "Procedure reported")
PROCEDURE_DESCRIPTION = Code("121065", "DCM", "Procedure Description")
ACQUISITION_DEVICE_TYPE = Code("122142", "DCM", "Acquisition Device Type")
TARGET_REGION = Code("123014", "DCM", "Target Region")
LANGUAGE = Code("121049", "DCM", "Language of Content Item and Descendants")
LANGUAGES = {
    "nl": Code("nl-NL", "RFC5646", "Dutch (Netherlands)"),
    "en": Code("en-US", "RFC5646", "English (United States)"),
}

OBSERVER_TYPE = Code("121005", "DCM", "Observer Type")
PERSON = Code("121006", "DCM", "Person")
PERSON_NAME = Code("121008", "DCM", "Person Observer Name")
PERSON_ORGANIZATION = Code("121009", "DCM", "Person Observer's Organization Name")
ROLE_IN_ORGANIZATION = Code("121010", "DCM", "Person Observer's Role in the Organization")
RADIOLOGIST = Code("66862007", "SCT", "Radiologist")
ROLE_IN_PROCEDURE = Code("121011", "DCM", "Person Observer's Role in this Procedure")
RECORDING = Code("121097", "DCM", "Recording")

SECTION_HEADINGS = {
    "clinical_question": Code("55115-0", "LN", "Request"),
    "technique": Code("55111-9", "LN", "Current Procedure Descriptions"),
    "comparison": Code("18834-2", "LN", "Previous Findings"),
    "findings": Code("59776-5", "LN", "Findings"),
    "impression": Code("19005-8", "LN", "Impressions"),
}
"""CID 7001. The clinical question is what the referrer asked, so it is the Request, with element 121062."""
SECTION_ELEMENTS = {
    "clinical_question": Code("121062", "DCM", "Request"),
    "technique": Code("121065", "DCM", "Procedure Description"),
    "comparison": Code("121069", "DCM", "Previous Finding"),
    "findings": Code("121071", "DCM", "Finding"),
    "impression": Code("121073", "DCM", "Impression"),
}
"""CID 7002."""
FINDING = SECTION_ELEMENTS["findings"]
KEY_IMAGES = Code("55113-5", "LN", "Key Images")

SOURCE_OF_MEASUREMENT = Code("121112", "DCM", "Source of Measurement")
BEST_ILLUSTRATION = Code("121080", "DCM", "Best illustration of finding")
BASELINE = Code("121079", "DCM", "Baseline")

LENGTH = Code("410668003", "SCT", "Length")
AREA = Code("42798000", "SCT", "Area")
ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
MR_SIGNAL = Code("110852", "DCM", "MR signal intensity")
PIXEL_VALUE = Code("PIXELVALUE", "99UWL", "Pixel value")
DERIVATION = Code("121401", "DCM", "Derivation")
DERIVATIONS = {
    "mean": Code("373098007", "SCT", "Mean"),
    "standard_deviation": Code("386136009", "SCT", "Standard Deviation"),
    "minimum": Code("255605001", "SCT", "Minimum"),
    "maximum": Code("56851009", "SCT", "Maximum"),
}
UNITS = {
    "mm": Code("mm", "UCUM", "mm"),
    "mm2": Code("mm2", "UCUM", "mm2"),
    "[hnsf'U]": Code("[hnsf'U]", "UCUM", "Hounsfield unit"),
    "1": Code("1", "UCUM", "no units"),
    "{pixels}": Code("{pixels}", "UCUM", "pixels"),
}

DEVICE_TYPES = {
    "CT": Code("CT", "DCM", "Computed Tomography"),
    "MR": Code("MR", "DCM", "Magnetic Resonance"),
    "CR": Code("CR", "DCM", "Computed Radiography"),
    "DX": Code("DX", "DCM", "Digital Radiography"),
    "US": Code("US", "DCM", "Ultrasound"),
    "XA": Code("XA", "DCM", "X-Ray Angiography"),
    "RF": Code("RF", "DCM", "Radiofluoroscopy"),
    "MG": Code("MG", "DCM", "Mammography"),
    "NM": Code("NM", "DCM", "Nuclear Medicine"),
    "PT": Code("PT", "DCM", "Positron emission tomography"),
}
"""CID 29."""
PROCEDURES = {
    "CT": Code("25045-6", "LN", "CT unspecified body region"),
    "MR": Code("25056-3", "LN", "MRI unspecified body region"),
    "CR": Code("43468-8", "LN", "XR unspecified body region"),
    "DX": Code("43468-8", "LN", "XR unspecified body region"),
    "US": Code("25061-3", "LN", "US unspecified body region"),
}
"""What was reported, where the study does not say it by a code of its own."""
PROCEDURES_OF_REGION = {
    ("CT", "HEAD"): Code("24725-4", "LN", "CT Head"),
    ("CT", "BRAIN"): Code("24725-4", "LN", "CT Head"),
    ("CT", "CHEST"): Code("24627-2", "LN", "CT Chest"),
    ("CT", "ABDOMEN"): Code("41806-1", "LN", "CT Abdomen"),
    ("MR", "BRAIN"): Code("24590-2", "LN", "MR Brain"),
    ("CR", "CHEST"): Code("30745-4", "LN", "XR Chest Views"),
    ("DX", "CHEST"): Code("30745-4", "LN", "XR Chest Views"),
    ("US", "ABDOMEN"): Code("24558-9", "LN", "US Abdomen"),
}
"""Where every image of the study is of that one region."""
REGIONS = {
    "HEAD": Code("69536005", "SCT", "Head"),
    "BRAIN": Code("12738006", "SCT", "Brain"),
    "NECK": Code("45048000", "SCT", "Neck"),
    "CHEST": Code("43799004", "SCT", "Chest"),
    "ABDOMEN": Code("818981001", "SCT", "Abdomen"),
    "PELVIS": Code("816092008", "SCT", "Pelvis"),
    "LIVER": Code("10200004", "SCT", "Liver"),
    "HEART": Code("80891009", "SCT", "Heart"),
    "HAND": Code("85562004", "SCT", "Hand"),
    "FOOT": Code("56459004", "SCT", "Foot"),
    "KNEE": Code("72696002", "SCT", "Knee"),
}
"""CID 4 for the most usual values of Body Part Examined."""
