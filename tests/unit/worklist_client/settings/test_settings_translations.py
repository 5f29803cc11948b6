"""Every text that a person can see is there in Dutch; the code itself is asked which texts those are."""

from __future__ import annotations

import ast
import logging
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from worklist_client.settings import language
from worklist_client.settings.language import LanguageError, Translator, fields_of, load_translations

ROOT = Path(__file__).resolve().parents[4]
PACKAGES = ("worklist_client", "viewer")
LITERALS = {"tr": 0, "_tr": 0, "Command": 1, "ViewerAction": 1, "Column": 1, "MenuRow": 0, "Setting": 2}
"""Calls and which of their arguments is a visible English text."""
TABLES = ("TITLES", "SEXES", "WEEKDAYS", "VERDICTS", "VIEWS", "NOTES", "REASONS", "FIELDS", "MENUS", "TEXTS", "DAMAGED")
"""Module constants that end so hold visible texts, as values of a dict or as items of a tuple."""
SENTENCES_IN = ("worklist_client/commands", "worklist_client/reading", "worklist_client/delivery")
"""Errors raised here carry sentences that windows show."""
SENTENCE = re.compile(r"[A-Z][^.]* .*[a-z.)]")
"""What a sentence of the viewer looks like: it makes them where no translator is (errors, issues of a series)."""
NOT_SHOWN = ("viewer/ui/window_presets.py", "viewer/ui/resource_files.py", "viewer/ui/corner_texts.py")
"""Their sentences go to whoever edits those files, at the start of the program."""
STANDARD_WORDS = frozenset({"SD"})


def visible_texts() -> dict[str, str]:
    """Text -> file it was found in."""
    found: dict[str, str] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if "/demo/" not in name:
                for text in _texts_of(ast.parse(path.read_text(encoding="utf-8")), name):
                    found.setdefault(text, name)
    return found


