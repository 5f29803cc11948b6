"""A colleague's report in the doubles of the reading room."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from pacs.files import file_name_of
from pacs.port import InstanceAnswer, Received, Retrieved, RetrieveRequest, SeriesAnswer
from tests.peers.reading_bench import STUDY, Bench

SR = "1.2.840.10008.5.1.4.1.1.88.11"


def comes(bench: Bench, uid: str, *, verified: bool = True) -> None:
    """Somebody at the hospital reports the study."""
    north = bench.peers["north"]
    if not any(one.series_instance_uid == "8" for one in north.by_study[STUDY]):
        north.by_study[STUDY] = [*north.by_study[STUDY], SeriesAnswer("8", "SR", 9)]
    north.instances["8"] = [*north.instances.get("8", []), InstanceAnswer(uid, SR, "8")]
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID, report.StudyInstanceUID = SR, uid, STUDY
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "VERIFIED" if verified else "UNVERIFIED"
    report.ContentDate, report.ContentTime = "20260301", "0215"
    observer = Dataset()
    observer.VerifyingObserverName = "Bakker^Jan"
    report.VerifyingObserverSequence = [observer]
    report.file_meta = Dataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    report.file_meta.MediaStorageSOPClassUID, report.file_meta.MediaStorageSOPInstanceUID = SR, uid
    file = BytesIO()
    dcmwrite(file, report, enforce_file_format=True)

    before = north.retrieve

    def retrieve(request: RetrieveRequest, deliver: Any, cancelled: Any) -> Retrieved:
        if request.sop_instance_uids != (uid,):
            return before(request, deliver, cancelled)
        path = Path(request.folder) / file_name_of(uid)
        path.write_bytes(file.getvalue())
        deliver(Received(str(path), STUDY, "8", uid, SR, ""))
        return Retrieved(1)

    north.retrieve = retrieve  # type: ignore[method-assign]
