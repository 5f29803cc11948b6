"""The demo's three hospitals: started as processes, and what a hub's configuration says of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from worklist_client.demo.make import LATER, archive
from worklist_client.demo.patients import SITES
from worklist_client.demo.surroundings import child, free_port, is_free

CLIENT_AE = "WORKLIST"
"""AE title of the demo's desk: the only destination of a C-MOVE."""
PORTS = ("north", "south", "west", "move", "hub")


@dataclass(frozen=True, slots=True)
class Hospital:
    """A running hospital: its process and port."""

    site_id: str
    process: subprocess.Popen[bytes]
    port: int


@dataclass(frozen=True, slots=True)
class Started:
    """What runs: its folder of this night (`run`), the images, the hospitals, and where C-MOVE sends to."""

    run: Path
    images: Path
    hospitals: tuple[Hospital, ...]
    ports: dict[str, int]


def home_zone(now: datetime | None = None) -> ZoneInfo:
    """The clock of these hospitals is that of this computer, in whole hours: wherever the demo runs, no study is made
    later than the clock beside it says."""
    offset = (now or datetime.now().astimezone()).utcoffset() or timedelta(0)
    hours = offset // timedelta(hours=1)
    return ZoneInfo(f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT")


def start_hospitals(folder: Path, stack: ExitStack, *, fresh: bool) -> Started:
    """Make the archive where it is stale, and start the hospitals.

    A new archive gets a new folder for its night: claims and reports of an older one belong to objects that are gone.
    """
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Demo region in {folder} (synthetic patients only; delete it at any time).")
    print("Making the patients: about ten seconds the first time...", flush=True)
    images = archive(folder / "archive", datetime.now(home_zone()))
    made = json.loads((images / "made.json").read_text())["at"]
    run = folder / ("night-" + datetime.fromisoformat(made).strftime("%Y%m%d-%H%M%S"))
    run.mkdir(parents=True, exist_ok=True, mode=0o700)
    ports = kept_ports(run / "ports.json")
    moves = f"{CLIENT_AE}={ports['move']}"
    hospitals = (
        start_hospital(stack, "north", "dimse", images / "north", "NORTH", port=ports["north"]),
        start_hospital(stack, "south", "dimse", images / "south", "SOUTH", moves, port=ports["south"]),
        start_hospital(stack, "west", "dicomweb", images / "west", "WEST", port=ports["west"]),
    )
    return Started(run, images, hospitals, ports)


def start_night(started: Started, stack: ExitStack, hub_file: Path | None = None) -> None:
    """The study that arrives late; and, where `hub_file` says how to ask the hub, the colleague who reads along."""
    south = next(one for one in started.hospitals if one.site_id == "south")
    asked = str(hub_file) if hub_file is not None else ""
    child(stack, "worklist_client.demo.night", asked, str(started.images / LATER), str(south.port))


def hub_configuration(hospitals: Sequence[Hospital], *, move_port: int = 0, head: str = "") -> str:
    """hub.toml of the region: `head` (tables of the hub itself), the directory of sites and the rules. Without a
    `move_port` the southern hospital is asked by C-GET too."""
    lines = [head or '[hub]\ndatabase = "worklist.sqlite"\n', "[intake]\npoll_s = 3\n"]
    for hospital in hospitals:
        site = next(site for site in SITES if site.site_id == hospital.site_id)
        if site.site_id == "west":
            connection = f'kind = "dicomweb", connection_id = "west-web", base_url = "http://127.0.0.1:{hospital.port}"'
        else:
            retrieve = "C-MOVE" if site.site_id == "south" and move_port else "C-GET"
            connection = (
                f'kind = "dimse", connection_id = "{site.site_id}-dimse", host = "127.0.0.1", port = {hospital.port}, '
                f'called_ae = "{site.site_id.upper()}", retrieve = "{retrieve}"'
            )
            if retrieve == "C-MOVE":
                connection += f", move_destination_port = {move_port}"
        lines.append(
            f'[[site]]\nsite_id = "{site.site_id}"\nname = "{site.name}"\ncolor = "{site.color}"\n'
            f'issuer_of_patient_id = "{site.issuer}"\ntime_zone = "{home_zone().key}"\n'
            f"connections = [{{ {connection} }}]\n"
        )
    rules = resources.files("resources").joinpath("demo", "rules.toml").read_text(encoding="utf-8")
    return "\n".join(lines) + "\n" + rules


def kept_ports(file: Path) -> dict[str, int]:
    """The same ports at each start, so that a hub which still runs from before finds its hospitals again."""
    ports: dict[str, int] = json.loads(file.read_text()) if file.is_file() else {}
    if set(ports) != set(PORTS) or not all(is_free(port) for port in ports.values()):
        ports = {name: free_port() for name in PORTS}
        file.write_text(json.dumps(ports))
    return ports


def start_hospital(
    stack: ExitStack, site_id: str, kind: str, folder: Path, ae_title: str, *more: str, port: int = 0
) -> Hospital:
    """Start one hospital and wait for its port."""
    process = child(stack, "worklist_client.demo.hospital", kind, str(folder), ae_title, str(port), *more)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the demo hospital '{site_id}' did not start; its message is above")
    return Hospital(site_id, process, int(json.loads(line)["port"]))
