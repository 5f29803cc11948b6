"""To whom a study may be given, over HTTP: `/region/readers`. Number, name and organization; no account, no right.

Known are the readers of the token file, the enabled accounts, and those of an OpenID provider whom this hub grants
something by name. Who has his rights from a group of the provider alone is not kept by the hub: then the answer says
that it is not all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from ups.codes import Person
from worklist_hub.access.entrance import KnownReaders
from worklist_hub.access.grants import Grant, Privilege
from worklist_hub.web.callers import Known
from worklist_hub.web.transactions import caller_of
from worklist_hub.web.urls import Row
from worklist_hub.workitem.protocol import Caller

_GIVES = frozenset({Privilege.ASSIGN, Privilege.READ})
"""Who may assign gives studies that wait; who may read may hold a study, and hands it over."""


class Assignable:
    """`GET /region/readers?site=&expertise=`."""

    def __init__(self, known: KnownReaders, site_ids: Callable[[], Sequence[str]]) -> None:
        self._known, self._site_ids = known, site_ids

    @property
    def rows(self) -> tuple[Row, ...]:
        """For the table of URLs."""
        return (("GET", "/region/readers", self.readers),)

    async def readers(self, request: HttpRequest) -> Response:
        """Of one hospital and expertise, or, where none is named, of every hospital at which the caller gives."""
        asked, expertise = request.query_params.get("site"), request.query_params.get("expertise", "")
        site_ids = self._site_ids() if asked is None else (asked,)
        known = await run_in_threadpool(self._known.all)
        found = assignable(caller_of(request), known, site_ids, expertise)
        told = [{"code": one.code, "name": one.name, "organisation": one.organisation} for one in found]
        return JSONResponse(
            {"readers": told, "complete": self._known.is_complete}, headers={"Cache-Control": "no-store"}
        )


def assignable(caller: Caller, known: Iterable[Known], site_ids: Sequence[str], expertise: str) -> tuple[Person, ...]:
    """The readers to whom this caller may give a study of one of these hospitals that asks for this expertise ("" =
    for none), by name, each once."""
    gives = [site_id for site_id in site_ids if _has(caller.grants or (), _GIVES, site_id, expertise)]
    reads = frozenset({Privilege.READ})
    found = {one.reader for one in known if any(_has(one.grants, reads, site_id, expertise) for site_id in gives)}
    return tuple(sorted(found, key=lambda reader: (reader.name, reader.code, reader.organisation)))


def _has(grants: Iterable[Grant], one_of: frozenset[Privilege], site_id: str, expertise: str) -> bool:
    return any(grant.covers(site_id, expertise) and grant.privileges & one_of for grant in grants)
