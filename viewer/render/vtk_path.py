"""The VTK path: a QOpenGLWidget that drives a vtkGenericOpenGLRenderWindow inside Qt's framebuffer (viewer.md §6.3).

Importing this module imports VTK (almost a second): only `viewer.render.choice` does, when the path is chosen.
VTK gets finished uint8 values with window 255 and level 127.5, no interactor and no camera logic: world coordinates
*are* device pixels of the canvas, and one matrix puts the image there, as in the software path.
"""

from __future__ import annotations

import logging

import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the OpenGL classes
from PySide6.QtGui import QOpenGLContext, QPainter, QPaintEvent
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper, vtkRenderer
from vtkmodules.vtkRenderingOpenGL2 import vtkGenericOpenGLRenderWindow

from viewer.geometry.view import ViewTransform
from viewer.render.path import PaintOverlay, Picture, Prepare

_log = logging.getLogger("wl.viewer.vtk")

GL_FRAMEBUFFER_DRAW = 0x8CA9
GL_COLOR_ATTACHMENT0 = 0x8CE0
GL_SCISSOR_TEST = 0x0C11
GL_COLOR_BUFFER_BIT = 0x4000
GL_NEAREST = 0x2600
FULL_WINDOW, MIDDLE_LEVEL = 255.0, 127.5
"""The identity on uint8, for which VTK hands the array to the texture as it is."""


class _Scene:
    """One image in one renderer; plain VTK, no Qt."""

    def __init__(self) -> None:
        self.image = vtkImageData()
        self.mapper = vtkImageSliceMapper()
        self.mapper.BorderOn()  # else half a pixel is cut off at every edge
        self.slice = vtkImageSlice()
        self.slice.SetMapper(self.mapper)
        look = self.slice.GetProperty()
        look.SetColorWindow(FULL_WINDOW)
        look.SetColorLevel(MIDDLE_LEVEL)
        self.renderer = vtkRenderer()
        self.renderer.SetBackground(0.0, 0.0, 0.0)
        self.camera = self.renderer.GetActiveCamera()
        self.camera.ParallelProjectionOn()
        self._array: object = None
        self._size = (1, 1)
        self._picture: Picture | None = None

    def mount(self, picture: Picture | None) -> None:
        """Wrap the array without a copy and keep it alive."""
        self.renderer.RemoveViewProp(self.slice)
        self._picture = picture
        if picture is None:
            self._array = None
            return
        components = 1 if picture.pixels.ndim == 2 else 3
        array = numpy_to_vtk(picture.pixels.reshape(-1, components), deep=False)
        image = vtkImageData()
        image.SetDimensions(picture.columns, picture.rows, 1)
        image.GetPointData().SetScalars(array)
        self.image, self._array = image, array
        self.mapper.SetInputData(image)
        self.renderer.AddViewProp(self.slice)

    def apply_view(self, transform: ViewTransform, *, smooth: bool) -> None:
        """Index to canvas, with y up as VTK has it."""
        a, b, c, d, _, _ = transform.matrix()
        x0, y0 = transform.canvas_from_index((0.0, 0.0))
        height = transform.canvas_height_px
        matrix = vtkMatrix4x4()
        for column, (x, y) in enumerate(((a, -b), (c, -d))):
            matrix.SetElement(0, column, x)
            matrix.SetElement(1, column, y)
        matrix.SetElement(0, 3, x0)
        matrix.SetElement(1, 3, height - y0)
        self.slice.SetUserMatrix(matrix)
        look = self.slice.GetProperty()
        if smooth:
            look.SetInterpolationTypeToLinear()
        else:
            look.SetInterpolationTypeToNearest()

    def look_straight(self, width_px: int, height_px: int) -> None:
        """World coordinates are device pixels, the origin at the bottom left."""
        self._size = (width_px, height_px)
        self.camera.SetFocalPoint(width_px / 2, height_px / 2, 0.0)
        self.camera.SetPosition(width_px / 2, height_px / 2, 1.0)
        self.camera.SetViewUp(0.0, 1.0, 0.0)
        self.camera.SetParallelScale(height_px / 2)
        self.camera.SetClippingRange(0.5, 1.5)


