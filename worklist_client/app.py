"""The desktop's composition root: `worklist-client [--profile NAME] [--data-dir DIR] [--hub URL --token T] ...`.

Order at start, for a list that can be used within two seconds: the hub process first, then Qt, then the window, and
only after its first paint the worker processes and the modules of the reading window.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from worklist_client.settings.declarations import HUB_URL
from worklist_client.settings.profile import Profile, ProfileError, open_profile
from worklist_client.settings.store import Settings

if TYPE_CHECKING:
    from viewer.tasks import TaskRunner
    from worklist_client.ui.start import HubStart


SWITCH_INTERVAL_S = 0.001
"""How long a background thread may keep the interpreter while the windows wait for it; Python's own 5 ms add up, since
each call into Qt gives it away."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the desktop client; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = parse(arguments)
    try:
        profile = open_profile(options.profile, options.data_dir)
    except ProfileError as error:
        print(f"worklist-client: {error.reason}", file=sys.stderr)
        return 2
    settings = Settings.load(profile.settings_path)
    runner, hub = start_hub(options, profile, settings)
    # Only now the windows: while the hub starts, and after `--help` and wrong arguments were answered without them.
    return int(import_module("worklist_client.ui.desktop").run(options, profile, settings, runner, hub))


def start_hub(options: argparse.Namespace, profile: Profile, settings: Settings) -> tuple[TaskRunner, HubStart]:
    """First thing of all: the hub of this desk takes longest."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    start = import_module("worklist_client.ui.start")
    runner: TaskRunner = start.TaskRunner()
    url = options.hub or settings.get(HUB_URL)
    token = options.token or os.environ.get("WORKLIST_HUB_TOKEN", "")
    return runner, start.HubStart(runner, profile.data_dir, url, token, profile=profile.name)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options. Exits with 2 and a sentence where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="worklist-client",
        description="One reading worklist over several hospitals.",
        epilog="`worklist-client demo` opens a region in a box with synthetic patients; `worklist-client check` asks"
        " every hospital whether it can be reached; `worklist-client secret CONNECTION_ID` stores a password.",
    )
    parser.add_argument("--profile", default="default", metavar="NAME", help="own journal, cache, AE title and reader")
    parser.add_argument("--data-dir", default="", metavar="DIR", help="where everything is kept (hub.toml lies here)")
    parser.add_argument("--hub", default="", metavar="URL", help="a shared worklist instead of one on this computer")
    parser.add_argument("--token", default="", metavar="T", help="the token for --hub (or WORKLIST_HUB_TOKEN)")
    parser.add_argument("--language", choices=("nl", "en"), default="", help="language of the interface")
    parser.add_argument("--render", choices=("software", "vtk", "auto"), default="", help="how images are drawn")
    options = parser.parse_args(list(arguments))
    if options.token and not options.hub:
        parser.error("--token needs --hub")
    return options
