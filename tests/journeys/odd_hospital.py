"""A hospital that sends whatever bytes it was given, whatever its index says of them; and damaged files for it."""

from __future__ import annotations

import re
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import uvicorn
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

from pacs.site import DicomwebConnection
from tests.peers.synthetic import ct_series, ct_slice, uid_of
from worklist_client.demo.archive import Archive, Stored
from worklist_client.demo.web_hospital import application


class OddArchive(Archive):
    """Two good slices a study, and one file that is sent as it is."""

    def put(self, name: str, data: bytes, place: Path) -> None:
        """A study named after the odd file; what the file says of itself is believed where it can be read."""
        odd = _read(data)
        study = _uid(odd, "StudyInstanceUID")
        if not study or self.instances(study):
            study = uid_of(name)
        changes = {"StudyInstanceUID": study, "PatientID": name[:16], "AccessionNumber": name[:16], **_person(odd)}
        place.mkdir(parents=True)
        for good in ct_series(name, 2, changes=changes):
            path = place / f"{good.InstanceNumber}.dcm"
            good.save_as(path, enforce_file_format=True)
            self._index(path)
        header = ct_slice(name, 9, series="9", changes=changes)
        del header.PixelData
        for keyword in ("SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
            found = _uid(odd, keyword)
            if found and found not in self._stored:
                setattr(header, keyword, found)
        path = place / "odd"
        path.write_bytes(data)
        self._stored[str(header.SOPInstanceUID)] = Stored(path, header, str(ExplicitVRLittleEndian))


def _read(data: bytes) -> Dataset:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dcmread(BytesIO(data), force=True, stop_before_pixels=True)
    except (InvalidDicomError, EOFError, ValueError, OSError, NotImplementedError, KeyError, AttributeError):
        return Dataset()


def _person(odd: Dataset) -> dict[str, str]:
    """Whom the odd file names, for all images of its study: those of two people are another story."""
    keywords = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
    return {keyword: str(odd.get(keyword, "")) for keyword in keywords} if odd.get("PatientID") else {}


def _uid(odd: Dataset, keyword: str) -> str:
    """The UID where it is one: an archive that indexes nonsense as a key is another story."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, about the value that is judged here
        text = str(odd[keyword].value) if keyword in odd else ""
    return text if re.fullmatch(r"[0-9.]{1,64}", text) else ""


@contextmanager
def odd_hospital(files: Mapping[str, bytes], folder: Path) -> Iterator[tuple[OddArchive, DicomwebConnection]]:
    """Serve DICOMweb from a thread of the test until the block ends."""
    archive = OddArchive(folder / "empty")
    for name, data in files.items():
        archive.put(name, data, folder / name)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(application(archive, url), log_config=None, access_log=False, lifespan="off")
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="odd-hospital")
    thread.start()
    try:
        yield archive, DicomwebConnection("odd-web", url)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _part10(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _compressed(name: str, syntax: str, stream: bytes) -> bytes:
    dataset = ct_slice(name, 1, series="9")
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].VR = "OB"
    return _part10(dataset)


def damaged_files() -> dict[str, bytes]:
    """The synthetic twin of the collection of odd files."""

    def whole(name: str) -> bytes:
        return _part10(ct_slice(name, 1, series="9"))

    bits = ct_slice("too few bits", 1, series="9", changes={"BitsAllocated": 13, "BitsStored": 40, "HighBit": 2})
    huge = ct_slice("huge", 1, series="9", changes={"Rows": 65535, "Columns": 65535})
    flat = ct_slice("no pixels", 1, series="9")
    del flat.PixelData
    nobody = ct_slice("no uids", 1, series="9")
    del nobody.StudyInstanceUID, nobody.SeriesInstanceUID
    return {
        "cut pixels": whole("cut pixels")[:-5000],
        "cut header": whole("cut header")[:700],
        "no preamble": whole("no preamble")[132:],
        "noise": bytes(range(256)) * 40,
        "nothing": b"",
        "wrong bits": _part10(bits),
        "promises too much": _part10(huge),
        "no pixels": _part10(flat),
        "no uids": _part10(nobody),
        "cut JPEG-LS": _compressed("cut JPEG-LS", JPEGLSLossless, b"\xff\xd8\xff\xf7\x00\x0b\x10\x00\x40"),
        "noise as J2K": _compressed("noise as J2K", JPEG2000Lossless, b"\xff\x4f\xff\x51" + bytes(60)),
    }
