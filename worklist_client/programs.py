"""What `worklist-client` starts: the desktop, the demo around it, or an administrator's command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

PROGRAMS = {
    # What an administrator does at a terminal: without windows, so without Qt.
    "check": "worklist_client.administration",
    "secret": "worklist_client.administration",
    # A program of its own around the desktop, which does not need it to run.
    "demo": "worklist_client.demo.region",
}
"""First word of the command line to the module whose `main` takes the whole of it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run what the first word names, else the desktop; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = PROGRAMS.get(arguments[0] if arguments else "", "worklist_client.app")
    return int(import_module(name).main(arguments))  # only what is asked for is loaded: start-up time
