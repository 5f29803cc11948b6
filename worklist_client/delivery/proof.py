"""Proof that an object arrived: found at IMAGE level, read back, equal (report.md §1.4, reliability.md 6)."""

from __future__ import annotations

import tempfile
import warnings
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from pacs.errors import NotFound
from pacs.port import Cancelled, Pacs, Received, RetrieveRequest
from worklist_client.delivery.destination import Destination
from worklist_client.delivery.errors import Held, Later
from worklist_client.journal import ObjectRow
from worklist_client.report.content_hash import content_hash, dataset_hash

READ_BACK = "read back"
FOUND = "found in archive"


def is_held(row: ObjectRow, pacs: Pacs, cancelled: Cancelled) -> bool:
    """Whether the archive lists the instance."""
    try:
        answers = pacs.search_for_instances(row.study_instance_uid, row.series_instance_uid, cancelled)
    except NotFound:  # some archives answer 404 for a series they do not know
        return False
    return any(answer.sop_instance_uid == row.sop_instance_uid for answer in answers)


def prove(row: ObjectRow, destination: Destination, pacs: Pacs, cancelled: Cancelled) -> str:
    """Read an object back that the archive lists; the proof obtained.

    Raises
    ------
    Held : the archive holds other content under this UID
    Later : the archive lists the object but did not give it
    """
    if not destination.read_back:
        return FOUND
    returned: list[bytes] = []

    def keep(received: Received) -> None:
        if received.sop_instance_uid == row.sop_instance_uid:
            returned.append(Path(received.path).read_bytes())

    with tempfile.TemporaryDirectory(prefix="wl-proof-") as folder:
        request = RetrieveRequest(
            row.study_instance_uid,
            folder,
            series_instance_uid=row.series_instance_uid,
            sop_instance_uids=(row.sop_instance_uid,),
        )
        pacs.retrieve(request, keep, cancelled)
    if not returned:
        raise Later("the archive lists the report but did not give it back")
    _compare(row, returned[-1], destination)
    return READ_BACK


def _compare(row: ObjectRow, data: bytes, destination: Destination) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if content_hash(data) == row.content_sha256:
            return
        if destination.tolerated and content_hash(data, destination.tolerated) == content_hash(
            row.data, destination.tolerated
        ):
            return
        names = ", ".join(changed_attributes(row.data, data)) or "its encoding"
    raise Held("the archive holds other content under the report's UID: {names}", names=names)


def changed_attributes(ours: bytes, theirs: bytes) -> list[str]:
    """Keywords of the top-level attributes that differ; names only, no values."""
    left, right = dcmread(BytesIO(ours), force=True), dcmread(BytesIO(theirs), force=True)
    names = []
    for tag in sorted(set(left.keys()) | set(right.keys())):
        if tag not in left or tag not in right:
            element = left[tag] if tag in left else right[tag]
        elif _alone(left, tag) == _alone(right, tag):
            continue
        else:
            element = left[tag]
        names.append(element.keyword or str(element.tag))
    return names


def _alone(dataset: Dataset, tag: int) -> str:
    return dataset_hash(dataset, {int(other) for other in dataset.keys() if other != tag})  # noqa: SIM118 - a Dataset
