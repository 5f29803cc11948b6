"""`[operations]` of hub.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

METRICS_TOKEN = "WORKLIST_HUB_METRICS_TOKEN"
"""Environment variable: who sends it as Bearer token may read /metrics. Without it there is no /metrics."""


class OperationsSettingsError(Exception):
    """`[operations]` cannot be used; the text says which key and what is allowed."""


@dataclass(frozen=True, slots=True)
class OperationsSettings:
    """`[operations]`."""

    drain_s: float = 0.0
    """After a stop is asked for, how long /ready says no before the last request is taken: a proxy needs to see it."""
    log: str = "text"
    metrics_token: str = field(default="", repr=False)


def operations_settings(table: Any, environment: Mapping[str, str]) -> OperationsSettings:
    """From the parsed TOML and the environment. Raises `OperationsSettingsError`."""
    if not isinstance(table, Mapping):
        raise OperationsSettingsError("[operations] must be a table")
    allowed = ("drain_s", "log")
    for key in table:
        if key not in allowed:
            raise OperationsSettingsError(f"[operations] {key} is unknown; allowed are {', '.join(allowed)}")
    drain, log = table.get("drain_s", 0.0), table.get("log", "text")
    if isinstance(drain, bool) or not isinstance(drain, (int, float)) or not 0 <= drain <= 300:
        raise OperationsSettingsError("[operations] drain_s must be a number of seconds from 0 to 300")
    if log not in ("text", "json"):
        raise OperationsSettingsError(f"[operations] log must be 'text' or 'json', not {log!r}")
    token = environment.get(METRICS_TOKEN, "")
    if token and len(token) < 16:
        raise OperationsSettingsError(f"{METRICS_TOKEN} needs at least 16 characters")
    return OperationsSettings(float(drain), log, token)
