"""What a worker process does with files: module-level and picklable, and free of imports that the desktop would pay."""

from __future__ import annotations

from viewer.records import InstanceHeader


def ingest_file(path: str) -> InstanceHeader:
    """Read one stored object into a header; never raises for bad input."""
    from viewer.dicom.ingest import ingest  # noqa: PLC0415 - pydicom costs 1 s; only worker processes pay it

    return ingest(path)


def ingest_files(paths: tuple[str, ...]) -> tuple[InstanceHeader, ...]:
    """Read several stored objects (those that lie in the cache already)."""
    return tuple(ingest_file(path) for path in paths)


def is_shown(header: InstanceHeader) -> bool:
    """Whether the viewer should know of it: an image, or something that failed and has to say so."""
    return header.rows > 0 or bool(header.failure)
