"""UPS-RS as a client (PS3.18 chapter 11) over requests; one dialect a server. Safe to use from several threads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import quote, urlencode, urlsplit

import requests

from ups import answers
from ups import dicom_json as dj
from ups.answers import Answer
from ups.codes import UNSPECIFIED_REASON, Code, Person
from ups.dialects import HUB, Dialect
from ups.dicom_json import DicomJson
from ups.errors import ProtocolViolation, TimedOut, Unreachable, Unsupported
from ups.states import ProcedureStepState
from ups.workitem import Workitem

GLOBAL_SUBSCRIPTION = "1.2.840.10008.5.1.4.34.5"
FILTERED_GLOBAL_SUBSCRIPTION = "1.2.840.10008.5.1.4.34.5.1"
READER_HEADER = "X-Worklist-Reader"
DEFAULT_PAGE = 200
_MEDIA_TYPE = "application/dicom+json"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What Subscribe answered; `warning` is, say, that the deletion lock was not granted."""

    websocket_url: str
    warning: str = ""


class TokenSource(Protocol):
    """Bearer tokens that end and are renewed. Any thread may call; both may block."""

    def token(self) -> str:
        """To send now; "" where nobody is signed in."""
        ...

    def rejected(self, token: str) -> bool:
        """The server did not take it. True: there is another one, ask once more."""
        ...


def reader_header(reader: Person) -> str:
    """The value of `X-Worklist-Reader`: who asks, for a hub without a token file."""
    told = {"code": reader.code, "name": reader.name, "organisation": reader.organisation}
    return quote(json.dumps(told, ensure_ascii=False))


