"""`worklist-client demo`: a region in a box.

Makes the patients, starts three hospitals, writes the hub's configuration and opens the desktop; on a machine without a
display it plays the whole loop by itself and keeps pictures and objects.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module, resources
from pathlib import Path
from zoneinfo import ZoneInfo

from platformdirs import user_cache_path

from worklist_client.demo.make import LATER, archive
from worklist_client.demo.patients import SITES

ZONE = ZoneInfo("Europe/Amsterdam")
CLIENT_AE = "WORKLIST"
PROFILE = "demo"
DESK = {
    "reader.name": "Vries^Sanne^^dr. de",
    "reader.code": "900001",
    "reader.organisation": "Regionale Radiologie",
    "network.calling_ae": CLIENT_AE,
}
"""Settings of the demo's desk."""


@dataclass(frozen=True, slots=True)
class Hospital:
    """A running hospital: its process and port."""

    site_id: str
    process: subprocess.Popen[bytes]
    port: int


def main(arguments: list[str]) -> int:
    """Run the demo, `arguments[0]` being its name; returns the desktop's exit status."""
    options = _options(arguments[1:])
    playing = options.play or not has_display()
    kept = user_cache_path("universal-radiology-worklist") / ("demo-played" if playing else "demo")
    folder = Path(options.folder or kept)
    with ExitStack() as stack:
        if not has_display():
            stack.enter_context(offscreen_display())
        run = start_region(folder, stack, fresh=options.fresh or playing)
        if playing:
            output = Path(options.output or "demo-output").resolve()
            autoplay = import_module("worklist_client.demo.autoplay")
            return int(autoplay.main(client_arguments(run, options), output))
        print("The desktop opens. A STAT study arrives after a minute; a colleague reads along. Close it to end.")
        app = import_module("worklist_client.app")
        return int(app.main(client_arguments(run, options)))


def client_arguments(data_dir: Path, options: argparse.Namespace) -> list[str]:
    """What the desktop is started with."""
    shown = ["--language", options.language, "--render", options.render]
    return ["--data-dir", str(data_dir), "--profile", PROFILE, *shown]


def start_region(folder: Path, stack: ExitStack, *, fresh: bool, night: bool = True) -> Path:
    """Make the archive where it is stale, start hospitals and night; returns the data directory of hub and desktop.

    A new archive gets a new data directory: claims and reports of an older night belong to objects that are gone.
    """
    now = datetime.now(ZONE)
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Demo region in {folder} (synthetic patients only; delete it at any time).")
    print("Making the patients: about ten seconds the first time...")
    images = archive(folder / "archive", now)
    made = json.loads((images / "made.json").read_text())["at"]
    run = folder / ("night-" + datetime.fromisoformat(made).strftime("%Y%m%d-%H%M%S"))
    run.mkdir(parents=True, exist_ok=True)
    ports = kept_ports(run / "ports.json")
    move_port = ports["move"]
    hospitals = [
        start_hospital(stack, "north", "dimse", images / "north", "NORTH", port=ports["north"]),
        start_hospital(
            stack, "south", "dimse", images / "south", "SOUTH", f"{CLIENT_AE}={move_port}", port=ports["south"]
        ),
        start_hospital(stack, "west", "dicomweb", images / "west", "WEST", port=ports["west"]),
    ]
    (run / "hub.toml").write_text(hub_configuration(hospitals, move_port), encoding="utf-8")
    desk = run / "profiles" / PROFILE
    desk.mkdir(parents=True, exist_ok=True)
    if not (desk / "settings.json").exists():
        (desk / "settings.json").write_text(json.dumps(DESK), encoding="utf-8")
    if night:
        south = next(item for item in hospitals if item.site_id == "south")
        _child(stack, "worklist_client.demo.night", str(run / "hub.json"), str(images / LATER), str(south.port))
    print("Three hospitals are running: Noord (C-GET), Zuid (C-MOVE), West (DICOMweb).")
    return run


def hub_configuration(hospitals: list[Hospital], move_port: int) -> str:
    """hub.toml of the region: the directory of sites and the rules."""
    lines = ['[hub]\ndatabase = "worklist.sqlite"\n', "[intake]\npoll_s = 3\n"]
    for hospital in hospitals:
        site = next(site for site in SITES if site.site_id == hospital.site_id)
        if site.site_id == "west":
            connection = f'kind = "dicomweb", connection_id = "west-web", base_url = "http://127.0.0.1:{hospital.port}"'
        else:
            retrieve = "C-MOVE" if site.site_id == "south" else "C-GET"
            connection = (
                f'kind = "dimse", connection_id = "{site.site_id}-dimse", host = "127.0.0.1", port = {hospital.port}, '
                f'called_ae = "{site.site_id.upper()}", retrieve = "{retrieve}"'
            )
            if retrieve == "C-MOVE":
                connection += f", move_destination_port = {move_port}"
        lines.append(
            f'[[site]]\nsite_id = "{site.site_id}"\nname = "{site.name}"\ncolor = "{site.color}"\n'
            f'issuer_of_patient_id = "{site.issuer}"\nconnections = [{{ {connection} }}]\n'
        )
    rules = resources.files("resources").joinpath("demo", "rules.toml").read_text(encoding="utf-8")
    return "\n".join(lines) + "\n" + rules


def kept_ports(file: Path) -> dict[str, int]:
    """The same ports at each start, so that a hub which still runs from before finds its hospitals again."""
    ports: dict[str, int] = json.loads(file.read_text()) if file.is_file() else {}
    if not ports or not all(is_free(port) for port in ports.values()):
        ports = {name: free_port() for name in ("north", "south", "west", "move")}
        file.write_text(json.dumps(ports))
    return ports


def start_hospital(
    stack: ExitStack, site_id: str, kind: str, folder: Path, ae_title: str, *more: str, port: int = 0
) -> Hospital:
    """Start one hospital and wait for its port."""
    process = _child(stack, "worklist_client.demo.hospital", kind, str(folder), ae_title, str(port), *more)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the demo hospital '{site_id}' did not start; its message is above")
    return Hospital(site_id, process, int(json.loads(line)["port"]))


def _child(stack: ExitStack, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """A closed standard input is the sign to end; a child that does not is killed."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody listens on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def has_display() -> bool:
    """Whether a window could be seen."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def offscreen_display() -> Iterator[None]:
    """A virtual X display where Xvfb is installed, else Qt's own off-screen platform (software rendering only)."""
    if shutil.which("Xvfb") is None:
        print("No display and no Xvfb: windows are drawn off screen.")
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        yield
        return
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1920x1080x24", "-nolisten", "tcp"]
    process = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        number = stream.readline().strip()
    os.environ["DISPLAY"] = f":{number}"
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
    print("No display: the whole loop is played on a virtual one.")
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worklist-client demo", description=__doc__)
    parser.add_argument("--folder", help="where the demo keeps its patients and its night (default: the user's cache)")
    parser.add_argument("--fresh", action="store_true", help="throw the old demo away first")
    parser.add_argument("--play", action="store_true", help="play the whole loop by itself, as without a display")
    parser.add_argument("--output", help="where pictures and delivered objects go when playing (default: demo-output)")
    parser.add_argument("--language", default="en", choices=("en", "nl"))
    parser.add_argument("--render", default="auto", choices=("auto", "software", "vtk"))
    return parser.parse_args(arguments)
