"""The lens in a camera's calibration: `lens` as "none", "auto", or a table of a checkerboard's figures; and back."""

from collections.abc import Mapping
from typing import Final

from geo.camera_errors import LensError
from geo.lens import BrownLens, Lens, LensChoice
from pipeline.fields import Fields

_FIGURES: Final = ("focal_px", "k1", "k2", "k1_sd", "centre_px")
_PAIR: Final = 2


def read_lens(calibration: Fields, size_px: tuple[int, int]) -> Lens | LensChoice:
    """Return what a calibration says of the lens; without a word the picture is taken to be straight.

    Args:
        calibration: the camera's table `calibration`; faults are noted there.
        size_px: of the image that calibration points and the lens's figures refer to.
    """
    given = calibration.table.get("lens")
    if not isinstance(given, Mapping):
        return calibration.choice("lens", LensChoice, default=LensChoice.NONE) if given is not None else LensChoice.NONE
    figures = calibration.inner("lens")
    before = len(figures.faults)
    figures.only(_FIGURES)
    focal_px, k1 = figures.number("focal_px"), figures.number("k1")
    k2, k1_sd = (figures.number(name, default=0.0) for name in ("k2", "k1_sd"))
    centre = _centre(figures)
    if len(figures.faults) > before:
        return LensChoice.NONE
    try:
        return BrownLens.of(size_px, focal_px=focal_px, k1=k1, k2=k2, k1_sd=k1_sd, centre_px=centre)
    except LensError as error:
        calibration.fault("lens", str(error))
        return LensChoice.NONE


def _centre(figures: Fields) -> tuple[float, float] | None:
    given = figures.table.get("centre_px")
    if given is None:
        return None
    pair = given if isinstance(given, list) and len(given) == _PAIR else []
    if not pair or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in pair):
        figures.fault("centre_px", f"is {given!r}, expected [u, v] in pixels")
        return None
    return float(pair[0]), float(pair[1])
