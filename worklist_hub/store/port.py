"""What intake may do to the list, in process. Every method blocks until the change is durable; any thread may call.

Every change raises the event that other clients see by itself. Times are the hub's own.
"""

from __future__ import annotations

from typing import Any, Protocol

from ups.codes import Code
from ups.workitem import Workitem


class Store(Protocol):
    """The list of studies to read, as intake sees it."""

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
        """The same of an IN PROGRESS workitem, as far as `worklist_hub.changeable` allows; False where it is not there,
        not IN PROGRESS, or signed already. Its holder stays as alive as he was."""
        ...

    def cancel_scheduled(self, uid: str, code: Code, reason: str) -> bool:
        """Cancel with a reason, only while SCHEDULED; False where it is not there or SCHEDULED no longer."""
        ...

    def latest(self, uid: str) -> Workitem | None:
        """The last of the chain that begins with this UID, each the replacement of the one before; None where the UID
        is not known. A CANCELED one never changes again, so what follows from it holds however many ask."""
        ...

    def open_workitems(self, site_id: str) -> tuple[Workitem, ...]:
        """Every SCHEDULED or IN PROGRESS workitem of a site, replacements of released ones included."""
        ...
