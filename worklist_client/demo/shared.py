"""The demo's shared region: the same three hospitals around a hub of its own, at which readers sign in."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from worklist_client.demo.hospitals import hub_configuration, start_hospitals, start_night
from worklist_client.demo.readers import PASSWORDS, make_accounts, table
from worklist_client.demo.surroundings import child
from worklist_client.settings.sign_in import SignInError, methods
from worklist_client.worklist.embedded import hub_command

START_S = 30.0
POLL_S = 0.1
HEAD = """\
[hub]
listen = "127.0.0.1:{port}"
database = "worklist.sqlite"

[auth]
accounts = true

[operations]
drain_s = 0
log = "text"
"""
"""A desktop on this computer only: no proxy has to be told before the hub ends."""
NO_KEYCHAIN = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
"""The accounts of a demo are nothing for the keychain of whoever tries it; each desk asks who signs in."""


class HubError(Exception):
    """The hub did not start; the text is the end of its log."""


@dataclass(frozen=True, slots=True)
class SharedRegion:
    """What runs. Everything lies in `run`, the folder of this night."""

    folder: Path
    """The demo's own: the next night lies there too."""
    run: Path
    hub_url: str
    passwords: Mapping[str, str] = field(repr=False)

    @property
    def configuration(self) -> Path:
        """Of the hub: `worklist-hub ... --config` takes it."""
        return self.run / "hub.toml"

    @property
    def desks(self) -> Path:
        """Data directory of all desks."""
        return self.run / "desks"


def start(folder: Path, stack: ExitStack, *, fresh: bool, night: bool = True) -> SharedRegion:
    """Start hospitals, hub and night, and make the accounts. Raises `HubError`, `AccountsError`."""
    started = start_hospitals(folder, stack, fresh=fresh)
    run, port = started.run, started.ports["hub"]
    # Each desk of a region is a destination of C-MOVE with a computer of its own; these share one, so C-GET it is.
    configuration = hub_configuration(started.hospitals, head=HEAD.format(port=port))
    (run / "hub.toml").write_text(configuration, encoding="utf-8")
    region = SharedRegion(folder, run, f"http://127.0.0.1:{port}", make_accounts(run / "hub.toml"))
    command = [*hub_command(), "serve", "--config", str(region.configuration)]
    _wait_for(child(stack, "worklist_client.demo.warden", str(run / "hub.log"), *command), region)
    if night:
        start_night(started, stack)
    return region


def welcome(region: SharedRegion) -> str:
    """What a newcomer needs to know, in the terminal."""
    return f"""
Three hospitals and one shared worklist are running: {region.hub_url}
Two desktops open (one may hide the other); each asks who signs in. Type:

{table(region.passwords)}

(also in {region.run / PASSWORDS}, which only you can read)
The same reader at a second desk: in a second terminal the same command with --join sanne (or peter)
instead of --two-readers. Try: reserve, assign, take over, hand over, in the menu Study.
A STAT study arrives after a minute. Closing all desktops ends everything.
"""


def verify(region: SharedRegion) -> subprocess.CompletedProcess[str]:
    """`worklist-hub audit verify` of this region."""
    command = [*hub_command(), "audit", "verify", "--config", str(region.configuration)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def prepare_desk(region: SharedRegion, profile: str, login: str) -> None:
    """A profile that knows the hub's address and whom it asks for; nothing else."""
    folder = region.desks / "profiles" / profile
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / "settings.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    kept |= {"hub.url": region.hub_url, "hub.login": login}
    file.write_text(json.dumps(kept), encoding="utf-8")


def _wait_for(process: subprocess.Popen[bytes], region: SharedRegion) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            methods(region.hub_url)
        except SignInError:
            if process.poll() is not None or time.monotonic() > until:
                tail = (region.run / "hub.log").read_text(encoding="utf-8", errors="replace")[-2000:]
                raise HubError(f"the demo's hub did not start: {tail}") from None
            time.sleep(POLL_S)
        else:
            return
