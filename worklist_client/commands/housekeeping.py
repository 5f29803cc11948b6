"""What is done between readings: room for images, and finished reports put away. Blocking, for background work."""

from __future__ import annotations

import logging
from datetime import timedelta

from viewer.cancel import CancelToken
from worklist_client.commands.desk import Desk
from worklist_client.journal import AuditRow
from worklist_client.settings.declarations import KEEP_REPORTS_DAYS

_log = logging.getLogger("wl.housekeeping")


def tidy(desk: Desk, token: CancelToken) -> None:
    """Both. Raises `JournalError`."""
    make_room(desk, token)
    put_away(desk)


def make_room(desk: Desk, _token: CancelToken) -> None:
    """Bring the image cache down to its budget: what was not opened for longest goes first."""
    gone = desk.cache.evict()
    if gone.studies:
        _log.info("cache: removed studies=%d bytes=%d", gone.studies, gone.freed_bytes)


def put_away(desk: Desk) -> int:
    """Remove the reports that were delivered long ago, each with a line in the audit trail; how many.

    The archive has them, read back and equal; of a withdrawn one nothing ever left, and its text is an orphan draft.
    """
    now = desk.now()
    removed = desk.journal.outbox.purge(now - timedelta(days=desk.settings.get(KEEP_REPORTS_DAYS)))
    for package in removed:
        desk.journal.audit.append(
            AuditRow(
                at=now,
                event="report.purged",
                reader_code=desk.reader.code,
                site_id=package.site_id,
                study_instance_uid=package.study_instance_uid,
                patient_issuer=package.patient_issuer,
                patient_id=package.patient_id,
                workitem_uid=package.workitem_uid,
                reason=f"{package.state.value} long ago",
                details=package.report_id,
            )
        )
    return len(removed)
