"""Files of received objects: names, completeness, what is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from pacs.elements import Identifiers
from pacs.errors import UnsafeName
from pacs.files import IncomingFile, check_uid, file_name_of, sweep
from pacs.port import InstanceAnswer, Received, RetrieveRequest, SeriesAnswer
from pacs.receipt import Receipt
from pacs.retrieval import middle_first, split
from pacs.site import DicomwebConnection, DimseConnection

DIMSE = DimseConnection("x", "127.0.0.1", 104, "AE", associations=2)
WEB = DicomwebConnection("x", "http://127.0.0.1/", associations=2)


@pytest.mark.parametrize("uid", ["../../etc/passwd", "/etc/passwd", "1.2\n", "", "1" * 65, "1.2.3/4", "1.2\0"])
def test_no_path_is_made_of_what_is_no_uid(uid: str) -> None:
    with pytest.raises(UnsafeName):
        file_name_of(uid)


def test_names_are_hashes_of_the_uid() -> None:
    name = file_name_of("1.2.3.4")
    assert len(name) == 68
    assert name.endswith(".dcm")
    assert "1.2.3.4" not in name
    assert name == file_name_of(check_uid("1.2.3.4"))


def test_a_file_is_there_complete_or_not_at_all(tmp_path: Path) -> None:
    with IncomingFile(str(tmp_path)) as file:
        file.write(b"abc")
        assert not (tmp_path / file_name_of("1.2")).exists()
        file.keep("1.2")
    with IncomingFile(str(tmp_path)) as file:
        file.write(b"lost")
    assert [path.name for path in tmp_path.iterdir()] == [file_name_of("1.2")]


def test_left_overs_of_a_killed_worker_are_swept(tmp_path: Path) -> None:
    IncomingFile(str(tmp_path)).write(b"half")
    assert sweep(str(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == []


def test_only_objects_of_the_request_are_kept(tmp_path: Path) -> None:
    got: list[Received] = []
    receipt = Receipt(RetrieveRequest("1.2", str(tmp_path), "1.2.3"), got.append)
    for said, announced in (
        (Identifiers("c", "1.2.3.1", "9.9", "1.2.3"), "1.2.3.1"),
        (Identifiers("c", "1.2.3.1", "1.2", "9.9"), "1.2.3.1"),
        (Identifiers("c", "1.2.3.1", "1.2", "1.2.3"), "1.2.3.2"),
        (Identifiers("c", "../x", "1.2", "1.2.3"), "../x"),
        (Identifiers(), ""),
    ):
        assert receipt.keep(IncomingFile(str(tmp_path)), said, "ts", announced) is None
    kept = receipt.keep(IncomingFile(str(tmp_path)), Identifiers("c", "1.2.3.1", "1.2", "1.2.3"), "ts", "1.2.3.1")
    assert kept is not None
    receipt.hand_over(kept)
    result = receipt.result(["1.2.3.1", "1.2.3.2"])
    assert (result.received, result.expected, result.missing) == (1, 2, ("1.2.3.2",))
    assert len(result.warnings) == 4
    assert len(list(tmp_path.iterdir())) == len(got) == 1


def instances(count: int) -> list[InstanceAnswer]:
    return [InstanceAnswer(f"1.2.3.{number}", "c", "1.2.3", number) for number in range(1, count + 1)]


def test_the_middle_image_is_what_a_viewport_shows_first() -> None:
    assert middle_first(instances(250)) == ("1.2.3.126",)
    assert middle_first([]) == ()


def test_a_series_is_split_over_associations_without_loss_or_overlap() -> None:
    request = RetrieveRequest("1.2", "f", "1.2.3", first=("1.2.3.126",), already=frozenset({"1.2.3.1"}))
    parts = split(DIMSE, request, instances=instances(250))
    uids = [uid for part in parts for uid in part.sop_instance_uids]
    assert len(parts) == 2
    assert sorted(uids) == sorted(item.sop_instance_uid for item in instances(250)[1:])
    assert parts[0].sop_instance_uids[0] == "1.2.3.126"
    assert [part.first for part in parts] == [("1.2.3.126",), ()]


def test_dicomweb_is_split_by_series_largest_first() -> None:
    series = [SeriesAnswer("a", number_of_instances=3), SeriesAnswer("b", number_of_instances=300)]
    parts = split(WEB, RetrieveRequest("1.2", "f"), series=series)
    assert [part.series_instance_uid for part in parts] == ["b", "a"]


def test_what_cannot_be_split_stays_one_request() -> None:
    request = RetrieveRequest("1.2", "f", "1.2.3")
    move = DimseConnection("x", "127.0.0.1", 104, "AE", retrieve="C-MOVE", associations=4)
    assert split(move, request, instances=instances(250)) == (request,)
    assert split(DIMSE, request, instances=instances(2)) == (request,)
    assert split(WEB, request, series=[SeriesAnswer("1.2.3")]) == (request,)
