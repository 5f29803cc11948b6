"""The gate of a prior: *same* opens by itself, *probable* after a card for this workitem, *conflict* never."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum

from worklist_client.identity.patient import Comparison, PatientIdentity, PatientKey, Verdict
from worklist_client.journal.rows import LinkRow

IDENTIFIERS_NEEDED = 2
"""How many identifiers of different kinds the reader ticks on the card (reliability.md 7.1)."""

NAME = "name"
"""Family name and given name are one identifier: both come from the same line of the same form."""

NAME_FIELDS = ("family_name", "given_name")

DECLINED = "different"
"""Verdict of the row that says: the reader compared the two and they are not one person. It opens nothing."""


class Gate(StrEnum):
    """What may be done with a prior of this patient."""

    OPEN = "open"
    CARD = "card"
    """Only after the side-by-side card."""
    CLOSED = "closed"


class LinkRefused(Exception):
    """The card cannot be confirmed; `reason` says why in plain English."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def gate(
    comparison: Comparison, left: PatientKey, right: PatientKey, workitem_uid: str, links: Iterable[LinkRow]
) -> Gate:
    """What the comparison allows, given the links confirmed so far. A link of another workitem counts for nothing."""
    if comparison.verdict is Verdict.CONFLICT:
        return Gate.CLOSED
    if comparison.verdict is Verdict.SAME:
        return Gate.OPEN
    row = decision(comparison, left, right, workitem_uid, links)
    is_linked = row is not None and row.verdict != DECLINED and len(kinds(row.identifiers)) >= IDENTIFIERS_NEEDED
    return Gate.OPEN if is_linked else Gate.CARD


def decision(
    comparison: Comparison, left: PatientKey, right: PatientKey, workitem_uid: str, links: Iterable[LinkRow]
) -> LinkRow | None:
    """What the reader said last of these two, for this workitem and of exactly these values; None where nothing."""
    pair = {(left.issuer, left.patient_id), (right.issuer, right.patient_id)}
    found = None
    for row in links:
        linked = {(row.left_issuer, row.left_patient_id), (row.right_issuer, row.right_patient_id)}
        # An evidence row that changed since (a merge, a correction) has to be seen and ticked again.
        if row.workitem_uid == workitem_uid and linked == pair and _same_evidence(row, comparison):
            found = row
    return found


def kinds(identifiers: Iterable[str]) -> set[str]:
    """The different kinds among ticked identifiers; parts of a name are one kind."""
    return {NAME if name in NAME_FIELDS else name for name in identifiers}


def tickable(comparison: Comparison) -> tuple[str, ...]:
    """Identifiers that can be ticked on this card: both sides have a value and they agree.

    A name only as a whole: twins share family name and birth date, and differ in the given name. A patient number only
    where one issuer gave both. The sex never: half of everybody has the same.
    """
    said = {row.name_of_field: row.agreement for row in comparison.evidence}
    agree = ("equal", "alike")
    found = [name for name in ("national_id", "birth_date") if said.get(name) in agree]
    if said.get("family_name") in agree and said.get("given_name") != "differs":
        found.append(NAME)
    if said.get("patient_id") == "equal":
        found.append("patient_id")
    return tuple(found)


def confirmed_link(
    comparison: Comparison,
    left: PatientIdentity,
    right: PatientIdentity,
    *,
    workitem_uid: str,
    ticked: Sequence[str],
    reader_code: str,
    at: datetime,
) -> LinkRow:
    """The row to journal once the reader has ticked the card.

    Raises
    ------
    LinkRefused : a conflict, fewer than two identifiers of different kinds, or one that does not agree on both sides
    """
    if comparison.verdict is Verdict.CONFLICT:
        raise LinkRefused("the two records contradict each other and cannot be linked")
    wrong = set(ticked) - set(tickable(comparison))
    if wrong:
        raise LinkRefused(f"cannot be ticked, for it does not agree: {', '.join(sorted(wrong))}")
    if len(kinds(ticked)) < IDENTIFIERS_NEEDED:
        raise LinkRefused(f"{IDENTIFIERS_NEEDED} identifiers have to be ticked")
    return LinkRow(
        workitem_uid=workitem_uid,
        left_issuer=left.key.issuer,
        left_patient_id=left.key.patient_id,
        right_issuer=right.key.issuer,
        right_patient_id=right.key.patient_id,
        verdict=comparison.verdict.value,
        identifiers=tuple(sorted(set(ticked))),
        evidence=evidence_text(comparison),
        reader_code=reader_code,
        confirmed_at=at,
    )


def declined_link(
    comparison: Comparison,
    left: PatientIdentity,
    right: PatientIdentity,
    *,
    workitem_uid: str,
    reader_code: str,
    at: datetime,
) -> LinkRow:
    """The row to journal where the reader says that the two are different people; a later card may replace it."""
    return LinkRow(
        workitem_uid=workitem_uid,
        left_issuer=left.key.issuer,
        left_patient_id=left.key.patient_id,
        right_issuer=right.key.issuer,
        right_patient_id=right.key.patient_id,
        verdict=DECLINED,
        identifiers=(),
        evidence=evidence_text(comparison),
        reader_code=reader_code,
        confirmed_at=at,
    )


def evidence_text(comparison: Comparison) -> str:
    """The rows of the card as JSON, for the journal and the audit line."""
    return json.dumps([asdict(row) for row in comparison.evidence], ensure_ascii=False)


def _same_evidence(row: LinkRow, comparison: Comparison) -> bool:
    def values(rows: Iterable[dict[str, str]]) -> set[tuple[str, frozenset[str]]]:
        return {(item["name_of_field"], frozenset((item["left"], item["right"]))) for item in rows}

    return values(json.loads(row.evidence)) == values(asdict(item) for item in comparison.evidence)
