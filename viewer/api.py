"""The public names of the viewer: embed it in ten lines (`docs/embedding.md`).

The viewer is *fed* through one protocol (`Feed`), from any thread; it never fetches anything itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from viewer.records import InstanceHeader


class Feed(Protocol):
    """What a source of images says to the viewer. Every method may be called from any thread, at most 20 batches/s."""

    def expect(self, study_instance_uid: str, series_instance_uid: str, count: int) -> None:
        """The origin says that this series has `count` instances (may be corrected later by a second call)."""

    def arrived(self, headers: Sequence[InstanceHeader]) -> None:
        """A batch of instances came; several studies and series may be mixed."""

    def missing(self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, reason: str) -> None:
        """One instance could not be had (empty `sop_instance_uid`: the whole series; both empty: the study, until
        something of it arrives); `reason` is shown."""

    def complete(self, study_instance_uid: str, series_instance_uid: str) -> None:
        """The origin delivered everything it promised for this series. Never said after a time-out."""
