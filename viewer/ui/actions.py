"""The table of everything a reader can do in the viewer: menus, toolbar, palette, keys and tests go through it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ViewerAction:
    """One row: id, English title (the key of its translation), default key ("" = none), group for menus."""

    id: str
    title: str
    key: str = ""
    group: str = ""


PRESET_KEYS = 9

ACTIONS: tuple[ViewerAction, ...] = (
    ViewerAction("layout.1x1", "One viewport", "Ctrl+1", "layout"),
    ViewerAction("layout.1x2", "Two viewports", "Ctrl+2", "layout"),
    ViewerAction("layout.2x2", "Four viewports", "Ctrl+4", "layout"),
    ViewerAction("viewport.next", "Next viewport", ".", "layout"),
    ViewerAction("viewport.previous", "Previous viewport", ",", "layout"),
    ViewerAction("series.next", "Next series", "]", "navigate"),
    ViewerAction("series.previous", "Previous series", "[", "navigate"),
    ViewerAction("scroll.next", "Next image", "Down", "navigate"),
    ViewerAction("scroll.previous", "Previous image", "Up", "navigate"),
    ViewerAction("scroll.page_next", "Ten images on", "PgDown", "navigate"),
    ViewerAction("scroll.page_previous", "Ten images back", "PgUp", "navigate"),
    ViewerAction("scroll.first", "First image", "Home", "navigate"),
    ViewerAction("scroll.last", "Last image", "End", "navigate"),
    ViewerAction("link.toggle", "Link scrolling", "K", "navigate"),
    ViewerAction("tool.scroll", "Scroll tool", "S", "tool"),
    ViewerAction("tool.window", "Window tool", "W", "tool"),
    ViewerAction("tool.zoom", "Zoom tool", "Z", "tool"),
    ViewerAction("tool.pan", "Pan tool", "P", "tool"),
    ViewerAction("tool.length", "Length", "L", "tool"),
    ViewerAction("tool.arrow", "Arrow with text", "A", "tool"),
    ViewerAction("tool.ellipse", "Ellipse", "E", "tool"),
    ViewerAction("tool.rectangle", "Rectangle", "R", "tool"),
    ViewerAction("annotation.edit_text", "Edit text of arrow", "F2", "annotation"),
    ViewerAction("annotation.delete", "Delete annotation", "Del", "annotation"),
    ViewerAction("annotation.undo", "Undo", "Ctrl+Z", "annotation"),
    ViewerAction("annotation.redo", "Redo", "Ctrl+Shift+Z", "annotation"),
    ViewerAction("view.fit", "Fit to viewport", "F", "view"),
    ViewerAction("view.one_to_one", "One image pixel per screen pixel", "O", "view"),
    ViewerAction("view.zoom_in", "Zoom in", "+", "view"),
    ViewerAction("view.zoom_out", "Zoom out", "-", "view"),
    ViewerAction("view.invert", "Invert grays", "I", "view"),
    ViewerAction("view.rotate", "Rotate by 90 degrees", "T", "view"),
    ViewerAction("view.flip", "Flip left and right", "H", "view"),
    ViewerAction("view.reset", "Reset view", "Backspace", "view"),
    ViewerAction("view.interpolation", "Smooth or exact pixels", "N", "view"),
    ViewerAction("view.texts", "Show or hide texts", "D", "view"),
    ViewerAction("window.default", "Window of the image", "0", "window"),
    *(ViewerAction(f"window.preset.{n}", f"Window preset {n}", str(n), "window") for n in range(1, PRESET_KEYS + 1)),
    ViewerAction("frame.retry", "Try this image again", "F5", "view"),
    ViewerAction("render.switch", "Switch between software and GPU drawing", "", "view"),
)

_BY_ID = {row.id: row for row in ACTIONS}


class UnknownAction(KeyError):
    """No row of `ACTIONS` has this id."""


def action(action_id: str) -> ViewerAction:
    """The row of an id.

    Raises
    ------
    UnknownAction
    """
    try:
        return _BY_ID[action_id]
    except KeyError as error:
        raise UnknownAction(action_id) from error
