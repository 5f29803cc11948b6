#!/usr/bin/env python3
"""One file for a fresh machine: `python3 run.py demo` starts the demo region, `python3 run.py test` runs all the tests.

Needs Python 3.11 or newer and nothing else. It makes `.venv` beside itself, installs what the command needs (system
packages too where it may, otherwise it prints the exact command) and says what it does. Standard library only.
"""

from __future__ import annotations

import ctypes.util
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

DESKTOP = (
    "libegl1 libgl1 libopengl0 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 "
    "libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 libdbus-1-3 "
    "libfontconfig1 fonts-dejavu-core xvfb"
).split()
PEERS = (
    "orthanc orthanc-dicomweb dcmtk postgresql haproxy xdotool x11-utils imagemagick curl procps util-linux iproute2"
).split()
LANES = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
"""Two processes of pytest, each with its own display and servers; `-n 0` behind `test` is one."""
DESKTOP_PROOF = ("EGL", "GL", "xkbcommon-x11", "xcb-cursor", "xcb-icccm", "xcb-keysyms", "dbus-1", "fontconfig")
PEERS_PROOF = ("Orthanc", "storescu", "getscu", "dcmp2pgm", "dsr2html", "xdotool", "import", "curl", "Xvfb", "haproxy")


def main(arguments: list[str]) -> int:
    """Run one of the commands."""
    if sys.version_info < (3, 11):
        return fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "demo":
        system_packages(DESKTOP, missing_libraries() or missing_programs(("Xvfb",)), needed=False)
        environment("")
        return subprocess.call([str(PYTHON), "-m", "worklist_client", "demo", *rest])
    if command == "install":
        system_packages(DESKTOP, missing_libraries(), needed=False)
        environment("[region]")
        programs = PYTHON.parent
        say(f"ready: {programs / 'worklist-client'} is the desktop, {programs / 'worklist-hub'} the hub")
        return 0
    if command == "test":
        missing = missing_libraries() + missing_programs(PEERS_PROOF)
        system_packages(DESKTOP + PEERS, missing, needed=True)
        environment("[dev]")
        return subprocess.call([str(PYTHON), "-m", "pytest", *LANES, *rest], cwd=ROOT)
    if command == "bench":
        system_packages(DESKTOP + PEERS, missing_libraries() + missing_programs(PEERS_PROOF), needed=True)
        environment("[dev]")
        return subprocess.call([str(PYTHON), str(ROOT / "benchmarks" / "all.py"), *rest], cwd=ROOT)
    print(__doc__)
    print("Commands:  demo [--language nl] [--two-readers] [--play]   install   test [pytest options]   bench")
    return 2


def say(text: str) -> None:
    """Tell what happens, at once."""
    print(f"[run] {text}", flush=True)


def fail(text: str) -> int:
    """Tell what is wrong and what to do."""
    print(f"[run] {text}", file=sys.stderr, flush=True)
    return 1


def missing_libraries() -> list[str]:
    """Shared libraries that Qt needs and this Linux machine lacks."""
    if not sys.platform.startswith("linux"):
        return []
    return [f"lib{name}" for name in DESKTOP_PROOF if ctypes.util.find_library(name) is None]


def missing_programs(names: tuple[str, ...]) -> list[str]:
    """Programs that are not on the path (nor where Debian keeps servers)."""
    if not sys.platform.startswith("linux"):
        return []
    path = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/sbin"
    return [name for name in names if shutil.which(name, path=path) is None]


def system_packages(packages: list[str], missing: list[str], *, needed: bool) -> None:
    """Install Debian packages where something is missing and we may; otherwise print the command."""
    if not missing:
        return
    say(f"missing on this machine: {', '.join(missing)}")
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if shutil.which("apt-get") is None:
        say("this is no Debian or Ubuntu; install the equivalents of: " + " ".join(packages))
        return
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    may = os.geteuid() == 0 or (
        shutil.which("sudo") and subprocess.call(["sudo", "-n", "true"], stderr=subprocess.DEVNULL) == 0
    )
    if not may:
        say("run this once, then start again:\n    sudo " + " ".join(command))
        if needed:
            sys.exit(1)
        return
    say("installing system packages: " + " ".join(packages))
    quiet = {"env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}, "stdout": subprocess.DEVNULL}
    subprocess.call([*prefix, "apt-get", "update", "-qq"], **quiet)
    if subprocess.call([*prefix, *command], **quiet) != 0:
        say("the system packages could not be installed; try by hand:\n    sudo " + " ".join(command))
        if needed:
            sys.exit(1)


def environment(extra: str) -> None:
    """Make the virtual environment, and install this project into it where pyproject.toml changed since."""
    if not PYTHON.is_file():
        say("making a virtual environment in .venv")
        make_environment()
    stamp = VENV / ".installed"
    wanted = extra + hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and wanted in stamp.read_text().splitlines():
        return
    say("installing this project and its libraries into .venv (some hundred megabytes the first time)")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", f"{ROOT}{extra}"]
    if subprocess.call(pip) != 0:
        sys.exit(fail("pip could not install the libraries; its message is above (is there a network?)"))
    lines = [wanted] if not extra else [wanted, wanted.removeprefix(extra)]
    stamp.write_text("\n".join(lines) + "\n")


def make_environment() -> None:
    """`python -m venv`; Debian splits it into a package of its own, which is then installed."""
    command = [sys.executable, "-m", "venv", str(VENV)]
    if subprocess.call(command, stdout=subprocess.DEVNULL) == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    system_packages(["python3-venv", version], ["the venv module"], needed=True)
    if subprocess.call(command) != 0:
        sys.exit(fail("a virtual environment could not be made; its message is above"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
