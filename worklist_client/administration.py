"""What an administrator does at a terminal: `worklist-client secret CONNECTION_ID` and `worklist-client check`."""

from __future__ import annotations

import argparse
import getpass
import os
import shlex
import sys
from collections.abc import Callable, Sequence

from pacs.checking import check_sites
from pacs.credentials import Credentials
from pacs.errors import PacsError
from pacs.secrets import from_file, from_line, line_of, write
from ups.client import UpsClient
from worklist_client.settings.declarations import HUB_URL
from worklist_client.settings.keychain import NoKeychain, Secrets, credentials_for, keep
from worklist_client.settings.profile import DEFAULT_PROFILE, Profile, ProfileError, ae_title_of, profile_at
from worklist_client.settings.store import Settings
from worklist_client.worklist.embedded import EmbeddedHubError, HubAddress, start_or_join
from worklist_client.worklist.region import RegionError, about, sites

WORKS, FAILED, UNUSABLE = 0, 1, 2
"""Exit codes."""
HUB_FILE = "hub.toml"


def main(
    argv: Sequence[str],
    ask: Callable[[str], str] | None = None,
    ask_hidden: Callable[[str], str] = getpass.getpass,
) -> int:
    """Run one of the two commands; its exit code. Without `ask` a terminal is asked, else the input is read."""
    options = _parse(argv)
    try:
        profile = profile_at(options.profile, options.data_dir)
        # The keychain is the user's, wherever the data lie: without --data-dir a secret may come before everything.
        if options.command == "check" or options.data_dir:
            _need_hospitals(profile, options.hub)
        if options.command == "secret":
            return _secret(profile, options.connection_id, _given(options.connection_id, ask, ask_hidden))
        return _check(profile, options.hub, options.token or os.environ.get("WORKLIST_HUB_TOKEN", ""))
    except (ProfileError, EmbeddedHubError, RegionError, PacsError) as error:
        print(f"worklist-client: {error if isinstance(error, EmbeddedHubError) else error.reason}", file=sys.stderr)
        return UNUSABLE


def _need_hospitals(profile: Profile, hub: str) -> None:
    """Refuse a directory in which nobody set up hospitals, before anything is made there. Raises `ProfileError`."""
    if hub or Settings.load(profile.settings_path).get(HUB_URL):
        return
    if not profile.data_dir.is_dir():
        raise ProfileError(f"there is no folder {profile.data_dir}; --data-dir names the one where hub.toml lies")
    if not (profile.data_dir / HUB_FILE).is_file():
        raise ProfileError(f"there is no {HUB_FILE} in {profile.data_dir}; --data-dir names the folder where it lies")


def _given(
    connection_id: str, ask: Callable[[str], str] | None, ask_hidden: Callable[[str], str]
) -> Credentials | None:
    """What the administrator gives, at a terminal or through a pipe; None where nothing. Raises `SecretsError`."""
    if ask is None and not (sys.stdin and sys.stdin.isatty()):
        line = (sys.stdin.readline() if sys.stdin else "").rstrip("\r\n")
        given = from_line(line, f"the input is no terminal; its one line, the secret of '{connection_id}',")
        return given if given.password or given.bearer_token else None
    try:
        user = (ask or input)(f"User for '{connection_id}' (empty: a bearer token): ").strip()
        word = ask_hidden("Password: " if user else "Bearer token: ")
    except EOFError:
        return None
    if not word:
        return None
    return Credentials(user=user, password=word) if user else Credentials(bearer_token=word)


def _secret(profile: Profile, connection_id: str, credentials: Credentials | None) -> int:
    """Store user and password where this desk will find them: in the file that holds them already, else in the
    keychain, else in a private file. Raises `SecretsError`."""
    if credentials is None:
        print("worklist-client: nothing was given, nothing is stored", file=sys.stderr)
        return UNUSABLE
    own, shared = profile.secrets_files
    has_hub = (profile.data_dir / HUB_FILE).is_file()
    holding = [file for file in (own, shared) if from_file(file, connection_id) is not None]
    used = credentials_for(connection_id, own, shared)
    if used is None or used.source not in [str(file) for file in holding]:
        try:
            where = keep(connection_id, credentials)
            print(f"Stored for '{connection_id}' in the keychain of this computer ({where}).")
            if has_hub and not holding:
                print(f"The worklist hub reads no keychain. Where it asks this hospital too, write into {shared}")
                print(f"(readable by its owner only, chmod 600) the line: {line_of(connection_id)}")
        except NoKeychain as error:
            print(f"{error.reason}.")
            holding = holding or [shared if has_hub else own]
    for file in holding:
        write(file, connection_id, credentials)
        print(f"Stored for '{connection_id}' in {file}, which nobody else can read.")
    if holding and used is not None and used.source.startswith("the environment variable"):
        print(f"But {used.source} comes before every file: take it away or change it too.")
    return WORKS


def _how_at(profile: Profile) -> Callable[[str], str]:
    """The command that stores a secret where the desk of this profile finds it."""

    def how(connection_id: str) -> str:
        words = ["worklist-client", "secret", connection_id, "--data-dir", str(profile.data_dir)]
        words += ["--profile", profile.name] if profile.name != DEFAULT_PROFILE else []
        return f"store user and password: {shlex.join(words)}"

    return how


def _check(profile: Profile, hub: str, token: str) -> int:
    """Ask every hospital of the directory, as this desk would; one line a connection."""
    settings = Settings.load(profile.settings_path)
    url = hub or settings.get(HUB_URL)
    address = HubAddress(url, token) if url else start_or_join(profile.data_dir)
    calling_ae = ae_title_of(settings, profile.name)
    client = UpsClient(address.url, token=address.token, calling_ae=calling_ae)
    try:
        problem = about(address.url, address.token).problem
        found = sites(client)
    finally:
        client.close()
    if problem:
        print(f"The hospitals are those of before hub.toml was edited: {problem}")
    if not found:
        place = f"the hub at {url}" if url else str(profile.data_dir / HUB_FILE)
        print(f"No hospital is set up: {place} has no [[site]]")
        return FAILED
    print(f"This desk calls itself '{calling_ae}'.")
    works = not problem
    for told in check_sites(found, calling_ae, Secrets(profile.secrets_files), how_to_store=_how_at(profile)):
        works = works and told.works
        print(told.line, flush=True)
    return WORKS if works else FAILED


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="worklist-client")
    commands = parser.add_subparsers(dest="command", required=True)
    secret = commands.add_parser("secret", help="store user and password of one connection in the keychain")
    secret.add_argument("connection_id", metavar="CONNECTION_ID", help="as in 'connections' of the hospital")
    check = commands.add_parser("check", help="ask every hospital whether it can be reached")
    check.add_argument("--hub", default="", metavar="URL", help="a shared worklist instead of one on this computer")
    check.add_argument("--token", default="", metavar="T", help="the token for --hub (or WORKLIST_HUB_TOKEN)")
    secret.set_defaults(hub="")
    for command in (secret, check):
        command.add_argument("--profile", default="default", metavar="NAME", help="whose AE title and secrets")
        command.add_argument("--data-dir", default="", metavar="DIR", help="where hub.toml lies")
    options = parser.parse_args(list(argv))
    if options.command == "check" and options.token and not options.hub:
        parser.error("--token needs --hub")
    return options
