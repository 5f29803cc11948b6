"""What each row of `viewer.ui.actions.ACTIONS` does. A table, so that a test can show that none is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from viewer.render.choice import SOFTWARE, VTK
from viewer.state.view import ViewPresentation, flipped_horizontally, rotated
from viewer.tools.pointer import Zoom
from viewer.tools.table import TOOLS
from viewer.ui.actions import PRESET_KEYS, action
from viewer.ui.desk import Desk

PAGE = 10
ZOOM_STEP = 1.25
Deed = Callable[[Desk], None]


def perform(desk: Desk, action_id: str) -> None:
    """Do one action on the active viewport.

    Raises
    ------
    UnknownAction
    """
    DEEDS[action(action_id).id](desk)


def _scroll(steps: int) -> Deed:
    return lambda desk: desk.arranger.go(desk.active, desk.viewport.model.state.index + steps)


def _first(desk: Desk) -> None:
    desk.arranger.go(desk.active, 0)


def _last(desk: Desk) -> None:
    desk.arranger.go(desk.active, desk.viewport.model.state.count - 1)


def _layout(rows: int, columns: int) -> Deed:
    return lambda desk: desk.set_layout(rows, columns)


def _neighbor(step: int) -> Deed:
    def deed(desk: Desk) -> None:
        desk.activate((desk.active + step) % len(desk.grid.viewports))
        desk.viewport.setFocus()

    return deed


def _series(step: int) -> Deed:
    def deed(desk: Desk) -> None:
        shown = desk.arranger.key_at(desk.active)
        if shown is None:
            return
        tiles = [t.tile for t in desk.strip.widget.tiles() if t.tile.key[0] == shown[0]]
        block = desk.arranger.block_at(desk.active)
        places = [place for place, tile in enumerate(tiles) if tile.key == shown and tile.block == block]
        if places and 0 <= places[0] + step < len(tiles):
            chosen = tiles[places[0] + step]
            desk.show_block(desk.active, chosen.key, chosen.block)

    return deed


def _tool(tool_id: str) -> Deed:
    return lambda desk: desk.grid.set_tool(tool_id)


def _view(change: Callable[[ViewPresentation], ViewPresentation]) -> Deed:
    def deed(desk: Desk) -> None:
        desk.arranger.touch(desk.active)
        desk.viewport.model.view = change(desk.viewport.model.view)
        desk.viewport.refresh(picture=False)

    return deed


def _fit(view: ViewPresentation) -> ViewPresentation:
    return replace(view, zoom=None, pan_px=(0.0, 0.0))


def _one_to_one(view: ViewPresentation) -> ViewPresentation:
    return replace(view, zoom=1.0, pan_px=(0.0, 0.0))


def _turn(view: ViewPresentation) -> ViewPresentation:
    return rotated(view, 1)


def _zoom(factor: float) -> Deed:
    def deed(desk: Desk) -> None:
        width, height = desk.viewport.canvas_px()
        desk.editor.apply(desk.active, Zoom(factor, (width / 2, height / 2)))

    return deed


def _invert(desk: Desk) -> None:
    desk.arranger.touch(desk.active)
    model = desk.viewport.model
    model.data = replace(model.data, inverted=not model.data.inverted)
    desk.viewport.refresh()


def _reset(desk: Desk) -> None:
    model = desk.viewport.model
    model.view = ViewPresentation()
    model.data = replace(model.data, voi=None, inverted=False)
    desk.viewport.refresh()


def _interpolation(desk: Desk) -> None:
    desk.viewport.model.smooth = not desk.viewport.model.smooth
    desk.viewport.refresh(picture=False)


def _texts(desk: Desk) -> None:
    shown = not desk.viewport.surroundings.texts_shown
    for place in range(len(desk.grid.viewports)):
        desk.arranger.show_texts(place, shown)


def _link(desk: Desk) -> None:
    desk.link.on = not desk.link.on
    desk.arranger.anchor()
    desk.arranger.update()


def _default_window(desk: Desk) -> None:
    desk.arranger.touch(desk.active)
    desk.viewport.model.set_window(None)
    desk.viewport.refresh()


def _preset(key: int) -> Deed:
    def deed(desk: Desk) -> None:
        frame = desk.viewport.model.frame
        row = None if frame is None else desk.presets.on_key(frame.header.modality, key)
        if row is not None:
            desk.arranger.touch(desk.active)
            desk.viewport.model.set_window(row.window)
            desk.viewport.refresh()

    return deed


def _retry(desk: Desk) -> None:
    frame = desk.viewport.model.frame
    if frame is not None and desk.viewport.failure:
        desk.viewport.refresh()
        desk.retry_wanted.emit(frame.header.study_instance_uid, frame.header.sop_instance_uid)


def _switch_path(desk: Desk) -> None:
    desk.set_render_path(VTK if desk.grid.choice.name == SOFTWARE else SOFTWARE)


DEEDS: dict[str, Deed] = {
    "layout.1x1": _layout(1, 1),
    "layout.1x2": _layout(1, 2),
    "layout.2x2": _layout(2, 2),
    "viewport.next": _neighbor(1),
    "viewport.previous": _neighbor(-1),
    "series.next": _series(1),
    "series.previous": _series(-1),
    "scroll.next": _scroll(1),
    "scroll.previous": _scroll(-1),
    "scroll.page_next": _scroll(PAGE),
    "scroll.page_previous": _scroll(-PAGE),
    "scroll.first": _first,
    "scroll.last": _last,
    "link.toggle": _link,
    **{f"tool.{tool_id}": _tool(tool_id) for tool_id in TOOLS},
    "annotation.edit_text": lambda desk: desk.editor.edit_text(),
    "annotation.delete": lambda desk: desk.editor.delete(),
    "annotation.undo": lambda desk: desk.editor.undo(),
    "annotation.redo": lambda desk: desk.editor.redo(),
    "view.fit": _view(_fit),
    "view.one_to_one": _view(_one_to_one),
    "view.zoom_in": _zoom(ZOOM_STEP),
    "view.zoom_out": _zoom(1 / ZOOM_STEP),
    "view.invert": _invert,
    "view.rotate": _view(_turn),
    "view.flip": _view(flipped_horizontally),
    "view.reset": _reset,
    "view.interpolation": _interpolation,
    "view.texts": _texts,
    "window.default": _default_window,
    **{f"window.preset.{key}": _preset(key) for key in range(1, PRESET_KEYS + 1)},
    "frame.retry": _retry,
    "render.switch": _switch_path,
}
