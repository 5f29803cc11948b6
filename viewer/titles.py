"""What a study is called in one line. Pure."""

from __future__ import annotations

import re


def study_title(modality: str, description: str) -> str:
    """Modality and description; hospitals often write the one into the other, and nobody says "CT CT abdomen"."""
    if not modality or _repeats(modality, description):
        return description or modality
    return f"{modality} {description}".strip()


def without_modality(modality: str, description: str) -> str:
    """The description beside a modality that is shown already: the words that repeat it left out."""
    if not _repeats(modality, description):
        return description
    words = len(_parts(modality))
    rest = re.sub(rf"^(?:[^\w]*\w+){{{words}}}[\s:,/_-]*", "", description)
    return rest or description


def _repeats(modality: str, description: str) -> bool:
    """Whether the description begins with every modality, be it as one letter more (CTA, MRI, USG)."""
    parts = _parts(modality)
    begin = re.findall(r"[^\W_]+", description.upper())[: len(parts)]
    return bool(parts) and all(any(_is_said(part, word) for word in begin) for part in parts)


def _is_said(part: str, word: str) -> bool:
    return word.startswith(part) and len(word) <= len(part) + 1


def _parts(modality: str) -> list[str]:
    return [part for part in re.split(r"[\\/+ ]", modality.upper()) if part]
