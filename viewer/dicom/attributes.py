"""The attributes that the viewer reads, by keyword; everything else is stepped over."""

from __future__ import annotations

from typing import Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

_KEYWORDS_TEXT: Final = """
    TransferSyntaxUID
    SpecificCharacterSet ImageType SOPClassUID SOPInstanceUID StudyDate SeriesDate StudyTime SeriesTime AcquisitionTime
    ContentTime AccessionNumber Modality InstitutionName StudyDescription SeriesDescription FrameType
    PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex
    OtherPatientIDsSequence IssuerOfPatientIDQualifiersSequence UniversalEntityID
    RequestAttributesSequence ReasonForTheRequestedProcedure RequestedProcedureDescription
    BodyPartExamined SliceThickness EchoTime EchoNumbers ProtocolName FrameTime CineRate TriggerTime
    RecommendedDisplayFrameRate
    EstimatedRadiographicMagnificationFactor GantryDetectorTilt ImagerPixelSpacing ConvolutionKernel
    NominalScannedPixelSpacing ViewPosition DiffusionBValue MultienergyCTAcquisition EffectiveEchoTime
    SequenceOfUltrasoundRegions RegionSpatialFormat RegionDataType RegionFlags RegionLocationMinX0 RegionLocationMinY0
    RegionLocationMaxX1 RegionLocationMaxY1 PhysicalUnitsXDirection PhysicalUnitsYDirection PhysicalDeltaX
    PhysicalDeltaY
    StudyInstanceUID SeriesInstanceUID SeriesNumber AcquisitionNumber InstanceNumber PatientOrientation
    ImagePositionPatient ImageOrientationPatient FrameOfReferenceUID Laterality ImageLaterality
    TemporalPositionIdentifier TemporalPositionIndex StackID InStackPositionNumber
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns PixelSpacing
    PixelAspectRatio BitsAllocated BitsStored HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit
    BurnedInAnnotation PixelSpacingCalibrationType WindowCenter WindowWidth VOILUTFunction
    WindowCenterWidthExplanation RescaleIntercept RescaleSlope RescaleType
    RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
    RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
    SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
    SegmentedBluePaletteColorLookupTableData
    LossyImageCompression LossyImageCompressionRatio ModalityLUTSequence VOILUTSequence LUTDescriptor LUTExplanation
    LUTData Units PresentationLUTShape
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence PixelMeasuresSequence PlanePositionSequence
    PlaneOrientationSequence PixelValueTransformationSequence FrameVOILUTSequence FrameContentSequence
    MRDiffusionSequence MREchoSequence MRImageFrameTypeSequence CTImageFrameTypeSequence
    ExtendedOffsetTable ExtendedOffsetTableLengths FloatPixelData DoubleFloatPixelData PixelData
"""


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise LookupError(keyword)
    return int(tag)


WANTED: Final[dict[int, tuple[str, bytes]]] = {
    _tag(keyword): (keyword, dictionary_VR(_tag(keyword))[:2].encode()) for keyword in _KEYWORDS_TEXT.split()
}
"""Tag -> (keyword, VR to assume where the transfer syntax does not say)."""

PIXEL_KEYWORDS: Final = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData"})