def _texts_of(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if len(node.args) > LITERALS.get(called, len(node.args)):
                yield from _constants(node.args[LITERALS[called]])
            if called == "Column":
                yield from (text for kw in node.keywords if kw.arg == "tooltip" for text in _constants(kw.value))
        elif isinstance(node, ast.Raise) and name.startswith(SENTENCES_IN) and isinstance(node.exc, ast.Call):
            yield from (text for argument in node.exc.args for text in _constants(argument) if " " in text)
    for statement in tree.body:
        yield from _table(statement)


def sentences_of_the_viewer() -> dict[str, str]:
    """Sentences that the viewer makes without a translator -> file; `{...}` where a value stands."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "viewer").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if name not in NOT_SHOWN:
            for text in _sentences(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault(text, name)
    return found


def _sentences(tree: ast.Module) -> Iterator[str]:
    within = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    within |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            values = (v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
            text = "".join(map(str, values))
            first = text.replace("{}", "X")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within:
            text = first = node.value
        else:
            continue
        if (
            SENTENCE.fullmatch(first)
            and re.search(r"[a-z]{2,} [a-z]{2,}", first)
            and "\n" not in text
            and "<" not in text
        ):
            yield text


def _unnamed(text: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", text)


def _table(statement: ast.stmt) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    value = getattr(statement, "value", None)
    if not any(name.endswith(TABLES) for name in names) or value is None:
        return
    lower_too = any(name in ("SEXES", "WEEKDAYS") for name in names)
    items = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", [])
    for item in items:
        for part in getattr(item, "elts", [item]):
            yield from (text for text in _constants(part) if lower_too or text[:1].isupper() or " " in text)


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _constants(value)


def test_every_visible_text_has_a_dutch_translation() -> None:
    dutch = load_translations("nl")
    missing = {text: name for text, name in visible_texts().items() if text not in dutch and text not in STANDARD_WORDS}
    assert not missing, "\n".join(f"{name}: {text!r}" for text, name in missing.items())


def test_dutch_does_not_call_looking_reading_nor_giving_back_what_is_done_with_a_report() -> None:
    """ "Alleen lezen" could mean "only reading", and "vrijgeven" is what one does with a report."""
    wrong = re.compile(r"alleen lezen|vrijge(ven|geven)|vrijgave|\blezers?\b", re.IGNORECASE)
    found = {key: text for key, text in load_translations("nl").items() if wrong.search(text)}
    assert not found


def test_sentences_that_the_viewer_makes_itself_are_in_dutch_too() -> None:
    """They reached the screen in English: why an image is hatched, what is odd about a series."""
    known = {_unnamed(text) for text in load_translations("nl")}
    found = sentences_of_the_viewer()
    assert len(found) > 80
    missing = {text: name for text, name in found.items() if _unnamed(text) not in known}
    assert not missing, "\n".join(f"{name}: {text!r}" for text, name in missing.items())


def test_sentences_that_commands_hand_on_are_in_dutch_too() -> None:
    """They stood in English in the sign dialog: a text that is only appended to a list is seen by no other test."""
    known = {_unnamed(text) for text in load_translations("nl")}
    known |= {"Unexpected error ({})", "{} long ago"}  # the name of a program error; a reason in the journal
    missing = []
    for path in sorted((ROOT / "worklist_client/commands").glob("*.py")):
        texts = _sentences(ast.parse(path.read_text(encoding="utf-8")))
        missing += [f"{path.name}: {text!r}" for text in texts if _unnamed(text) not in known]
    assert not missing, "\n".join(missing)


def test_presets_and_reasons_why_a_prior_is_relevant_are_in_dutch_too() -> None:
    dutch = load_translations("nl")
    presets = tomllib.loads((ROOT / "resources/presets/window.toml").read_text(encoding="utf-8"))["preset"]
    tree = ast.parse((ROOT / "worklist_client/reading/relevance.py").read_text(encoding="utf-8"))
    reasons = {text for node in ast.walk(tree) if isinstance(node, ast.Call) for text in _appended(node)}
    assert len(reasons) > 5
    assert {row["name"] for row in presets} | reasons <= dutch.keys()


def _appended(node: ast.Call) -> Iterator[str]:
    if isinstance(node.func, ast.Attribute) and node.func.attr == "append":
        yield from (text for argument in node.args for text in _constants(argument) if " " in text)


def test_a_text_with_its_numbers_in_it_is_translated_by_the_one_with_fields() -> None:
    tr = Translator("nl")
    assert tr("3 images cannot be decoded.") == "3 beelden kunnen niet worden gedecodeerd."
    assert tr("The slices are tilted by 7.5° against their stack (gantry tilt).") == (
        "De coupes staan 7.5° schuin op hun stapel (gantrykanteling)."
    )
    cut = "The pixel data are cut short: 12 of 512 bytes are there."
    assert tr(cut) == tr(cut) == "De beeldgegevens zijn afgebroken: er zijn 12 van 512 bytes."


def test_a_pattern_needs_words_and_puts_braces_in_as_they_are() -> None:
    tr = Translator("nl", {"{site}: {reason}": "{site} - {reason}", "Image {n} is odd": "Beeld {n} is vreemd"})
    assert tr("North: away") == "North: away"
    assert tr("Image 3 is odd") == "Beeld 3 is vreemd"
    assert tr("Image {n} is odd", n="{x}") == "Beeld {x} is vreemd"


def test_the_scan_sees_texts_of_calls_tables_and_conditions() -> None:
    tree = ast.parse(
        'A_TITLES = {1: "Late"}\ntr("One" if x else "Two")\nself._tr("Three {n}")\nCommand("a.b", "Four", f)'
    )
    assert set(_texts_of(tree, "worklist_client/x.py")) == {"Late", "One", "Two", "Three {n}", "Four"}


def test_fields_are_put_in_after_translating() -> None:
    tr = Translator("nl", {"Claimed by {name}": "Opgenomen door {name}"})
    assert tr("Claimed by {name}", name="dr. {Jansen}") == "Opgenomen door dr. {Jansen}"


def test_a_text_without_translation_is_shown_in_english() -> None:
    assert Translator("nl", {})("Never seen") == "Never seen"


def test_a_text_without_translation_is_named_in_the_log_by_its_place_never_by_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The text may be a sentence that somebody else made, with a patient's name in it."""
    tr = Translator("nl", {})
    with caplog.at_level(logging.DEBUG):
        for text in ("Jansen^Piet is read by a colleague", "Jansen^Piet again", "Jansen^Piet again"):
            tr(text)
    (record,) = caplog.records
    assert "Jansen" not in record.getMessage()
    assert f"asked_at={__name__}:" in record.getMessage()


def test_a_sentence_that_is_filled_in_already_is_not_translated_again(caplog: pytest.LogCaptureFixture) -> None:
    """Its values are not the program's words: a reason "Reserved by Loading" stays what somebody wrote."""
    tr = Translator("nl", {"It says {what}": "Er staat {what}", "Er staat {what}": "FOUT {what}"})
    once = tr("It says {what}", what="Release")
    assert once == "Er staat Release"
    with caplog.at_level(logging.DEBUG):
        assert tr(once) == once
    assert caplog.records == []


def test_english_needs_no_file() -> None:
    assert Translator("en")("Release") == "Release"


def test_an_unknown_language_is_refused_with_the_choices() -> None:
    with pytest.raises(LanguageError, match="en, nl"):
        Translator("fy")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "line 1"),
        ("[]", "one object"),
        ('{"Close": ""}', "'Close'"),
        ('{"{n} studies": "onderzoeken"}', "same fields"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(
    content: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "i18n").mkdir()
    (tmp_path / "i18n" / "nl.json").write_text(content, encoding="utf-8")
    monkeypatch.setattr(language.package_files, "files", lambda _package: tmp_path)
    with pytest.raises(LanguageError, match=expected):
        load_translations("nl")


def test_fields_are_read_from_a_text() -> None:
    assert fields_of("{shown} of {total} studies") == {"shown", "total"}
