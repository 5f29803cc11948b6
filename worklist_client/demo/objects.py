"""DICOM objects of the demo: one function a kind of study, each yields finished datasets. pydicom, written strictly."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless

from worklist_client.demo import anatomy, phantom
from worklist_client.demo.patients import SITES, DemoPatient, DemoStudy

NAMESPACE = uuid.UUID("0a8b5c1e-5f0e-4a7e-9d1c-3f0f8f3e7a11")
BSN_OID = "2.16.840.1.113883.2.4.6.3"

CT, CR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.1"
MR, US_CINE = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.3.1"


def uid(*parts: object) -> str:
    """The same parts give the same UID, so that a demo made twice on one day is the same demo."""
    return f"2.25.{uuid.uuid5(NAMESPACE, '|'.join(map(str, parts))).int}"


@dataclass(frozen=True, slots=True)
class Order:
    """What to make: a study of a patient, with the moment it was made (local time of the hospital)."""

    patient: DemoPatient
    study: DemoStudy
    made: datetime

    @property
    def study_instance_uid(self) -> str:
        """The study's UID."""
        return uid(self.study.site_id, self.study.patient_id, self.study.accession, self.made.date())


@dataclass(frozen=True, slots=True)
class Series:
    """What the instances of one series share."""

    number: int
    description: str
    modality: str
    sop_class_uid: str


def instances(order: Order) -> Iterator[Dataset]:
    """Every instance of the study, in order."""
    kind = order.study.kind
    if kind.startswith("ct_"):
        yield from _ct(order)
    elif kind == "mr_brain":
        yield from _mr(order)
    elif kind.startswith("cr_"):
        yield _cr(order)
    else:
        yield _us(order)


CT_PLANS: dict[str, tuple[int, float, tuple[float, float], float, tuple[int, int], str]] = {
    # slices, slice distance mm, heights (feet, head), pixel spacing mm, window (center, width), series description
    "ct_head": (26, 5.4, (-0.95, 0.93), 0.45, (40, 80), "Schedel 5.4 hersenen"),
    "ct_head_bleed": (26, 5.4, (-0.95, 0.93), 0.45, (40, 80), "Schedel 5.4 hersenen"),
    "ct_chest": (32, 8.5, (-1.0, 1.0), 0.74, (40, 400), "Thorax 8.5 mediastinum"),
    "ct_chest_thin": (250, 1.2, (-1.0, 1.0), 0.74, (-500, 1500), "Thorax 1.2 long"),
    "ct_abdomen_small": (30, 9.0, (-0.95, 0.95), 0.78, (60, 350), "Abdomen 9.0 portaal veneus"),
    "ct_abdomen_grown": (34, 7.8, (-0.95, 0.95), 0.78, (60, 350), "Abdomen 7.8 portaal veneus"),
}


def _ct_body(kind: str) -> tuple[phantom.Ellipsoid, ...]:
    if kind.startswith("ct_head"):
        return anatomy.head(kind == "ct_head_bleed")
    if kind.startswith("ct_chest"):
        return anatomy.chest(kind == "ct_chest_thin")
    return anatomy.abdomen(1.0 if kind == "ct_abdomen_small" else 1.75)


def _ct(order: Order) -> Iterator[Dataset]:
    kind = order.study.kind
    count, distance_mm, (feet, head), spacing_mm, window, words = CT_PLANS[kind]
    heights = np.linspace(feet, head, count)
    series = Series(2, words, "CT", CT)
    pictures = phantom.slices(_ct_body(kind), [float(z) for z in heights], seed=len(order.study.accession))
    for index, picture in enumerate(pictures):
        ds = _instance(order, series, index + 1)
        _plane(ds, order, index * distance_mm, spacing_mm, distance_mm, picture.shape)
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.KVP, ds.ConvolutionKernel, ds.AcquisitionNumber = "120", "B30f", 1
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
        ds.WindowCenter, ds.WindowWidth = str(window[0]), str(window[1])
        stored = np.clip(picture.astype(np.int32) + 1024, 0, 4095).astype(np.uint16)
        _pixels(ds, stored, bits_stored=12)
        yield ds


def _mr(order: Order) -> Iterator[Dataset]:
    series = Series(3, "T1 transversaal", "MR", MR)
    heights = [float(z) for z in np.linspace(-0.9, 0.9, 26)]
    body = anatomy.head(signal="mr")
    pictures = phantom.slices(body, heights, size=(320, 320), background=0.0, sigma=11.0, seed=3)
    for index, picture in enumerate(pictures):
        ds = _instance(order, series, index + 1)
        _plane(ds, order, index * 5.5, 0.75, 5.0, picture.shape)
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM"]
        ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "SP", ""
        ds.MRAcquisitionType, ds.RepetitionTime, ds.EchoTime, ds.EchoTrainLength = "2D", "550", "12", "1"
        ds.SpacingBetweenSlices = "5.5"
        ds.WindowCenter, ds.WindowWidth = "330", "660"
        _pixels(ds, np.clip(picture, 0, 4095).astype(np.uint16), bits_stored=12)
        yield ds


def _cr(order: Order) -> Dataset:
    hand = order.study.kind == "cr_hand"
    series = Series(1, "Hand PA" if hand else "Thorax PA", "CR", CR)
    ds = _instance(order, series, 1)
    picture = anatomy.hand() if hand else phantom.projection(anatomy.chest(), (1400, 1180), (-1.1, 1.15), 3)
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.ViewPosition, ds.KVP = "PA", "50" if hand else "120"
    ds.PlateType = ""
    ds.ImagerPixelSpacing = ["0.15", "0.15"] if hand else ["0.28", "0.28"]
    ds.PatientOrientation = ["L", "F"]
    if hand:
        ds.Laterality = "R"
    ds.WindowCenter, ds.WindowWidth = ("1700", "3400") if hand else ("2048", "4096")
    inverted = order.study.site_id == "west"
    _pixels(ds, (4095 - picture) if inverted else picture, bits_stored=12)
    if inverted:
        ds.PhotometricInterpretation = "MONOCHROME1"
        ds.WindowCenter = str(4095 - int(ds.WindowCenter))
    ds.PresentationLUTShape = "INVERSE" if inverted else "IDENTITY"
    return ds


