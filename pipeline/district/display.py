"""Off-screen drawing: VTK through EGL turns meshes into a buffer of codes, one per pixel; it lights nothing.

A code is 0 where nothing is, else, within `CODE_BITS`, the triangle's number plus one, with the slot of its thing above
`SLOT_BIT`; the bits beyond mean nothing. One actor per thing, mappers shared by all things with the same mesh.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.district.errors import DistrictError
from pipeline.district.shapes import Floats, Indices

Codes = NDArray[np.uint32]
# Of the 24 bits of a pixel the lower ones count triangles of a mesh, the upper ones things.
SLOT_BIT: Final = 12
CODE_BITS: Final = np.uint32(0xFFFFFF)
MOST_TRIANGLES: Final = 2**SLOT_BIT - 1
MOST_THINGS: Final = 2 ** (24 - SLOT_BIT) - 1
DEBIAN_PACKAGES: Final = "libegl1 libegl-mesa0 libgl1-mesa-dri"
_NEAR_M, _FAR_M = 0.3, 400.0
_WHOLE_IMAGE: Final = (1.0, 0.0, 0.0)

_FRAGMENT: Final = """//VTK::Light::Impl
  int code = (gl_PrimitiveID + 1) | (slot << 12);
  gl_FragData[0] = vec4(float(code & 255), float((code >> 8) & 255), float((code >> 16) & 255), 255.0) / 255.0;
"""
_VERTEX: Final = """//VTK::PositionVC::Impl
  gl_Position.xy = gl_Position.xy * tile.x + tile.yz * gl_Position.w;
"""
_PROBE: Final = """
import pipeline.district.display as display
import numpy as np
canvas = display.Canvas((64, 64))
canvas.look(np.zeros(3), np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]), focal_px=64.0)
mesh = canvas.load(np.array([[-1.0, 5, -1], [1, 5, -1], [0, 5, 1]]), np.array([[0, 1, 2]]))
raise SystemExit(0 if ((canvas.draw([(mesh, np.eye(4), 3)]) & display.CODE_BITS) == (1 | 3 << 12)).sum() > 50 else 4)
"""


class NoRenderingError(DistrictError):
    """This machine cannot draw off screen."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"off-screen rendering does not work here ({why}); install vtk and, on Debian, {DEBIAN_PACKAGES}, "
            "or run without pixels (--no-pixels)"
        )


class TooManyThingsError(DistrictError):
    """A frame or a mesh does not fit into a pixel's code."""

    def __init__(self, what: str, count: int, most: int) -> None:
        super().__init__(f"{count} {what} in one frame; the renderer counts up to {most}: leave some out")


def require_rendering() -> None:
    """Probe once, in a process of its own, whether this machine can draw: a broken OpenGL crashes, it does not raise.

    Raises:
        NoRenderingError: it cannot.
    """
    if why := _fault():
        raise NoRenderingError(why)


@cache
def _fault() -> str:
    command = [sys.executable, "-c", _PROBE]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {**os.environ, **_software(), "PYTHONPATH": path}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            command, capture_output=True, text=True, check=False, timeout=120, env=environment
        )
    except subprocess.TimeoutExpired:
        return "the probe did not end within 120 s"
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else f"probe ended with {done.returncode}: {lines[-1] if lines else 'no message'}"


def _software() -> dict[str, str]:
    # No threads of its own: llvmpipe then draws in the caller's, which is faster where cores are shared.
    return {"VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow", "LP_NUM_THREADS": "0"}


