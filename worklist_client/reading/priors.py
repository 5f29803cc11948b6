"""Finding and judging priors (design decision 4, viewer.md 8.2). Blocking, one site a call; no Qt.

An answer is judged by the values in it, never by having been returned: archives ignore matching keys that they do not
know, and then return people that nobody asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from pacs.errors import AssociationRejected, Interrupted, NotAuthorised, PacsError, ProtocolViolation, Refused
from pacs.port import Cancelled, Pacs, StudyAnswer, StudyQuery
from pacs.site import Connection, Site
from worklist_client.identity.compare import birth_date_value, compare
from worklist_client.identity.names import PREFIXES, family_name
from worklist_client.identity.patient import BSN_ISSUERS, Comparison, PatientIdentity, PatientKey, Verdict
from worklist_client.reading.completeness import NOT_IMAGES
from worklist_client.reading.consent import ConsentAnswer, ConsentPort, ConsentQuestion, Purpose
from worklist_client.reading.relevance import Relevance, StudyTraits, relevance

ANSWERED = (AssociationRejected, NotAuthorised, Refused, ProtocolViolation)
"""What somebody said to us who is not away."""
ANSWER_LIMIT = 200
"""Most answers taken of one site; a patient with more studies than this gets a sentence that says so."""


@dataclass(frozen=True, slots=True)
class CurrentStudy:
    """The study being read, as far as finding its priors needs it."""

    site_id: str
    study_instance_uid: str
    patient: PatientIdentity
    traits: StudyTraits


@dataclass(frozen=True, slots=True)
class PriorCandidate:
    """One study that may be a prior, with the judgement and everything that it rests on."""

    site_id: str
    study: StudyAnswer
    patient: PatientIdentity
    comparison: Comparison
    relevance: Relevance
    same_key: bool = False
    """The same patient key at the same site; then no card is needed."""

    @property
    def candidate_id(self) -> tuple[str, str]:
        """(site, Study Instance UID)."""
        return (self.site_id, self.study.study_instance_uid)

    @property
    def verdict(self) -> Verdict:
        """Short for `comparison.verdict`."""
        return self.comparison.verdict


class SearchState(StrEnum):
    """How the search at one site ended."""

    SEARCHED = "searched"
    DOWN = "down"
    REFUSED = "refused"
    """It answers, and lets us not in or gives nothing that can be used."""
    NOT_PERMITTED = "not_permitted"
    NOT_KNOWN = "not_known"
    """Consent is unknown: nothing was asked of the site."""
    NOT_MADE = "not_made"
    """Nothing to search with."""


@dataclass(frozen=True, slots=True)
class SiteSearch:
    """What one site gave, or why it gave nothing. `reason` is a sentence for the reader, empty where all went well."""

    site_id: str
    site_name: str
    state: SearchState
    candidates: tuple[PriorCandidate, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PriorServices:
    """How sites are reached: `open_port` gives the adapter of a connection, `national_id` reads it from one instance
    of a study (empty where the instance has none)."""

    open_port: Callable[[Connection], Pacs]
    national_id: Callable[[Site, str, Cancelled], str]
    consent: ConsentPort
    reader_code: str


def search_home(current: CurrentStudy, site: Site, services: PriorServices, cancelled: Cancelled) -> SiteSearch:
    """Studies of the same patient key at the study's own site. A site that is down is an answer, not an error."""
    if not current.patient.key.patient_id:
        return SiteSearch(site.site_id, site.name, SearchState.NOT_MADE, (), "The study has no patient number")
    query = StudyQuery(patient_id=current.patient.key.patient_id, limit=ANSWER_LIMIT)
    return _searched(site, services, query, cancelled, lambda answers: _home_candidates(current, site, answers))


