"""Key maps: read with exact errors, laid over each other, free of conflicts."""

from __future__ import annotations

from pathlib import Path

import pytest

from worklist_client.settings.keymap import KeymapError, load_keymap, normal_key, parse_keymap
from worklist_client.ui.worklist_commands import worklist_commands

CONTEXTS = '[contexts]\napp = ""\nlist = "app"\nrows = "list"\nreading = "app"\n'


def test_the_default_key_map_has_no_conflict_and_knows_only_commands_of_the_window() -> None:
    keymap = load_keymap()
    commands = worklist_commands(_NoVerbs())  # type: ignore[arg-type]
    own = {b.command_id for b in keymap.bindings if b.context in ("application", "worklist", "rows")}
    assert keymap.conflicts() == ()
    assert own <= {command.id for command in commands}


class _NoVerbs:
    def __getattr__(self, name: str) -> object:
        return lambda *_: None


def test_a_key_may_mean_two_things_in_contexts_beside_each_other() -> None:
    keymap = parse_keymap(CONTEXTS + '[keys.list]\n"a.one" = ["F5"]\n[keys.reading]\n"b.two" = ["F5"]\n', "x.toml")
    assert keymap.conflicts() == ()


def test_a_key_may_not_mean_two_things_in_contexts_within_each_other() -> None:
    keymap = parse_keymap(CONTEXTS + '[keys.app]\n"a.one" = ["F5"]\n[keys.rows]\n"b.two" = ["F5"]\n', "x.toml")
    assert [(left.command_id, right.command_id) for left, right in keymap.conflicts()] == [("a.one", "b.two")]


def test_inner_contexts_have_the_keys_of_those_around_them() -> None:
    keymap = parse_keymap(CONTEXTS + '[keys.app]\n"a.one" = ["Ctrl+Q"]\n', "x.toml")
    assert keymap.keys("rows", "a.one") == ("Ctrl+Q",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nonsense", "x.toml"),
        ("[key.list]", r"unknown table \[key\]"),
        ('[keys.nowhere]\n"a.b" = ["F5"]', r"\[keys.nowhere\] is not a declared context"),
        ('[contexts]\nlist = ""\n[keys.list]\n"a.b" = "F5"', "'a.b' must be a list"),
        ('[contexts]\nlist = ""\n[keys.list]\n"a.b" = ["Strg+A"]', "modifiers are Ctrl, Alt, Shift, Meta"),
        ('[contexts]\nlist = ""\n[keys.list]\n"a.b" = ["Entre"]', "the key is one character or one of"),
        ('[contexts]\nlist = "list"', "lies in itself"),
    ],
)
def test_a_broken_key_map_is_refused_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(KeymapError, match=expected):
        parse_keymap(text, "x.toml")


def test_the_profile_lays_its_own_keys_over_the_default(tmp_path: Path) -> None:
    own = tmp_path / "keymap.toml"
    own.write_text('[keys.worklist]\n"worklist.refresh" = ["Ctrl+R"]\n', encoding="utf-8")
    assert load_keymap(own).keys("worklist", "worklist.refresh") == ("Ctrl+R",)
    assert load_keymap().keys("worklist", "worklist.refresh") == ("F5",)


def test_an_overlay_that_takes_a_used_key_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "keymap.toml"
    own.write_text('[keys.worklist]\n"worklist.refresh" = ["Ctrl+F"]\n', encoding="utf-8")
    with pytest.raises(KeymapError, match=r"Ctrl\+F is both"):
        load_keymap(own)


def test_one_key_has_one_spelling() -> None:
    assert normal_key("Shift+Ctrl+n") == "Ctrl+Shift+N"
