"""Can this connection be used? Asks as the product itself asks, and says what to do where it cannot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pacs.connect import open_pacs
from pacs.credentials import Credentials
from pacs.errors import (
    AssociationRejected,
    NotAuthorised,
    NotFound,
    PacsError,
    ProtocolViolation,
    Refused,
    TimedOut,
    Unreachable,
)
from pacs.port import Pacs, StudyQuery
from pacs.secrets import SecretsError
from pacs.site import Connection, DicomwebConnection, Site

FindSecret = Callable[[str], Credentials | None]
HowToStore = Callable[[str], str]
"""What to do so that whoever asks here finds the secret of a connection id."""
NOBODY_UID = "2.25.0"
"""A Study Instance UID that no study has: the search costs the archive nothing and tells of nobody."""


@dataclass(frozen=True, slots=True)
class Check:
    """How one connection answered. `advice` says what to do, empty where it works; no secret is in any text."""

    site_name: str
    connection_id: str
    works: bool
    text: str
    advice: str = ""

    @property
    def line(self) -> str:
        """One line for a terminal."""
        head = f"{self.site_name}  {self.connection_id}  {'ok' if self.works else 'FAILED'}  {self.text}"
        return f"{head}  -> {self.advice}" if self.advice else head


def check_sites(
    sites: Iterable[Site],
    calling_ae: str,
    find_secret: FindSecret,
    clock: Callable[[], float] = time.monotonic,
    how_to_store: HowToStore | None = None,
) -> Iterator[Check]:
    """Every connection of every site in turn; each is told as soon as it has answered."""
    for site in sites:
        if not site.connections:
            yield Check(site.name, "-", False, "has no connection", "add one to 'connections' of this [[site]]")
        for connection in site.connections:
            yield check(site.name, connection, calling_ae, find_secret, clock, how_to_store)


def check(
    site_name: str,
    connection: Connection,
    calling_ae: str,
    find_secret: FindSecret,
    clock: Callable[[], float] = time.monotonic,
    how_to_store: HowToStore | None = None,
) -> Check:
    """Echo it, then search it for a study that nobody has: an AE title may be allowed the one and not the other."""
    name, where = connection.connection_id, address_of(connection)
    started_s, credentials = clock(), None
    try:
        credentials = find_secret(name)
        port = open_pacs(connection, calling_ae=calling_ae, credentials=credentials)
        _ask(port)
    except PacsError as error:
        what_to_do = advice(error, connection, calling_ae, how_to_store or in_keychain)
        reason = _who_is_refused(error, connection, credentials) or error.reason
        return Check(site_name, name, False, f"{where}: {reason}", what_to_do)
    took_ms = round((clock() - started_s) * 1000)
    return Check(site_name, name, True, f"{where} answered in {took_ms} ms", _reminder(connection, calling_ae))


def _who_is_refused(error: PacsError, connection: Connection, credentials: Credentials | None) -> str:
    """A wrong password looks from outside like none at all: what was given, and where it came from."""
    if not isinstance(error, NotAuthorised) or not isinstance(connection, DicomwebConnection):
        return ""
    if credentials is None or not (credentials.user or credentials.bearer_token):
        return "the PACS refuses us, and no user and password are stored for it"
    who = f"user {credentials.user}" if credentials.user else "the bearer token"
    return f"{who} from {credentials.source} is refused"


def address_of(connection: Connection) -> str:
    """Where it goes, in words."""
    if isinstance(connection, DicomwebConnection):
        return f"DICOMweb {connection.base_url}"
    return f"{connection.retrieve} {connection.called_ae}@{connection.host}:{connection.port}"


def in_keychain(connection_id: str) -> str:
    """How the desk keeps a secret."""
    return f"store user and password: worklist-client secret {connection_id}"


def advice(error: PacsError, connection: Connection, calling_ae: str, how_to_store: HowToStore = in_keychain) -> str:
    """What a PACS administrator can do about it."""
    web = isinstance(connection, DicomwebConnection)
    secret = how_to_store(connection.connection_id)
    allow = f"allow the AE title '{calling_ae}' of this computer at the PACS"
    called = "" if isinstance(connection, DicomwebConnection) else f", and check called_ae '{connection.called_ae}'"
    # Some archives take the association of an AE title that they do not know, and abort it at the first question.
    no_dicom = f"check that this is the DICOM port, or the AE title {calling_ae} is not allowed there"
    table: tuple[tuple[type[PacsError], str], ...] = (
        (SecretsError, "mend the file or the variable that it names"),
        (Unreachable, "check base_url and the firewall" if web else "check host, port and the firewall"),
        (TimedOut, "something listens there and does not answer: check the port, or raise timeout_s"),
        (AssociationRejected, allow + called),
        (NotAuthorised, secret if web else allow),
        (NotFound, "check base_url: it ends where /studies begins, often in /dicom-web"),
        (Refused, "check base_url, and what this user may do" if web else f"{allow} to search (C-FIND)"),
        (ProtocolViolation, no_dicom if not web else "check base_url: no DICOMweb answers"),
    )
    return next((text for kind, text in table if isinstance(error, kind)), "look into the log of the PACS")


def _ask(port: Pacs) -> None:
    def never() -> bool:
        return False

    port.echo(never)
    port.search_for_studies(StudyQuery(study_instance_uid=NOBODY_UID, limit=1), never)


def _reminder(connection: Connection, calling_ae: str) -> str:
    """What an echo cannot prove."""
    if isinstance(connection, DicomwebConnection) or connection.retrieve != "C-MOVE":
        return ""
    port = connection.move_destination_port
    return f"C-MOVE: the PACS must also know where '{calling_ae}' is: this computer, port {port}"
