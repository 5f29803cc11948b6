"""The theme: every token there, every text readable on every surface."""

from __future__ import annotations

import pytest

from worklist_client.settings.theme import ThemeError, contrast, load_theme, parse_theme, style_sheet

SURFACES = ("window", "panel", "raised", "field", "hover", "selection", "highlight")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("token", ["text.secondary", "state.ok", "state.attention", "state.danger", "state.mine"])
def test_texts_and_states_can_be_read_on_every_surface(token: str, surface: str) -> None:
    theme = load_theme("dark")
    assert contrast(theme.color(token), theme.color(f"surface.{surface}")) >= 4.5


@pytest.mark.parametrize("surface", SURFACES)
def test_main_text_has_high_contrast(surface: str) -> None:
    theme = load_theme("dark")
    assert contrast(theme.color("text.primary"), theme.color(f"surface.{surface}")) >= 7.0


def test_contrast_is_that_of_the_guideline() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_style_sheet_leaves_no_token_open() -> None:
    sheet = style_sheet(load_theme("dark"), 10)
    assert "@{" not in sheet
    assert "font-size: 10pt" in sheet


def test_an_unknown_theme_is_named() -> None:
    with pytest.raises(ThemeError, match=r"resources/themes/bright\.toml is missing"):
        load_theme("bright")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=", "x.toml"),
        ("[surface]\nwindow = '#14171a'", "field is missing"),
        (
            "[surface]\nwindow = 'red'\npanel='#000000'\nraised='#000000'\nfield='#000000'\nhover='#000000'\n"
            "selection='#000000'\nhighlight='#000000'",
            "must be like",
        ),
    ],
)
def test_a_broken_theme_is_refused_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(ThemeError, match=expected):
        parse_theme(text, "x", "x.toml")
