"""Studies and drafts for tests of the report objects: small synthetic images, and real ones where they are at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from viewer.records import (
    Annotation,
    AnnotationKind,
    DisplayedState,
    FrameRef,
    MeasuredValue,
    SpacingBasis,
    VoiFunction,
    Window,
)
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.report.model import Draft, Reader, ReportedMeasurement
from worklist_client.report.request import RenderRequest, SourceInstance
from worklist_client.report.uids import uid_from

READER = Reader("Vries^Anna^de^dr.", "12345678901", "Nachtwacht Radiologie")
SIGNED_AT = "2026-03-01T02:15:00+01:00"
CT, CR, US = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.3.1"


@dataclass(frozen=True)
class Study:
    """Files of one study, and what their headers say."""

    folder: Path
    paths: tuple[Path, ...]
    header: Dataset
    instances: tuple[SourceInstance, ...]


def _common(study: str, number: int, sop_class: str, modality: str) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"] if modality == "CT" else ["ORIGINAL", "PRIMARY"]
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = uid_from(f"{study}|image|{number}")
    dataset.StudyDate, dataset.StudyTime = "20260228", "231500"
    dataset.ContentDate, dataset.ContentTime = "20260228", "231600"
    dataset.AcquisitionDateTime = "20260228231600"
    dataset.AccessionNumber = f"A{study}"
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = "NORTH-RIS"
    dataset.IssuerOfAccessionNumberSequence = [issuer]
    dataset.Modality = modality
    dataset.Manufacturer = "Test"
    dataset.ReferringPhysicianName = "Huisarts^Jan"
    dataset.StudyDescription = f"{modality} study"
    dataset.PatientName = "Jánssen^Zoë"
    dataset.PatientID = "P1"
    dataset.IssuerOfPatientID = "NORTH"
    dataset.PatientBirthDate, dataset.PatientSex = "19600102", "F"
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = "111222333", "NLMINBIZA", "TEXT"
    dataset.OtherPatientIDsSequence = [other]
    dataset.BodyPartExamined = "CHEST"
    dataset.StudyInstanceUID = uid_from(f"{study}|study")
    dataset.SeriesInstanceUID = uid_from(f"{study}|series")
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "S1", 1, number
    dataset.PatientOrientation = ["L", "P"] if modality == "CT" else ["L", "F"]
    return dataset


def _pixels(dataset: Dataset, values: np.ndarray[Any, Any], *, signed: bool = False) -> None:
    dataset.Rows, dataset.Columns = values.shape[-2:] if dataset.SamplesPerPixel == 1 else values.shape[-3:-1]
    bits = values.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = values.tobytes()


def ct_slice(study: str, number: int, size: tuple[int, int] = (64, 48)) -> Dataset:
    """A CT slice whose rows and columns differ in number, with a gradient."""
    dataset = _common(study, number, CT, "CT")
    dataset.KVP, dataset.AcquisitionNumber, dataset.SliceThickness = "120", 1, "2"
    dataset.FrameOfReferenceUID = uid_from(f"{study}|frame")
    dataset.PositionReferenceIndicator = ""
    dataset.ImagePositionPatient = [-30, -40, 2 * number]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = ["0.7", "0.7"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    _pixels(dataset, (600 + rows * 9 + columns * 7 + number).astype("<i2"), signed=True)
    return dataset


def cr_image(study: str, size: tuple[int, int] = (96, 80)) -> Dataset:
    """A MONOCHROME1 radiograph: low values are bright."""
    dataset = _common(study, 1, CR, "CR")
    dataset.ViewPosition = "PA"
    dataset.KVP = ""
    dataset.ImagerPixelSpacing = ["0.2", "0.2"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME1"
    dataset.WindowCenter, dataset.WindowWidth = "600", "1000"
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    _pixels(dataset, (rows * 8 + columns * 3).astype("<u2"))
    return dataset


def us_cine(study: str, frames: int = 3, size: tuple[int, int] = (60, 80)) -> Dataset:
    """An RGB ultrasound loop."""
    dataset = _common(study, 1, US, "US")
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.NumberOfFrames, dataset.FrameTime, dataset.FrameIncrementPointer = frames, "40", 0x00181063
    dataset.LossyImageCompression = "00"
    values = np.arange(frames * size[0] * size[1] * 3).reshape(frames, *size, 3) % 251
    _pixels(dataset, values.astype("u1"))
    return dataset


def write_study(folder: Path, datasets: list[Dataset]) -> Study:
    """Write them as Part 10 files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for place, dataset in enumerate(datasets):
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = folder / f"{place:04d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return study_of(paths)


def study_of(paths: list[Path]) -> Study:
    """The study of files that exist."""
    instances = []
    for path in paths:
        header = dcmread(path, stop_before_pixels=True)
        instances.append(SourceInstance(str(path), header.SOPClassUID, header.SOPInstanceUID, header.SeriesInstanceUID))
    return Study(paths[0].parent, tuple(paths), dcmread(paths[0], stop_before_pixels=True), tuple(instances))


