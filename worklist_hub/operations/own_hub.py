"""A hub of one's own for a load test: a process on loopback over a file that is gone afterwards."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worklist_hub.operations.load_test import LoadTestError


@contextmanager
def running() -> Iterator[str]:
    """Its URL."""
    with tempfile.TemporaryDirectory(prefix="worklist-load-") as folder:
        settings = Path(folder) / "hub.toml"
        settings.write_text('[hub]\nlisten = "127.0.0.1:0"\n[intake]\nenabled = false\n', "utf-8")
        command = [sys.executable, "-m", "worklist_hub", "serve", "--config", str(settings)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                words = process.stdout.readline().split()
                if len(words) < 3:
                    raise LoadTestError("the hub did not start")
                yield words[2].rstrip(";")
            finally:
                process.terminate()
                process.wait(30)
