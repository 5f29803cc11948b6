"""What signing needs to know: one frozen, picklable request. Standard library only, cheap to import."""

from __future__ import annotations

from dataclasses import dataclass

from worklist_client.report.model import Draft, Reader


@dataclass(frozen=True, slots=True)
class SourceInstance:
    """One image instance that lies in the cache: the origin's own object, never a decoded copy."""

    path: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str = ""
    """Empty = the study of the draft. Priors name theirs."""


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """Everything a report is rendered from.

    `images` = every image instance of the current study that lies in the cache (the full evidence, report.md 3.1);
    instances of priors may be in it too: they name their study and become Pertinent Other Evidence where the prior is
    of the same site. A prior of another site leaves no UID in the objects: a link between hospitals is valid for this
    task only and is never sent back (reliability.md 7.1).
    """

    draft: Draft
    reader: Reader
    images: tuple[SourceInstance, ...]
    site_name: str
    """The originating hospital: Custodial Organization."""
    signed_at: str
    """ISO 8601 with offset, e.g. 2026-03-01T02:15:00+01:00."""
    uid_seed: str
    """Fresh randomness (e.g. uuid4 hex) from the caller's UID maker; equal seeds give equal UIDs."""
    accepts: tuple[str, ...] = ("GSPS", "ENHANCED_SR")
    language: str = "en"
    """nl or en: language of the report text and of the words around numbers."""
    station_name: str = "WORKLIST"
    software_version: str = ""
