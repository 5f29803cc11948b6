"""Files in, headers and pixels out: every transfer syntax, every oddity, and nothing raises. All files synthetic."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.pixels.encoders import RLELosslessEncoder
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    SegmentationStorage,
)

from viewer.dicom.ingest import ingest
from viewer.dicom.pixels import display_frame, stored_frame
from viewer.errors import DicomReadError
from viewer.records import InstanceHeader, VoiFunction

FileWriter = Callable[..., Path]


def smooth(dtype: Any = np.int16, rows: int = 24, columns: int = 20) -> np.ndarray:
    """A picture that any codec likes, with negative values where the type allows."""
    row, column = np.mgrid[:rows, :columns]
    return (row * 30 + column * 7 - (200 if np.dtype(dtype).kind == "i" else 0)).astype(dtype)


def rgb(rows: int = 16, columns: int = 12) -> np.ndarray:
    """A color picture without sharp edges."""
    row, column = np.mgrid[:rows, :columns]
    return np.stack([row * 8, column * 10, 200 - row * 4], axis=-1).astype(np.uint8)


def rle(pixels: np.ndarray) -> bytes:
    """RLE by pydicom, an encoder other than our decoder."""
    return bytes(
        RLELosslessEncoder.encode(
            pixels,
            rows=pixels.shape[0],
            columns=pixels.shape[1],
            samples_per_pixel=pixels.shape[2] if pixels.ndim > 2 else 1,
            bits_allocated=pixels.dtype.itemsize * 8,
            bits_stored=pixels.dtype.itemsize * 8,
            pixel_representation=int(pixels.dtype.kind == "i"),
            photometric_interpretation="RGB" if pixels.ndim > 2 else "MONOCHROME2",
            number_of_frames=1,
            planar_configuration=0,
        )
    )


def test_the_header_of_an_uncompressed_file_is_read_and_its_pixels_stay_in_place(write_dicom: FileWriter) -> None:
    header = ingest(str(write_dicom(smooth())))
    assert header.failure == ""
    assert header.pixels is not None
    assert header.pixels.path == header.path
    assert np.array_equal(stored_frame(header, 0), smooth())
    assert (header.patient.name, header.patient.patient_id, header.patient.sex) == ("Sződ^Ilona", "A-1", "F")
    assert (header.series_number, header.instance_number, header.modality) == (2, 7, "CT")
    frame = header.frames[0]
    assert frame.position_lps_mm == (-10, -20, 30.5)
    assert (frame.row_cosines, frame.column_cosines) == ((1, 0, 0), (0, 1, 0))
    assert frame.pixel_spacing_mm == (0.5, 0.75)
    assert (frame.rescale_intercept, frame.rescale_type, frame.slice_thickness_mm) == (-1024, "HU", 2.5)
    assert [(window.center, window.width, window.explanation) for window in frame.windows] == [
        (40, 80, "BRAIN"),
        (600, 2000, "BONE"),
    ]


def test_the_reason_of_the_request_and_all_numbers_of_the_patient_are_read(write_dicom: FileWriter) -> None:
    request, other, qualifier, national = Dataset(), Dataset(), Dataset(), Dataset()
    request.ReasonForTheRequestedProcedure = "Müller: bleed?"
    request.RequestedProcedureDescription = "CT head"
    other.PatientID, other.IssuerOfPatientID = "77", "CITY"
    qualifier.UniversalEntityID = "2.16.840.1.113883.2.4.6.3"
    national.PatientID, national.IssuerOfPatientIDQualifiersSequence = "111222333", [qualifier]
    path = write_dicom(
        smooth(),
        PatientID="N1",
        IssuerOfPatientID="NORTH",
        RequestAttributesSequence=[request],
        OtherPatientIDsSequence=[other, national],
    )
    header = ingest(str(path))
    assert header.reason_for_requested_procedure == "Müller: bleed?"
    assert header.requested_procedure_description == "CT head"
    assert header.patient.other_ids == (
        ("N1", "NORTH"),
        ("77", "CITY"),
        ("111222333", "2.16.840.1.113883.2.4.6.3"),
    )


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.uint32])
def test_other_native_syntaxes_give_the_same_values(write_dicom: FileWriter, syntax: str, dtype: Any) -> None:
    header = ingest(str(write_dicom(smooth(dtype), syntax)))
    assert header.failure == ""
    assert np.array_equal(stored_frame(header, 0), smooth(dtype))
    assert header.transfer_syntax_uid == syntax
    assert header.frames[0].position_lps_mm == (-10, -20, 30.5)


def test_bytes_in_big_endian_words_are_put_back_in_order(write_dicom: FileWriter) -> None:
    frames = [smooth(np.uint8, 3, 5), smooth(np.uint8, 3, 5) + np.uint8(9)]
    raw = b"".join(frame.tobytes() for frame in frames)
    path = write_dicom(frames[0], ExplicitVRBigEndian, NumberOfFrames=2, PixelData=raw)
    whole = path.read_bytes()
    place = whole.rindex(raw)
    words = np.frombuffer(raw, "<u2").astype(">u2").tobytes()
    path.write_bytes(whole[: place - 8] + b"OW" + whole[place - 6 : place] + words)
    header = ingest(str(path))
    assert [np.array_equal(stored_frame(header, index), frames[index]) for index in (0, 1)] == [True, True]


@pytest.mark.parametrize(
    ("attributes", "time_ms"),
    [({"FrameTime": 40}, 40), ({"CineRate": 25}, 40), ({"RecommendedDisplayFrameRate": 20}, 50), ({}, None)],
)
def test_the_speed_of_a_cine(write_dicom: FileWriter, attributes: dict[str, Any], time_ms: float | None) -> None:
    assert ingest(str(write_dicom(smooth(), **attributes))).frame_time_ms == time_ms


MONOCHROME = {
    "rle": (RLELossless, rle),
    "jpeg_lossless": (JPEGLosslessSV1, lambda p: imagecodecs.jpeg8_encode(p, lossless=True, predictor=1)),
    "jpeg_ls": (JPEGLSLossless, imagecodecs.jpegls_encode),
    "jpeg_2000": (
        JPEG2000Lossless,
        lambda p: imagecodecs.jpeg2k_encode(p, reversible=True, level=0, codecformat="j2k"),
    ),
    "htj2k": (HTJ2KLossless, lambda p: imagecodecs.htj2k_encode(p, reversible=True)),
}


@pytest.mark.parametrize("name", MONOCHROME)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_lossless_codecs_give_the_very_same_values(write_dicom: FileWriter, name: str, dtype: Any) -> None:
    syntax, encode = MONOCHROME[name]
    pixels = smooth(dtype)
    # JPEG codecs know no sign: writers store the bit pattern, and Pixel Representation says how to read it.
    pattern = pixels.view(np.uint16) if dtype is np.int16 and name in ("jpeg_lossless", "jpeg_ls") else pixels
    header = ingest(str(write_dicom(pixels, syntax, frames=[bytes(encode(pattern))])))
    assert header.failure == ""
    assert header.pixels is not None
    assert header.pixels.path == header.path + ".raw"
    assert stored_frame(header, 0).dtype == pixels.dtype
    assert np.array_equal(stored_frame(header, 0), pixels)
    assert not header.lossy


@pytest.mark.parametrize("name", [name for name in MONOCHROME if name != "htj2k"])
def test_lossless_color_comes_out_as_rgb(write_dicom: FileWriter, name: str) -> None:
    syntax, encode = MONOCHROME[name]
    if name == "jpeg_lossless":
        data = imagecodecs.jpeg8_encode(rgb(), lossless=True, colorspace="RGB", outcolorspace="RGB")
    else:
        data = encode(rgb())
    photometric = "YBR_RCT" if name == "jpeg_2000" else "RGB"
    header = ingest(str(write_dicom(rgb(), syntax, frames=[bytes(data)], PhotometricInterpretation=photometric)))
    assert header.failure == ""
    assert np.array_equal(display_frame(header, 0, None, False), rgb())


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL"])
def test_jpeg_color_is_converted_once(write_dicom: FileWriter, photometric: str) -> None:
    color = np.broadcast_to(np.array([200, 30, 90], np.uint8), (16, 16, 3))
    data = imagecodecs.jpeg8_encode(np.ascontiguousarray(color), level=98, subsampling="422")
    path = write_dicom(color, JPEGBaseline8Bit, frames=[bytes(data)], PhotometricInterpretation=photometric)
    header = ingest(str(path))
    assert np.abs(stored_frame(header, 0).astype(int) - color).max() <= 3
    assert header.lossy


def test_twelve_bit_extended_jpeg(write_dicom: FileWriter) -> None:
    pixels = smooth(np.uint16) + 1000
    data = imagecodecs.jpeg8_encode(pixels, level=100, bitspersample=12)
    path = write_dicom(pixels, JPEGExtended12Bit, frames=[bytes(data)], BitsStored=12, HighBit=11)
    header = ingest(str(path))
    assert header.failure == ""
    assert np.abs(stored_frame(header, 0).astype(int) - pixels).max() <= 4


def test_several_frames_with_and_without_offset_table(write_dicom: FileWriter) -> None:
    pixels = [smooth(np.uint16) + number for number in range(3)]
    frames = [bytes(imagecodecs.jpegls_encode(frame)) for frame in pixels]
    path = write_dicom(pixels[0], JPEGLSLossless, frames=frames, NumberOfFrames=3)
    header = ingest(str(path))
    assert header.number_of_frames == 3
    assert [int(stored_frame(header, index)[0, 0]) for index in range(3)] == [0, 1, 2]


def test_one_frame_in_several_fragments(write_dicom: FileWriter) -> None:
    data = bytes(imagecodecs.jpegls_encode(smooth(np.uint16)))
    data += b"\0" * (len(data) % 2)
    item = b"\xfe\xff\x00\xe0"
    half = len(data) // 4 * 2
    pieces = b"".join(item + struct.pack("<I", len(part)) + part for part in (b"", data[:half], data[half:]))
    path = write_dicom(smooth(np.uint16), JPEGLSLossless, frames=[data])
    whole = path.read_bytes()
    start = whole.index(item)
    path.write_bytes(whole[:start] + pieces + b"\xfe\xff\xdd\xe0\0\0\0\0")
    assert np.array_equal(stored_frame(ingest(str(path)), 0), smooth(np.uint16))


def test_one_damaged_frame_costs_one_frame(write_dicom: FileWriter) -> None:
    good = bytes(imagecodecs.jpegls_encode(smooth(np.uint16)))
    path = write_dicom(smooth(np.uint16), JPEGLSLossless, frames=[good, b"\xff\xd8rubbish!", good], NumberOfFrames=3)
    header = ingest(str(path))
    assert header.failure == ""
    assert [bool(frame.failure) for frame in header.frames] == [False, True, False]
    assert np.array_equal(stored_frame(header, 2), smooth(np.uint16))
    with pytest.raises(DicomReadError):
        stored_frame(header, 1)


def test_a_decoded_copy_is_made_once_and_left_alone(write_dicom: FileWriter) -> None:
    path = write_dicom(smooth(np.uint16), JPEGLSLossless, frames=[bytes(imagecodecs.jpegls_encode(smooth(np.uint16)))])
    first = ingest(str(path))
    copy = Path(str(path) + ".raw")
    before = copy.stat().st_mtime_ns
    assert ingest(str(path)) == first
    assert copy.stat().st_mtime_ns == before
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["image.dcm", "image.dcm.raw"]


def test_a_newer_object_under_the_same_name_is_decoded_again(write_dicom: FileWriter) -> None:
    for brightness in (0, 5):
        pixels = smooth(np.uint16) + brightness
        path = write_dicom(pixels, JPEGLSLossless, frames=[bytes(imagecodecs.jpegls_encode(pixels))])
        assert np.array_equal(stored_frame(ingest(str(path)), 0), pixels)


def test_a_copy_that_cannot_be_written_costs_the_image_only(write_dicom: FileWriter) -> None:
    path = write_dicom(smooth(np.uint16), JPEGLSLossless, frames=[bytes(imagecodecs.jpegls_encode(smooth(np.uint16)))])
    Path(str(path) + ".raw").mkdir()
    header = _refused(path, "cannot be written")
    assert header.rows == 24
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["image.dcm", "image.dcm.raw"]


def test_native_color_in_planes_and_in_ybr(write_dicom: FileWriter) -> None:
    planes = np.ascontiguousarray(np.moveaxis(rgb(), -1, 0))
    header = ingest(str(write_dicom(rgb(), PlanarConfiguration=1, PixelData=planes.tobytes())))
    assert np.array_equal(display_frame(header, 0, None, False), rgb())
    grey = np.zeros((2, 4, 3), np.uint8) + np.array([76, 85, 255], np.uint8)  # pure red in YBR_FULL
    header = ingest(str(write_dicom(grey, name="ybr.dcm", PhotometricInterpretation="YBR_FULL")))
    assert np.abs(display_frame(header, 0, None, False).astype(int) - [254, 0, 0]).max() <= 1


def test_native_ybr_422_shares_chroma_between_two_pixels(write_dicom: FileWriter) -> None:
    data = bytes([100, 200, 128, 128] * 4)
    path = write_dicom(np.zeros((2, 4, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422", PixelData=data)
    shown = display_frame(ingest(str(path)), 0, None, False)
    assert shown[0, :, 0].tolist() == [100, 200, 100, 200]


def test_a_high_bit_elsewhere_is_moved_down(write_dicom: FileWriter) -> None:
    pixels = (smooth(np.uint16) << 4) | 0x000F
    header = ingest(str(write_dicom(pixels, BitsStored=12, HighBit=15)))
    assert header.high_bit == 11
    assert np.array_equal(stored_frame(header, 0), smooth(np.uint16))


def test_signed_values_with_a_high_bit_elsewhere(write_dicom: FileWriter) -> None:
    pixels = smooth(np.int16) << 4
    header = ingest(str(write_dicom(pixels, BitsStored=12, HighBit=15)))
    assert np.array_equal(stored_frame(header, 0), smooth(np.int16))


def test_overlay_bits_above_bits_stored_are_masked(write_dicom: FileWriter) -> None:
    header = ingest(str(write_dicom(smooth(np.uint16) | 0x8000, BitsStored=12, HighBit=11)))
    assert header.pixels is not None
    assert header.pixels.path == header.path
    assert np.array_equal(stored_frame(header, 0), smooth(np.uint16))


def test_packed_twelve_bits(write_dicom: FileWriter) -> None:
    values = np.array([[0x123, 0xABC], [0xFFF, 0x001]], np.uint16)
    packed = bytes([0x23, 0xC1, 0xAB, 0xFF, 0x1F, 0x00])
    path = write_dicom(values, BitsAllocated=12, BitsStored=12, HighBit=11, PixelData=packed)
    assert np.array_equal(stored_frame(ingest(str(path)), 0), values)


def test_single_bits(write_dicom: FileWriter) -> None:
    values = (np.arange(24).reshape(4, 6) % 3 == 0).astype(np.uint8)
    packed = np.packbits(values.ravel(), bitorder="little").tobytes()
    path = write_dicom(values, BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=packed)
    header = ingest(str(path))
    assert np.array_equal(stored_frame(header, 0), values)
    assert display_frame(header, 0, None, False).max() == 255


def test_palette_color_plain_and_segmented(write_dicom: FileWriter) -> None:
    tables: dict[str, Any] = {}
    for color, entries in (("Red", [0, 0x8000, 0xFFFF]), ("Green", [0xFFFF, 0, 0]), ("Blue", [0, 0, 0])):
        tables[f"{color}PaletteColorLookupTableDescriptor"] = [3, 0, 16]
        tables[f"{color}PaletteColorLookupTableData"] = struct.pack("<3H", *entries)
    indices = np.array([[0, 1], [2, 9]], np.uint8)
    header = ingest(str(write_dicom(indices, PhotometricInterpretation="PALETTE COLOR", **tables)))
    assert display_frame(header, 0, None, False).tolist() == [[[0, 255, 0], [128, 0, 0]], [[255, 0, 0], [255, 0, 0]]]

    segmented: dict[str, Any] = {}
    for color in ("Red", "Green", "Blue"):
        segmented[f"{color}PaletteColorLookupTableDescriptor"] = [5, 0, 16]
        # One discrete entry 0, then a linear segment of four up to 0x8000.
        segmented[f"Segmented{color}PaletteColorLookupTableData"] = struct.pack("<6H", 0, 1, 0, 1, 4, 0x8000)
    indices = np.array([[0, 1, 2, 4]], np.uint8)
    path = write_dicom(indices, name="segmented.dcm", PhotometricInterpretation="PALETTE COLOR", **segmented)
    assert display_frame(ingest(str(path)), 0, None, False)[0, :, 0].tolist() == [0, 0x20, 0x40, 0x80]


def test_a_palette_that_is_missing_is_named(write_dicom: FileWriter) -> None:
    header = ingest(str(write_dicom(np.zeros((2, 2), np.uint8), PhotometricInterpretation="PALETTE COLOR")))
    assert "palette" in header.failure
    assert header.sop_instance_uid == "1.2.3.4.5"


def test_lookup_tables_of_modality_and_voi(write_dicom: FileWriter) -> None:
    modality, voi = Dataset(), Dataset()
    modality.LUTDescriptor, modality.LUTData, modality.ModalityLUTType = [3, -2, 16], struct.pack("<3H", 7, 8, 9), "US"
    voi.LUTDescriptor, voi.LUTData, voi.LUTExplanation = [2, 0, 12], struct.pack("<2H", 0, 4095), "FLAT"
    path = write_dicom(smooth(), ModalityLUTSequence=Sequence([modality]), VOILUTSequence=Sequence([voi]))
    header = ingest(str(path))
    assert header.modality_lut is not None
    assert (header.modality_lut.first_mapped, header.modality_lut.entries) == (-2, (7, 8, 9))
    assert (header.voi_luts[0].bits, header.voi_luts[0].entries, header.voi_luts[0].explanation) == (
        12,
        (0, 4095),
        "FLAT",
    )


def _group(z: float, slope: float) -> Dataset:
    position, values, voi, content, group = (Dataset() for _ in range(5))
    position.ImagePositionPatient = [0, 0, z]
    values.RescaleSlope, values.RescaleIntercept, values.RescaleType = slope, 0, "HU"
    voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = 10, 20, "SIGMOID"
    content.StackID, content.InStackPositionNumber, content.TemporalPositionIndex = "S1", int(z) + 1, 2
    group.PlanePositionSequence = Sequence([position])
    group.PixelValueTransformationSequence = Sequence([values])
    group.FrameVOILUTSequence = Sequence([voi])
    group.FrameContentSequence = Sequence([content])
    return group


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_functional_groups_of_an_enhanced_object(write_dicom: FileWriter, syntax: str) -> None:
    orientation, measures, shared = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    measures.PixelSpacing, measures.SliceThickness = [0.3, 0.4], 5
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Sequence([orientation]), Sequence([measures])
    removed = dict.fromkeys(
        ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "WindowCenter", "WindowWidth")
    )
    path = write_dicom(
        smooth(),
        syntax,
        NumberOfFrames=3,
        PixelData=smooth().tobytes() * 3,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence([_group(float(z), z + 1.0) for z in range(3)]),
        WindowCenterWidthExplanation=None,
        **removed,
    )
    header = ingest(str(path))
    assert header.failure == ""
    assert [frame.position_lps_mm for frame in header.frames] == [(0, 0, 0), (0, 0, 1), (0, 0, 2)]
    assert [frame.rescale_slope for frame in header.frames] == [1, 2, 3]
    last = header.frames[2]
    assert (last.row_cosines, last.column_cosines, last.pixel_spacing_mm) == ((0, 1, 0), (0, 0, -1), (0.3, 0.4))
    assert (last.stack_id, last.ordinal, last.temporal_position) == ("S1", 3, 2)
    assert last.windows[0].function is VoiFunction.SIGMOID
    assert last.frame_number == 3


def test_ultrasound_regions(write_dicom: FileWriter) -> None:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 1, 2
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 30, 40
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.02, -0.03
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 2
    header = ingest(str(write_dicom(smooth(np.uint8), SequenceOfUltrasoundRegions=Sequence([region]))))
    found = header.ultrasound_regions[0]
    assert (found.min_column_px, found.min_row_px, found.max_column_px, found.max_row_px) == (1, 2, 30, 40)
    assert (found.units_x, found.delta_x, found.delta_y) == (3, 0.02, -0.03)


def test_an_icon_and_private_sequences_are_stepped_over(write_dicom: FileWriter) -> None:
    icon = Dataset()
    icon.Rows, icon.Columns, icon.BitsAllocated, icon.PixelData = 2, 2, 8, b"\1\2\3\4"
    icon["PixelData"].VR = "OB"
    private = Dataset()
    private.add_new(0x00091001, "SQ", Sequence([icon]))
    path = write_dicom(smooth(), IconImageSequence=Sequence([icon]), SourceImageSequence=Sequence([private]))
    header = ingest(str(path))
    assert header.rows == 24
    assert np.array_equal(stored_frame(header, 0), smooth())


@pytest.mark.parametrize("representation", [0, 1])
def test_padding_is_read_in_the_words_of_the_pixels(write_dicom: FileWriter, representation: int) -> None:
    value = 0xF830 - 0x10000 if representation else 0xF830
    pixels = smooth(np.int16 if representation else np.uint16)
    for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian):
        header = ingest(str(write_dicom(pixels, syntax, PixelPaddingValue=value)))
        assert header.pixel_padding_value == value


@pytest.mark.parametrize("sop_class", [SegmentationStorage, BasicTextSRStorage])
def test_objects_that_are_not_shown_have_no_rows_and_no_failure(write_dicom: FileWriter, sop_class: str) -> None:
    header = ingest(str(write_dicom(smooth(np.uint8), SOPClassUID=sop_class)))
    assert (header.rows, header.failure, header.pixels) == (0, "", None)
    assert header.sop_class_uid == sop_class


def _refused(path: Path, words: str) -> InstanceHeader:
    header = ingest(str(path))
    assert header.pixels is None
    assert words in header.failure
    assert header.failure.endswith(".")
    return header


def test_files_that_are_no_dicom_say_so(tmp_path: Path) -> None:
    for name, content in (("empty", b""), ("text", b"hello world" * 50), ("zero", bytes(4000)), ("short", b"\x08\0")):
        path = tmp_path / name
        path.write_bytes(content)
        assert ingest(str(path)).failure
        assert ingest(str(path)).rows == 0
    _refused(tmp_path / "absent", "cannot be opened")


def test_truncated_pixels_keep_the_identity_of_the_image(write_dicom: FileWriter) -> None:
    path = write_dicom(smooth())
    path.write_bytes(path.read_bytes()[:-100])
    header = _refused(path, "cut short")
    assert (header.rows, header.sop_instance_uid) == (24, "1.2.3.4.5")


def test_a_header_that_ends_early_is_named(write_dicom: FileWriter) -> None:
    path = write_dicom(smooth())
    path.write_bytes(path.read_bytes()[:700])
    assert ingest(str(path)).failure


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"Rows": 60000, "Columns": 60000}, "cut short"),
        ({"Rows": 0}, "rows"),
        ({"NumberOfFrames": 2_000_000_000}, "more than the file can hold"),
        ({"BitsAllocated": 24}, "24 bits"),
        ({"SamplesPerPixel": 4}, "samples"),
        ({"PixelData": None}, "no pixel data"),
    ],
)
def test_headers_that_lie_are_refused_before_anything_is_allocated(
    write_dicom: FileWriter, attributes: dict[str, Any], words: str
) -> None:
    _refused(write_dicom(smooth(), **attributes), words)


def test_a_codestream_of_another_size_is_refused(write_dicom: FileWriter) -> None:
    data = bytes(imagecodecs.jpegls_encode(smooth(np.uint16)))
    _refused(write_dicom(smooth(np.uint16), JPEGLSLossless, frames=[data], Rows=4000), "the header says")


def test_an_enormous_codestream_is_refused_by_its_size(write_dicom: FileWriter) -> None:
    siz = struct.pack(">HHIIIIIIIIH3B", 41, 0, 65000, 65000, 0, 0, 65000, 65000, 0, 0, 1, 15, 1, 1)
    data = b"\xff\x4f\xff\x51" + siz + bytes(100)
    path = write_dicom(smooth(np.uint16), JPEG2000Lossless, frames=[data], Rows=65000, Columns=65000)
    _refused(path, "larger than any")


def test_a_deflated_bomb_is_refused(write_dicom: FileWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.dicom.part10.MAX_INFLATED_BYTES", 10_000)
    path = write_dicom(np.zeros((300, 300), np.int16), DeflatedExplicitVRLittleEndian)
    _refused(path, "larger than any")


@pytest.mark.parametrize("name", MONOCHROME)
def test_a_codestream_that_ends_early_is_never_shown_in_part(write_dicom: FileWriter, name: str) -> None:
    syntax, encode = MONOCHROME[name]
    data = bytes(encode(smooth(np.uint16)))
    _refused(write_dicom(smooth(np.uint16), syntax, frames=[data[: len(data) * 3 // 4 // 2 * 2]]), "")


def test_damaged_deflate_is_refused(write_dicom: FileWriter) -> None:
    path = write_dicom(smooth(), DeflatedExplicitVRLittleEndian)
    path.write_bytes(path.read_bytes()[:-60])
    _refused(path, "cut short")


def test_video_is_not_supported_and_says_so(write_dicom: FileWriter) -> None:
    _refused(write_dicom(rgb(), MPEG2MPML, frames=[b"\0\0\1\xb3" * 8], PhotometricInterpretation="RGB"), "Video")


def test_sequences_nested_without_end_are_refused(write_dicom: FileWriter) -> None:
    path = write_dicom(smooth())
    whole = path.read_bytes()
    place = whole.index(b"\x20\x00\x0d\x00UI")
    bomb = (
        struct.pack("<HH2sHI", 0x0018, 0x9999, b"SQ", 0, 0xFFFFFFFF)
        + (
            struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
            + struct.pack("<HH2sHI", 0x0018, 0x9999, b"SQ", 0, 0xFFFFFFFF)
        )
        * 5000
    )
    path.write_bytes(whole[:place] + bomb + whole[place:])
    _refused(path, "nested")


def test_a_file_without_preamble_and_meta_is_read(write_dicom: FileWriter) -> None:
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
        path = write_dicom(smooth(), syntax)
        whole = path.read_bytes()
        start = 132 + 12 + struct.unpack_from("<I", whole, 140)[0]
        path.write_bytes(whole[start:])
        header = ingest(str(path))
        assert header.failure == "", syntax
        assert np.array_equal(stored_frame(header, 0), smooth())


def test_a_wrong_transfer_syntax_is_seen_through(write_dicom: FileWriter) -> None:
    path = write_dicom(smooth(), ImplicitVRLittleEndian)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2\0".replace(b"2\0", b"2\0"), 1))
    explicit = write_dicom(smooth(), ExplicitVRLittleEndian, name="explicit.dcm").read_bytes()
    assert b"1.2.840.10008.1.2.1\0" in explicit
    relabelled = path.parent / "relabelled.dcm"
    relabelled.write_bytes(explicit.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2\0\0\0", 1))
    assert np.array_equal(stored_frame(ingest(str(relabelled)), 0), smooth())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(place=st.floats(0, 1), damage=st.binary(min_size=1, max_size=12), cut=st.booleans())
def test_no_damage_makes_it_raise(write_dicom: FileWriter, place: float, damage: bytes, cut: bool) -> None:
    path = write_dicom(smooth())
    whole = bytearray(path.read_bytes())
    start = int(place * (len(whole) - 1))
    whole[start : start + len(damage)] = damage
    path.write_bytes(bytes(whole[: start + 1] if cut else whole))
    header = ingest(str(path))
    assert (header.pixels is None) == bool(header.failure) or header.rows == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(place=st.floats(0.3, 1), damage=st.binary(min_size=1, max_size=6), name=st.sampled_from(sorted(MONOCHROME)))
def test_no_damaged_codestream_makes_it_raise(write_dicom: FileWriter, place: float, damage: bytes, name: str) -> None:
    syntax, encode = MONOCHROME[name]
    data = bytearray(encode(smooth(np.uint16)))
    start = int(place * (len(data) - 1))
    data[start : start + len(damage)] = damage
    path = write_dicom(smooth(np.uint16), syntax, frames=[bytes(data)])
    Path(str(path) + ".raw").unlink(missing_ok=True)
    header = ingest(str(path))
    assert (header.pixels is None) == bool(header.failure)
