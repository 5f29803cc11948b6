"""The inside of a fictitious hospital's PACS: a folder of objects with an index in memory, the same for both doors.

Matching follows PS3.4 C.2.2.2 as far as the demo needs it: single value, wildcard, date range, list of UIDs.
"""

from __future__ import annotations

import fnmatch
import hashlib
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

STUDY_KEYS = (
    "StudyInstanceUID", "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge",
    "OtherPatientIDsSequence", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription", "StudyID",
    "ReferringPhysicianName", "InstitutionName", "SpecificCharacterSet", "IssuerOfAccessionNumberSequence",
)  # fmt: skip
SERIES_KEYS = ("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "BodyPartExamined", "StationName")
INSTANCE_KEYS = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber", "NumberOfFrames", "Rows", "Columns")


@dataclass(frozen=True, slots=True)
class Stored:
    """One object of the archive and its header (no pixels)."""

    path: Path
    header: Dataset = field(repr=False)
    transfer_syntax_uid: str = ""


class Archive:
    """All objects of one hospital; safe from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._stored: dict[str, Stored] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.rglob("*.dcm")):
            self._index(path)

    def _index(self, path: Path) -> None:
        header = dcmread(path, stop_before_pixels=True)
        stored = Stored(path, header, str(header.file_meta.TransferSyntaxUID))
        with self._lock:
            self._stored[str(header.SOPInstanceUID)] = stored

    def add(self, dataset: Dataset) -> bool:
        """Keep an object that was sent to us; a second one with the same UID is ignored, as many archives do."""
        uid = str(dataset.SOPInstanceUID)
        with self._lock:
            if uid in self._stored:
                return False
        place = self._folder / "received"
        place.mkdir(exist_ok=True)
        path = place / (hashlib.sha256(uid.encode()).hexdigest() + ".dcm")
        temporary = path.with_suffix(".part")
        dataset.save_as(temporary, enforce_file_format=True)
        temporary.rename(path)
        self._index(path)
        return True

    def instances(self, study: str = "", series: Iterable[str] = (), sop: Iterable[str] = ()) -> list[Stored]:
        """Objects below the given UIDs, in order of series and instance number."""
        wanted_series, wanted_sop = set(series), set(sop)
        with self._lock:
            found = list(self._stored.values())
        return sorted(
            (
                item
                for item in found
                if (not study or item.header.StudyInstanceUID == study)
                and (not wanted_series or item.header.SeriesInstanceUID in wanted_series)
                and (not wanted_sop or item.header.SOPInstanceUID in wanted_sop)
            ),
            key=lambda item: (item.header.get("SeriesNumber") or 0, item.header.get("InstanceNumber") or 0),
        )

    def search(self, level: str, query: Mapping[str, str]) -> list[Dataset]:
        """Answers at STUDY, SERIES or IMAGE level; `query` maps keyword to matching value ("" = universal)."""
        unique = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}[level]
        groups: dict[str, list[Stored]] = {}
        study = query.get("StudyInstanceUID", "")
        for item in self.instances(study if "\\" not in study else ""):
            groups.setdefault(str(item.header[unique].value), []).append(item)
        answers = [_answer(level, items) for items in groups.values()]
        return [answer for answer in answers if all(_matches(answer, key, value) for key, value in query.items())]


def _answer(level: str, items: list[Stored]) -> Dataset:
    first = items[0].header
    answer = Dataset()
    for key in STUDY_KEYS + (SERIES_KEYS if level != "STUDY" else ()) + (INSTANCE_KEYS if level == "IMAGE" else ()):
        if key in first:
            answer[key] = first[key]
    if level == "STUDY":
        answer.ModalitiesInStudy = sorted({str(item.header.Modality) for item in items})
        answer.NumberOfStudyRelatedSeries = str(len({item.header.SeriesInstanceUID for item in items}))
        answer.NumberOfStudyRelatedInstances = str(len(items))
        images = next((item.header for item in items if item.header.get("BodyPartExamined")), first)
        answer.BodyPartExamined = images.get("BodyPartExamined", "")
        answer.StationName = images.get("StationName", "")
    elif level == "SERIES":
        answer.NumberOfSeriesRelatedInstances = str(len(items))
    return answer


def _matches(answer: Dataset, key: str, wanted: str) -> bool:
    if not wanted or wanted == "*" or key not in answer:
        # Keys that we do not know are ignored, as the standard lets an archive do.
        return True
    value = answer[key].value
    values = [str(item) for item in value] if isinstance(value, MultiValue | list) else [str(value)]
    if key.endswith(("Date", "Time")) and "-" in wanted:
        low, _, high = wanted.partition("-")
        return all((not low or low <= text) and (not high or text <= high) for text in values)
    options = wanted.replace("\\", ",").split(",") if key.endswith(("UID", "ModalitiesInStudy")) else [wanted]
    return any(fnmatch.fnmatchcase(text.casefold(), option.casefold()) for text in values for option in options)
