"""Where a report goes: always the origin of its study, never typed, never chosen (design decision 3).

No function of this package takes a destination. It follows from the site id that was stamped on the report when the
study was opened, and from that site's own entry in the directory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydicom.datadict import dictionary_VR, tag_for_keyword

from pacs.site import Connection, Site
from worklist_client.delivery.errors import Held, Later

NEVER_TOLERATED = frozenset(
    {
        "PatientID",
        "IssuerOfPatientID",
        "AccessionNumber",
        "ContentSequence",
        "GraphicAnnotationSequence",
        "DisplayedAreaSelectionSequence",
        "SoftcopyVOILUTSequence",
        "CurrentRequestedProcedureEvidenceSequence",
        "ReferencedSeriesSequence",
        "CompletionFlag",
        "VerificationFlag",
    }
)
"""Whoever changes these changes the report. UIDs are never tolerated either."""


@dataclass(frozen=True)
class Destination:
    """The one connection that a report may leave by, and the site's rules of reading back, as data."""

    site: Site
    connection: Connection
    tolerated: frozenset[int]
    """Top-level tags that this archive coerces on import: `extra.tolerated_tags`, a list of keywords."""
    read_back: bool
    """False only where the site allows no retrieval: `extra.verify = "find"`; the proof is then weaker and says so."""


def destination_of(site_id: str, sites: Callable[[], Iterable[Site]]) -> Destination:
    """The origin's own connection: the first that is not a shared archive.

    Raises
    ------
    Later : the directory does not know the site (yet)
    Held : the site has no connection of its own, or its rules cannot be right
    """
    site = next((one for one in sites() if one.site_id == site_id), None)
    if site is None:
        raise Later("the directory of sites does not know the hospital this study came from")
    own = [connection for connection in site.connections if not connection.shared]
    if not own:
        raise Held("the hospital this study came from has no connection of its own")
    keywords = site.extra.get("tolerated_tags", ())
    return Destination(site, own[0], tolerated_tags(keywords), site.extra.get("verify", "read back") != "find")


def tolerated_tags(keywords: object) -> frozenset[int]:
    """Tags of keywords. Raises `Held` for what is no keyword, and for what may never differ."""
    if not isinstance(keywords, list | tuple):
        raise Held("the site's 'tolerated_tags' is not a list of keywords")
    tags = set()
    for keyword in keywords:
        tag = tag_for_keyword(str(keyword))
        if tag is None:
            raise Held("the site's 'tolerated_tags' names '{keyword}', which is no DICOM keyword", keyword=keyword)
        if keyword in NEVER_TOLERATED or dictionary_VR(tag) == "UI":
            raise Held("the site's 'tolerated_tags' names '{keyword}', which may never differ", keyword=keyword)
        tags.add(tag)
    return frozenset(tags)
