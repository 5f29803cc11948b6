"""Receiving objects of one retrieval: judge each object, keep it under its hashed name, count what came.

An object is kept only when its UIDs are UIDs, when it says of itself what the peer announced, and when it belongs to
the study that was asked for; anything else is dropped with a warning that names no patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from pacs.elements import Identifiers
from pacs.errors import UnsafeName
from pacs.files import IncomingFile, check_uid
from pacs.port import InstanceAnswer, Received, Retrieved, RetrieveRequest

MAX_WARNINGS = 20


class Receipt:
    """The books of one retrieval."""

    def __init__(self, request: RetrieveRequest, deliver: Callable[[Received], None]) -> None:
        Path(request.folder).mkdir(parents=True, exist_ok=True)
        self.request = request
        self._deliver = deliver
        self.present = set(request.already)
        self.received = 0
        self.refused: dict[str, str] = {}
        self._warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keep a remark for the end, without patient data."""
        if len(self._warnings) < MAX_WARNINGS and text not in self._warnings:
            self._warnings.append(text)

    def wants(self, sop_instance_uid: str) -> bool:
        """Whether this instance is still to come."""
        asked = self.request.sop_instance_uids
        return sop_instance_uid not in self.present and (not asked or sop_instance_uid in asked)

    def keep(
        self, file: IncomingFile, said: Identifiers, transfer_syntax_uid: str, announced_uid: str = ""
    ) -> Received | None:
        """Judge a completely written object and give it its name; None where it was dropped (see `refused`)."""
        problem = self._problem(said, announced_uid)
        if problem:
            self.refused[announced_uid or said.sop_instance_uid] = problem
            self.warn(problem)
            file.discard()
            return None
        path = file.keep(said.sop_instance_uid)
        return Received(
            path=path,
            study_instance_uid=said.study_instance_uid,
            series_instance_uid=said.series_instance_uid,
            sop_instance_uid=said.sop_instance_uid,
            sop_class_uid=said.sop_class_uid,
            transfer_syntax_uid=transfer_syntax_uid,
        )

    def hand_over(self, received: Received) -> None:
        """Count it and tell the caller."""
        self.present.add(received.sop_instance_uid)
        self.received += 1
        self._deliver(received)

    def _problem(self, said: Identifiers, announced_uid: str) -> str:
        try:
            for uid in (said.sop_instance_uid, said.study_instance_uid, said.series_instance_uid):
                check_uid(uid)
        except UnsafeName:
            return "an object without usable UIDs was dropped"
        if announced_uid and announced_uid != said.sop_instance_uid:
            return "an object whose UID differs from the announced one was dropped"
        if said.study_instance_uid != self.request.study_instance_uid:
            return "an object of another study was dropped"
        if self.request.series_instance_uid not in ("", said.series_instance_uid):
            return "an object of another series was dropped"
        return ""

    def result(self, expected: Iterable[InstanceAnswer | str]) -> Retrieved:
        """Compare with what the PACS says it holds. Complete only when nothing is missing."""
        uids = [item if isinstance(item, str) else item.sop_instance_uid for item in expected]
        missing = tuple(uid for uid in uids if uid not in self.present)
        return Retrieved(self.received, len(uids), missing, tuple(self._warnings))
