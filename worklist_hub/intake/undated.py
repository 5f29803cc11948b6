"""Studies without a Study Date (it may be empty: type 2): no range of dates finds them, so they are asked for apart.

In an archive that holds too many studies to ask for all of them, one without a date is not seen; that is logged.
"""

from __future__ import annotations

import logging
from typing import Final

from pacs.errors import Interrupted, PacsError
from pacs.port import Cancelled, Pacs, StudyAnswer, StudyQuery
from worklist_hub.intake.corrections import day_of

ALL: Final = 1000
"""An archive that answers so many is not asked for all its studies again."""
LOOK_AGAIN_POLLS: Final = 6

_log = logging.getLogger("wl.hub.intake")


class UndatedWatch:
    """Of one site. What was there at the first look may be years old and stays off the list; what comes later has
    arrived just now."""

    def __init__(self, site_id: str) -> None:
        self._site_id = site_id
        self._until_next = 0
        self._is_too_large = False
        self._before: frozenset[str] | None = None
        self._found: tuple[StudyAnswer, ...] = ()

    @property
    def left_out(self) -> int:
        """How many studies stay off the list because nobody knows of when they are."""
        return len({one.study_instance_uid for one in self._found} & (self._before or frozenset()))

    def arrived(self, pacs: Pacs, cancelled: Cancelled) -> list[StudyAnswer]:
        """Those that came since the first look. Raises `Interrupted` only: what is not answered stays as it was."""
        if self._until_next <= 0 and not self._is_too_large:
            self._until_next = LOOK_AGAIN_POLLS
            self._look(pacs, cancelled)
        self._until_next -= 1
        before = self._before or frozenset()
        return [one for one in self._found if one.study_instance_uid not in before]

    def _look(self, pacs: Pacs, cancelled: Cancelled) -> None:
        try:
            answers = pacs.search_for_studies(StudyQuery(limit=ALL), cancelled)
        except Interrupted:
            raise
        except PacsError as error:
            _log.info("studies without a date not asked for: site=%s error=%s", self._site_id, type(error).__name__)
            return
        if len(answers) >= ALL:
            self._is_too_large = True
            _log.warning("a study without a date would not be seen, there are too many: site=%s", self._site_id)
            return
        self._found = undated(answers)
        if self._before is None:
            self._before = frozenset(one.study_instance_uid for one in self._found)
            if self._before:
                _log.warning("studies without a date stay off the list: site=%s count=%d", self._site_id, self.left_out)


def undated(answers: list[StudyAnswer]) -> tuple[StudyAnswer, ...]:
    """Those of which nobody knows of when they are."""
    return tuple(one for one in answers if one.study_instance_uid and day_of(one.study_date) is None)


def said_of_undated(pacs: Pacs, cancelled: Cancelled) -> str:
    """The half sentence for the administrator, "" where there is nothing to say. Raises `PacsError`."""
    answers = pacs.search_for_studies(StudyQuery(limit=ALL), cancelled)
    if len(answers) >= ALL:
        return f"; with {ALL} studies or more, one without a Study Date would not be noticed"
    held = len({one.study_instance_uid for one in undated(answers)})
    return (
        f"; without a Study Date: {held}, and such a study is listed only if it comes while the hub runs"
        if held
        else ""
    )
