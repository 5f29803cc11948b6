"""Runs another program for as long as its own standard input is open.

`python -m worklist_client.demo.warden LOG COMMAND...`. A hub of a region lives until somebody ends it; the demo's must
not outlive the demo, however that ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Run the command, its output in the log; its exit status."""
    log, *command = arguments
    descriptor = os.open(Path(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor)
    os.close(descriptor)

    def end_with_the_parent() -> None:
        sys.stdin.read()
        process.terminate()

    threading.Thread(target=end_with_the_parent, daemon=True).start()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
