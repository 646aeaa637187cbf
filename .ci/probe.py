"""Probe what crashes rather than raises: OpenCV's import and one off-screen VTK frame, each in a child process.

Exit status 3 where the machine cannot run Beatgrid; a missing display library for VTK only warns, because only the
simulated cameras need it.
"""

import importlib.util
import os
import re
import subprocess
import sys

PACKAGES = {
    "libGL": "libgl1",
    "libEGL": "libegl1 libegl-mesa0 libgl1-mesa-dri",
    "libxcb": "libxcb1",
    "libgthread": "libglib2.0-0",
    "libglib": "libglib2.0-0",
    "libSM": "libsm6",
    "libXext": "libxext6",
    "libX11": "libx11-6",
    "libXrender": "libxrender1",
}
VTK_FRAME = """
from vtkmodules.vtkRenderingCore import vtkRenderWindow, vtkRenderer
import vtkmodules.vtkRenderingOpenGL2
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(64, 64)
window.AddRenderer(vtkRenderer())
window.Render()
"""


def child(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in a process of its own."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, **environment}
    )


def remedy(error: str, otherwise: str) -> str:
    """Name the Debian package of the library that an error complains about."""
    found = re.search(r"(lib[A-Za-z0-9_+-]+?)(?:-\d[\d.]*)?\.so", error)
    library = found.group(1) if found else ""
    package = next((package for name, package in PACKAGES.items() if library.startswith(name)), otherwise)
    return f"{library or 'a system library'} is missing; on Debian: apt-get install {package}"


def main() -> int:
    """Probe and tell."""
    opencv = child("import cv2")
    if opencv.returncode:
        print(f"setup: import cv2 fails: {remedy(opencv.stderr, 'libgl1 libglib2.0-0')}", file=sys.stderr)
        return 3
    if importlib.util.find_spec("vtkmodules"):
        frame = child(VTK_FRAME, VTK_DEFAULT_OPENGL_WINDOW="vtkEGLRenderWindow")
        if frame.returncode:
            words = remedy(frame.stderr, PACKAGES["libEGL"])
            print(f"setup: off-screen rendering fails, so no simulated cameras: {words}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
