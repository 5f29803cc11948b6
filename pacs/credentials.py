"""Secrets for one connection, handed in by the caller: they are never part of a `Site` (design decision 3)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """HTTP user and password (Basic) or a bearer token for DICOMweb; `ca_file` pins the authority of a TLS peer."""

    user: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    ca_file: str = ""
    source: str = field(default="", compare=False)
    """Where they were found, in words, for who has to mend them."""
