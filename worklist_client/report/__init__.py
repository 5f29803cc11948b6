"""The neutral report model, and the DICOM objects that are rendered from it once, at signing."""
