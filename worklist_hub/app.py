"""The command `worklist-hub`: `serve`, and what an administrator needs besides."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from worklist_hub.config import ConfigError, HubConfig, load
from worklist_hub.operations.embedded import DataDirectory
from worklist_hub.operations.logs import log_as_json, log_as_text, log_as_text_into
from worklist_hub.service import Hub, embedded_config, new_token
from worklist_hub.store.database import StoreError, StoreUnavailable

_EXIT_CONFIG = 2
_log = logging.getLogger("wl.hub")
TOKEN = "WORKLIST_HUB_TOKEN"
"""Environment variable: the Bearer token of `load-test`."""
Command = Callable[[HubConfig, argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code. 2 = the configuration or the database cannot be used, said on stderr."""
    arguments = _parser().parse_args(argv)
    log_as_text()
    try:
        if arguments.command == "serve" and arguments.embedded:
            return _serve_embedded(arguments.data_dir, arguments.idle_s)
        if arguments.command == "load-test":
            return _load_test(arguments)
        config = load(arguments.config)
        if arguments.command == "serve":
            return _serve(config)
        return _command(arguments.command)(config, arguments)
    except (ConfigError, StoreError, StoreUnavailable) as error:
        print(f"worklist-hub: {error}", file=sys.stderr)
        return _EXIT_CONFIG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worklist-hub", description="The shared radiology worklist (DICOM UPS-RS).")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the worklist")
    how = serve.add_mutually_exclusive_group(required=True)
    how.add_argument("--config", type=Path, metavar="hub.toml", help="standalone, as this file says")
    how.add_argument("--embedded", action="store_true", help="for one desk; ends after its last client")
    serve.add_argument("--data-dir", type=Path, default=Path(), help="where an embedded hub keeps its files")
    serve.add_argument("--idle-s", type=float, default=None, help="embedded: seconds after the last client (60)")
    _with_config(commands.add_parser("migrate", help="bring the database's schema up to date, and end"))
    _with_config(commands.add_parser("check", help="try the database and every hospital, as the hub uses them"))
    sites = _with_config(commands.add_parser("sites", help="the hospitals, and how much of each is on the list"))
    sites.add_argument("--json", action="store_true")
    copy = _with_config(commands.add_parser("backup", help="copy the worklist's file while it is in use (SQLite)"))
    copy.add_argument("--to", type=Path, required=True, metavar="FILE")
    _add_users(commands.add_parser("users", help="accounts of the built-in store"))
    _add_audit(commands.add_parser("audit", help="check and read the audit log"))
    _add_intake(commands.add_parser("intake", help="what the rules of intake do"))
    _add_load_test(commands.add_parser("load-test", help="how many claims a second a hub carries"))
    return parser


def _with_config(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--config", type=Path, metavar="hub.toml", required=True)
    return parser


def _add_users(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    _with_config(what.add_parser("list"))
    for name in ("add", "password", "grants", "disable", "enable"):
        one = _with_config(what.add_parser(name))
        one.add_argument("login")
        if name in ("add", "grants"):
            said = "role@site or role@site:expertise,...; site * = all; may be repeated"
            one.add_argument("--grant", action="append", default=[], metavar="ROLE@SITE", help=said)
        if name == "add":
            one.add_argument("--code", required=True, help="the reader's number, as it stands in reports")
            one.add_argument("--name", required=True, help="Family^Given")
            one.add_argument("--organisation", default="")


def _add_audit(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    verify = _with_config(what.add_parser("verify", help="recompute every chain; 1 where anything was changed"))
    against = "an export (audit-*.jsonl) to compare with; may be repeated"
    verify.add_argument("--against", type=Path, action="append", default=[], metavar="FILE", help=against)
    for name, said in (("show", "lines in order of time"), ("export", "the same for another program")):
        one = _with_config(what.add_parser(name, help=said))
        one.add_argument("--patient", metavar="ISSUER|ID", default="")
        one.add_argument("--reader", metavar="CODE", default="")
        one.add_argument("--study", metavar="UID", default="")
        one.add_argument("--site", metavar="SITE", default="", help="what this hospital may read, and no more")
        one.add_argument("--since", metavar="ISO", default="", help="moment in UTC, such as 2026-01-31T18:00")
        one.add_argument("--until", metavar="ISO", default="")
        formats = ("text", "json", "dicom") if name == "show" else ("json", "dicom")
        one.add_argument("--format", choices=formats, default=formats[0])


def _add_intake(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    said = "what rules would have done to the studies of the last hours; asks the hospitals, changes nothing"
    one = _with_config(what.add_parser("dry-run", help=said))
    new = "file with other [[rule]], [[calendar]] and [due] tables, to compare with those of --config"
    one.add_argument("--rules", type=Path, default=None, metavar="new.toml", help=new)
    one.add_argument("--hours", type=float, default=24.0)
    one.add_argument("--site", default="", metavar="SITE", help="this hospital alone")
    one.add_argument("--all", action="store_true", help="also studies about which nothing changes")
    one.add_argument("--json", action="store_true")
    one.set_defaults(now=None)


def _add_load_test(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default="", help=f"of a hub (its token in {TOKEN}); without it, one of its own")
    parser.add_argument("--account", default="", help="of that hub: signs in with its password, asked for, as this one")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rate", type=float, default=200.0, help="claims a second in all; 0 = as fast as they go")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--beside-real-studies", action="store_true")


def _command(name: str) -> Command:
    if name == "audit":
        from worklist_hub.audit.commands import audit  # noqa: PLC0415 - XML and the rest: serving does not need it

        return audit
    if name == "intake":
        from worklist_hub.intake.commands import dry_run  # noqa: PLC0415 - loads pydicom: serving does not need it

        return dry_run
    from worklist_hub.operations import commands  # noqa: PLC0415 - as above

    table: dict[str, Command] = {
        "migrate": commands.migrate,
        "check": commands.check,
        "sites": commands.sites,
        "backup": commands.backup,
        "users": commands.users,
    }
    return table[name]


def _load_test(arguments: argparse.Namespace) -> int:
    from worklist_hub.operations import commands, load_test, own_hub  # noqa: PLC0415 - serving does not need it

    load = load_test.Load(max(arguments.clients, 1), max(arguments.rate, 0.0), arguments.seconds)
    try:
        if arguments.url:
            token, beside = os.environ.get(TOKEN, ""), arguments.beside_real_studies
            if arguments.account:
                token = load_test.signed_in(arguments.url, arguments.account, commands.asked_password(is_new=False))
            result = load_test.run(arguments.url, token, load, beside_real_studies=beside)
        else:
            with own_hub.running() as url:
                result = load_test.run(url, "", load)
    except load_test.LoadTestError as error:
        print(f"worklist-hub: {error}", file=sys.stderr)
        return 1
    print(result.text())
    return 1 if result.failures else 0


def _serve(config: HubConfig) -> int:
    if config.operations.log == "json":
        log_as_json(config.ae_title)
    hub = Hub(config)
    if hub.admission.needs_token:
        print(f"worklist-hub: serving {hub.url}; readers are known by token.", flush=True)
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
    log_as_text_into(data_dir)
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
