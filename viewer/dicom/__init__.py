"""DICOM in, display values out: headers (`ingest`), pixels, lookup tables, sorting. The only importer of pydicom here.

Belongs here: reading, decoding, PS3.3 C.11 and image sets. Not here: widgets, renderers, network, writing objects.
Imports: pydicom, numpy, codecs, `viewer.stored`, `viewer.state`, `viewer.geometry`, `viewer.records`.
"""
