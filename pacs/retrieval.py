"""Splitting one study over several workers, with what is looked at first in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pacs.port import InstanceAnswer, RetrieveRequest, SeriesAnswer
from pacs.site import Connection, DicomwebConnection


def middle_first(instances: Sequence[InstanceAnswer]) -> tuple[str, ...]:
    """The SOP Instance UID of the middle instance by number: what a viewport shows first; empty for none."""
    ordered = sorted(instances, key=lambda item: (item.instance_number or 0, item.sop_instance_uid))
    return (ordered[len(ordered) // 2].sop_instance_uid,) if ordered else ()


def split(
    connection: Connection,
    request: RetrieveRequest,
    *,
    series: Sequence[SeriesAnswer] = (),
    instances: Sequence[InstanceAnswer] = (),
    workers: int = 0,
) -> tuple[RetrieveRequest, ...]:
    """The request as up to `workers` requests (0 = what the connection allows) that may run at once.

    DIMSE: by instances of one series, interleaved, so that every part grows from the front (`instances` needed).
    DICOMweb: by series, largest first, since one request brings a whole series fastest (`series` needed). Where there
    is nothing to split, or the connection is a C-MOVE with its single port, the request itself comes back.
    """
    count = workers or connection.associations
    if isinstance(connection, DicomwebConnection):
        return _by_series(request, series, count)
    if connection.retrieve == "C-MOVE":
        return (request,)
    return _by_instances(request, instances, count)


def _by_series(request: RetrieveRequest, series: Sequence[SeriesAnswer], count: int) -> tuple[RetrieveRequest, ...]:
    if request.series_instance_uid or request.sop_instance_uids or len(series) < 2 or count < 2:
        return (request,)
    ordered = sorted(series, key=lambda item: -(item.number_of_instances or 0))
    return tuple(replace(request, series_instance_uid=item.series_instance_uid) for item in ordered)


def _by_instances(
    request: RetrieveRequest, instances: Sequence[InstanceAnswer], count: int
) -> tuple[RetrieveRequest, ...]:
    wanted = [item for item in instances if item.sop_instance_uid not in request.already]
    if request.sop_instance_uids:
        wanted = [item for item in wanted if item.sop_instance_uid in request.sop_instance_uids]
    if count < 2 or len(wanted) < 2 * count or len({item.series_instance_uid for item in wanted}) != 1:
        return (request,)
    uids = [item.sop_instance_uid for item in wanted]
    uids = [*(uid for uid in request.first if uid in uids), *(uid for uid in uids if uid not in request.first)]
    return tuple(
        replace(
            request,
            series_instance_uid=wanted[0].series_instance_uid,
            sop_instance_uids=tuple(uids[part::count]),
            first=tuple(uid for uid in request.first if uid in uids[part::count]),
        )
        for part in range(count)
    )
