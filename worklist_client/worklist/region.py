"""What the hub tells beside workitems: itself, and the directory of sites (routes below `/region/`)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import requests

from pacs.site import Site, SiteError
from ups.client import UpsClient
from ups.codes import Person
from ups.errors import NotAuthorised, NotFound
from viewer.cancel import CancelToken

TIMEOUTS_S = (3.0, 10.0)
INTAKE_S = 15.0
"""How often the hub is asked which hospitals answer it."""


class RegionError(Exception):
    """The hub's own routes did not answer as they should; `reason` is plain English."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class About:
    """What the hub says of itself. `solo`: nobody else sees claims made here."""

    name: str
    version: str
    solo: bool
    embedded: bool
    problem: str = ""
    """Why an embedded hub does not use the hub.toml that was edited, for the administrator; else empty."""
    reader: Person | None = None
    """Who the hub says that the token belongs to; None where it asks for no token of a person."""


@dataclass(frozen=True, slots=True)
class SiteIntake:
    """How the hub's asking of one hospital goes. `is_silent`: its studies may be missing from the list."""

    site_id: str
    is_silent: bool
    since: datetime
    """The list is as this hospital was then; where it never answered: when asking began. The hub's clock."""
    has_answered: bool
    reason: str = ""
    """Plain English, empty where it answers."""
    undated: int = 0
    """How many of its studies stay off the list because they have no Study Date."""


def about(url: str, token: str = "", *, timeouts_s: tuple[float, float] = TIMEOUTS_S) -> About:
    """GET /region/about. Raises `RegionError`."""
    data = _get(url, "/region/about", {"Authorization": f"Bearer {token}"} if token else {}, timeouts_s)
    if not isinstance(data, dict):
        raise RegionError("the hub's answer is not what a worklist hub says of itself")
    return About(
        str(data.get("name", "")),
        str(data.get("version", "")),
        bool(data.get("solo")),
        bool(data.get("embedded")),
        str(data.get("problem", "")),
        _reader(data.get("reader")),
    )


def sites(client: UpsClient) -> tuple[Site, ...]:
    """GET /region/sites: the hospitals, in the hub's order. Raises `RegionError`, `SiteError`."""
    data = _get(client.base_url, "/region/sites", dict(client.headers) | {"Accept": "application/json"}, TIMEOUTS_S)
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise RegionError("the hub's directory of sites is not a list")
    found = tuple(Site.from_json(item) for item in data)
    if len({site.site_id for site in found}) != len(found):
        raise SiteError("two sites of the directory have the same site_id")
    return found


def _reader(told: Any) -> Person | None:
    if not isinstance(told, dict) or not told.get("code") or not told.get("name"):
        return None
    return Person(str(told["code"]), str(told["name"]), str(told.get("organisation", "")))


def intake(client: UpsClient) -> tuple[SiteIntake, ...]:
    """GET /region/intake: the hospitals that the hub asks. Raises `RegionError`, also for a hub that does not tell."""
    data = _get(client.base_url, "/region/intake", dict(client.headers) | {"Accept": "application/json"}, TIMEOUTS_S)
    try:
        return tuple(
            SiteIntake(
                str(one["site_id"]),
                one["state"] == "silent",
                _moment(one["since"]),
                bool(one["last_success"]),
                str(one["reason"]),
                int(one.get("undated") or 0),
            )
            for one in data
        )
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise RegionError("what the hub says of its hospitals cannot be understood") from error


@dataclass(frozen=True, slots=True)
class KnownReaders:
    """To whom a study may be given. `is_complete`: the hub knows of everybody who may read it."""

    people: tuple[Person, ...] = ()
    is_complete: bool = False


def readers(client: UpsClient, site_id: str, expertise: str) -> KnownReaders:
    """GET /region/readers: for a study of this hospital and expertise ("" = none asked for). Raises `RegionError`,
    also for a hub that does not tell; `UpsError`."""
    query = urlencode({"site": site_id, "expertise": expertise})
    try:
        told = client.region("GET", f"/region/readers?{query}").json()
        people = tuple(found for one in told["readers"] if (found := _reader(one)) is not None)
        return KnownReaders(people, told["complete"] is True)
    except (NotFound, ValueError, TypeError, KeyError) as error:
        raise RegionError("the hub does not say who reads for it") from error


def follow_intake(client: UpsClient) -> Callable[[CancelToken, Callable[[tuple[SiteIntake, ...]], None]], None]:
    """Work for `TaskRunner.serve`: what the hub says of its hospitals, again and again. A hub that is away says
    nothing: that is shown anyway, and what it said last is still the best that is known."""

    def work(token: CancelToken, emit: Callable[[tuple[SiteIntake, ...]], None]) -> None:
        while not token.cancelled():
            with contextlib.suppress(RegionError):
                emit(intake(client))
            token.wait(INTAKE_S)

    return work


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return found


def _get(url: str, path: str, headers: dict[str, str], timeouts_s: tuple[float, float]) -> Any:
    with requests.Session() as session:
        # The hub is named by the user or by a file only the user can read; a proxy must not see its token.
        session.trust_env = False
        try:
            response = session.get(url.rstrip("/") + path, headers=headers, timeout=timeouts_s, allow_redirects=False)
        except requests.RequestException as error:
            raise RegionError(f"the hub at {url} cannot be reached") from error
        if response.status_code != 200:
            raise RegionError(f"the hub at {url} answered {response.status_code} to {path}")
        try:
            return response.json()
        except ValueError as error:
            raise RegionError(f"the hub at {url} answered {path} with something that is not JSON") from error


@dataclass(frozen=True, slots=True)
class HandedDraft:
    """A draft that somebody handed over: the code of its author, when (DT), and what it says."""

    author: str
    at: str
    draft: dict[str, Any]


def put_draft(client: UpsClient, workitem_uid: str, transaction_uid: str, receiver: str, draft: dict[str, Any]) -> None:
    """PUT /region/drafts/{uid}: keep a draft for the receiver of a study that we hold. Raises `UpsError`."""
    client.region("PUT", _draft_path(workitem_uid, transaction_uid), {"receiver": receiver, "draft": draft})


def take_draft(client: UpsClient, workitem_uid: str, transaction_uid: str) -> HandedDraft | None:
    """GET /region/drafts/{uid}: what came with a study that we hold; None where none did, or it is not for us.

    Raises `RegionError`, `UpsError`.
    """
    try:
        told = client.region("GET", _draft_path(workitem_uid, transaction_uid)).json()
        return HandedDraft(str(told["author"]), str(told["at"]), dict(told["draft"]))
    except NotFound:
        return None
    except NotAuthorised as error:
        if error.status == 403:
            return None
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise RegionError("the hub's answer is not a draft") from error


def _draft_path(workitem_uid: str, transaction_uid: str) -> str:
    return f"/region/drafts/{quote(workitem_uid)}?{urlencode({'transaction-uid': transaction_uid})}"
