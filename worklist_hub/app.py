"""The command `worklist-hub`: `serve --config hub.toml`, or `serve --embedded --data-dir DIR` for one desk."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from worklist_hub.config import ConfigError, HubConfig, load
from worklist_hub.embedded import DataDirectory
from worklist_hub.own_log import FORMAT, log_into
from worklist_hub.service import Hub, embedded_config, new_token
from worklist_hub.store.database import StoreError

_EXIT_CONFIG = 2
_log = logging.getLogger("wl.hub")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code. 2 = the configuration or the file cannot be used, said on stderr."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format=FORMAT, stream=sys.stderr)
    try:
        if arguments.command == "serve" and arguments.embedded:
            return _serve_embedded(arguments.data_dir, arguments.idle_s)
        config = load(arguments.config)
        return _check(config) if arguments.command == "check" else _serve(config)
    except (ConfigError, StoreError) as error:
        print(f"worklist-hub: {error}", file=sys.stderr)
        return _EXIT_CONFIG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worklist-hub", description="The shared radiology worklist (DICOM UPS-RS).")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="ask every hospital whether it can be reached, as the hub asks it")
    check.add_argument("--config", type=Path, metavar="hub.toml", required=True, help="where the hospitals are")
    serve = commands.add_parser("serve", help="serve the worklist")
    how = serve.add_mutually_exclusive_group(required=True)
    how.add_argument("--config", type=Path, metavar="hub.toml", help="standalone, as this file says")
    how.add_argument("--embedded", action="store_true", help="for one desk; ends after its last client")
    serve.add_argument("--data-dir", type=Path, default=Path(), help="where an embedded hub keeps its files")
    serve.add_argument("--idle-s", type=float, default=None, help="embedded: seconds after the last client (60)")
    return parser


def _check(config: HubConfig) -> int:
    """One line a connection, and one on the studies of each site; 0 where all connections work, else 1."""
    from worklist_hub.checking import check  # noqa: PLC0415 - loads pydicom: a second that serving does not pay

    works = bool(config.sites)
    for line, does_work in check(config):
        works = works and does_work
        print(line, flush=True)
    if not config.sites:
        print(f"{config.source}: no [[site]] is there", flush=True)
    return 0 if works else 1


def _serve(config: HubConfig) -> int:
    hub = Hub(config)
    if hub.admission.needs_token:
        where = "" if config.is_loopback else " TLS is not built in yet: put a proxy with TLS in front of it."
        print(f"worklist-hub: serving {hub.url}; readers are known by token.{where}", flush=True)
    else:
        print(
            f"worklist-hub: serving {hub.url} to this machine only, for there is no token file:"
            " whoever asks is believed.",
            flush=True,
        )
    hub.run()
    return 0


def _serve_embedded(data_dir: Path, idle_s: float | None) -> int:
    directory = DataDirectory(data_dir)
    if not directory.take_or_join():
        return 0  # another hub holds the lock: hub.json names it
    log_into(data_dir)
    try:
        settings = data_dir / "hub.toml"
        config = embedded_config(data_dir, load(settings) if settings.exists() else None)
        if idle_s is not None:
            config = replace(config, idle_s=idle_s)
        token = new_token()
        hub = Hub(config, token=token, embedded=True, on_ending=directory.withdraw, edited=settings)
        directory.publish(hub.url, token)
        hub.run()
    except (ConfigError, StoreError) as error:
        _log.error("the hub cannot serve: %s", error)
        raise
    finally:
        directory.withdraw()
        directory.release()
    return 0


if __name__ == "__main__":
    sys.exit(main())
