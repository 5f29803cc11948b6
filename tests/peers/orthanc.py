"""A real Orthanc as a peer, in a folder of its own, closed to everything that a test did not allow.

Orthanc's DICOM port listens on all interfaces whatever it is told: so its AE title is random and must be called
right, nobody is allowed anything by default, and HTTP wants a password.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
from pydicom.dataset import Dataset

from pacs.credentials import Credentials
from pacs.site import DicomwebConnection, DimseConnection

PROGRAM = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
DICOMWEB_PLUGINS = ("/usr/share/orthanc/plugins/libOrthancDicomWeb.so",)
START_DEADLINE_S = 30.0


def available() -> str:
    """Empty where Orthanc can be started here, else the plain reason."""
    if not Path(PROGRAM).exists():
        return "Orthanc is not installed"
    if not any(Path(plugin).exists() for plugin in DICOMWEB_PLUGINS):
        return "the DICOMweb plug-in of Orthanc is not installed"
    return ""


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class OrthancPeer:
    """One running Orthanc. Use it as a context manager, or `start` and `stop`."""

    name: str = "A"
    known: Sequence[tuple[str, int]] = ()
    """(AE title, port) of peers that may call; the port is where C-MOVE sends to (0 = nowhere)."""
    settings: dict[str, Any] = field(default_factory=dict)
    ae_title: str = field(default_factory=lambda: "O" + secrets.token_hex(7).upper())
    http_port: int = field(default_factory=free_port)
    dicom_port: int = field(default_factory=free_port)
    user: str = "tester"
    password: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="orthanc-")))
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> OrthancPeer:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> OrthancPeer:
        """Start and wait until it answers; again after `stop` with the same content."""
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(self._configuration()))
        log = (self.folder / "orthanc.log").open("ab")
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        with log:
            self._process = subprocess.Popen([PROGRAM, str(configuration)], stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                if self.get("/system").ok:
                    return self
            except requests.ConnectionError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Orthanc did not start: {(self.folder / 'orthanc.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process; its content stays until the context ends."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    def _configuration(self) -> dict[str, Any]:
        modalities = {
            f"peer{number}": {
                "AET": title,
                "Host": "127.0.0.1",
                "Port": port or 1,
                "AllowEcho": True,
                "AllowFind": True,
                "AllowGet": True,
                "AllowMove": True,
                "AllowStore": True,
                "AllowTranscoding": False,
            }
            for number, (title, port) in enumerate(self.known)
        }
        return {
            "Name": f"Orthanc {self.name}",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": self.ae_title,
            "DicomCheckCalledAet": True,
            "DicomCheckModalityHost": False,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "DicomAlwaysAllowFind": False,
            "DicomAlwaysAllowGet": False,
            "DicomAlwaysAllowMove": False,
            "DicomModalities": modalities,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {self.user: self.password},
            "Plugins": [plugin for plugin in DICOMWEB_PLUGINS if Path(plugin).exists()],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "Full", "SeriesMetadata": "Full"},
            "StableAge": 1,
            "DefaultEncoding": "Utf8",
            "SynchronousCMove": True,
            **self.settings,
        }

    @property
    def base_url(self) -> str:
        """Base URL of the DICOMweb service."""
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    @property
    def credentials(self) -> Credentials:
        """User and password of its HTTP side."""
        return Credentials(user=self.user, password=self.password)

    def dicomweb(self, **changes: Any) -> DicomwebConnection:
        """A DICOMweb connection to it."""
        return DicomwebConnection(**{"connection_id": f"{self.name}-web", "base_url": self.base_url, **changes})

    def dimse(self, **changes: Any) -> DimseConnection:
        """A DIMSE connection to it."""
        values = {
            "connection_id": f"{self.name}-dimse",
            "host": "127.0.0.1",
            "port": self.dicom_port,
            "called_ae": self.ae_title,
        }
        return DimseConnection(**{**values, **changes})

    def get(self, path: str) -> requests.Response:
        """GET on Orthanc's own REST interface."""
        url = f"http://127.0.0.1:{self.http_port}{path}"
        return requests.get(url, auth=(self.user, self.password), timeout=20)

    def load(self, objects: Iterable[Dataset | Path | bytes]) -> int:
        """Put datasets, files or Part 10 bytes into it; how many."""
        count = 0
        with requests.Session() as session:
            session.auth = (self.user, self.password)
            for item in objects:
                answer = session.post(f"http://127.0.0.1:{self.http_port}/instances", data=_part10(item), timeout=30)
                answer.raise_for_status()
                count += 1
        return count

    def remove_study(self, study_instance_uid: str) -> None:
        """Delete one study from it."""
        url = f"http://127.0.0.1:{self.http_port}"
        with requests.Session() as session:
            session.auth = (self.user, self.password)
            query = {"Level": "Study", "Query": {"StudyInstanceUID": study_instance_uid}}
            for identifier in session.post(f"{url}/tools/find", json=query, timeout=20).json():
                session.delete(f"{url}/studies/{identifier}", timeout=20).raise_for_status()

    def stored_instances(self) -> list[str]:
        """SOP Instance UIDs of everything it holds, sorted."""
        entries = self.get("/instances?expand").json()
        return sorted(entry["MainDicomTags"]["SOPInstanceUID"] for entry in entries)

    def holds(self, sop_instance_uid: str) -> bool:
        """Whether it has this instance."""
        return sop_instance_uid in self.stored_instances()

    def file_of(self, sop_instance_uid: str) -> bytes:
        """The stored Part 10 file of one instance."""
        for entry in self.get("/instances?expand").json():
            if entry["MainDicomTags"]["SOPInstanceUID"] == sop_instance_uid:
                return self.get(f"/instances/{entry['ID']}/file").content
        raise KeyError(sop_instance_uid)


def _part10(item: Dataset | Path | bytes) -> bytes:
    if isinstance(item, bytes):
        return item
    if isinstance(item, Path):
        return item.read_bytes()
    buffer = BytesIO()
    item.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
