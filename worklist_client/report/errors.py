"""What can go wrong between the words of a radiologist and DICOM bytes.

ReportError
├── DraftUnreadable     a stored draft that this version cannot read
├── NothingToSign       no section holds a text
├── IdentityMismatch    the images are of another patient, study or accession than the draft
├── SourceUnusable      an image file that the report must refer to cannot be read
├── NoRepresentation    the site accepts no kind of report that can be written
└── TextNotPreserved    the encoded text does not read back equal
"""

from __future__ import annotations


class ReportError(Exception):
    """Root; `reason` is a plain English sentence without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ReportError], tuple[str]]:
        return type(self), (self.reason,)


class DraftUnreadable(ReportError):
    """A stored draft that this version cannot read."""


class NothingToSign(ReportError):
    """No section holds a text."""


class IdentityMismatch(ReportError):
    """The images are of another patient, study or accession than the draft."""


class SourceUnusable(ReportError):
    """An image file that the report must refer to cannot be read."""


class TextNotPreserved(ReportError):
    """The encoded text does not read back equal."""


class NoRepresentation(ReportError):
    """The site accepts no kind of report that can be written."""
