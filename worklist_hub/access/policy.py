"""May this caller do this to this row? Pure, and denied unless a grant allows it.

A row that may not be seen does not exist for the caller: the answer is that of an unknown UID, nothing more. What a
reader holds stays his, also where his grant was taken away meanwhile: a started report must be able to go home. Once it
is home, or given back, only grants count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ups import dicom_json as dj
from ups.states import TEXTS, Answer, ProcedureStepState
from ups.tags import TAG_OF
from worklist_hub.access.grants import Privilege, Role
from worklist_hub.workitem.identity import identity_in

if TYPE_CHECKING:
    from worklist_hub.workitem.protocol import Caller, Request

UNKNOWN = TEXTS[Answer.UNKNOWN_WORKITEM]
"""What is said of a row that may not be seen; a caller must not learn that it is there."""
NOT_CLAIM = "Your role does not allow you to read studies of this hospital"
NOT_YOURS = "Only the reader who holds this study may do that"
NOT_RESERVE = "Your role does not allow you to reserve studies of this hospital"
NOT_ASSIGN = "Your role does not allow you to assign studies of this hospital to others"
NOT_TAKE_OVER = "Your role does not allow you to take over studies of this hospital"
NOT_ELSEWHERE = "Your role does not allow you to take studies of this hospital off the list"
NOT_CORRECT = "Your role does not allow you to change studies of this hospital"
NOT_CREATE = "Your role does not allow you to add studies for this hospital"
NOT_ACCOUNTS = "Your role does not allow you to see the accounts of this hospital"
NOT_AUDIT = "Your role does not allow you to see the log of this hospital"
SENTENCES = (
    NOT_CLAIM,
    NOT_YOURS,
    NOT_RESERVE,
    NOT_ASSIGN,
    NOT_TAKE_OVER,
    NOT_ELSEWHERE,
    NOT_CORRECT,
    NOT_CREATE,
    NOT_ACCOUNTS,
    NOT_AUDIT,
)


class Action(StrEnum):
    """What may be asked of a row, and (the last two) of a hospital."""

    SEE = "see"
    RETRIEVE = "retrieve"
    CLAIM = "claim"
    HOLD = "hold"
    """Whatever needs the Transaction UID: progress, completion, release, fence, hand-over."""
    RESERVE = "reserve"
    ASSIGN = "assign"
    TAKE_OVER = "take_over"
    READ_ELSEWHERE = "read_elsewhere"
    CORRECT = "correct"
    CREATE = "create"
    ACCOUNTS = "accounts"
    AUDIT = "audit"


NEEDED: Mapping[Action, tuple[Privilege, str]] = {
    Action.SEE: (Privilege.SEE, UNKNOWN),
    Action.RETRIEVE: (Privilege.SEE, UNKNOWN),
    Action.CLAIM: (Privilege.READ, NOT_CLAIM),
    Action.RESERVE: (Privilege.RESERVE, NOT_RESERVE),
    Action.ASSIGN: (Privilege.ASSIGN, NOT_ASSIGN),
    Action.TAKE_OVER: (Privilege.TAKE_OVER, NOT_TAKE_OVER),
    Action.READ_ELSEWHERE: (Privilege.READ_ELSEWHERE, NOT_ELSEWHERE),
    Action.CORRECT: (Privilege.CORRECT, NOT_CORRECT),
    Action.CREATE: (Privilege.CREATE, NOT_CREATE),
    Action.ACCOUNTS: (Privilege.ACCOUNTS, NOT_ACCOUNTS),
    Action.AUDIT: (Privilege.AUDIT, NOT_AUDIT),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Allowed where `reason` is empty. `is_hidden`: answer as for a UID that is not there."""

    reason: str = ""
    is_hidden: bool = False

    def __bool__(self) -> bool:
        return not self.reason


ALLOWED = Verdict()
HIDDEN = Verdict(UNKNOWN, is_hidden=True)