def patient_of(header: Dataset, site_id: str = "north") -> PatientIdentity:
    """What the header says of the patient."""

    def said(keyword: str) -> str:
        return str(header.get(keyword, "") or "")

    key = PatientKey(said("IssuerOfPatientID"), said("PatientID"))
    return PatientIdentity(key, site_id, said("PatientName"), said("PatientBirthDate"), said("PatientSex"))


def annotations_on(header: Dataset, frame_number: int = 1) -> tuple[Annotation, ...]:
    """One of each kind, at places that tell rows from columns."""
    width, height = int(header.Columns), int(header.Rows)

    def place(x: float, y: float) -> tuple[float, float]:
        return round(x * width), round(y * height)

    mm = SpacingBasis.PATIENT
    density = tuple(
        MeasuredValue(name, value, "[hnsf'U]", "HU")
        for name, value in (("mean", 45.25), ("standard_deviation", 3.1), ("minimum", -12.0), ("maximum", 77.0))
    )
    kinds: tuple[tuple[AnnotationKind, tuple[Any, Any], str, tuple[MeasuredValue, ...]], ...] = (
        (
            AnnotationKind.LENGTH,
            (place(0.2, 0.3), place(0.6, 0.5)),
            "",
            (MeasuredValue("length", 14.14, "mm", "mm", mm),),
        ),
        (AnnotationKind.ARROW, (place(0.5, 0.5), place(0.9, 0.2)), "nodule ≥ 4 mm", ()),
        (
            AnnotationKind.ELLIPSE,
            (place(0.1, 0.6), place(0.5, 0.9)),
            "",
            (MeasuredValue("area", 120.5, "mm2", "mm²", mm), *density),
        ),
        (AnnotationKind.RECTANGLE, (place(0.6, 0.6), place(0.9, 0.8)), "ő", density),
    )
    return tuple(
        Annotation(
            annotation_id=f"a{number}",
            kind=kind,
            study_instance_uid=str(header.StudyInstanceUID),
            series_instance_uid=str(header.SeriesInstanceUID),
            frame=FrameRef(str(header.SOPInstanceUID), frame_number),
            points=points,
            text=text,
            values=values,
        )
        for number, (kind, points, text, values) in enumerate(kinds, start=1)
    )


def draft_of(study: Study, **changes: Any) -> Draft:
    """A report with every section, every kind of annotation, and one zoomed, windowed frame."""
    header = study.header
    annotations = annotations_on(header)
    frame = FrameRef(str(header.SOPInstanceUID), 1)
    shown = DisplayedState(
        str(header.StudyInstanceUID),
        str(header.SeriesInstanceUID),
        frame,
        window=Window(50, 350, VoiFunction.LINEAR, "abdomen"),
        area_px=(4.0, 6.0, int(header.Columns) - 5.0, int(header.Rows) - 3.0),
    )
    draft = Draft(
        workitem_uid=uid_from("workitem"),
        site_id="north",
        study_instance_uid=str(header.StudyInstanceUID),
        patient=patient_of(header),
        accession_number=str(header.get("AccessionNumber", "")),
        sections={
            "clinical_question": "Bloeding? Tumor ≥ 4 mm?",
            "technique": "CT zonder contrast.",
            "comparison": "Geen eerder onderzoek.",
            "findings": "Eerste regel.\nTweede regel: ő, ë, ё.\n\nNieuwe alinea.",
            "impression": "Geen bloeding.",
        },
        measurements=tuple(ReportedMeasurement(one) for one in annotations),
        annotations=annotations,
        displayed=(shown,),
        key_frame=frame,
    )
    return replace(draft, **changes)


def request_of(study: Study, draft: Draft | None = None, **changes: Any) -> RenderRequest:
    """Everything signing needs."""
    request = RenderRequest(
        draft=draft or draft_of(study),
        reader=READER,
        images=study.instances,
        site_name="Ziekenhuis Noord",
        signed_at=SIGNED_AT,
        uid_seed="seed",
        language="nl",
        software_version="0.1.0",
    )
    return replace(request, **changes)


SYNTHETIC: Mapping[str, Callable[[], list[Dataset]]] = {
    "ct": lambda: [ct_slice("CT1", number) for number in range(1, 6)],
    "cr": lambda: [cr_image("CR1")],
    "us": lambda: [us_cine("US1")],
}
"""Makers of the synthetic studies."""
REAL = {
    "ct_01": "01_ct_plastic_S21570_std1mm_JPEGLS_140",
    "ct_02": "02_ct_plastic_S21610_tilt-18.5_JPEGLS_54",
    "cr_05": "05_cr_thorax_mono1_J2K",
    "mr_04": "04_mr_pgbm_t1post_raw_24",
    "us_08": "08_us_cine_120fr_JPEG",
}
"""Folders of real studies."""
