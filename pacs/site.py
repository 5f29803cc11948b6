"""A `Site` is a hospital; a `Connection` is one way to talk to its PACS. No secrets in here (design decision 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pacs.errors import PacsError


class SiteError(PacsError):
    """A site directory entry that cannot be used; the reason names the entry, the field and what is allowed."""


@dataclass(frozen=True, slots=True)
class DimseConnection:
    """DIMSE: C-ECHO, C-FIND, C-STORE, and C-GET or C-MOVE."""

    connection_id: str
    host: str
    port: int
    called_ae: str
    retrieve: Literal["C-GET", "C-MOVE"] = "C-GET"
    move_destination_port: int = 0
    """Port of our own storage SCP for C-MOVE; 0 = none is opened. Its AE title is the caller's own."""
    associations: int = 1
    """How many associations may be used at once to read one study."""
    timeout_s: float = 8.0
    shared: bool = False
    kind: Literal["dimse"] = "dimse"


@dataclass(frozen=True, slots=True)
class DicomwebConnection:
    """DICOMweb: QIDO-RS, WADO-RS, STOW-RS below one base URL."""

    connection_id: str
    base_url: str
    timeout_s: float = 8.0
    associations: int = 2
    """How many requests may run at once to read one study."""
    shared: bool = False
    kind: Literal["dicomweb"] = "dicomweb"


Connection = DimseConnection | DicomwebConnection


@dataclass(frozen=True, slots=True)
class Site:
    """A hospital. `issuer_of_patient_id` is the default issuer where the tag is absent (design decision 4)."""

    site_id: str
    name: str
    color: str
    time_zone: str = "Europe/Amsterdam"
    issuer_of_patient_id: str = ""
    connections: tuple[Connection, ...] = ()
    accepts: tuple[str, ...] = ("GSPS", "ENHANCED_SR")
    """Report representations the site accepts, in order of sending."""
    foreign_reading: Literal["permit", "deny", "unknown"] = "permit"
    """Whether this site's studies may be opened as priors of another site (the first consent adapter)."""
    lookback_h: float = 48.0
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, as the hub serves it."""
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Site:
        """Read one entry of the directory; unknown keys are kept in `extra`. Raises `SiteError`."""
        fields = {key: value for key, value in data.items() if key in Site.__dataclass_fields__}
        where = f"site {data.get('site_id', '?')}"
        for needed in ("site_id", "name", "color"):
            if not isinstance(fields.get(needed), str) or not fields[needed]:
                raise SiteError(f"{where}: '{needed}' is missing or not a text")
        fields["connections"] = tuple(_connection(where, item) for item in data.get("connections", ()))
        fields["accepts"] = tuple(fields.get("accepts", ("GSPS", "ENHANCED_SR")))
        extra = dict(fields.get("extra", {}))
        extra.update({key: value for key, value in data.items() if key not in Site.__dataclass_fields__})
        fields["extra"] = extra
        return Site(**fields)


def _connection(where: str, data: Mapping[str, Any]) -> Connection:
    kinds: dict[str, type[DimseConnection] | type[DicomwebConnection]] = {
        "dimse": DimseConnection,
        "dicomweb": DicomwebConnection,
    }
    kind = kinds.get(str(data.get("kind")))
    if kind is None:
        raise SiteError(f"{where}: connection kind must be 'dimse' or 'dicomweb', not {data.get('kind')!r}")
    unknown = set(data) - set(kind.__dataclass_fields__)
    if unknown:
        raise SiteError(f"{where}: connection has unknown field(s) {', '.join(sorted(unknown))}")
    try:
        return kind(**data)
    except TypeError as error:
        raise SiteError(f"{where}: {error}") from error
