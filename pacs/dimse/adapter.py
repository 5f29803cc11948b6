"""`pacs.port.Pacs` over DIMSE. Each call opens its own association."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace

from pacs.dimse import command as dimse
from pacs.dimse.association import Association, Wanted
from pacs.dimse.contexts import STUDY_ROOT_FIND, UNCOMPRESSED, VERIFICATION, get_contexts_for, usual_get_contexts
from pacs.dimse.find import (
    document_identifier,
    find,
    instance_answer,
    instance_identifier,
    read_patient,
    series_answer,
    series_identifier,
    study_answer,
    study_identifier,
)
from pacs.dimse.get import get, retrieve_identifiers
from pacs.dimse.move import move
from pacs.dimse.store import contexts_for, store
from pacs.errors import AssociationRejected, NotFound, PacsError, ProtocolViolation, Refused
from pacs.metadata import PatientOfStudy
from pacs.port import (
    Cancelled,
    InstanceAnswer,
    Received,
    Retrieved,
    RetrieveRequest,
    SeriesAnswer,
    StoreObject,
    StoreOutcome,
    StoreState,
    StudyAnswer,
    StudyQuery,
)
from pacs.receipt import Receipt
from pacs.reports import Flags, flags_of
from pacs.site import DimseConnection

_FIND = [Wanted(STUDY_ROOT_FIND, UNCOMPRESSED)]
_NOT_OUR_NAME = (0x010103, 0x010107)
"""A-ASSOCIATE-RJ permanent, by the user: calling or called AE title not recognized."""


class DimsePacs:
    """One DIMSE connection."""

    def __init__(self, connection: DimseConnection, calling_ae: str) -> None:
        self._connection = connection
        self._calling_ae = calling_ae

    def echo(self, cancelled: Cancelled) -> None:
        """C-ECHO."""
        with self._open([Wanted(VERIFICATION, UNCOMPRESSED)], cancelled) as association:
            context = association.need(VERIFICATION)
            request: dimse.Command = {
                dimse.AFFECTED_SOP_CLASS: VERIFICATION,
                dimse.COMMAND_FIELD: dimse.C_ECHO_RQ,
                dimse.MESSAGE_ID: association.next_message_id(),
                dimse.DATA_SET_TYPE: dimse.NO_DATA_SET,
            }
            association.send(context.context_id, request)
            answer = association.receive().command
            if dimse.number(answer, dimse.COMMAND_FIELD) != dimse.C_ECHO_RSP:
                raise ProtocolViolation("an unexpected answer to C-ECHO", connection_id=self._connection.connection_id)
            status = dimse.number(answer, dimse.STATUS, 0xC000)
            if status:
                raise Refused("the PACS refused C-ECHO", connection_id=self._connection.connection_id, status=status)

    def search_for_studies(self, query: StudyQuery, cancelled: Cancelled) -> list[StudyAnswer]:
        """C-FIND at STUDY level. Judge the answers by their values: a peer may ignore any key."""
        with self._open(_FIND, cancelled) as association:
            return [study_answer(answer) for answer in find(association, study_identifier(query), query.limit)]

    def search_for_series(self, study_instance_uid: str, cancelled: Cancelled) -> list[SeriesAnswer]:
        """C-FIND at SERIES level."""
        with self._open(_FIND, cancelled) as association:
            return [series_answer(answer) for answer in find(association, series_identifier(study_instance_uid))]

    def search_for_instances(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
    ) -> list[InstanceAnswer]:
        """C-FIND at IMAGE level; without a series, of each series of the study."""
        with self._open(_FIND, cancelled) as association:
            return self._instances(association, study_instance_uid, series_instance_uid)

    def search_for_documents(
        self, study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled
    ) -> list[tuple[InstanceAnswer, Flags]]:
        """C-FIND at IMAGE level, with the flags of reports."""
        with self._open(_FIND, cancelled) as association:
            answers = find(association, document_identifier(study_instance_uid, series_instance_uid))
            return [(instance_answer(answer, series_instance_uid), flags_of(answer)) for answer in answers]

    def retrieve(
        self, request: RetrieveRequest, deliver: Callable[[Received], None], cancelled: Cancelled
    ) -> Retrieved:
        """C-GET or C-MOVE, whichever the connection says."""
        receipt = Receipt(request, deliver)
        expected = self._expected(request, cancelled) if request.already else []
        refusal = self._fetch(_rounds(request, [item.sop_instance_uid for item in expected]), receipt, cancelled)
        if not expected:
            expected = self._expected(request, cancelled)
        known = [item for item in expected if item.sop_class_uid and item.sop_instance_uid not in receipt.present]
        if known:
            refusal = self._fetch_by_name(request, known, receipt, cancelled) or refusal
        if not expected and not receipt.received:
            raise NotFound("the PACS does not have it", connection_id=self._connection.connection_id)
        if refusal is not None and not receipt.received and len(receipt.present) == len(request.already):
            raise refusal
        return receipt.result(expected)

    def store(self, objects: Sequence[StoreObject], cancelled: Cancelled) -> list[StoreOutcome]:
        """C-STORE, one after the other on one association."""
        outcomes: list[StoreOutcome] = []
        opened = False
        try:
            with self._open(contexts_for(objects), cancelled) as association:
                opened = True
                store(association, objects, outcomes)
        except PacsError as error:
            for number, item in enumerate(objects[len(outcomes) :]):
                state = StoreState.UNKNOWN if opened and number == 0 else _unsent(error)
                outcomes.append(StoreOutcome(item.sop_instance_uid, state, error.status, error.reason))
        return outcomes

    def patient_of_instance(
        self, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str, cancelled: Cancelled
    ) -> PatientOfStudy:
        """Fetch the one instance and read its patient. Raises `NotFound`."""
        found: list[PatientOfStudy] = []
        with tempfile.TemporaryDirectory(prefix="patient-") as folder:
            request = RetrieveRequest(study_instance_uid, folder, series_instance_uid, (sop_instance_uid,))
            self.retrieve(request, lambda received: found.append(read_patient(received.path)), cancelled)
        if not found:
            raise NotFound("the PACS did not send it", connection_id=self._connection.connection_id)
        return found[0]

    def _open(self, wanted: Sequence[Wanted], cancelled: Cancelled) -> Association:
        return Association(self._connection, self._calling_ae, wanted, cancelled)

    def _fetch(
        self,
        parts: Sequence[RetrieveRequest],
        receipt: Receipt,
        cancelled: Cancelled,
        contexts: Sequence[Wanted] | None = None,
    ) -> Refused | None:
        """C-GET or C-MOVE each part. A refusal is returned, not raised: what is missing is then asked for by name."""
        refusal: Refused | None = None
        for part in parts:
            try:
                if self._connection.retrieve == "C-MOVE":
                    move(self._connection, self._calling_ae, part, receipt, cancelled)
                    continue
                with self._open(contexts or usual_get_contexts(), cancelled) as association:
                    for identifier in retrieve_identifiers(part):
                        get(association, identifier, receipt)
            except Refused as error:
                refusal = error
                receipt.warn(error.reason)
        return refusal

    def _fetch_by_name(
        self, request: RetrieveRequest, known: Sequence[InstanceAnswer], receipt: Receipt, cancelled: Cancelled
    ) -> Refused | None:
        """Ask once more for what the PACS has and did not send: its class or transfer syntax was not among the usual
        ones, or one unknown instance in a list made the PACS refuse the whole list."""
        refusal: Refused | None = None
        for contexts in get_contexts_for(item.sop_class_uid for item in known):
            classes = {wanted.abstract_syntax for wanted in contexts}
            by_series: dict[str, list[str]] = {}
            for item in known:
                if item.sop_class_uid in classes:
                    by_series.setdefault(item.series_instance_uid, []).append(item.sop_instance_uid)
            parts = [
                replace(request, series_instance_uid=series, sop_instance_uids=tuple(uids))
                for series, uids in by_series.items()
            ]
            refusal = self._fetch(parts, receipt, cancelled, contexts) or refusal
        return refusal

    def _expected(self, request: RetrieveRequest, cancelled: Cancelled) -> list[InstanceAnswer]:
        """What the peer says it holds of the request (reliability.md 1 #8: "no error" proves nothing)."""
        with self._open(_FIND, cancelled) as association:
            known = self._instances(association, request.study_instance_uid, request.series_instance_uid)
        if not request.sop_instance_uids:
            return known
        by_uid = {item.sop_instance_uid: item for item in known}
        return [by_uid.get(uid) or InstanceAnswer(uid) for uid in request.sop_instance_uids]

    def _instances(self, association: Association, study: str, series: str) -> list[InstanceAnswer]:
        found: list[InstanceAnswer] = []
        each = [series] if series else [item.series_instance_uid for item in self._series(association, study)]
        for uid in each:
            answers = find(association, instance_identifier(study, uid))
            found += [instance_answer(answer, uid) for answer in answers]
        return found

    @staticmethod
    def _series(association: Association, study: str) -> list[SeriesAnswer]:
        return [series_answer(answer) for answer in find(association, series_identifier(study))]


def _rounds(request: RetrieveRequest, expected: Sequence[str]) -> list[RetrieveRequest]:
    """The instances wanted first, then the rest; what is already there is left out where the rest is known by name."""
    first = tuple(uid for uid in request.first if uid not in request.already)
    rounds = [replace(request, sop_instance_uids=first)] if first else []
    named = request.sop_instance_uids or tuple(expected)
    if not named:
        return [*rounds, request]
    rest = tuple(uid for uid in named if uid not in request.already and uid not in first)
    return [*rounds, replace(request, sop_instance_uids=rest)] if rest else rounds


def _unsent(error: PacsError) -> StoreState:
    if isinstance(error, AssociationRejected) and error.status in _NOT_OUR_NAME:
        return StoreState.BLOCKED
    return StoreState.RETRY
