"""What can go wrong in the viewer.

ViewerError
├── DicomReadError            the file cannot be used as an image
│   ├── NotDicom
│   ├── Truncated
│   ├── NotAnImage
│   └── UnsupportedTransferSyntax
├── GeometryError             positions or cosines that cannot be trusted
├── LutError                  a window or lookup table that PS3.3 C.11 does not allow
├── MeasureError              a measurement that would not mean anything
└── RenderError               the renderer cannot show anything; the viewport says so
"""

from __future__ import annotations


class ViewerError(Exception):
    """Root of all errors of the viewer; `reason` is a plain English sentence without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ViewerError], tuple[str]]:
        return type(self), (self.reason,)


class DicomReadError(ViewerError):
    """The file cannot be used as an image."""


class NotDicom(DicomReadError):
    """Neither a DICOM file nor a bare dataset."""


class Truncated(DicomReadError):
    """Fewer bytes than the header promises."""


class NotAnImage(DicomReadError):
    """A DICOM object without pixels."""


class UnsupportedTransferSyntax(DicomReadError):
    """No decoder for the transfer syntax."""


class GeometryError(ViewerError):
    """Positions or direction cosines that cannot be trusted."""


class LutError(ViewerError):
    """A window or lookup table that PS3.3 C.11 does not allow."""


class MeasureError(ViewerError):
    """A measurement that would not mean anything here."""


class RenderError(ViewerError):
    """The renderer cannot show anything."""
