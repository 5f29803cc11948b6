"""`[audit]` of hub.toml: where audit lines go besides the database."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KEYS: dict[str, type] = {
    "name": str,
    "kind": str,
    "site": str,
    "address": str,
    "tls": bool,
    "ca_file": str,
    "certificate": str,
    "key": str,
    "path": str,
}
_KIND_KEYS = {
    "syslog": {"name", "kind", "site", "address", "tls", "ca_file", "certificate", "key"},
    "json": {"name", "kind", "site", "path"},
}
_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class AuditSettingsError(Exception):
    """`[audit]` cannot be used; the text says which key and what is allowed."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Where audit messages go. Without `tls` only to loopback (a collector on this machine)."""

    host: str
    port: int
    tls: bool = True
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeout_s: float = 10.0

    @property
    def name(self) -> str:
        """For logs."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ExportTarget:
    """One receiver. `site` = only what touches this hospital, and nothing of others; "" = everything."""

    name: str
    kind: str
    site: str = ""
    collector: Collector | None = None
    folder: Path | None = None
    """JSON lines: one file a day, `audit-YYYYMMDD.jsonl`."""


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """`[audit]`."""

    exports: tuple[ExportTarget, ...] = ()


def audit_settings(table: Any, folder: Path, sites: frozenset[str]) -> AuditSettings:
    """From the parsed TOML; paths are relative to `folder`. Raises `AuditSettingsError`."""
    if not isinstance(table, Mapping):
        raise AuditSettingsError("[audit] must be a table")
    if unknown := set(table) - {"export"}:
        raise AuditSettingsError(f"[audit] {', '.join(sorted(unknown))} is unknown; allowed is [[audit.export]]")
    exports = table.get("export", [])
    if not isinstance(exports, list) or not all(isinstance(one, Mapping) for one in exports):
        raise AuditSettingsError("audit.export must be written as [[audit.export]]")
    made: dict[str, ExportTarget] = {}
    for number, one in enumerate(exports, start=1):
        where = f"[[audit.export]] number {number}"
        target = _target(where, one, folder, sites)
        if target.name in made:
            raise AuditSettingsError(f"{where}: name {target.name!r} stands there twice")
        made[target.name] = target
    return AuditSettings(tuple(made.values()))


def _target(where: str, table: Mapping[str, Any], folder: Path, sites: frozenset[str]) -> ExportTarget:
    kind = table.get("kind")
    if kind not in _KIND_KEYS:
        raise AuditSettingsError(f"{where}: kind must be one of {', '.join(sorted(_KIND_KEYS))}")
    for key, value in table.items():
        if key not in _KIND_KEYS[kind]:
            allowed = ", ".join(sorted(_KIND_KEYS[kind]))
            raise AuditSettingsError(f"{where}: {key} is unknown for kind {kind!r}; allowed are {allowed}")
        if not isinstance(value, _KEYS[key]):
            raise AuditSettingsError(f"{where}: {key} must be {'true or false' if _KEYS[key] is bool else 'a text'}")
    name, site = str(table.get("name", "")), str(table.get("site", ""))
    if not _NAME.match(name):
        raise AuditSettingsError(f"{where}: name is needed: 1 to 64 letters, digits, '.', '_' or '-'")
    if site and site not in sites:
        raise AuditSettingsError(f"{where}: site {site!r} is no [[site]]")
    if kind == "json":
        if not table.get("path"):
            raise AuditSettingsError(f"{where}: path is needed: the folder of the files")
        return ExportTarget(name, kind, site, folder=folder / str(table["path"]))
    return ExportTarget(name, kind, site, collector=_collector(where, table, folder))


def _collector(where: str, table: Mapping[str, Any], folder: Path) -> Collector:
    host, _, port = str(table.get("address", "")).rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise AuditSettingsError(f"{where}: address must be 'host:port'; syslog over TLS is port 6514")
    host, tls = host.strip("[]"), bool(table.get("tls", True))
    if not tls and host not in _LOOPBACK:
        raise AuditSettingsError(f"{where}: tls = false is for a collector on this machine only")
    files = {key: folder / str(table[key]) if key in table else None for key in ("ca_file", "certificate", "key")}
    if bool(files["certificate"]) != bool(files["key"]):
        raise AuditSettingsError(f"{where}: certificate and key belong together")
    for key, path in files.items():
        if path is not None and not path.is_file():
            raise AuditSettingsError(f"{where}: {key}: {path} is no file")
    return Collector(host, int(port), tls, files["ca_file"], files["certificate"], files["key"])
