"""The URLs of the hub: UPS-RS (PS3.18 11.4 to 11.13), its capabilities (8.9), and `/region/` for the rest."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from importlib import metadata

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from worklist_hub.edited import CurrentConfig
from worklist_hub.intake.states import IntakeStates
from worklist_hub.store.database import StoreUnavailable
from worklist_hub.store.subscriptions import TooManySubscriptions
from worklist_hub.store.workitems import LostRace
from worklist_hub.web import bodies, openapi
from worklist_hub.web.bodies import BadRequest
from worklist_hub.web.transactions import Transactions
from worklist_hub.web.watching import Watching
from worklist_hub.workitem.matching import MatchingError
from worklist_hub.workitem.protocol import Caller

_log = logging.getLogger("wl.hub.web")
Endpoint = Callable[[HttpRequest], Awaitable[Response]]
Row = tuple[str, str, Endpoint]
"""Method, path, what answers."""


def routes(
    transactions: Transactions,
    watching: Watching,
    config: CurrentConfig,
    intake: IntakeStates,
    *,
    embedded: bool,
    further: tuple[Row, ...] = (),
) -> list[BaseRoute]:
    """Every URL of the hub; `further` are those of other rooms under `/region/`."""
    one, subscriber = "/workitems/{uid}", "/workitems/{uid}/subscribers/{aet}"

    async def region_sites(_request: HttpRequest) -> Response:
        return JSONResponse([site.as_json() for site in config.now().sites])

    async def region_intake(_request: HttpRequest) -> Response:
        told = await run_in_threadpool(intake.now)
        return JSONResponse([site.as_json() for site in told])

    async def region_about(request: HttpRequest) -> Response:
        name = config.now().ae_title
        about = {"name": name, "solo": embedded, "embedded": embedded, "problem": config.problem if embedded else ""}
        caller = getattr(request.state, "caller", None)
        if isinstance(caller, Caller) and caller.reader is not None:  # desks sign with the name that the hub knows
            reader = caller.reader
            about["reader"] = {"code": reader.code, "name": reader.name, "organisation": reader.organisation}
        return JSONResponse({**about, "version": version()})

    table: tuple[Row, ...] = (
        ("POST", "/workitems", transactions.create),
        ("GET", "/workitems", transactions.search),
        ("GET", one, transactions.retrieve),
        ("POST", one, transactions.update),
        ("PUT", f"{one}/state", transactions.change_state),
        ("PUT", f"{one}/state/{{aet}}", transactions.change_state),
        ("POST", f"{one}/cancelrequest", transactions.request_cancel),
        ("POST", f"{one}/cancelrequest/{{aet}}", transactions.request_cancel),
        ("POST", subscriber, watching.subscribe),
        ("DELETE", subscriber, watching.unsubscribe),
        ("POST", f"{subscriber}/suspend", watching.suspend),
        ("OPTIONS", "/", capabilities),
        ("OPTIONS", "/workitems", capabilities),
        ("GET", "/region/openapi.json", region_openapi),
        ("GET", "/region/sites", region_sites),
        ("GET", "/region/intake", region_intake),
        ("GET", "/region/about", region_about),
        *further,
    )
    made: list[BaseRoute] = [Route(path, guarded(call), methods=[method]) for method, path, call in table]
    made.append(WebSocketRoute("/ws/subscribers/{aet}", watching.channel))
    return made


def guarded(call: Endpoint) -> Endpoint:
    """`call` with its errors as statuses."""

    async def endpoint(request: HttpRequest) -> Response:
        try:
            return await call(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except BadRequest as error:
            return bodies.error_answer(request, error.text, error.status)
        except MatchingError as error:
            return bodies.error_answer(request, str(error), 400)
        except TooManySubscriptions as error:
            return bodies.error_answer(request, str(error), 429)
        except LostRace:
            return bodies.error_answer(request, "The workitem is changing too fast; ask again", 409)
        except (StoreUnavailable, sa.exc.OperationalError, sa.exc.TimeoutError):
            _log.warning("store refused method=%s", request.method)
            return bodies.error_answer(request, "The worklist cannot be written now; ask again", 503)

    return endpoint


async def capabilities(request: HttpRequest) -> Response:
    """PS3.18 8.9: WADL, or OpenAPI for who asks for JSON."""
    asked = request.headers.get("accept", "*/*").lower()
    if any(name in asked for name in (openapi.WADL, "application/*", "*/*")):
        return Response(openapi.wadl(bodies.service_of(request)), media_type=openapi.WADL)
    if "json" in asked:
        return JSONResponse(openapi.document(version()))
    raise BadRequest(f"capabilities are told as {openapi.WADL} or application/json", 406)


async def region_openapi(_request: HttpRequest) -> Response:
    """The OpenAPI document."""
    return JSONResponse(openapi.document(version()))


def version() -> str:
    """Of this program."""
    return metadata.version("universal-radiology-worklist")
