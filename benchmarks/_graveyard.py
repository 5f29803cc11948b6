"""Where the files of finished rounds lie, empty, until the end of a benchmark.

A file system without a journal (ext4 in many virtual machines) walks past every inode that was deleted in the last
minutes when it makes a new file: a tenth of a second for a series after ten rounds. Whoever deletes after each round
measures that, and not the program; a desk does not delete what it fetches next.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from pathlib import Path

_numbers = itertools.count()
_folders: list[Path] = []
_fresh: list[Path] = []


def bury(folder: str | Path) -> None:
    """Keep the inodes of all files below a folder; their names are left for others to delete. They are emptied at the
    next burial, for until then somebody may still have them mapped."""
    if not _folders:
        _folders.append(Path(tempfile.mkdtemp(prefix="bench-graveyard-")))
        atexit.register(shutil.rmtree, _folders[0], ignore_errors=True)
    for grave in _fresh:
        os.truncate(grave, 0)
    _fresh.clear()
    for path in Path(folder).rglob("*"):
        if path.is_file():
            grave = _folders[0] / str(next(_numbers))
            os.link(path, grave)
            _fresh.append(grave)
