"""Images that reached the hospital after the study was opened: asked for once more when the reader signs."""

from __future__ import annotations

import time
from collections.abc import Callable

from pacs.errors import Interrupted, PacsError
from pacs.port import Cancelled
from worklist_client.commands.case_state import CaseError
from worklist_client.reading.completeness import Late
from worklist_client.reading.errors import ReadingError

ASK_S = 3.0
"""How long signing waits for the hospital to say what it holds; a report is signed also while it is down."""

NOT_ASKED = "The hospital did not say whether more images came after the study was opened"


class MoreImages(CaseError):
    """The hospital holds images that the reader was not shown; nothing was signed."""

    def __init__(self, late: Late) -> None:
        super().__init__(late.sentence)
        self.late = late


def require_all_seen(
    ask: Callable[[Cancelled], Late | None],
    cancelled: Cancelled,
    accepted: Late | None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[str, ...]:
    """Refuse where more images came than the reader has confirmed to sign without; notes for the report that is signed.

    Raises
    ------
    MoreImages : more came
    Interrupted : cancelled
    """
    until = clock() + ASK_S
    try:
        late = ask(lambda: cancelled() or clock() > until)
    except (PacsError, ReadingError) as error:
        if isinstance(error, Interrupted) and cancelled():
            raise
        return (NOT_ASKED,)
    if late is not None and (accepted is None or late.total > accepted.total):
        raise MoreImages(late)
    return ()
