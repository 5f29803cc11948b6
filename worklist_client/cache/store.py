"""The image cache: `folder/<site>/<study>/<instance>.dcm`, all names hashed, so that a listing of it tells nothing.

The name of a study's folder also holds what the list says of it (`told`: patient, accession). Once its hospital
corrects that, the images of before are found no more and go: they carry the old patient.

The files are their own index: each is complete or not there (`pacs.files` renames it into place), and its name is the
hash of the UID in its head. So nothing has to be kept in step, and any of it may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pacs.errors import UnsafeName
from pacs.files import check_uid
from worklist_client.cache.part10 import sop_instance_uid_of

USED_MARK = ".used"
"""Its modification time is when the study was last asked for."""

_TOLD_LETTERS = 8
"""32 bits: enough to tell a corrected study from itself, and short for the paths of Windows."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What lies in the cache."""

    studies: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Eviction:
    """What was removed. `over_bytes` is what still exceeds the budget because it is open."""

    studies: int
    freed_bytes: int
    over_bytes: int


@dataclass(frozen=True, slots=True)
class _Study:
    path: Path
    size_bytes: int
    used_at: float


class Cache:
    """One folder, used by one client. Safe from any thread."""

    def __init__(self, folder: Path, budget_bytes: int) -> None:
        """`budget_bytes` is what `evict` brings the folder down to."""
        self.folder = Path(folder)
        self.budget_bytes = budget_bytes
        self._lock = threading.RLock()
        self._open: set[Path] = set()
        self._known: dict[str, str] = {}

    def study_folder(self, site_id: str, study_instance_uid: str, told: str = "") -> Path:
        """The folder of a study, made where it is absent, marked as used now; open until `close_study`.

        `told` is whatever the list says of the study; folders of what it said before are removed, unless open.

        Raises
        ------
        UnsafeName : the UID is no UID
        OSError : the folder cannot be made
        """
        path = self._path(site_id, study_instance_uid, told)
        with self._lock:
            if not path.exists():
                self._remove_all(site_id, study_instance_uid)
            for folder in (self.folder, path.parent, path):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (path / USED_MARK).touch(mode=0o600)
            self._open.add(path)
        return path

    def close_study(self, site_id: str, study_instance_uid: str, told: str = "") -> None:
        """Nobody maps its files any more, so it may be evicted; harmless where it is not open."""
        try:
            path = self._path(site_id, study_instance_uid, told)
        except UnsafeName:
            return  # a UID that is no UID was never given a folder
        with self._lock:
            self._open.discard(path)

    def present(self, site_id: str, study_instance_uid: str, told: str = "") -> set[str]:
        """SOP Instance UIDs that lie complete in the study's folder: what a resumed retrieval need not ask for."""
        path = self._path(site_id, study_instance_uid, told)
        found = set()
        for name in _names(path):
            uid = self._known.get(name) or sop_instance_uid_of(path / name)
            if uid:
                self._known[name] = uid
                found.add(uid)
        return found

    def usage(self) -> Usage:
        """Counted afresh: somebody may have deleted files."""
        studies = list(self._studies())
        return Usage(len(studies), sum(study.size_bytes for study in studies))

    def evict(self, room_bytes: int = 0) -> Eviction:
        """Remove the studies unused for longest until budget and `room_bytes` fit; never one that is open."""
        # Measured without the lock, and locked for one study at a time: nobody who opens a study waits for all of it.
        studies = sorted(self._studies(), key=lambda study: study.used_at)
        over = sum(study.size_bytes for study in studies) - max(0, self.budget_bytes - room_bytes)
        removed = freed = 0
        for study in studies:
            if over - freed <= 0:
                break
            with self._lock:
                if study.path not in self._open and _remove(study.path):
                    removed += 1
                    freed += study.size_bytes
        return Eviction(removed, freed, max(0, over - freed))

    def forget(self, site_id: str, study_instance_uid: str) -> bool:
        """Remove one study, because its hospital changed it; whether it is gone. What is open stays."""
        try:
            check_uid(study_instance_uid)
        except UnsafeName:
            return True
        with self._lock:
            self._known.clear()
            return self._remove_all(site_id, study_instance_uid)

    def drop(self, paths: Iterable[str]) -> None:
        """Remove these files, each with what was decoded of it: they are fetched anew."""
        for path in map(Path, paths):
            for file in path.parent.glob(f"{path.name}*"):
                with contextlib.suppress(OSError):  # Windows: still mapped by another window; it is replaced then
                    file.unlink()

    def wipe(self) -> Eviction:
        """Remove every study that is not open; `over_bytes` is what had to stay."""
        with self._lock:
            removed = freed = stayed = 0
            for study in list(self._studies()):
                if study.path in self._open or not _remove(study.path):
                    stayed += study.size_bytes
                else:
                    removed += 1
                    freed += study.size_bytes
            self._known.clear()
        return Eviction(removed, freed, stayed)

    def _path(self, site_id: str, study_instance_uid: str, told: str) -> Path:
        name = _hashed(check_uid(study_instance_uid))
        return self.folder / _hashed(site_id) / (f"{name}-{_hashed(told)[:_TOLD_LETTERS]}" if told else name)

    def _remove_all(self, site_id: str, study_instance_uid: str) -> bool:
        """The folders of one study, whatever the list said of it; whether all are gone. What is open stays."""
        site, name = self.folder / _hashed(site_id), _hashed(check_uid(study_instance_uid))
        try:  # names alone: this comes before the first image of every study that is opened for the first time
            found = [site / other for other in os.listdir(site) if other.partition("-")[0] == name]
        except OSError:
            return True  # nothing of this hospital lies here
        gone = [path for path in found if path not in self._open and _remove(path)]
        return len(gone) == len(found)

    def _studies(self) -> Iterator[_Study]:
        for site in _folders(self.folder):
            for path in _folders(site):
                yield _measured(path)


def _hashed(text: str) -> str:
    # 128 bits keep the path below the 260 characters of Windows and are still free of collisions.
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def _names(path: Path) -> list[str]:
    try:
        return [name for name in os.listdir(path) if name.endswith(".dcm")]
    except OSError:
        return []  # never asked for, or deleted


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as found:
            return sorted(Path(item.path) for item in found if item.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _measured(path: Path) -> _Study:
    size, used_at = 0, 0.0
    try:
        with os.scandir(path) as found:
            for item in found:
                status = item.stat(follow_symlinks=False)
                size += status.st_size
                if item.name == USED_MARK:
                    used_at = status.st_mtime
    except OSError:
        pass  # being deleted by somebody else: it counts as what was seen of it
    return _Study(path, size, used_at)


def _remove(path: Path) -> bool:
    """Whether it is gone. The mark goes first, so that a half removed study is the next to go."""
    (path / USED_MARK).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():  # Windows: a file is still mapped somewhere
        return False
    parent = path.parent
    if not _folders(parent):
        shutil.rmtree(parent, ignore_errors=True)
    return True