class VtkCanvas(QOpenGLWidget):
    """Implements `RenderPath` with VTK. The process-wide surface format must be installed before the first window."""

    name = "vtk"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setUpdateBehavior(QOpenGLWidget.UpdateBehavior.NoPartialUpdate)
        self.setMouseTracking(True)
        self._overlay: PaintOverlay | None = None
        self._prepare: Prepare | None = None
        self._context: QOpenGLContext | None = None
        self._disposed = False
        self._ready = False
        self._scene = _Scene()
        self._window = vtkGenericOpenGLRenderWindow()
        self._window.SetReadyForRendering(False)
        self._window.SetFrameBlitModeToNoBlit()
        self._window.SetMultiSamples(0)
        self._window.SetDesiredUpdateRate(0.0001)
        self._window.AddRenderer(self._scene.renderer)
        self._observers = [
            self._window.AddObserver("WindowMakeCurrentEvent", self._make_current),
            self._window.AddObserver("WindowIsCurrentEvent", self._tell_current),
        ]

    def widget(self) -> QWidget:
        """This widget."""
        return self

    def mount(self, picture: Picture | None) -> None:
        """Show another picture."""
        self._scene.mount(picture)

    def apply_view(self, transform: ViewTransform, *, smooth: bool) -> None:
        """Where the picture lies."""
        self._scene.apply_view(transform, smooth=smooth)

    def set_overlay(self, paint: PaintOverlay, prepare: Prepare | None = None) -> None:
        """What is painted on top, and what runs before each paint."""
        self._overlay, self._prepare = paint, prepare

    def not_ready(self) -> str:
        """Why nothing can be drawn yet."""
        return "" if self._ready and not self._disposed else "OpenGL is not ready yet"

    def request_draw(self) -> None:
        """Paint soon."""
        self.update()

    def dispose(self) -> None:
        """Free GL objects with the context current."""
        self._release()
        self._overlay = self._prepare = None

    def initializeGL(self) -> None:
        """Hand Qt's context to VTK."""
        if self._disposed:
            return
        self._context = self.context()
        self._context.aboutToBeDestroyed.connect(self._release)
        self._window.SetOwnContext(0)
        self._window.SetReadyForRendering(True)
        self._window.OpenGLInitContext()
        self._window.OpenGLInit()
        self._ready = True

    def resizeGL(self, width: int, height: int) -> None:
        """VTK counts device pixels; so does the camera."""
        ratio = self.devicePixelRatioF()
        size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
        self._window.SetSize(*size)
        self._scene.look_straight(*size)

    def paintGL(self) -> None:
        """Render, then blit VTK's frame into the framebuffer of this widget."""
        if self._context is None or self._disposed:
            return
        state = self._window.GetState()
        state.Reset()
        state.Push()
        self._window.Render()
        self.makeCurrent()
        self._blit()
        state.Pop()

    def paintEvent(self, event: QPaintEvent) -> None:
        """GL first, then QPainter on top of it."""
        if self._prepare is not None and not self._disposed:
            self._prepare()
        super().paintEvent(event)
        if self._overlay is not None and not self._disposed:
            painter = QPainter(self)
            self._overlay(painter)
            painter.end()

    def _blit(self) -> None:
        assert self._context is not None
        functions = self._context.functions()
        functions.glBindFramebuffer(GL_FRAMEBUFFER_DRAW, self.defaultFramebufferObject())
        functions.glDisable(GL_SCISSOR_TEST)
        width, height = self._window.GetSize()
        self._window.BlitDisplayFramebuffer(
            0, 0, 0, width, height, 0, 0, width, height, GL_COLOR_BUFFER_BIT, GL_NEAREST
        )
        # The compositor would blend the window with what lies behind it (Mesa, macOS).
        functions.glColorMask(False, False, False, True)
        functions.glClearColor(0.0, 0.0, 0.0, 1.0)
        functions.glClear(GL_COLOR_BUFFER_BIT)
        functions.glColorMask(True, True, True, True)

    def _make_current(self, *_: object) -> None:
        """Nothing within a render: there the context is current, and QOpenGLWidget.makeCurrent would rebind the
        framebuffer. A wrapper of the QSurface is kept nowhere: Qt deletes a surface without telling Python, and the
        next object at its address was taken for it (a menu that was a surface, then a segmentation fault)."""
        if self._context is None or not isValid(self) or not self.thread().isCurrentThread():
            return
        if QOpenGLContext.currentContext() is not self._context:
            self.makeCurrent()

    def _tell_current(self, *_: object) -> None:
        current = QOpenGLContext.currentContext()
        self._window.SetIsCurrent(self._context is not None and current is self._context)

    def _release(self) -> None:
        if self._disposed:
            return
        self._disposed = True
        self._scene.mount(None)
        if self._context is not None and isValid(self):
            self.makeCurrent()
            self._window.Finalize()
            self.doneCurrent()
        self._window.SetReadyForRendering(False)
        for observer in self._observers:
            self._window.RemoveObserver(observer)
        self._window.RemoveRenderer(self._scene.renderer)
        self._context = None