def search_elsewhere(current: CurrentStudy, site: Site, services: PriorServices, cancelled: Cancelled) -> SiteSearch:
    """Candidates at another hospital, after its consent, by birth date and family name."""
    question = ConsentQuestion(site, current.site_id, current.patient.key, services.reader_code, Purpose.LIST)
    answer = services.consent.ask(question)
    if answer is ConsentAnswer.DENY:
        text = "Does not permit reading of its studies for another hospital"
        return SiteSearch(site.site_id, site.name, SearchState.NOT_PERMITTED, (), text)
    if answer is ConsentAnswer.UNKNOWN:
        text = "Has not said whether its studies may be read for another hospital"
        return SiteSearch(site.site_id, site.name, SearchState.NOT_KNOWN, (), text)
    query = query_elsewhere(current.patient)
    if query is None:
        return SiteSearch(
            site.site_id, site.name, SearchState.NOT_MADE, (), "The study has no family name to search by"
        )
    found = _searched(site, services, query, cancelled, lambda answers: _foreign_candidates(current, site, answers))
    return replace(found, candidates=_with_national_ids(current, site, found.candidates, services, cancelled))


def query_elsewhere(patient: PatientIdentity) -> StudyQuery | None:
    """Birth date and family name; the name alone where the birth date is absent; None without a family name.

    Hospitals keep, drop or move prefixes ("van der Berg", "Berg^^^van der"), so the longest word that is none is
    searched; letters outside ASCII become `*`, for archives differ in folding them. The answers are judged anyway.
    """
    words = re.findall(r"[^\W\d_]+", family_name(patient.name))
    word = max((word for word in words if word.lower() not in PREFIXES), key=len, default="") or "".join(words[:1])
    folded = "".join(letter if letter.isascii() else "*" for letter in word).strip("*")
    if not folded:
        return None
    birth_date = birth_date_value(patient.birth_date)
    leads = bool(words) and words[0] == word
    pattern = f"*{folded}*" if birth_date or not leads or not word.startswith(folded) else f"{folded}*"
    return StudyQuery(patient_name=pattern, patient_birth_date=birth_date, limit=ANSWER_LIMIT)


def identity_of(answer: StudyAnswer, site: Site, national_id: str = "") -> PatientIdentity:
    """What the answer says of the person; the site's default issuer where the tag is absent."""
    return PatientIdentity(
        key=PatientKey(answer.issuer_of_patient_id or site.issuer_of_patient_id, answer.patient_id),
        site_id=site.site_id,
        name=answer.patient_name,
        birth_date=answer.patient_birth_date,
        sex=answer.patient_sex,
        national_id=national_id or national_id_among(answer.other_patient_ids),
    )


def ranked(candidates: Iterable[PriorCandidate], home_site_id: str) -> tuple[PriorCandidate, ...]:
    """Most relevant first, conflicts last; of one study that lies at two hospitals only one row, the home one first.

    The viewer knows studies by their UID alone, so the same UID may never be opened from two hospitals.
    """
    order = sorted(candidates, key=lambda item: (item.site_id != home_site_id, item.verdict is Verdict.CONFLICT))
    unique: dict[str, PriorCandidate] = {}
    for item in order:
        unique.setdefault(item.study.study_instance_uid, item)

    def weight(item: PriorCandidate) -> tuple[bool, int, tuple[int, ...]]:
        return (item.verdict is Verdict.CONFLICT, -item.relevance.score, _reversed(item.study.study_date))

    return tuple(sorted(unique.values(), key=weight))


def hangs_by_itself(candidate: PriorCandidate) -> bool:
    """Whether it may be shown without a card: same person, not later than the study, and it holds images."""
    days = candidate.relevance.days_before
    holds_images = not candidate.study.modalities or bool(set(candidate.study.modalities) - NOT_IMAGES)
    return candidate.verdict is Verdict.SAME and holds_images and (days is None or days >= 0)


def traits_of(answer: StudyAnswer) -> StudyTraits:
    """What relevance looks at, of an answer."""
    images = tuple(modality for modality in answer.modalities if modality not in NOT_IMAGES)
    return StudyTraits(images, " ".join(answer.body_parts), answer.study_description, answer.study_date)


def national_id_among(other_ids: tuple[tuple[str, str], ...]) -> str:
    """The national ID among (id, issuer) pairs, or empty."""
    return next((value for value, issuer in other_ids if issuer in BSN_ISSUERS), "")


