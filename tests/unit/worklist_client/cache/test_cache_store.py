"""The cache: hashed names, what is complete, eviction of what is not open, and deletion at any time."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pacs.errors import UnsafeName
from pacs.files import file_name_of
from worklist_client.cache.store import USED_MARK, Cache


def part10(uid: str, size: int = 1000) -> bytes:
    """The head of a DICOM file with this Media Storage SOP Instance UID, and some bytes."""
    value = uid.encode() + b"\0" * (len(uid) % 2)
    meta = b"\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01"
    meta += b"\x02\x00\x02\x00UI\x04\x001.2\x00"
    meta += b"\x02\x00\x03\x00UI" + len(value).to_bytes(2, "little") + value
    return (b"\0" * 128 + b"DICM" + meta).ljust(size, b"\1")


def put(folder: Path, uid: str, size: int = 1000) -> Path:
    path = folder / file_name_of(uid)
    path.write_bytes(part10(uid, size))
    return path


def used_at(cache: Cache, study: str, second: int) -> Path:
    """A closed study of 1000 bytes that was last used at this second."""
    folder = cache.study_folder("north", study)
    put(folder, study + ".1")
    os.utime(folder / USED_MARK, (second, second))
    cache.close_study("north", study)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "images", 2500)


def test_a_listing_of_the_cache_tells_nothing(cache: Cache) -> None:
    folder = cache.study_folder("north-hospital", "1.2.840.4711")
    put(folder, "1.2.840.4711.1")
    listed = " ".join(str(path.relative_to(cache.folder)) for path in cache.folder.rglob("*"))
    assert "4711" not in listed
    assert "north" not in listed


def test_the_same_study_of_two_hospitals_has_two_folders(cache: Cache) -> None:
    assert cache.study_folder("north", "1.2") != cache.study_folder("west", "1.2")
    assert cache.study_folder("north", "1.2") == cache.study_folder("north", "1.2")


@pytest.mark.parametrize("uid", ["../../etc", "1.2/3", "", "1." * 40, "1.2\n"])
def test_a_uid_that_is_none_makes_no_folder(cache: Cache, uid: str) -> None:
    with pytest.raises(UnsafeName):
        cache.study_folder("north", uid)
    assert not cache.folder.exists()


def test_a_site_id_cannot_lead_out_of_the_cache(cache: Cache) -> None:
    folder = cache.study_folder("../../outside", "1.2")
    assert cache.folder in folder.parents


def test_present_names_the_instances_that_lie_there(cache: Cache) -> None:
    folder = cache.study_folder("north", "1.2")
    for uid in ("1.2.1", "1.2.22"):
        put(folder, uid)
    assert cache.present("north", "1.2") == {"1.2.1", "1.2.22"}
    assert cache.present("west", "1.2") == set()


def test_what_is_not_whole_or_not_what_its_name_says_is_not_present(cache: Cache) -> None:
    folder = cache.study_folder("north", "1.2")
    put(folder, "1.2.1").write_bytes(b"")
    put(folder, "1.2.2").write_bytes(part10("1.2.3"))
    put(folder, "1.2.4").write_bytes(b"\0" * 400)
    (folder / ".incoming-abc").write_bytes(part10("1.2.5"))
    (folder / (file_name_of("1.2.6") + ".raw")).write_bytes(b"pixels")
    assert cache.present("north", "1.2") == set()


def test_present_notices_a_file_that_was_deleted(cache: Cache) -> None:
    folder = cache.study_folder("north", "1.2")
    path = put(folder, "1.2.1")
    assert cache.present("north", "1.2") == {"1.2.1"}
    path.unlink()
    assert cache.present("north", "1.2") == set()


def test_the_study_unused_for_longest_goes_first(cache: Cache) -> None:
    oldest, middle, newest = (used_at(cache, study, second) for study, second in (("1", 10), ("3", 20), ("2", 30)))
    done = cache.evict()
    assert (done.studies, done.freed_bytes, done.over_bytes) == (1, 1000, 0)
    assert [path.exists() for path in (oldest, middle, newest)] == [False, True, True]
    assert cache.evict().studies == 0


def test_using_a_study_again_saves_it(cache: Cache) -> None:
    oldest, middle = used_at(cache, "1", 10), used_at(cache, "2", 20)
    used_at(cache, "3", 30)
    cache.study_folder("north", "1")
    cache.close_study("north", "1")
    cache.evict()
    assert oldest.exists()
    assert not middle.exists()


def test_what_is_open_is_never_evicted(cache: Cache) -> None:
    cache.budget_bytes = 0
    closed = used_at(cache, "1", 10)
    opened = used_at(cache, "2", 5)
    cache.study_folder("north", "2")
    done = cache.evict()
    assert (closed.exists(), opened.exists(), done.over_bytes) == (False, True, 1000)
    cache.close_study("north", "2")
    assert cache.evict().over_bytes == 0
    assert not opened.exists()


def test_room_can_be_asked_for(cache: Cache) -> None:
    used_at(cache, "1", 10)
    used_at(cache, "2", 20)
    assert cache.evict(room_bytes=600).studies == 1


def test_decoded_pixels_count_and_go_with_their_study(cache: Cache) -> None:
    folder = used_at(cache, "1", 10)
    (folder / "x.raw").write_bytes(b"\0" * 5000)
    assert cache.usage().size_bytes == 6000
    assert cache.evict().freed_bytes == 6000


def test_wipe_leaves_only_what_is_open(cache: Cache) -> None:
    used_at(cache, "1", 10)
    opened = cache.study_folder("north", "2")
    put(opened, "2.1")
    assert cache.wipe().studies == 1
    assert cache.usage().studies == 1
    cache.close_study("north", "2")
    cache.wipe()
    assert list(cache.folder.iterdir()) == []


def test_the_cache_may_be_deleted_at_any_time(cache: Cache) -> None:
    folder = cache.study_folder("north", "1.2")
    put(folder, "1.2.1")
    shutil.rmtree(cache.folder)
    assert cache.present("north", "1.2") == set()
    assert cache.usage().studies == 0
    assert cache.evict().studies == 0
    assert cache.study_folder("north", "1.2").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no POSIX modes")
def test_folders_are_their_users_alone(cache: Cache) -> None:
    folder = cache.study_folder("north", "1.2")
    assert folder.stat().st_mode & 0o077 == 0


def test_what_the_list_says_anew_of_a_study_finds_none_of_the_images_of_before(cache: Cache) -> None:
    before = cache.study_folder("north", "1.2", "N1 Jansen A1")
    put(before, "1.2.1")
    assert cache.present("north", "1.2", "N1 Jansen A1") == {"1.2.1"}
    cache.close_study("north", "1.2", "N1 Jansen A1")
    after = cache.study_folder("north", "1.2", "N9 Jansen A1")
    assert cache.present("north", "1.2", "N9 Jansen A1") == set()
    assert (before.exists(), after.exists()) == (False, True)
    assert "Jansen" not in str(after)


def test_images_of_before_that_are_still_open_stay_until_they_are_closed(cache: Cache) -> None:
    before = cache.study_folder("north", "1.2", "N1")
    cache.study_folder("north", "1.20", "N1")
    cache.study_folder("north", "1.2", "N9")
    assert before.exists()
    cache.close_study("north", "1.2", "N1")
    cache.close_study("north", "1.2", "N9")
    assert cache.forget("north", "1.2")
    assert cache.usage().studies == 1, "the other study is another study"


def test_a_dropped_instance_goes_with_what_was_decoded_of_it(cache: Cache) -> None:
    folder = cache.study_folder("north", "1.2")
    gone, kept = put(folder, "1.2.1"), put(folder, "1.2.2")
    (folder / f"{gone.name}.raw").write_bytes(b"pixels")
    cache.drop([str(gone)])
    assert cache.present("north", "1.2") == {"1.2.2"}
    assert {path.name for path in folder.iterdir()} == {kept.name, USED_MARK}
