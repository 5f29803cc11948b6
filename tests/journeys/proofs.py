"""What arrived at the archives: read back, compared with what was signed, and given to the validators."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from tests.peers.orthanc import OrthancPeer
from tests.validators.tools import entity_messages, messages, not_allowed
from worklist_client.journal import ObjectRow


def arrived(peer: OrthancPeer, rows: Sequence[ObjectRow], folder: Path) -> list[Path]:
    """The objects as the archive gives them back, as files; each equals what was signed, element by element."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for row in rows:
        data = peer.file_of(row.sop_instance_uid)
        path = folder / f"{row.position}-{row.kind}.dcm"
        path.write_bytes(data)
        assert plain(dcmread(BytesIO(data))) == plain(dcmread(BytesIO(row.data))), row.kind
        paths.append(path)
    return paths


def plain(dataset: Dataset) -> dict[str, object]:
    """The dataset as JSON values, without file meta: what two stored copies must agree on."""
    values: dict[str, object] = dataset.to_json_dict()
    return values


def assert_valid(images: Iterable[Path], objects: Sequence[Path]) -> None:
    """dciodvfy has no error; dcentvfy says nothing of study and objects that it does not say of the study alone."""
    for path in objects:
        said = messages("dciodvfy", path)
        assert any(word in line for line in said for word in ("PresentationState", "EnhancedSR"))
        assert [line for line in said if line.startswith("Error")] == []
    images = list(images)
    new = entity_messages([*images, *objects]) - entity_messages(images)
    source = dcmread(images[0], stop_before_pixels=True).get("SpecificCharacterSet")
    differ = any(dcmread(path).get("SpecificCharacterSet") != source for path in objects)
    assert not_allowed("dcentvfy", new, character_sets_differ=differ) == []


def readable(report: Path, folder: Path) -> str:
    """The report as DCMTK's dsr2html shows it, as plain text."""
    page = folder / "report.html"
    assert not_allowed("dsr2html", messages("dsr2html", report, page)) == []
    return html.unescape(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")))


def fingerprint(peer: OrthancPeer) -> str:
    """Changes when anything in the archive does."""
    return hashlib.sha256("\n".join(peer.stored_instances()).encode()).hexdigest()
