"""The steps of one delivery, as a table: from what was reached to what comes next (design decision 8).

Every state is written *before* its effect: FENCED before the first byte leaves, STORED before reading back, VERIFIED
before the workitem is completed. A kill between any two lines is mended by doing the step again: the fence and the
completion are idempotent, and before each sending the archive is asked whether it holds the object already.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pacs.errors import AssociationRejected, Interrupted, NotAuthorised, PacsError
from pacs.port import Cancelled, Pacs, StoreObject, StoreState
from pacs.site import Connection, Site
from worklist_client.delivery.destination import Destination, destination_of
from worklist_client.delivery.errors import Blocked, Held, Later, Refused, SiteAway
from worklist_client.delivery.gate import check_identity
from worklist_client.delivery.proof import FOUND, is_held, prove
from worklist_client.journal import ObjectRow, ObjectState, Outbox, PackageRow, PackageState
from worklist_client.worklist.outcomes import (
    CompleteKind,
    CompleteResult,
    FenceKind,
    FenceResult,
    OutputReference,
)

ACCEPTED = "accepted"
SENDING = "sending"
"""Of an object that still waits: it was handed to the network, and nobody said clearly that the archive has it not."""
AT_THE_SITE = (PackageState.FENCED, PackageState.STORED)
"""Reached states whose next step talks to the archive."""
REFUSED = (StoreState.BLOCKED, StoreState.NOT_SUPPORTED, StoreState.HELD)
"""Answers that say the archive did not take the object."""
VANISHED_LIMIT = 3
"""After so many acceptances of an object that the archive then does not hold, a person looks."""


class FenceDesk(Protocol):
    """What delivery needs of the claim desk."""

    def fence(self, workitem_uid: str) -> FenceResult:
        """May the report leave?"""

    def complete(self, workitem_uid: str, outputs: Sequence[OutputReference]) -> CompleteResult:
        """It has arrived."""

    def give_up(self, workitem_uid: str) -> bool:
        """Its author took it back: tell the shared worklist what the journal says. False = later."""


def nothing(_where: str) -> None:
    """No failpoint."""


@dataclass
class Courier:
    """Carries one package from what it reached to DONE, or to the error that says why not."""

    outbox: Outbox
    desk: FenceDesk
    sites: Callable[[], Sequence[Site]]
    open_pacs: Callable[[Connection], Pacs]
    now: Callable[[], datetime]
    failpoint: Callable[[str], None] = nothing
    """Called with the name of each point between two steps; tests kill the process there."""
    is_away: Callable[[str], bool] = lambda _site_id: False
    """Whether a site was found away a moment ago: the fence is still passed, so that everyone sees the report is
    signed, but nobody waits for the site again."""
    _vanished: dict[str, int] = field(default_factory=dict)

    def carry(self, package: PackageRow, cancelled: Cancelled, moved: Callable[[], None]) -> None:
        """Do every step that is left; `moved` is called after each. Raises `DeliveryError` or `Interrupted`."""
        while package.reached is not PackageState.DONE:
            if cancelled():
                raise Interrupted("asked to stop")
            if package.reached in AT_THE_SITE and self.is_away(package.site_id):
                raise Later("the hospital's archive is away")
            self.failpoint(f"before {package.reached}")
            try:
                STEPS[package.reached](self, package, cancelled)
            except NotAuthorised as error:
                raise Blocked(error.reason) from error
            except AssociationRejected as error:
                if error.status is not None and error.status >> 16 == 1:
                    raise Blocked(error.reason) from error
                raise SiteAway(error.reason) from error
            except Interrupted:
                raise
            except PacsError as error:
                raise SiteAway(error.reason) from error
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise Later(
                        "the disk of this computer is full: the report is kept, and sent when there is room"
                    ) from error
                raise
            package = self.outbox.get(package.report_id)
            moved()

    def _fence(self, package: PackageRow, _cancelled: Cancelled) -> None:
        result = self.desk.fence(package.workitem_uid)
        self.failpoint("after fence")
        if result.kind is FenceKind.PASSED:
            self.outbox.advance(package.report_id, PackageState.FENCED, self.now())
        elif result.kind is FenceKind.REFUSED:
            if result.holder:
                raise Refused(
                    "the study is not yours any more ({holder}): {why}", holder=result.holder, why=result.reason
                )
            raise Refused("the study is not yours any more: {why}", why=result.reason)
        elif result.kind is FenceKind.AWAY:
            raise Later("the worklist hub is away: {why}", why=result.reason)
        else:
            raise Blocked("the worklist hub refuses: {why}", why=result.reason)

    def _store(self, package: PackageRow, cancelled: Cancelled) -> None:
        destination, pacs = self.reach(package)
        objects = self.outbox.objects(package.report_id)
        check_identity(package, objects, destination.site, pacs, cancelled)
        self.failpoint("after gate")
        for row in objects:
            if row.state is ObjectState.WAITING:
                proof = FOUND if is_held(row, pacs, cancelled) else self._send(row, pacs, cancelled)
                self.failpoint(f"after store {row.position}")
                self.outbox.set_object(row.sop_instance_uid, ObjectState.STORED, proof, self.now())
        self.outbox.advance(package.report_id, PackageState.STORED, self.now())

    def _send(self, row: ObjectRow, pacs: Pacs, cancelled: Cancelled) -> str:
        self.failpoint(f"before store {row.position}")
        sent = StoreObject(
            row.sop_class_uid, row.sop_instance_uid, row.transfer_syntax_uid, row.study_instance_uid, row.data
        )
        self.outbox.set_object(row.sop_instance_uid, ObjectState.WAITING, SENDING, self.now())
        outcome = pacs.store([sent], cancelled)[0]
        if outcome.state in REFUSED or (outcome.state is StoreState.RETRY and outcome.status is not None):
            self.outbox.set_object(row.sop_instance_uid, ObjectState.WAITING, "", self.now())
        if cancelled():
            raise Interrupted("asked to stop")
        said = outcome.message or f"status {outcome.status if outcome.status is not None else 'none'}"
        if outcome.state in (StoreState.STORED, StoreState.STORED_WITH_WARNING):
            return ACCEPTED
        if outcome.state is StoreState.UNKNOWN:
            # The answer was lost, or the archive has the UID already: look before anything is sent again.
            if is_held(row, pacs, cancelled):
                return FOUND
            raise SiteAway("the archive's answer was lost: {said}", said=said)
        if outcome.state is StoreState.RETRY:
            kind = SiteAway if outcome.status is None else Later
            raise kind("the archive cannot take it now: {said}", said=said)
        if outcome.state is StoreState.BLOCKED:
            raise Blocked("the archive does not let us in: {said}", said=said)
        if outcome.state is StoreState.NOT_SUPPORTED:
            raise Held("the archive does not accept this kind of object ({kind}): {said}", kind=row.kind, said=said)
        raise Held("the archive refused the {kind}: {said}", kind=row.kind, said=said)

    def _verify(self, package: PackageRow, cancelled: Cancelled) -> None:
        destination, pacs = self.reach(package)
        for row in self.outbox.objects(package.report_id):
            if row.state is ObjectState.VERIFIED:
                continue
            if not is_held(row, pacs, cancelled):
                self._is_gone(package, row)
            proof = prove(row, destination, pacs, cancelled)
            self.failpoint(f"after read back {row.position}")
            self.outbox.set_object(row.sop_instance_uid, ObjectState.VERIFIED, proof, self.now())
        self._vanished.pop(package.report_id, None)
        self.outbox.advance(package.report_id, PackageState.VERIFIED, self.now())

    def _is_gone(self, package: PackageRow, row: ObjectRow) -> None:
        """Accepted but not there: a success status alone proves nothing. Send it again, but not for ever."""
        times = self._vanished[package.report_id] = self._vanished.get(package.report_id, 0) + 1
        self.outbox.set_object(row.sop_instance_uid, ObjectState.WAITING, SENDING, self.now())
        if times >= VANISHED_LIMIT:
            del self._vanished[package.report_id]
            raise Held("the archive accepted the {kind} {times} times but does not hold it", kind=row.kind, times=times)
        raise Later("the archive accepted the {kind} but does not hold it", kind=row.kind)

    def _complete(self, package: PackageRow, _cancelled: Cancelled) -> None:
        outputs = [
            OutputReference(row.study_instance_uid, row.series_instance_uid, row.sop_class_uid, row.sop_instance_uid)
            for row in self.outbox.objects(package.report_id)
        ]
        result = self.desk.complete(package.workitem_uid, outputs)
        self.failpoint("after complete")
        if result.kind is CompleteKind.DONE:
            self.outbox.advance(package.report_id, PackageState.DONE, self.now())
        elif result.kind is CompleteKind.AWAY:
            raise Later("delivered, but the worklist hub is away: {why}", why=result.reason)
        elif result.kind is CompleteKind.BLOCKED:
            raise Blocked("delivered, but the worklist hub refuses: {why}", why=result.reason)
        else:
            raise Held("delivered, but the worklist hub did not complete the study: {why}", why=result.reason)

    def reach(self, package: PackageRow) -> tuple[Destination, Pacs]:
        """The origin of the study and its archive. Raises `DeliveryError`."""
        destination = destination_of(package.site_id, self.sites)
        return destination, self.open_pacs(destination.connection)


STEPS: dict[PackageState, Callable[[Courier, PackageRow, Cancelled], None]] = {
    PackageState.SIGNED: Courier._fence,
    PackageState.FENCED: Courier._store,
    PackageState.STORED: Courier._verify,
    PackageState.VERIFIED: Courier._complete,
}
"""What is done next, by the last state that was reached."""
