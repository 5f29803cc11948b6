"""What intake may do to the list, in process. Every method blocks until the change is durable; any thread may call.

Every change raises the event that other clients see by itself. Times are the hub's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ups.codes import Code
from ups.workitem import Workitem
from worklist_hub.store.keys import Key


class Feed(Protocol):
    """The list of studies to read, as intake sees it."""

    def latest_of(self, keys: Sequence[Key]) -> Mapping[Key, Workitem]:
        """Of each key that leads to a workitem the last of its chain, each the replacement of the one before. A
        CANCELED one never changes again, so what follows from it holds however many ask. Keys of one hospital and kind.
        """
        ...

    def put(self, workitems: Sequence[Workitem]) -> tuple[bool, ...]:
        """Put SCHEDULED workitems on the list, all in one transaction; False for one whose UID, study or order is on it
        already by whatever road, in whatever state (a replacement asks for its UID alone), and for one that lacks what
        a workitem needs."""
        ...

    def adopt(self, order: Key, uid: str, changes: dict[str, Any]) -> bool:
        """The images of an order have come: write the study into its SCHEDULED workitem, and lead its key there."""
        ...

    def update_scheduled(self, uid: str, changes: dict[str, Any]) -> bool:
        """Write DICOM JSON attributes into a SCHEDULED workitem; False where it is not there or SCHEDULED no longer.

        A change that changes nothing raises no event.
        """
        ...

    def update_held(self, uid: str, changes: dict[str, Any]) -> bool:
        """The same of an IN PROGRESS workitem, as far as `workitem.changeable` allows; False where it is not there,
        not IN PROGRESS, or signed already. Its holder stays as alive as he was."""
        ...

    def update_all(self, changes: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """`update_scheduled` for many (UID, attributes), in one transaction; one that cannot be is left out."""
        ...

    def cancel_scheduled(self, uid: str, code: Code, reason: str) -> bool:
        """Cancel with a reason, only while SCHEDULED; False where it is not there or SCHEDULED no longer."""
        ...

    def open_workitems(self, site_id: str) -> tuple[Workitem, ...]:
        """Every SCHEDULED or IN PROGRESS workitem of a site, replacements of released ones included."""
        ...


class Store(Protocol):
    """The same, a workitem at a time and by its UID alone: for tests and for roads that bring their own UIDs."""

    def create_if_absent(self, workitem: Workitem) -> bool:
        """Put a SCHEDULED workitem on the list; False where its UID is known already, in whatever state.

        Raises `DatasetError` where an attribute needed for creation is absent.
        """
        ...

    def update_scheduled(self, uid: str, changes: dict[str, Any]) -> bool:
        """Write DICOM JSON attributes into a SCHEDULED workitem; False where it is not there or SCHEDULED no longer.

        A change that changes nothing raises no event.
        """
        ...

    def update_held(self, uid: str, changes: dict[str, Any]) -> bool:
        """The same of an IN PROGRESS workitem, as far as `workitem.changeable` allows; False where it is not there,
        not IN PROGRESS, or signed already. Its holder stays as alive as he was."""
        ...

    def cancel_scheduled(self, uid: str, code: Code, reason: str) -> bool:
        """Cancel with a reason, only while SCHEDULED; False where it is not there or SCHEDULED no longer."""
        ...

    def open_workitems(self, site_id: str) -> tuple[Workitem, ...]:
        """Every SCHEDULED or IN PROGRESS workitem of a site, replacements of released ones included."""
        ...
