"""The one OpenGL surface format of the process, and what kind of renderer there is (viewer.md §6.3, R17)."""

from __future__ import annotations

import os
from dataclasses import dataclass

from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext, QSurfaceFormat

SOFTWARE_RENDERERS = ("llvmpipe", "softpipe", "swiftshader", "swrast", "software", "gdi generic", "microsoft basic")
"""Parts of GL_RENDERER that mean: the processor draws; then QPainter is four times faster."""
WITHOUT_GL = ("offscreen", "minimal", "vnc")
"""Qt platforms whose GL widgets stay blank."""
GL_RENDERER = 0x1F01


@dataclass(frozen=True, slots=True)
class GlProbe:
    """What was found: `usable` = a GL widget would show something; `hardware` = a graphics card draws it."""

    usable: bool
    hardware: bool
    renderer: str
    reason: str


def surface_format() -> QSurfaceFormat:
    """Desktop OpenGL 3.2 core, 8 bits, no multisampling (2.5 times slower in software GL, and it blurs nothing)."""
    form = QSurfaceFormat()
    form.setRenderableType(QSurfaceFormat.RenderableType.OpenGL)
    form.setProfile(QSurfaceFormat.OpenGLContextProfile.CoreProfile)
    form.setVersion(3, 2)
    form.setSwapBehavior(QSurfaceFormat.SwapBehavior.DoubleBuffer)
    form.setRedBufferSize(8)
    form.setGreenBufferSize(8)
    form.setBlueBufferSize(8)
    form.setAlphaBufferSize(8)
    form.setDepthBufferSize(24)
    form.setStencilBufferSize(8)
    form.setSamples(0)
    return form


def install_default_format() -> None:
    """Call before the first top-level window: a format set on one widget composites black on Wayland."""
    QSurfaceFormat.setDefaultFormat(surface_format())


def probe() -> GlProbe:
    """Make a context off screen and ask who draws. Needs a QGuiApplication; costs some ten milliseconds."""
    platform = QGuiApplication.platformName()
    if platform in WITHOUT_GL:
        return GlProbe(False, False, "", f"the display ({platform}) has no OpenGL")
    context = QOpenGLContext()
    context.setFormat(surface_format())
    surface = QOffscreenSurface()
    surface.setFormat(surface_format())
    surface.create()
    if not context.create() or not surface.isValid() or not context.makeCurrent(surface):
        return GlProbe(False, False, "", "OpenGL 3.2 could not be started")
    try:
        renderer = _renderer_name(context)
    finally:
        context.doneCurrent()
    return judge(renderer, remote=os.environ.get("SESSIONNAME", "").upper().startswith("RDP"))


def judge(renderer: str, *, remote: bool = False) -> GlProbe:
    """What a GL_RENDERER string means."""
    soft = next((name for name in SOFTWARE_RENDERERS if name in renderer.lower()), "")
    if soft:
        return GlProbe(True, False, renderer, f"OpenGL is drawn by the processor ({soft})")
    if remote:
        return GlProbe(True, False, renderer, "this is a remote desktop")
    if not renderer:
        return GlProbe(True, False, renderer, "OpenGL does not say who draws")
    return GlProbe(True, True, renderer, "")


def _renderer_name(context: QOpenGLContext) -> str:
    name = context.functions().glGetString(GL_RENDERER)
    if isinstance(name, bytes):
        return name.decode("ascii", "replace")
    return str(name or "")