def _us(order: Order) -> Dataset:
    ds = _instance(order, Series(1, "Vierkamerbeeld", "US", US_CINE), 1)
    cine = anatomy.heart_cine()
    ds.ImageType = ["ORIGINAL", "PRIMARY", "CARDIO", "0001"]
    ds.NumberOfFrames, ds.FrameTime, ds.FrameIncrementPointer = str(cine.shape[0]), "40", 0x00181063
    ds.LossyImageCompression = "00"
    ds.PatientOrientation = ""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 24
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = cine.shape[2] - 1, cine.shape[1] - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.035
    ds.SequenceOfUltrasoundRegions = [region]
    _pixels(ds, cine, bits_stored=8)
    return ds


def _instance(order: Order, series: Series, number: int) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = series.sop_class_uid
    ds.SOPInstanceUID = uid(order.study_instance_uid, series.number, number)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    _patient(ds, order)
    _study(ds, order)
    ds.Modality, ds.SeriesNumber, ds.SeriesDescription = series.modality, series.number, series.description
    ds.SeriesInstanceUID = uid(order.study_instance_uid, series.number)
    ds.SeriesDate, ds.SeriesTime = ds.StudyDate, ds.StudyTime
    ds.BodyPartExamined, ds.InstanceNumber = order.study.body_part, number
    ds.Manufacturer, ds.ManufacturerModelName = "Synthetic", "Phantom 1"
    ds.StationName = f"{order.study.site_id.upper()}{series.modality}1"
    ds.SoftwareVersions, ds.DeviceSerialNumber = "1", "1"
    taken = order.made + timedelta(seconds=number)
    ds.AcquisitionDate = ds.ContentDate = taken.strftime("%Y%m%d")
    ds.AcquisitionTime = ds.ContentTime = taken.strftime("%H%M%S")
    ds.PatientPosition = "HFS"
    return ds


def _patient(ds: Dataset, order: Order) -> None:
    person, study = order.patient, order.study
    site = next(site for site in SITES if site.site_id == study.site_id)
    ds.PatientName, ds.PatientID, ds.IssuerOfPatientID = person.name, study.patient_id, site.issuer
    ds.PatientBirthDate, ds.PatientSex = person.birth_date, person.sex
    born = datetime.strptime(person.birth_date, "%Y%m%d")
    ds.PatientAge = f"{int((order.made.replace(tzinfo=None) - born).days / 365.25):03d}Y"
    if study.site_id in person.national_id_at:
        other = Dataset()
        other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = person.national_id, "NLMINBIZA", "TEXT"
        qualifiers = Dataset()
        qualifiers.UniversalEntityID, qualifiers.UniversalEntityIDType = BSN_OID, "ISO"
        other.IssuerOfPatientIDQualifiersSequence = [qualifiers]
        ds.OtherPatientIDsSequence = [other]


def _study(ds: Dataset, order: Order) -> None:
    study = order.study
    site = next(site for site in SITES if site.site_id == study.site_id)
    ds.StudyInstanceUID, ds.StudyID = order.study_instance_uid, study.accession[-4:]
    ds.StudyDate, ds.StudyTime = order.made.strftime("%Y%m%d"), order.made.strftime("%H%M%S")
    ds.AccessionNumber = study.accession
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = site.issuer
    ds.IssuerOfAccessionNumberSequence = [issuer]
    ds.StudyDescription = study.description
    ds.ReferringPhysicianName = "Spoedeisende^Hulp"
    ds.InstitutionName = site.name
    request = Dataset()
    request.RequestedProcedureID, request.RequestedProcedureDescription = study.accession, study.description
    request.ReasonForTheRequestedProcedure = study.question[:64]
    request.AccessionNumber = study.accession
    ds.RequestAttributesSequence = [request]


def _plane(ds: Dataset, order: Order, z_mm: float, spacing_mm: float, thick_mm: float, shape: tuple[int, ...]) -> None:
    ds.FrameOfReferenceUID = uid(order.study_instance_uid, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    half = spacing_mm * shape[0] / 2
    ds.ImagePositionPatient = [f"{-half:.3f}", f"{-half:.3f}", f"{z_mm:.3f}"]
    ds.PixelSpacing = [f"{spacing_mm}", f"{spacing_mm}"]
    ds.SliceThickness = f"{thick_mm}"


def _pixels(ds: Dataset, values: npt.NDArray[np.uint16] | npt.NDArray[np.uint8], bits_stored: int) -> None:
    """Store the values; South, and every abdomen, in JPEG-LS, as many archives do (and the demo stays small)."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = values.shape[-2:]
    ds.BitsAllocated = values.dtype.itemsize * 8
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits_stored, bits_stored - 1, 0
    if ds.Modality == "CT" and (ds.StationName.startswith("SOUTH") or ds.BodyPartExamined == "ABDOMEN"):
        ds.file_meta.TransferSyntaxUID = JPEGLSLossless
        ds.PixelData = encapsulate([imagecodecs.jpegls_encode(np.ascontiguousarray(values))])
        ds["PixelData"].VR = "OB"
        return
    ds.PixelData = np.ascontiguousarray(values).tobytes()
    ds["PixelData"].VR = "OW" if values.dtype.itemsize == 2 else "OB"
