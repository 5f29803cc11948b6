"""How servers differ from the standard and from each other, as data. One row a server; tests play each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one server wants to hear and what it offers."""

    name: str
    transaction_on_update: Literal["query", "bare", "body"] = "query"
    """Where Update carries the Transaction UID: `?transaction-uid=`, bare in the query, or in the dataset."""
    transaction_query_name: str = "transaction-uid"
    """Renamed by the standard: `transaction` (2014c), `transaction-uid` (2019b), `Transaction-uid` (2025e)."""
    create_uid: Literal["named", "bare"] = "named"
    """Where Create carries the workitem UID: `?workitem=` or bare in the query."""
    bodies_in_array: bool = False
    """Whether a dataset is sent as an array of one."""
    state_with_aet: bool = False
    """PUT .../state/{requesterAET}."""
    cancel_with_aet: bool = False
    """POST .../cancelrequest/{requesterAET}."""
    cancels_scheduled: bool = True
    """Whether a cancel request on a SCHEDULED workitem is carried out."""
    filtered_subscription: bool = True
    event_channel: bool = True
    events_carry_row: bool = False
    """Whether an event holds the whole workitem, so that nobody must GET."""
    names_holder: bool = False
    """Whether the server writes Actual Human Performers at the claim; else the winner does so by Update."""
    creates_replacement: bool = False
    """Whether a release makes the replacement; else the client creates it."""


HUB = Dialect("worklist-hub", events_carry_row=True, names_holder=True, creates_replacement=True)
"""Our own hub: the standard, and more where the standard leaves room."""

STANDARD = Dialect("standard", cancels_scheduled=False)
"""PS3.18 2024e chapter 11 to the letter."""

DCM4CHEE_OLD = Dialect(
    "dcm4chee-arc up to 5.35.0",
    transaction_on_update="body",
    state_with_aet=True,
    cancel_with_aet=True,
)
"""The Transaction UID in the query is refused; the requester's AE title stands in the path (its issue 4963)."""

DCM4CHEE = Dialect("dcm4chee-arc after 5.35.0")
"""Both forms since its issue 4963; the standard one is used."""

MICROSOFT = Dialect(
    "Microsoft DICOM service",
    transaction_on_update="bare",
    create_uid="bare",
    bodies_in_array=True,
    filtered_subscription=False,
    event_channel=False,
    cancels_scheduled=True,
)
"""UIDs bare in the query; no subscriptions, so the list is polled."""

DIALECTS: dict[str, Dialect] = {one.name: one for one in (HUB, STANDARD, DCM4CHEE_OLD, DCM4CHEE, MICROSOFT)}
