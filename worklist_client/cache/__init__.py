"""Images on this computer: what came, under hashed names, within a budget. May be deleted at any time; knows no DICOM
beyond the UID in a file's head.
"""