@dataclass(frozen=True, slots=True)
class Row:
    """Of a workitem, what decides."""

    site_id: str = ""
    expertise: str = ""
    state: ProcedureStepState = ProcedureStepState.SCHEDULED
    holder_code: str = ""
    reserved_code: str = ""
    holder_identity: str = ""
    """"" where the claim was made by a desk that takes the reader's own word, or before claims kept it."""

    @staticmethod
    def of(dataset: Mapping[str, Any]) -> Row:
        """From a workitem's dataset (or an event, which carries the row)."""
        performed = dj.first_item(dataset, "UnifiedProcedureStepPerformedProcedureSequence")
        performer = dj.first_item(performed, "ActualHumanPerformersSequence")
        state = dj.text(dataset, "ProcedureStepState")
        return Row(
            dj.text(dj.first_item(dataset, "ScheduledStationGeographicLocationCodeSequence"), "CodeValue"),
            dj.text(dj.first_item(dataset, "ScheduledStationClassCodeSequence"), "CodeValue"),
            ProcedureStepState(state) if state else ProcedureStepState.SCHEDULED,
            _code(performer),
            _code(dj.first_item(dataset, "ScheduledHumanPerformersSequence")),
            identity_in(performer),
        )


def may(caller: Caller, action: Action, row: Row | Mapping[str, Any]) -> Verdict:
    """The verdict on one action. For ACCOUNTS and AUDIT the row is `Row(site_id)`."""
    if not isinstance(row, Row):
        row = Row.of(row)
    granted = _granted(caller, row)
    is_holder = holds(caller, row)
    if action in (Action.CREATE, Action.ACCOUNTS, Action.AUDIT):
        return _verdict(action, granted)  # there is no row yet, so there is nothing to hide
    if action is Action.HOLD and was_claimed_by(caller, row):
        return ALLOWED  # who was slower than its end hears so
    if not is_holder and Privilege.SEE not in granted:
        return HIDDEN
    if action in (Action.SEE, Action.RETRIEVE):
        return ALLOWED
    if action is Action.HOLD:
        return ALLOWED if caller.is_trusted else Verdict(NOT_YOURS)
    if is_holder and action in (Action.TAKE_OVER, Action.CLAIM):
        return ALLOWED  # the same claim again, or one's own from another desk
    return _verdict(action, granted)


def was_claimed_by(caller: Caller, row: Row) -> bool:
    """Whether the caller holds or held the row: the same number, of the same account of the same issuer."""
    if not caller.reader or not caller.reader.code or caller.reader.code != row.holder_code:
        return False
    return not row.holder_identity or row.holder_identity == caller.identity


def holds(caller: Caller, row: Row) -> bool:
    """Whether the caller holds the row now, at whatever desk."""
    return row.state is ProcedureStepState.IN_PROGRESS and was_claimed_by(caller, row)


def is_feed(caller: Caller, dataset: Mapping[str, Any]) -> bool:
    """Whether this is the hospital's own feed, which says what a study is: with the role of intake, and no reader's."""
    row = Row.of(dataset)
    roles = {grant.role for grant in caller.grants or () if grant.covers(row.site_id, row.expertise)}
    return not caller.is_trusted and Role.INTAKE in roles and Role.READER not in roles


def shows_details(caller: Caller, row: Row) -> bool:
    """Whether the caller sees all of the row, or only what its line of the list needs."""
    granted = _granted(caller, row)
    if Privilege.DETAILS in granted or holds(caller, row):
        return True
    is_own = row.state is ProcedureStepState.SCHEDULED or was_claimed_by(caller, row)
    return is_own and Privilege.READ in granted


def verdict_on(
    caller: Caller,
    request: Request,
    dataset: Mapping[str, Any] | None,
) -> Verdict:
    """The verdict on a request of `protocol`; `dataset` is the workitem as it is, None where it is unknown.

    Who comes with the right Transaction UID is asked `may(HOLD)` besides, by `decide`.
    """
    # The kinds of request are known by what they carry: `protocol` imports this package, not the other way round.
    created = getattr(request, "dataset", None)
    if created is not None:
        return may(caller, Action.CREATE, Row.of(created))
    if dataset is None:
        return ALLOWED  # there is nothing to keep anybody from; the answer is that it is unknown
    row = Row.of(dataset)
    for action in actions_of(request, row, caller):
        # Whether a Transaction UID is the right one is asked first: who lost a study must hear that he lost it.
        verdict = may(caller, Action.SEE if action is Action.HOLD else action, row)
        if not verdict:
            return verdict
    return ALLOWED


