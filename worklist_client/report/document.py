"""What all objects of one signing share: the stamp, identity, equipment, and encoding to frozen bytes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from io import BytesIO

from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from worklist_client.report.content_hash import content_hash
from worklist_client.report.errors import ReportError, TextNotPreserved
from worklist_client.report.model import Reader, SignedObject
from worklist_client.report.study_module import copy_study_module
from worklist_client.report.text import choose_character_set, phrase, texts

IMPLEMENTATION_CLASS_UID = "2.25.283190542870443412913927458237102839415"
IMPLEMENTATION_VERSION = "UNI_WORKLIST_1"
MANUFACTURER = "Universal Radiology Worklist"


@dataclass(frozen=True)
class Stamp:
    """When, where and by whom; the same on every object of the report."""

    signed_at: datetime
    """Aware; in the zone that the study's own times are in, where the study says which."""
    reader: Reader
    site_name: str
    station_name: str
    software_version: str
    language: str
    study: Dataset
    """The header that the Patient and Study modules of every object are copied from."""

    @property
    def date(self) -> str:
        """DA."""
        return self.signed_at.strftime("%Y%m%d")

    @property
    def time(self) -> str:
        """TM, whole seconds."""
        return self.signed_at.strftime("%H%M%S")

    @property
    def offset(self) -> str:
        """Timezone Offset From UTC."""
        return self.signed_at.strftime("%z")[:5]

    @property
    def date_time(self) -> str:
        """DT with offset."""
        return f"{self.date}{self.time}{self.offset}"


def signing_time(iso_text: str, source: Dataset) -> datetime:
    """The moment of signing. Timezone Offset From UTC holds for every time of an object, the copied study time
    included, so where the source states its zone the moment is expressed in that zone. Raises `ReportError`."""
    try:
        moment = datetime.fromisoformat(iso_text)
    except ValueError as error:
        raise ReportError("the time of signing is not ISO 8601") from error
    if moment.tzinfo is None:
        raise ReportError("the time of signing has no offset from UTC")
    stated = str(source.get("TimezoneOffsetFromUTC", "") or "").strip()
    if len(stated) == 5 and stated[0] in "+-" and stated[1:].isdigit():
        minutes = int(stated[1:3]) * 60 + int(stated[3:])
        zone = timezone(timedelta(minutes=minutes if stated[0] == "+" else -minutes))
        return moment.astimezone(zone)
    return moment


def new_object(sop_class_uid: str, sop_instance_uid: str, stamp: Stamp) -> Dataset:
    """An object of the study: SOP Common, Patient and Study modules."""
    dataset = Dataset()
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = stamp.date, stamp.time
    dataset.TimezoneOffsetFromUTC = stamp.offset
    copy_study_module(stamp.study, dataset)
    if stamp.study.get("SpecificCharacterSet"):
        dataset.SpecificCharacterSet = stamp.study.SpecificCharacterSet  # a wish; `encode` decides
    return dataset


def add_equipment(dataset: Dataset, stamp: Stamp) -> None:
    """General Equipment = the reading workstation, of the reading group."""
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = MANUFACTURER
    dataset.StationName = phrase(stamp.station_name, 16)
    dataset.DeviceSerialNumber = phrase(stamp.station_name, 16)
    if stamp.software_version:
        dataset.SoftwareVersions = phrase(stamp.software_version)
    if stamp.reader.organisation:
        dataset.InstitutionName = phrase(stamp.reader.organisation)


def encode(kind: str, dataset: Dataset) -> SignedObject:
    """Freeze a dataset as a Part 10 file.

    Raises
    ------
    TextNotPreserved : the bytes do not read back as the same texts
    """
    wished = dataset.get("SpecificCharacterSet")
    if "SpecificCharacterSet" in dataset:
        del dataset.SpecificCharacterSet
    chosen = choose_character_set(dataset, wished)
    if chosen is not None:
        dataset.SpecificCharacterSet = chosen
    before = [_comparable(value) for value in texts(dataset)]
    data = _write(dataset)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        after = [_comparable(value) for value in texts(dcmread(BytesIO(data)))]
        digest = content_hash(data)
    if before != after:
        raise TextNotPreserved("a text of the report does not survive the character set of the object")
    return SignedObject(
        kind=kind,
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        series_instance_uid=str(dataset.SeriesInstanceUID),
        study_instance_uid=str(dataset.StudyInstanceUID),
        transfer_syntax_uid=str(ExplicitVRLittleEndian),
        content_sha256=digest,
        data=data,
    )


def _write(dataset: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    buffer = BytesIO()
    mode = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE  # copied values of the hospital are not ours to judge
    try:
        dcmwrite(buffer, FileDataset(None, dataset, preamble=b"\0" * 128, file_meta=meta), enforce_file_format=True)
    finally:
        config.settings.writing_validation_mode = mode
    return buffer.getvalue()


def _comparable(text: str) -> str:
    return text.rstrip(" \0")
