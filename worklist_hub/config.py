"""Reads hub.toml. Every error names the file, the key and what is allowed."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pacs.site import Site, SiteError
from worklist_hub.access.settings import AuthSettings, Limits, SettingsError, TlsSettings
from worklist_hub.audit.settings import AuditSettings, AuditSettingsError, audit_settings
from worklist_hub.intake.gaps import CATCH_UP
from worklist_hub.intake.rules import READ_ALL_IMAGES, RuleBook, rulebook_from
from worklist_hub.intake.tables import RuleError
from worklist_hub.operations.settings import OperationsSettings, OperationsSettingsError, operations_settings
from worklist_hub.store.durability import STANDBY, WORDS
from worklist_hub.store.retention import KEPT
from worklist_hub.workitem.protocol import ClaimRules

_TABLES: dict[str, dict[str, type | tuple[type, ...]]] = {
    "hub": {
        "listen": str,
        "database": str,
        "durability": str,
        "token_file": str,
        "ae_title": str,
        "idle_s": (int, float),
    },
    "intake": {"poll_s": (int, float), "enabled": bool, "catch_up_days": (int, float)},
    "claims": {"stale_after_s": (int, float), "release_unstarted_after_s": (int, float)},
    "retention": {"finished_days": (int, float)},
}
SECRETS_FILE = "secrets.toml"
HEARTBEAT_S = 30.0
"""How often a desk tells that its claims are alive."""
_TOP_LEVEL = (
    "hub",
    "intake",
    "claims",
    "retention",
    "audit",
    "operations",
    "auth",
    "tls",
    "limits",
    "site",
    "rule",
    "calendar",
    "due",
)
MIN_KEPT, MAX_KEPT = timedelta(days=7), timedelta(days=36500)
"""A desk that was off for some days must still find what became of its claims."""
MAX_CATCH_UP = timedelta(days=366)
_FOREIGN_READING = ("permit", "deny", "unknown")
_NAME_OF = {str: "a text", bool: "true or false", (int, float): "a number"}


class ConfigError(Exception):
    """hub.toml or the token file cannot be used; the text is for the administrator."""


@dataclass(frozen=True, slots=True)
class HubConfig:
    """What hub.toml says, with defaults filled in; paths are absolute."""

    database: Path
    host: str = "127.0.0.1"
    port: int = 0
    token_file: Path | None = None
    ae_title: str = "WORKLISTHUB"
    idle_s: float = 60.0
    """How long an embedded hub stays after its last client is gone."""
    sites: tuple[Site, ...] = ()
    poll_s: float = 10.0
    intake_enabled: bool = True
    catch_up: timedelta = CATCH_UP
    """So long may a hospital have been away for what was made since then to be asked for."""
    rules: RuleBook = READ_ALL_IMAGES
    source: Path | None = None
    database_url: str = ""
    """`postgresql://...` where several hub processes serve a region; "" = the file `database`."""
    durability: str = STANDBY
    """Of a region: what must hold of a commit for the hub to start (`store.durability.WORDS`)."""

    audit: AuditSettings = field(default_factory=AuditSettings)
    operations: OperationsSettings = field(default_factory=OperationsSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    """File names in it are absolute, as in `auth`."""
    limits: Limits = field(default_factory=Limits)
    claims: ClaimRules = field(default_factory=ClaimRules)
    """How long the holder of a claim may be silent."""
    kept: timedelta = KEPT
    """How long a finished workitem stays, from its last change."""

    @property
    def database_address(self) -> Path | str:
        """What the store opens."""
        return self.database_url or self.database

    @property
    def secrets_file(self) -> Path:
        """The private file beside the database that holds the secrets of connections (`pacs.secrets`)."""
        return self.database.parent / SECRETS_FILE

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a listening address is this machine's own; a name but localhost counts as not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load(path: Path) -> HubConfig:
    """Read and check a hub.toml. Raises `ConfigError`."""
    data = _parsed(path)
    _check_tables(path, data)
    hub, intake = data.get("hub", {}), data.get("intake", {})
    host, port = _address(path, hub.get("listen", "127.0.0.1:0"))
    token_file = hub.get("token_file", "")
    ae_title = hub.get("ae_title", "WORKLISTHUB")
    if not 1 <= len(ae_title) <= 16 or not ae_title.isascii() or "\\" in ae_title:
        raise ConfigError(f"{path}: [hub] ae_title must have 1 to 16 ASCII characters")
    for table, name, given in (("intake", "poll_s", intake.get("poll_s")), ("hub", "idle_s", hub.get("idle_s"))):
        if given is not None and given <= 0:
            raise ConfigError(f"{path}: [{table}] {name} must be more than 0 seconds")
    durability = hub.get("durability", STANDBY)
    if durability not in WORDS:
        words = ", ".join(f'"{word}"' for word in WORDS)
        raise ConfigError(f"{path}: [hub] durability must be one of {words}, not {durability!r}")
    folder, (database, url) = path.resolve().parent, _database(path, hub.get("database", "worklist.sqlite"))
    sites = _sites(path, data.get("site", []))
    try:
        audit = audit_settings(data.get("audit", {}), folder, frozenset(site.site_id for site in sites))
        operations = operations_settings(data.get("operations", {}), os.environ)
    except (AuditSettingsError, OperationsSettingsError) as error:
        raise ConfigError(f"{path}: {error}") from error
    auth, tls, limits = _access(path, data, folder)
    return HubConfig(
        database=folder / database,
        database_url=url,
        durability=durability,
        host=host,
        port=port,
        token_file=folder / token_file if token_file else None,
        ae_title=ae_title,
        idle_s=float(hub.get("idle_s", 60.0)),
        claims=_claims(path, data.get("claims", {})),
        kept=_kept(path, data.get("retention", {})),
        sites=sites,
        poll_s=float(intake.get("poll_s", 10.0)),
        intake_enabled=intake.get("enabled", True),
        catch_up=_catch_up(path, intake),
        rules=_rules(path, data, sites),
        source=path,
        audit=audit,
        operations=operations,
        auth=auth,
        tls=tls,
        limits=limits,
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _access(path: Path, data: Mapping[str, Any], folder: Path) -> tuple[AuthSettings, TlsSettings, Limits]:
    try:
        auth = AuthSettings.from_toml(data.get("auth", {}), folder)
        return auth, TlsSettings.from_toml(data.get("tls", {}), folder), Limits.from_toml(data.get("limits", {}))
    except SettingsError as error:
        raise ConfigError(f"{path}: {error}") from error


def _check_tables(path: Path, data: Mapping[str, Any]) -> None:
    for key in data:
        if key not in _TOP_LEVEL:
            raise ConfigError(f"{path}: [{key}] is unknown; allowed are {', '.join(_TOP_LEVEL)}")
    for name, keys in _TABLES.items():
        table = data.get(name, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: [{name}] must be a table")
        for key, value in table.items():
            if key not in keys:
                raise ConfigError(f"{path}: [{name}] {key} is unknown; allowed are {', '.join(keys)}")
            kind = keys[key]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise ConfigError(f"{path}: [{name}] {key} must be {_NAME_OF[kind]}, not {value!r}")
    _check_lists(path, data)


def _check_lists(path: Path, data: Mapping[str, Any]) -> None:
    for name in ("site", "rule", "calendar"):
        if not isinstance(data.get(name, []), list) or not all(isinstance(one, dict) for one in data.get(name, [])):
            raise ConfigError(f"{path}: {name} must be written as [[{name}]]")


def _address(path: Path, listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"{path}: [hub] listen must be 'address:port' with a port of 0 to 65535, not {listen!r}")
    return host.strip("[]"), int(port)


def _database(path: Path, given: str) -> tuple[str, str]:
    """File and URL; where there is a URL the file names a folder for what is kept beside it."""
    if "://" not in given:
        return given, ""
    if not given.startswith(("postgresql://", "postgres://")):
        raise ConfigError(
            f"{path}: [hub] database must be a file or postgresql://..., not {given.partition('://')[0]}://"
        )
    return "worklist.sqlite", given


def _claims(path: Path, table: Mapping[str, Any]) -> ClaimRules:
    default = ClaimRules()
    stale, release = table.get("stale_after_s"), table.get("release_unstarted_after_s")
    if stale is not None and stale < 2 * HEARTBEAT_S:
        raise ConfigError(f"{path}: [claims] stale_after_s must be at least {2 * HEARTBEAT_S:g}, two signs of life")
    stale_after = timedelta(seconds=stale) if stale is not None else default.stale_after
    if release is None:
        return ClaimRules(stale_after, default.release_unstarted_after)
    if release and timedelta(seconds=release) < stale_after:
        raise ConfigError(f"{path}: [claims] release_unstarted_after_s must not be less than stale_after_s; 0 = never")
    return ClaimRules(stale_after, timedelta(seconds=release) if release else None)


def _kept(path: Path, table: Mapping[str, Any]) -> timedelta:
    days = table.get("finished_days", KEPT.days)
    if not MIN_KEPT.days <= days <= MAX_KEPT.days:
        raise ConfigError(f"{path}: [retention] finished_days must be from {MIN_KEPT.days} to {MAX_KEPT.days}")
    return timedelta(days=days)


def _catch_up(path: Path, table: Mapping[str, Any]) -> timedelta:
    days = table.get("catch_up_days", CATCH_UP.days)
    if not 0 <= days <= MAX_CATCH_UP.days:
        raise ConfigError(f"{path}: [intake] catch_up_days must be from 0 to {MAX_CATCH_UP.days}")
    return timedelta(days=days)


def _sites(path: Path, tables: list[dict[str, Any]]) -> tuple[Site, ...]:
    found: dict[str, Site] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{path}: [[site]] number {number}"
        unknown = set(table) - set(Site.__dataclass_fields__)
        if unknown:
            allowed = ", ".join(sorted(Site.__dataclass_fields__))
            raise ConfigError(f"{where}: {', '.join(sorted(unknown))} is unknown; allowed are {allowed}")
        _check_site(where, table)
        try:
            site = Site.from_json(table)
        except (SiteError, TypeError, AttributeError) as error:
            raise ConfigError(f"{where}: {error}") from error
        if site.site_id in found:
            raise ConfigError(f"{where}: site_id {site.site_id!r} stands there twice")
        found[site.site_id] = site
    return tuple(found.values())


def load_rules(path: Path, sites: tuple[Site, ...]) -> RuleBook:
    """[[rule]], [[calendar]] and [due] of a file that may hold nothing else, or be a whole hub.toml. Raises
    `ConfigError`."""
    data = _parsed(path)
    _check_lists(path, data)
    return _rules(path, data, sites)


def _rules(path: Path, data: Mapping[str, Any], sites: tuple[Site, ...]) -> RuleBook:
    try:
        return rulebook_from(data, frozenset(site.site_id for site in sites))
    except RuleError as error:
        raise ConfigError(f"{path}: {error}") from error


def _check_site(where: str, table: Mapping[str, Any]) -> None:
    color = table.get("color")
    if isinstance(color, str) and not re.fullmatch("#[0-9A-Fa-f]{6}", color):
        raise ConfigError(f"{where}: color {color!r} is none; an example is '#4FA3E0'")
    zone = table.get("time_zone", "Europe/Amsterdam")
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ConfigError(f"{where}: time_zone {zone!r} is none; an example is 'Europe/Amsterdam'") from error
    if table.get("foreign_reading", "permit") not in _FOREIGN_READING:
        raise ConfigError(f"{where}: foreign_reading must be one of {', '.join(_FOREIGN_READING)}")
    extra = table.get("extra", {})
    if not isinstance(extra, dict):
        raise ConfigError(f"{where}: extra must be a table")
    if extra.get("unsaid_reports", "preliminary") not in ("preliminary", "final"):
        raise ConfigError(f"{where}: extra.unsaid_reports must be 'preliminary' or 'final'")
    lookback = table.get("lookback_h", 48.0)
    if isinstance(lookback, bool) or not isinstance(lookback, (int, float)) or lookback <= 0:
        raise ConfigError(f"{where}: lookback_h must be a number of hours above 0")
    if not isinstance(table.get("connections", []), list):
        raise ConfigError(f"{where}: connections must be a list of tables with 'kind'")
