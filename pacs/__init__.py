"""Everything that is said to a PACS: sites and their connections, one port, DICOMweb and DIMSE adapters, workers.

Blocking calls with time-outs and a `cancelled()` callable passed in. No Qt, no viewer, no UPS.
"""
