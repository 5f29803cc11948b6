"""Every visible string in the language of the profile. English text is the key; Dutch lies in `resources/i18n/nl.json`.

A text that has no translation is shown in English, so that nothing on screen is ever empty. The log names the line of
code that asked for it, never the text: what is no text of the program may be a patient's name or a colleague's words.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
from collections.abc import Mapping
from importlib import resources as package_files
from types import FrameType

_log = logging.getLogger("wl.language")

LANGUAGES = ("en", "nl")


class LanguageError(Exception):
    """A translation file that cannot be used; `reason` names the file, the entry and what is wrong with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fields_of(text: str) -> frozenset[str]:
    """Names of the `{fields}` in a text; raises ValueError where the braces do not match."""
    return frozenset(part.split("}", 1)[0] for part in text.split("{")[1:] if "}" in part)


def load_translations(language: str) -> dict[str, str]:
    """Read `resources/i18n/<language>.json`: one flat object of English text -> translation. Raises `LanguageError`."""
    name = f"resources/i18n/{language}.json"
    try:
        raw = package_files.files("resources").joinpath("i18n", f"{language}.json").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise LanguageError(f"{name} is missing; languages are {', '.join(LANGUAGES)}") from error
    try:
        data = json.loads(raw)
    except json.JSONDecodeError as error:
        raise LanguageError(f"{name} line {error.lineno}: {error.msg}") from error
    if not isinstance(data, dict):
        raise LanguageError(f"{name}: must be one object of English text and translation")
    for key, value in data.items():
        if not isinstance(value, str) or not value:
            raise LanguageError(f"{name}: the translation of {key!r} must be a text that is not empty")
        if fields_of(key) != fields_of(value):
            raise LanguageError(f"{name}: {key!r} and its translation do not use the same fields")
    return data


def _has_words(text: str) -> bool:
    """Whether there is anything to translate beside fields, numbers and signs."""
    return any(part.rpartition("}")[2].strip(" .,:;/-") for part in text.split("{"))


LETTERS_OF_A_PATTERN = 4
"""A translation with fields serves as a pattern for texts that come filled in only where so much of it is words."""
REMEMBERED = 500
FIELD = re.compile(r"\{(\w+)\}")


class _Patterns:
    """Translates texts that come with their numbers in them ("3 images cannot be decoded."): errors and notes are made
    where no translator is, so the translations with fields are their patterns."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        words = {text: sum(map(str.isalpha, FIELD.sub("", text))) for text in texts if FIELD.search(text)}
        wordy = sorted(text for text in words if words[text] >= LETTERS_OF_A_PATTERN)
        self._patterns = [(_pattern(text), texts[text]) for text in sorted(wordy, key=words.__getitem__, reverse=True)]

    def find(self, text: str) -> str | None:
        """The translation with the same values in its fields, by the pattern with the most words; else None."""
        for pattern, translation in self._patterns:
            found = pattern.fullmatch(text)
            if found is not None:
                return FIELD.sub(lambda field, found=found: found[field[1]], translation)  # type: ignore[misc]
        return None


def _pattern(text: str) -> re.Pattern[str]:
    seen: set[str] = set()

    def field(name: str) -> str:
        again = name in seen
        seen.add(name)
        return f"(?P={name})" if again else f"(?P<{name}>.+?)"

    parts = FIELD.split(text)
    return re.compile("".join(field(part) if place % 2 else re.escape(part) for place, part in enumerate(parts)))


class Filled(str):
    """A sentence with its values in it. Whoever translates it again gets it back as it is: it may name a patient."""

    __slots__ = ()


class Translator:
    """`tr("Claimed by {name}", name=...)`. Call it like a function; fields are put in after translating."""

    def __init__(self, language: str, translations: Mapping[str, str] | None = None) -> None:
        """`language` is one of `LANGUAGES`; `translations` replaces the file (tests). Raises `LanguageError`."""
        if language not in LANGUAGES:
            raise LanguageError(f"language {language!r} is not one of {', '.join(LANGUAGES)}")
        self.language = language
        if translations is not None:
            self._texts: Mapping[str, str] = translations
        else:
            self._texts = {} if language == "en" else load_translations(language)
        self._patterns = _Patterns(self._texts)
        self._found: dict[str, str] = {}
        self._unknown: set[str] = set()
        self._noted: set[str] = set()

    def __call__(self, text: str, **fields: object) -> str:
        """The text in this language with its fields filled in."""
        if isinstance(text, Filled):
            return text
        shown = self._texts.get(text) or self._found.get(text)
        if shown is None:
            shown = text if fields or "{" in text or text in self._unknown else self._by_pattern(text)
            if shown == text and self.language != "en" and text not in self._unknown and _has_words(text):
                self._note(text, inspect.currentframe())
        return Filled(shown.format(**fields)) if fields else shown

    def _by_pattern(self, text: str) -> str:
        """A text that comes with its values in it; itself where no pattern fits."""
        found = self._patterns.find(text)
        if found is None:
            return text
        if len(self._found) >= REMEMBERED:
            self._found.clear()
        self._found[text] = found
        return found

    def _note(self, text: str, frame: FrameType | None) -> None:
        """Once a text is searched for, and once a place in the code is logged."""
        if len(self._unknown) >= REMEMBERED:
            self._unknown.clear()
        self._unknown.add(text)
        caller = frame.f_back if frame is not None else None
        if caller is None:
            return
        place = f"{caller.f_globals.get('__name__')}:{caller.f_lineno}"
        if place not in self._noted:
            self._noted.add(place)
            _log.warning("no translation: language=%s asked_at=%s", self.language, place)