def _searched(
    site: Site,
    services: PriorServices,
    query: StudyQuery,
    cancelled: Cancelled,
    judge: Callable[[list[StudyAnswer]], tuple[PriorCandidate, ...]],
) -> SiteSearch:
    """Ask the connections of a site in turn until one answers."""
    reason, state = "No connection to this hospital is set up", SearchState.DOWN
    for connection in site.connections:
        try:
            answers = services.open_port(connection).search_for_studies(query, cancelled)
        except Interrupted:
            raise
        except PacsError as error:
            reason = error.reason
            state = SearchState.REFUSED if isinstance(error, ANSWERED) else SearchState.DOWN
            continue
        note = "More studies were found than can be shown" if len(answers) >= ANSWER_LIMIT else ""
        return SiteSearch(site.site_id, site.name, SearchState.SEARCHED, judge(answers), note)
    return SiteSearch(site.site_id, site.name, state, (), reason)


def _home_candidates(current: CurrentStudy, site: Site, answers: list[StudyAnswer]) -> tuple[PriorCandidate, ...]:
    found = []
    for answer in answers:
        patient = identity_of(answer, site)
        if answer.study_instance_uid == current.study_instance_uid or patient.key != current.patient.key:
            continue
        comparison = compare(current.patient, patient)
        if comparison.verdict is Verdict.PROBABLE:  # one key at one site is one person, unless the values contradict
            comparison = Comparison(Verdict.SAME, comparison.evidence)
        found.append(_candidate(current, site, answer, patient, comparison, same_key=True))
    return tuple(found)


def _foreign_candidates(current: CurrentStudy, site: Site, answers: list[StudyAnswer]) -> tuple[PriorCandidate, ...]:
    found = []
    for answer in answers:
        patient = identity_of(answer, site)
        if answer.study_instance_uid == current.study_instance_uid:
            continue
        comparison = compare(current.patient, patient)
        if _is_candidate(comparison):
            found.append(_candidate(current, site, answer, patient, comparison))
    return tuple(found)


def _candidate(
    current: CurrentStudy,
    site: Site,
    answer: StudyAnswer,
    patient: PatientIdentity,
    comparison: Comparison,
    *,
    same_key: bool = False,
) -> PriorCandidate:
    weight = relevance(current.traits, traits_of(answer))
    return PriorCandidate(site.site_id, answer, patient, comparison, weight, same_key)


def _is_candidate(comparison: Comparison) -> bool:
    """Whether the values say that this answer is about the person searched for at all.

    An equal national ID is enough (a changed name, a mistyped date); otherwise the family name must be alike and the
    birth date must not differ. A stranger whom a sloppy archive returned is dropped and never listed.
    """
    said = {item.name_of_field: item.agreement for item in comparison.evidence}
    if said.get("national_id") == "equal":
        return True
    return said.get("family_name") in ("equal", "alike") and said.get("birth_date") != "differs"


def _with_national_ids(
    current: CurrentStudy,
    site: Site,
    candidates: tuple[PriorCandidate, ...],
    services: PriorServices,
    cancelled: Cancelled,
) -> tuple[PriorCandidate, ...]:
    """Read the national ID from one instance a patient key, where the answer lacks it and it could decide."""
    if not current.patient.national_id:
        return candidates
    known: dict[PatientKey, str] = {}
    result = []
    for item in candidates:
        if item.patient.national_id or item.verdict is Verdict.CONFLICT:
            result.append(item)
            continue
        key = item.patient.key
        if key not in known:
            try:
                known[key] = services.national_id(site, item.study.study_instance_uid, cancelled)
            except Interrupted:
                raise
            except PacsError:
                known[key] = ""  # without it the verdict stays *probable*: the card decides, nothing hangs by itself
        patient = replace(item.patient, national_id=known[key])
        result.append(replace(item, patient=patient, comparison=compare(current.patient, patient)))
    return tuple(result)


def _reversed(study_date: str) -> tuple[int, ...]:
    """Sort key: later dates first, empty last."""
    return tuple(-ord(letter) for letter in study_date) if study_date else (0,)
