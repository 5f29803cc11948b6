"""Icons of the reading toolbar, drawn as small SVG outlines in the colour of the theme. One stroke weight, 20 × 20."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

_PATHS: dict[str, str] = {
    "tool.scroll": '<path d="M10 3v14M6 7l4-4 4 4M6 13l4 4 4-4"/>',
    "tool.window": '<circle cx="10" cy="10" r="6.5"/><path d="M10 3.5a6.5 6.5 0 0 1 0 13z" fill="COLOR"/>',
    "tool.zoom": '<circle cx="8.5" cy="8.5" r="5"/><path d="M12.5 12.5l4.5 4.5M8.5 6.2v4.6M6.2 8.5h4.6"/>',
    "tool.pan": '<path d="M10 2.5v15M2.5 10h15M8 4.5l2-2 2 2M8 15.5l2 2 2-2M4.5 8l-2 2 2 2M15.5 8l2 2-2 2"/>',
    "tool.length": '<path d="M4 16L16 4M2.5 14.5l3 3M14.5 2.5l3 3"/>',
    "tool.arrow": '<path d="M16.5 16.5L4 4M4 10V4h6"/>',
    "tool.ellipse": '<ellipse cx="10" cy="10" rx="7.5" ry="5"/>',
    "tool.rectangle": '<rect x="3" y="5" width="14" height="10"/>',
    "annotation.delete": '<path d="M4 6h12M8 6V4h4v2M6 6l.8 10.5h6.4L14 6"/>',
    "annotation.undo": '<path d="M7 4L3.5 7.5 7 11M3.5 7.5H12a4.5 4.5 0 0 1 0 9H8"/>',
    "annotation.redo": '<path d="M13 4l3.5 3.5L13 11M16.5 7.5H8a4.5 4.5 0 0 0 0 9h4"/>',
    "layout.1x1": '<rect x="3.5" y="3.5" width="13" height="13"/>',
    "layout.1x2": '<rect x="3.5" y="3.5" width="13" height="13"/><path d="M10 3.5v13"/>',
    "layout.2x2": '<rect x="3.5" y="3.5" width="13" height="13"/><path d="M10 3.5v13M3.5 10h13"/>',
    "link.toggle": '<path d="M8.5 11.5l3-3M9 6l2-2a3.2 3.2 0 0 1 4.8 4.5l-2 2M11 14l-2 2A3.2 3.2 0 0 1 4.2 11.5l2-2"/>',
    "view.fit": '<path d="M3.5 7V3.5H7M13 3.5h3.5V7M16.5 13v3.5H13M7 16.5H3.5V13M7 7h6v6H7z"/>',
    "view.one_to_one": '<path d="M4 6.5L6 5v10M13 6.5L15 5v10M10 8v.1M10 12v.1"/>',
    "view.invert": '<rect x="3.5" y="3.5" width="13" height="13"/><path d="M3.5 16.5L16.5 3.5v13z" fill="COLOR"/>',
    "view.rotate": '<path d="M15.5 7A6.3 6.3 0 1 0 16.3 11M16 3.5V7.5h-4"/>',
    "view.flip": '<path d="M10 3v14M8 6l-5 8h5zM12 6l5 8h-5z"/>',
    "view.reset": '<path d="M4 10a6 6 0 1 1 1.8 4.3M4 5.5V10h4.5"/>',
}


def icon(name: str, color: str, size: int = 20) -> QIcon:
    """The icon of an action in "#rrggbb"; an empty icon where none is drawn."""
    body = _PATHS.get(name)
    if body is None:
        return QIcon()
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><g fill="none" stroke="{color}" '
        f'stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">{body.replace("COLOR", color)}</g></svg>'
    )
    renderer = QSvgRenderer(QByteArray(svg.encode("ascii")))
    found = QIcon()
    for scale in (1, 2):
        pixmap = QPixmap(size * scale, size * scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        renderer.render(painter)
        painter.end()
        pixmap.setDevicePixelRatio(scale)
        found.addPixmap(pixmap)
    return found


def drawn() -> tuple[str, ...]:
    """Ids that have an icon, in the order of the toolbar."""
    return tuple(_PATHS)