def actions_of(request: Request, row: Row, caller: Caller) -> tuple[Action, ...]:
    """What a request on an existing row amounts to."""
    state, changes = getattr(request, "state", None), getattr(request, "changes", None)
    if state is not None:
        return (Action.CLAIM,) if state is ProcedureStepState.IN_PROGRESS else (Action.HOLD,)
    if changes is not None:
        if getattr(request, "transaction_uid", ""):
            return (Action.HOLD,)
        return _actions_of_changes(changes, row, caller)
    return (Action.READ_ELSEWHERE,) if row.state is ProcedureStepState.SCHEDULED else (Action.TAKE_OVER,)


def _actions_of_changes(changes: Mapping[str, Any], row: Row, caller: Caller) -> tuple[Action, ...]:
    performers = TAG_OF["ScheduledHumanPerformersSequence"]
    found: list[Action] = []
    if performers in changes:
        mine = {"", caller.reader.code} if caller.reader and caller.reader.code else {""}
        wanted = _code(dj.first_item(changes, "ScheduledHumanPerformersSequence"))
        is_own = wanted in mine and row.reserved_code in mine
        found.append(Action.RESERVE if is_own else Action.ASSIGN)
    silent = {performers, TAG_OF["TransactionUID"], TAG_OF["SpecificCharacterSet"]}
    if set(changes) - silent or not found:
        found.append(Action.CORRECT)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows of a search a caller gets. `admits` is the truth; `access.where` is it in SQL."""

    caller: Caller
    matched: frozenset[str] = frozenset()
    """Keywords that the search matches on: where a row hides one of them, the row does not match."""

    @property
    def own(self) -> str:
        """Code of the reader: what he holds is his, whatever his grants say. "" = nobody."""
        return self.caller.reader.code if self.caller.reader else ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing needs to be asked."""
        return self.caller.is_trusted

    def admits(self, dataset: Mapping[str, Any]) -> bool:
        """Whether the caller gets this row."""
        if self.is_everything:
            return True
        row = Row.of(dataset)
        if not may(self.caller, Action.SEE, row):
            return False
        return self.matched <= SHOWN_KEYWORDS or shows_details(self.caller, row)


def row_filter(caller: Caller, matched: Iterable[str] = ()) -> RowFilter:
    """The predicate of a search; `matched`: first keyword of each attribute that the search matches on."""
    return RowFilter(caller, frozenset(matched))


SHOWN_KEYWORDS = frozenset(
    {
        "SpecificCharacterSet",
        "SOPClassUID",
        "SOPInstanceUID",
        "ProcedureStepState",
        "InputReadinessState",
        "ScheduledProcedureStepPriority",
        "WorklistLabel",
        "ProcedureStepLabel",
        "ScheduledWorkitemCodeSequence",
        "PatientName",
        "PatientSex",
        "PatientAge",
        "StudyInstanceUID",
        "ModalitiesInStudy",
        "StudyDescription",
        "BodyPartExamined",
        "StudyDate",
        "StudyTime",
        "NumberOfStudyRelatedInstances",
        "ScheduledProcedureStepStartDateTime",
        "ExpectedCompletionDateTime",
        "ScheduledProcedureStepExpirationDateTime",
        "ScheduledProcedureStepModificationDateTime",
        "ScheduledStationNameCodeSequence",
        "ScheduledStationClassCodeSequence",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledHumanPerformersSequence",
        "ScheduledProcessingParametersSequence",
        "ReplacedProcedureStepSequence",
    }
)
"""What the line of a study in the list needs; all that is shown of a study that another holds."""


def _granted(caller: Caller, row: Row) -> frozenset[Privilege]:
    found: set[Privilege] = set()
    for grant in caller.grants or ():
        if grant.covers(row.site_id, row.expertise):
            found |= grant.privileges
    return frozenset(found)


def _verdict(action: Action, granted: frozenset[Privilege]) -> Verdict:
    privilege, sentence = NEEDED[action]
    return ALLOWED if privilege in granted else Verdict(sentence)


def _code(person: Mapping[str, Any]) -> str:
    return dj.text(dj.first_item(person, "HumanPerformerCodeSequence"), "CodeValue")