class Canvas:
    """An off-screen window whose pixels are codes."""

    def __init__(self, size_px: tuple[int, int]) -> None:
        """Open a window of a size; call `require_rendering` first, since a broken OpenGL ends the process."""
        # VTK reads its choice of window when it is first imported.
        for name, value in _software().items():
            os.environ.setdefault(name, value)
        import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - registers the OpenGL factories
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
        from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

        self.size_px = size_px
        self._window = cast("Any", vtkRenderWindow())  # the stubs know the abstract class only
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(*size_px)
        self._window.SetFrameBlitModeToNoBlit()
        self._renderer: Any = vtkRenderer()
        self._renderer.SetBackground(0.0, 0.0, 0.0)
        self._renderer.RemoveCuller(self._renderer.GetCullers().GetLastItem())
        self._window.AddRenderer(self._renderer)
        self._bytes: Any = vtkUnsignedCharArray()
        self._actors: list[Any] = []
        self._shown: list[Any] = []

    def look(self, eye_m: Floats, axes: Floats, *, focal_px: float) -> None:
        """Point the camera: rows of `axes` are right, down and forward."""
        camera = self._camera(eye_m, axes)
        camera.SetViewAngle(float(np.degrees(2 * np.arctan(self.size_px[1] / 2 / focal_px))))

    def look_parallel(self, eye_m: Floats, axes: Floats, *, metres_per_px: float) -> None:
        """Point the camera without perspective, as the sun would."""
        camera = self._camera(eye_m, axes)
        camera.ParallelProjectionOn()
        camera.SetParallelScale(self.size_px[1] * metres_per_px / 2)

    def _camera(self, eye_m: Floats, axes: Floats) -> Any:
        camera = self._renderer.GetActiveCamera()
        camera.SetPosition(*eye_m.tolist())
        camera.SetFocalPoint(*(eye_m + axes[2]).tolist())
        camera.SetViewUp(*(-axes[1]).tolist())
        camera.SetClippingRange(_NEAR_M, _FAR_M)
        return camera

    def load(self, vertices_m: Floats, triangles: Indices) -> Any:
        """Return a mapper of a mesh for `draw`."""
        from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
        from vtkmodules.vtkCommonCore import vtkPoints
        from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
        from vtkmodules.vtkRenderingCore import vtkPolyDataMapper

        points = vtkPoints()
        points.SetData(numpy_to_vtk(np.ascontiguousarray(vertices_m, dtype=np.float32), deep=True))
        offsets = np.arange(0, 3 * len(triangles) + 1, 3, dtype=np.int64)
        cells = vtkCellArray()
        corners = np.ascontiguousarray(triangles, dtype=np.int64).ravel()
        cells.SetData(numpy_to_vtkIdTypeArray(offsets, deep=True), numpy_to_vtkIdTypeArray(corners, deep=True))
        surface = vtkPolyData()
        surface.SetPoints(points)
        surface.SetPolys(cells)
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(surface)
        mapper.SetStatic(1)
        return mapper

    def draw(
        self,
        things: Sequence[tuple[Any, Floats, int]],
        *,
        tiles: Sequence[tuple[float, float, float]] | None = None,
    ) -> Codes:
        """Draw things and return the codes, (h, w), top row first; valid until the next call.

        Args:
            things: mapper, (4, 4) matrix and slot of each.
            tiles: for each thing a scale and a shift of its normalised image position; None draws them in place.
        """
        if len(things) > MOST_THINGS:
            raise TooManyThingsError("things", len(things), MOST_THINGS)
        while len(self._actors) < len(things):
            self._actors.append(self._new_actor())
        for index, (mapper, matrix, slot) in enumerate(things):
            actor, shaders = self._actors[index]
            actor.SetMapper(mapper)
            actor.GetUserMatrix().DeepCopy(matrix.ravel().tolist())
            shaders.GetFragmentCustomUniforms().SetUniformi("slot", slot)
            shaders.GetVertexCustomUniforms().SetUniform3f("tile", tiles[index] if tiles else _WHOLE_IMAGE)
            actor.SetVisibility(True)
        for actor, _ in self._actors[len(things) :]:
            actor.SetVisibility(False)
        return self._read()

    def _new_actor(self) -> tuple[Any, Any]:
        from vtkmodules.vtkCommonMath import vtkMatrix4x4
        from vtkmodules.vtkRenderingCore import vtkActor

        actor = vtkActor()
        actor.GetProperty().LightingOff()
        actor.SetUserMatrix(vtkMatrix4x4())
        shaders = actor.GetShaderProperty()
        shaders.AddFragmentShaderReplacement("//VTK::Light::Impl", True, _FRAGMENT, False)
        shaders.AddVertexShaderReplacement("//VTK::PositionVC::Impl", True, _VERTEX, False)
        shaders.GetFragmentCustomUniforms().SetUniformi("slot", 0)
        shaders.GetVertexCustomUniforms().SetUniform3f("tile", _WHOLE_IMAGE)
        self._renderer.AddActor(actor)
        return actor, shaders

    def _read(self) -> Codes:
        from vtkmodules.util.numpy_support import vtk_to_numpy

        self._window.Render()
        width, height = self.size_px
        self._window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, self._bytes)
        pixels: Codes = vtk_to_numpy(self._bytes).reshape(height, width, 4).view(np.uint32)[::-1, :, 0]
        return pixels

    def depths_m(self) -> NDArray[np.float32]:
        """Return the metres ahead of the last parallel drawing, (h, w), top row first."""
        from vtkmodules.util.numpy_support import vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkFloatArray

        width, height = self.size_px
        values = vtkFloatArray()
        self._window.GetZbufferData(0, 0, width - 1, height - 1, values)
        depth = vtk_to_numpy(values).reshape(height, width)[::-1]
        return np.asarray(_NEAR_M + depth * (_FAR_M - _NEAR_M), dtype=np.float32)

    def close(self) -> None:
        """Give the window and its memory back."""
        self._actors.clear()
        self._window.Finalize()
