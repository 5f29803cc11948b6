"""Whether a study holds a report, by the one rule of `pacs.reports`; asked as rarely as it can change."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Final

from pacs.errors import Interrupted, PacsError
from pacs.port import Cancelled, InstanceAnswer, Pacs, SeriesAnswer
from pacs.reports import DOCUMENT_MODALITIES, Finality, Flags, documents_of, finality_of, read_flags

READ_AGAIN_POLLS: Final = 30
"""A document that the PACS lists and does not give is asked for again after so many polls."""

_log = logging.getLogger("wl.hub.intake")


class ReportWatch:
    """Of one site. What was learnt stays known while the study's count stands still; a report that is not final is
    looked at each time, for an archive may exchange it for the final one."""

    def __init__(self, site_id: str) -> None:
        self._site_id = site_id
        self._settled: dict[str, tuple[int, frozenset[Finality]]] = {}
        self._read: dict[str, Flags] = {}
        self._refused: dict[str, int] = {}

    def settled(self, study: str, count: int | None) -> frozenset[Finality] | None:
        """What is known already; None where the PACS has to be asked."""
        known = self._settled.get(study)
        return known[1] if known is not None and known[0] == count else None

    def look(
        self, pacs: Pacs, study: str, count: int, series: Sequence[SeriesAnswer], cancelled: Cancelled
    ) -> frozenset[Finality]:
        """Which kinds of reports the study holds; empty = none."""
        found = set()
        for one in series:
            if one.modality in DOCUMENT_MODALITIES:
                for instance, flags in documents_of(pacs, study, one.series_instance_uid, cancelled):
                    found.add(self._judge(pacs, study, instance, flags, cancelled))
        kinds = frozenset(found)
        if not kinds or Finality.FINAL in kinds:
            self._settled[study] = (count, kinds)
        else:
            self._settled.pop(study, None)
        return kinds

    def keep_only(self, studies: Collection[str]) -> None:
        """Forget the studies that are not asked about any more."""
        self._settled = {study: known for study, known in self._settled.items() if study in studies}

    def _judge(self, pacs: Pacs, study: str, instance: InstanceAnswer, flags: Flags, cancelled: Cancelled) -> Finality:
        finality = finality_of(instance.sop_class_uid, flags)
        if finality is not Finality.UNSAID:
            return finality
        uid = instance.sop_instance_uid
        if uid not in self._read and self._may_ask(uid):
            try:
                self._read[uid] = read_flags(pacs, study, instance, cancelled)
            except Interrupted:
                raise
            except PacsError as error:
                self._refused[uid] = READ_AGAIN_POLLS
                _log.info("a document was not given: site=%s error=%s", self._site_id, type(error).__name__)
        return finality_of(instance.sop_class_uid, self._read.get(uid, Flags()))

    def _may_ask(self, uid: str) -> bool:
        left = self._refused.get(uid, 0)
        if left:
            self._refused[uid] = left - 1
        return left == 0
