"""How relevant a prior is to the study being read, with the reasons in words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

REGIONS: dict[str, tuple[str, ...]] = {
    "head": ("HEAD", "BRAIN", "SKULL", "CEREBR", "CRAN", "HERSEN", "SCHEDEL", "HOOFD", "SINUS", "ORBIT", "PETROUS"),
    "neck": ("NECK", "HALS", "THYROID", "SCHILDKLIER", "CAROTI", "LARYN"),
    "chest": ("CHEST", "THORAX", "LUNG", "LONG", "HEART", "HART", "CARDIAC", "RIB", "PULMON"),
    "abdomen": ("ABDOMEN", "ABDO", "LIVER", "LEVER", "KIDNEY", "NIER", "PANCREA", "BUIK", "UROGRA", "BOWEL", "DARM"),
    "pelvis": ("PELVIS", "BEKKEN", "HIP", "HEUP", "PROSTA", "UTERUS"),
    "spine": ("SPINE", "WERVEL", "LUMB", "CERVIC", "LWK", "CWK", "TWK"),
    "arm": ("HAND", "WRIST", "POLS", "ELBOW", "ELLEBOOG", "SHOULDER", "SCHOUDER", "FINGER", "ARM", "HUMER"),
    "leg": ("KNEE", "KNIE", "ANKLE", "ENKEL", "FOOT", "VOET", "TIBIA", "FEMUR", "LEG", "BEEN", "TOE"),
    "breast": ("BREAST", "MAMMA", "MAMMO"),
}
"""Body region -> beginnings of words, English and Dutch, in Body Part Examined or Study Description."""

_RELATED = ({"CT", "MR", "PT"}, {"CR", "DX", "RF"}, {"MG", "US"})
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class StudyTraits:
    """What relevance looks at. `study_date` YYYYMMDD or empty."""

    modalities: tuple[str, ...]
    body_part: str = ""
    description: str = ""
    study_date: str = ""


@dataclass(frozen=True, slots=True)
class Relevance:
    """`score` 0 to 100, higher hangs first; `reasons` are translatable sentences, the weightiest first."""

    score: int
    reasons: tuple[str, ...]
    days_before: int | None = None
    """Days between prior and current; negative: the study is later; None: a date is missing."""


def regions_of(traits: StudyTraits) -> frozenset[str]:
    """The body regions that the words of a study name."""
    words = re.findall(r"[A-ZÀ-Þ]+", f"{traits.body_part} {traits.description}".upper())
    return frozenset(
        region for region, stems in REGIONS.items() if any(word.startswith(stem) for word in words for stem in stems)
    )


def relevance(current: StudyTraits, prior: StudyTraits) -> Relevance:
    """Score a prior: region 50, modality 30, recency 20. A later study scores zero for recency and says so."""
    reasons: list[str] = []
    score = 0
    mine, theirs = regions_of(current), regions_of(prior)
    if mine & theirs:
        score += 50
        reasons.append("Same body region")
    elif not mine or not theirs:
        score += 15
        reasons.append("Body region not stated")
    else:
        reasons.append("Other body region")
    left, right = set(current.modalities), set(prior.modalities)
    if left & right:
        score += 30
        reasons.append("Same modality")
    elif any(left & group and right & group for group in _RELATED):
        score += 15
        reasons.append("Related modality")
    days = _days_between(prior.study_date, current.study_date)
    if days is None:
        reasons.append("Date not known")
    elif days < 0:
        reasons.append("Later than this study")
    else:
        score += round(20 * max(0.0, 1 - days / (5 * _DAYS_A_YEAR)))
        reasons.append("Within a year" if days <= _DAYS_A_YEAR else "Older than a year")
    return Relevance(score, tuple(reasons), days)


def _days_between(earlier: str, later: str) -> int | None:
    first, second = _day(earlier), _day(later)
    return None if first is None or second is None else (second - first).days


def _day(text: str) -> date | None:
    """YYYYMMDD, or the old YYYY.MM.DD (PS3.5 6.2 still lets it be read)."""
    digits = text.replace(".", "")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
