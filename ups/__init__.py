"""Unified Procedure Step as a small library: workitem, states as a table, DICOM JSON, a dialect-tolerant UPS-RS client.

Publishable by itself. No pydicom: `import ups` and its modules load in under 0.3 s.
"""