class UpsClient:
    """One UPS-RS server. Every method blocks, has time-outs, and raises `ups.errors.UpsError`."""

    def __init__(
        self,
        base_url: str,
        *,
        session: requests.Session | None = None,
        dialect: Dialect = HUB,
        connect_timeout_s: float = 3.0,
        read_timeout_s: float = 10.0,
        token: str | TokenSource = "",
        reader: Person | None = None,
        calling_ae: str = "WORKLIST",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.dialect = dialect
        self.reader = reader
        self.calling_ae = calling_ae
        self._timeouts = (connect_timeout_s, read_timeout_s)
        self._token = token
        self._session = session or _new_session(self.base_url)

    @property
    def headers(self) -> dict[str, str]:
        """Of every request; with a `TokenSource` this may block, to renew the token."""
        made = {"Accept": _MEDIA_TYPE}
        token = self._token if isinstance(self._token, str) else self._token.token()
        if token:
            made["Authorization"] = f"Bearer {token}"
        if self.reader is not None:
            made[READER_HEADER] = reader_header(self.reader)
        return made

    def known_as(self, reader: Person) -> None:
        """Who asks, where the hub has no token of its own for the reader."""
        self.reader = reader

    def move(self, base_url: str, token: str) -> None:
        """The server is now there: it was started anew. Requests under way fail as they would have."""
        if isinstance(self._token, str):
            self._token = token
        self.base_url = base_url.rstrip("/")

    def close(self) -> None:
        """Close idle connections; the client may still be used."""
        self._session.close()

    def search(
        self,
        filters: Mapping[str, str] | None = None,
        *,
        limit: int = DEFAULT_PAGE,
        offset: int = 0,
        include: Sequence[str] = ("all",),
    ) -> tuple[Workitem, ...]:
        """One page; `filters` are keywords, dotted for sequences, with QIDO matching (ranges, wildcards)."""
        query = [*(filters or {}).items(), *(("includefield", one) for one in include)]
        query += [("limit", str(limit)), ("offset", str(offset))]
        answer = self._send("GET", f"/workitems?{urlencode(query)}")
        if answer.status == 204:
            return ()
        data = answer.json()
        if not isinstance(data, list):
            raise ProtocolViolation("the answer to a search is not a list", status=answer.status)
        return tuple(_workitem(item) for item in data)

    def iter_search(
        self, filters: Mapping[str, str] | None = None, *, page: int = DEFAULT_PAGE, include: Sequence[str] = ("all",)
    ) -> Iterator[Workitem]:
        """Every match, page by page, each once.

        Rows that leave the matches while we page shift the rest forward, past the next offset. So each page repeats
        the last row of the one before; where it does not, the search steps back until it meets a row seen already.
        """
        page = max(page, 2)
        seen: set[str] = set()
        offset = 0
        while True:
            rows = self.search(filters, limit=page, offset=offset, include=include)
            if offset and (not rows or rows[0].uid not in seen):
                offset = max(0, offset - page + 1)
                if rows or offset:
                    continue
                rows = self.search(filters, limit=page, offset=0, include=include)
            fresh = [row for row in rows if row.uid not in seen]
            seen.update(row.uid for row in fresh)
            yield from fresh
            if len(rows) < 2:
                return
            offset += len(rows) - 1

    def retrieve(self, uid: str) -> Workitem:
        """The whole workitem; a Transaction UID that a server gives away is dropped."""
        data = self._send("GET", f"/workitems/{quote(uid)}").json()
        if isinstance(data, list):  # PS3.18 8.7.3: an array of one, on many servers
            data = data[0] if len(data) == 1 else None
        return _workitem(data)

    def create(self, workitem: Workitem) -> None:
        """Create it SCHEDULED. Raises `AlreadyThere` where the UID is known."""
        dataset = workitem.to_json()
        if self.dialect.create_uid == "bare":
            dj.remove(dataset, "SOPInstanceUID")
            query = quote(workitem.uid)
        else:
            query = urlencode({"workitem": workitem.uid})
        self._send("POST", f"/workitems?{query}", dataset, creating=True)

    def update(self, uid: str, changes: Mapping[str, Any], transaction_uid: str | None = None) -> None:
        """Write attributes: with the Transaction UID while IN PROGRESS, without while SCHEDULED."""
        path, body = f"/workitems/{quote(uid)}", dict(changes)
        if transaction_uid is not None:
            if self.dialect.transaction_on_update == "body":
                dj.put(body, "TransactionUID", transaction_uid)
            elif self.dialect.transaction_on_update == "bare":
                path += f"?{quote(transaction_uid)}"
            else:
                path += f"?{urlencode({self.dialect.transaction_query_name: transaction_uid})}"
        self._send("POST", path, body)

    def change_state(self, uid: str, state: ProcedureStepState, transaction_uid: str) -> None:
        """PUT the state. A success with a warning (already there) is a success."""
        body = dj.make(ProcedureStepState=state.value, TransactionUID=transaction_uid)
        path = f"/workitems/{quote(uid)}/state"
        self._send("PUT", path + (f"/{quote(self.calling_ae)}" if self.dialect.state_with_aet else ""), body)

    def request_cancel(
        self,
        uid: str,
        *,
        reason: str = "",
        code: Code = UNSPECIFIED_REASON,
        contact_name: str = "",
        contact_uri: str = "",
    ) -> None:
        """Ask for cancellation: carried out while SCHEDULED, passed on to the performer while IN PROGRESS."""
        body = dj.make(ReasonForCancellation=reason, ContactDisplayName=contact_name, ContactURI=contact_uri)
        dj.put_items(body, "ProcedureStepDiscontinuationReasonCodeSequence", [code.item()])
        path = f"/workitems/{quote(uid)}/cancelrequest"
        self._send("POST", path + (f"/{quote(self.calling_ae)}" if self.dialect.cancel_with_aet else ""), body)

    def subscribe(
        self, uid: str, aet: str, *, deletion_lock: bool = False, filters: Mapping[str, str] | None = None
    ) -> Subscription:
        """Subscribe `aet` to one workitem or to all (`GLOBAL_SUBSCRIPTION`), with `filters` to those that match."""
        if not self.dialect.event_channel:
            raise Unsupported(f"{self.dialect.name} has no subscriptions")
        query: list[tuple[str, str]] = []
        if filters:
            if not self.dialect.filtered_subscription:
                raise Unsupported(f"{self.dialect.name} has no filtered subscriptions")
            uid = FILTERED_GLOBAL_SUBSCRIPTION
            query.append(("filter", ",".join(f"{key}={value}" for key, value in filters.items())))
        if deletion_lock:
            query.append(("deletionlock", "true"))
        path = f"/workitems/{quote(uid)}/subscribers/{quote(aet)}"
        answer = self._send("POST", path + (f"?{urlencode(query)}" if query else ""), filtered=bool(filters))
        warning = answers.warning_text(answer.headers.get("Warning", ""))
        return Subscription(answer.headers.get("Content-Location", ""), warning)

    def unsubscribe(self, uid: str, aet: str) -> None:
        """End the subscription of `aet` to `uid`, and with it its deletion lock."""
        self._send("DELETE", f"/workitems/{quote(uid)}/subscribers/{quote(aet)}")

    def suspend(self, aet: str, uid: str = GLOBAL_SUBSCRIPTION) -> None:
        """No new workitems for a global subscription; those subscribed already stay so."""
        self._send("POST", f"/workitems/{quote(uid)}/subscribers/{quote(aet)}/suspend")

    def region(
        self, method: Literal["GET", "POST", "PUT", "DELETE"], path: str, body: dict[str, Any] | None = None
    ) -> Answer:
        """What only our own hub has, below `/region/`, asked as the rest is. Raises `UpsError`."""
        return self._send(method, path, body)

    def _send(
        self,
        method: Literal["GET", "POST", "PUT", "DELETE"],
        path: str,
        body: DicomJson | None = None,
        *,
        creating: bool = False,
        filtered: bool = False,
    ) -> Answer:
        content = b""
        more = {}
        if body is not None:
            content = json.dumps([body] if self.dialect.bodies_in_array else body).encode()
            more["Content-Type"] = _MEDIA_TYPE
        try:
            headers = self.headers | more
            answer = self._exchange(method, path, content, headers)
            if answer.status == 401 and self._has_another(headers):
                answer = self._exchange(method, path, content, self.headers | more)
        except requests.ConnectTimeout as error:
            raise Unreachable(f"{self.base_url} does not answer the call") from error
        except requests.Timeout as error:
            raise TimedOut(f"{self.base_url} gave no answer within {self._timeouts[1]:g} s") from error
        except requests.ConnectionError as error:
            raise Unreachable(f"{self.base_url} cannot be reached") from error
        except requests.RequestException as error:
            raise ProtocolViolation(f"{self.base_url} gave an answer that cannot be read") from error
        answers.check(answer, creating=creating, filtered=filtered)
        return answer

    def _has_another(self, headers: Mapping[str, str]) -> bool:
        """Whether a token that was not taken could be renewed: nothing was carried out, so asking again is harmless."""
        sent = headers.get("Authorization", "").removeprefix("Bearer ")
        return not isinstance(self._token, str) and self._token.rejected(sent)

    def _exchange(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> Answer:
        for is_last in (method != "GET", True):
            try:
                response = self._session.request(
                    method,
                    self.base_url + path,
                    data=content,
                    headers=headers,
                    timeout=self._timeouts,
                    allow_redirects=False,
                )
                return Answer(response.status_code, response.headers, response.content)
            except (requests.ConnectTimeout, requests.Timeout):
                raise
            except requests.ConnectionError:
                # A kept-alive connection may have been closed under us; reading again is harmless
                if is_last:
                    raise
        raise AssertionError("unreachable")


def _new_session(base_url: str) -> requests.Session:
    session = requests.Session()
    if urlsplit(base_url).hostname in ("127.0.0.1", "localhost", "::1"):
        session.trust_env = False  # a proxy of the house must not get what goes to our own machine
    adapter = requests.adapters.HTTPAdapter(pool_connections=2, pool_maxsize=16)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _workitem(data: Any) -> Workitem:
    try:
        dataset = dj.check_dataset(data)
        dj.remove(dataset, "TransactionUID")
        return Workitem.from_json(dataset)
    except dj.DatasetError as error:
        raise ProtocolViolation(f"the answer is not a workitem: {error}") from error
