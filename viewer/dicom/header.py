"""From elements to `InstanceHeader`: parsing at the border, so that nothing behind it meets raw text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from viewer.dicom.frames import frames_of, pair
from viewer.dicom.tables import luts_of, palette_of
from viewer.dicom.walk import Elements
from viewer.errors import DicomReadError, LutError
from viewer.records import InstanceHeader, Lut, PatientLabel, UltrasoundRegion

NOT_SHOWN = (
    "1.2.840.10008.5.1.4.1.1.66.",  # segmentations, registrations, fiducials, raw data
    "1.2.840.10008.5.1.4.1.1.11.",  # presentation states
    "1.2.840.10008.5.1.4.1.1.88.",  # structured reports, key objects
    "1.2.840.10008.5.1.4.1.1.9.",  # waveforms
    "1.2.840.10008.5.1.4.1.1.104.",  # encapsulated documents
)
"""SOP classes (by prefix) that are not shown as images."""

MAX_FRAMES = 100_000
MAX_SIDE_PX = 65_535
ALLOCATED = (1, 8, 12, 16, 32, 64)
_CALIBRATED_KINDS = ("GEOMETRY", "FIDUCIAL")


def is_shown(elements: Elements) -> bool:
    """Whether the object is an image for the viewer: rows, and a SOP class that is one."""
    if elements.text("SOPClassUID").startswith(NOT_SHOWN):
        return False
    return elements.has("Rows") or elements.pixels is not None


def header_of(elements: Elements, path: str, transfer_syntax_uid: str, frame_count: int) -> InstanceHeader:
    """Header without pixels. `frame_count` 0 for objects that are not shown (rows = 0).

    Raises
    ------
    DicomReadError : rows, columns or bits that no image can have
    """
    pixels = _pixel_module(elements, frame_count)
    # Made once: copying a record of seventy fields for each group of them took a quarter of the time of a header.
    return InstanceHeader(
        transfer_syntax_uid=transfer_syntax_uid,
        path=path,
        pixels=None,
        **pixels,
        **_names(elements),
        **acquisition(elements),
        **_values(elements, pixels["bits_stored"], pixels["pixel_representation"]),
    )


def _pixel_module(elements: Elements, frame_count: int) -> dict[str, Any]:
    """UIDs, size and bits (PS3.3 C.7.6.3)."""
    shown = frame_count > 0
    rows, columns = (elements.integer("Rows") or 0, elements.integer("Columns") or 0) if shown else (0, 0)
    allocated = elements.integer("BitsAllocated") or (16 if shown else 0)
    if shown and (not 0 < rows <= MAX_SIDE_PX or not 0 < columns <= MAX_SIDE_PX):
        raise DicomReadError("The image has no rows or columns.")
    if shown and allocated not in ALLOCATED:
        raise DicomReadError(f"Images of {allocated} bits a sample are not supported.")
    stored = elements.integer("BitsStored") or allocated
    stored = stored if 0 < stored <= allocated else allocated
    high_bit = elements.integer("HighBit")
    return {
        "study_instance_uid": elements.text("StudyInstanceUID"),
        "series_instance_uid": elements.text("SeriesInstanceUID"),
        "sop_instance_uid": elements.text("SOPInstanceUID"),
        "sop_class_uid": elements.text("SOPClassUID"),
        "rows": rows,
        "columns": columns,
        "bits_allocated": allocated,
        "bits_stored": stored,
        "high_bit": high_bit if high_bit is not None and stored - 1 <= high_bit < allocated else stored - 1,
        "pixel_representation": 1 if elements.integer("PixelRepresentation") == 1 else 0,
        "samples_per_pixel": elements.integer("SamplesPerPixel") or 1,
        "photometric_interpretation": elements.text("PhotometricInterpretation").upper() or "MONOCHROME2",
        "frames": frames_of(elements, frame_count),
    }


def _names(elements: Elements) -> dict[str, Any]:
    """Whose it is, and what people call study and series."""
    question, procedure = _request(elements)
    return {
        "patient": _patient(elements),
        "modality": elements.text("Modality"),
        "study_date": elements.text("StudyDate"),
        "study_time": elements.text("StudyTime"),
        "study_description": elements.text("StudyDescription"),
        "accession_number": elements.text("AccessionNumber"),
        "institution_name": elements.text("InstitutionName"),
        "series_number": elements.integer("SeriesNumber"),
        "series_description": elements.text("SeriesDescription"),
        "series_date": elements.text("SeriesDate"),
        "series_time": elements.text("SeriesTime"),
        "body_part": elements.text("BodyPartExamined"),
        "laterality": elements.text("ImageLaterality") or elements.text("Laterality"),
        "protocol_name": elements.text("ProtocolName"),
        "reason_for_requested_procedure": question,
        "requested_procedure_description": procedure,
    }


def acquisition(elements: Elements) -> dict[str, Any]:
    """What sorting and splitting of series look at: the fields that differ between the images of one series."""
    return {
        "instance_number": elements.integer("InstanceNumber"),
        "acquisition_number": elements.integer("AcquisitionNumber"),
        "image_type": elements.texts("ImageType"),
        "echo_number": elements.text("EchoNumbers"),
        "b_value": elements.number("DiffusionBValue"),
        "content_time": elements.text("ContentTime"),
        "acquisition_time": elements.text("AcquisitionTime"),
        "trigger_time_ms": elements.number("TriggerTime"),
        "view_position": elements.text("ViewPosition"),
        "patient_orientation": elements.texts("PatientOrientation"),
        "convolution_kernel": elements.text("ConvolutionKernel"),
        "frame_of_reference_uid": elements.text("FrameOfReferenceUID"),
        "gantry_tilt_deg": elements.number("GantryDetectorTilt"),
        "frame_time_ms": _frame_time_ms(elements),
        "multi_energy": elements.text("MultienergyCTAcquisition") == "YES",
    }


def _values(elements: Elements, stored: int, representation: int) -> dict[str, Any]:
    """What stored values mean: lookup tables, padding, spacing, and what was lost."""
    modality_luts = luts_of(elements.items("ModalityLUTSequence"), signed=representation == 1)
    kind = elements.text("PixelSpacingCalibrationType").upper()
    return {
        "modality_lut": modality_luts[0] if modality_luts else None,
        "voi_luts": luts_of(elements.items("VOILUTSequence"), signed=_is_voi_input_signed(elements, representation)),
        "presentation_lut_shape": elements.text("PresentationLUTShape").upper(),
        "pixel_padding_value": _stored_value(elements, "PixelPaddingValue", stored, representation),
        "pixel_padding_range_limit": _stored_value(elements, "PixelPaddingRangeLimit", stored, representation),
        "palette": _palette(elements),
        "imager_pixel_spacing_mm": pair(elements.numbers("ImagerPixelSpacing")),
        "nominal_pixel_spacing_mm": pair(elements.numbers("NominalScannedPixelSpacing")),
        "pixel_spacing_calibration_type": kind if kind in _CALIBRATED_KINDS else "",
        "magnification_factor": elements.number("EstimatedRadiographicMagnificationFactor"),
        "pixel_aspect_ratio": _aspect(elements),
        "ultrasound_regions": _regions(elements),
        "lossy": elements.text("LossyImageCompression") == "01",
        "lossy_ratio": elements.number("LossyImageCompressionRatio"),
        "units": elements.text("Units"),
        "burned_in_annotation": _yes_no(elements.text("BurnedInAnnotation")),
    }


def _request(elements: Elements) -> tuple[str, str]:
    """Why the study was asked for, and what was asked for: the first words of Request Attributes Sequence
    (PS3.3 C.7.3.1, 10-9), else of the instance itself (retired there, and still written)."""
    places = (*elements.items("RequestAttributesSequence"), elements)

    def first(keyword: str) -> str:
        return next((text for text in (place.text(keyword) for place in places) if text), "")

    return first("ReasonForTheRequestedProcedure"), first("RequestedProcedureDescription")


def _palette(elements: Elements) -> tuple[Lut, Lut, Lut] | None:
    """The palette of a PALETTE COLOR image; a broken one reads as missing, and the pixels are then refused."""
    if elements.text("PhotometricInterpretation").upper() != "PALETTE COLOR":
        return None
    try:
        return palette_of(elements)
    except LutError:
        return None


def _patient(elements: Elements) -> PatientLabel:
    return PatientLabel(
        name=elements.text("PatientName").rstrip("^= "),  # trailing empty components mean nothing (PS3.5 6.2.1)
        patient_id=elements.text("PatientID"),
        issuer=elements.text("IssuerOfPatientID"),
        birth_date=elements.text("PatientBirthDate"),
        sex=elements.text("PatientSex"),
        other_ids=tuple(pair for item in (elements, *elements.items("OtherPatientIDsSequence")) for pair in _ids(item)),
    )


def _ids(item: Elements) -> Iterator[tuple[str, str]]:
    """(id, issuer) pairs of one item; an issuer may be named by a universal ID instead (PS3.3 C.7.1.1)."""
    number = item.text("PatientID")
    issuers = [item.text("IssuerOfPatientID")]
    issuers += [part.text("UniversalEntityID") for part in item.items("IssuerOfPatientIDQualifiersSequence")]
    return ((number, issuer) for issuer in issuers if number and issuer)


def _frame_time_ms(elements: Elements) -> float | None:
    """Time between the frames of a cine; None where the header gives no speed."""
    time_ms = elements.number("FrameTime")
    if time_ms is not None and time_ms > 0:
        return time_ms
    rate = elements.number("CineRate") or elements.number("RecommendedDisplayFrameRate")
    return 1000.0 / rate if rate is not None and rate > 0 else None


def _yes_no(text: str) -> bool | None:
    return {"YES": True, "NO": False}.get(text.upper())


def _aspect(elements: Elements) -> tuple[int, int] | None:
    numbers = elements.numbers("PixelAspectRatio")
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 and min(numbers) >= 1 else None


def _is_voi_input_signed(elements: Elements, representation: int) -> bool:
    """The input of a VOI LUT is a modality value: negative with signed pixels or a negative intercept."""
    return representation == 1 or (elements.number("RescaleIntercept") or 0.0) < 0


def _stored_value(elements: Elements, keyword: str, bits_stored: int, representation: int) -> int | None:
    """A value in the words of the pixels: US or SS by Pixel Representation, whatever the VR says (PS3.5 A.1)."""
    value = elements.integer(keyword)
    if value is None:
        return None
    width = 16 if bits_stored <= 16 else 32
    value &= (1 << width) - 1
    return value - (1 << width) if representation == 1 and value >> (width - 1) else value


def _regions(elements: Elements) -> tuple[UltrasoundRegion, ...]:
    regions = []
    for item in elements.items("SequenceOfUltrasoundRegions"):
        bounds = [item.integer(f"RegionLocation{name}") for name in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
        delta_x, delta_y = item.number("PhysicalDeltaX"), item.number("PhysicalDeltaY")
        if delta_x is None or delta_y is None:
            continue
        min_x, min_y, max_x, max_y = (bound if bound is not None else -1 for bound in bounds)
        regions.append(
            UltrasoundRegion(
                min_x,
                min_y,
                max_x,
                max_y,
                item.integer("PhysicalUnitsXDirection") or 0,
                item.integer("PhysicalUnitsYDirection") or 0,
                delta_x,
                delta_y,
                item.integer("RegionSpatialFormat") or 0,
                item.integer("RegionDataType") or 0,
                item.integer("RegionFlags") or 0,
            )
        )
    return tuple(regions)
