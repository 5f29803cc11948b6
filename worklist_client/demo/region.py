"""`worklist-client demo`: a region in a box.

Makes the patients, starts three hospitals, writes the hub's configuration and opens the desktop; on a machine without a
display it plays the whole loop by itself and keeps pictures and objects. With `--two-readers` the hub is one of its
own, with accounts, and two readers sign in at two desks.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

from platformdirs import user_cache_path

from worklist_client.demo.hospitals import CLIENT_AE, hub_configuration, start_hospitals, start_night
from worklist_client.demo.readers import LOGINS
from worklist_client.demo.surroundings import has_display, offscreen_display

PROFILE = "demo"
DESK = {
    "reader.name": "Vries^Sanne^^dr. de",
    "reader.code": "900001",
    "reader.organisation": "Regionale Radiologie",
    "network.calling_ae": CLIENT_AE,
}
"""Settings of the demo's desk."""


def main(arguments: list[str]) -> int:
    """Run the demo, `arguments[0]` being its name; returns the desktop's exit status."""
    options = _options(arguments[1:])
    if options.join:
        join = import_module("worklist_client.demo.desks").join
        return int(join(folder_of(options, playing=False), options.join))
    playing = options.play or not has_display()
    folder = folder_of(options, playing=playing)
    with ExitStack() as stack:
        if not has_display():
            stack.enter_context(offscreen_display())
        if options.two_readers:
            return _two_readers(folder, stack, options, playing=playing)
        run = start_region(folder, stack, fresh=options.fresh or playing)
        if playing:
            output = Path(options.output or "demo-output").resolve()
            autoplay = import_module("worklist_client.demo.autoplay")
            return int(autoplay.main(client_arguments(run, options), output))
        print("The desktop opens. A STAT study arrives after a minute; a colleague reads along. Close it to end.")
        app = import_module("worklist_client.app")
        return int(app.main(client_arguments(run, options)))


def folder_of(options: argparse.Namespace, *, playing: bool) -> Path:
    """Where this demo is kept. The one that plays, and that of two readers, leave the others alone."""
    if options.folder:
        return Path(options.folder).resolve()
    name = "demo-two-readers" if options.two_readers or options.join else "demo"
    return user_cache_path("universal-radiology-worklist") / (f"{name}-played" if playing else name)


def client_arguments(data_dir: Path, options: argparse.Namespace) -> list[str]:
    """What the desktop is started with."""
    shown = ["--language", options.language, "--render", options.render]
    return ["--data-dir", str(data_dir), "--profile", PROFILE, *shown]


def start_region(folder: Path, stack: ExitStack, *, fresh: bool, night: bool = True) -> Path:
    """Start hospitals and night; returns the data directory of the embedded hub and the desktop."""
    started = start_hospitals(folder, stack, fresh=fresh)
    run = started.run
    configuration = hub_configuration(started.hospitals, move_port=started.ports["move"])
    (run / "hub.toml").write_text(configuration, encoding="utf-8")
    desk = run / "profiles" / PROFILE
    desk.mkdir(parents=True, exist_ok=True)
    if not (desk / "settings.json").exists():
        (desk / "settings.json").write_text(json.dumps(DESK), encoding="utf-8")
    if night:
        start_night(started, stack, run / "hub.json")
    print("Three hospitals are running: Noord (C-GET), Zuid (C-MOVE), West (DICOMweb).")
    return run


def _two_readers(folder: Path, stack: ExitStack, options: argparse.Namespace, *, playing: bool) -> int:
    shared = import_module("worklist_client.demo.shared")
    region = shared.start(folder, stack, fresh=options.fresh or playing)
    if playing:
        output = Path(options.output or "demo-output").resolve()
        return int(import_module("worklist_client.demo.two_readers").main(region, options, output))
    return int(import_module("worklist_client.demo.desks").open_desks(region, options))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worklist-client demo", description=__doc__)
    parser.add_argument("--folder", help="where the demo keeps its patients and its night (default: the user's cache)")
    parser.add_argument("--fresh", action="store_true", help="throw the old demo away first")
    parser.add_argument("--play", action="store_true", help="play the whole loop by itself, as without a display")
    parser.add_argument("--output", help="where pictures and delivered objects go when playing (default: demo-output)")
    parser.add_argument("--language", default="en", choices=("en", "nl"))
    parser.add_argument("--render", default="auto", choices=("auto", "software", "vtk"))
    parser.add_argument(
        "--two-readers", action="store_true", help="a hub with accounts, and two desks at which two readers sign in"
    )
    parser.add_argument(
        "--join", choices=LOGINS, metavar="NAME", help="one desk more for a reader of --two-readers: sanne or peter"
    )
    return parser.parse_args(arguments)
