"""Which path draws: by request, by probing the GL renderer, and back to software with the reason when GL fails."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from viewer.render.gl_format import GlProbe, install_default_format, probe
from viewer.render.path import RenderPath
from viewer.render.software import SoftwareCanvas

SOFTWARE, VTK, AUTO = "software", "vtk", "auto"


@dataclass(frozen=True, slots=True)
class Choice:
    """What draws ("software" or "vtk") and, where it is not what was asked for, why (plain English)."""

    name: str
    reason: str = ""


def choose(request: str, ask: Callable[[], GlProbe] = probe) -> Choice:
    """Decide between the paths.

    "software" asks nothing, "vtk" needs a usable GL, "auto" a hardware one.
    """
    if request == SOFTWARE:
        return Choice(SOFTWARE)
    install_default_format()
    found = ask()
    if not found.usable:
        return Choice(SOFTWARE, found.reason)
    if request == AUTO and not found.hardware:
        return Choice(SOFTWARE, found.reason)
    return Choice(VTK)


def make_canvas(name: str, parent: QWidget) -> RenderPath:
    """A canvas of one path.

    Raises
    ------
    ImportError : VTK is not installed
    """
    if name == SOFTWARE:
        return SoftwareCanvas(parent)
    # Importing VTK takes almost a second, which only those who use it should pay.
    module = importlib.import_module("viewer.render.vtk_path")
    canvas: RenderPath = module.VtkCanvas(parent)
    return canvas
