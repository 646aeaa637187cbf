"""Child processes: how one is ended."""

import subprocess
from typing import Final

_END_S: Final = 10.0


def end_child(child: subprocess.Popen[bytes]) -> None:
    """End a child process that may have ended already: asked first, made to after ten seconds."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
