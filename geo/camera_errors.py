"""What can be wrong with a camera's calibration or a pixel in its view; owns the sentences, no geometry."""

from collections.abc import Sequence

from geo.errors import GeoError


class CalibrationError(GeoError):
    """A camera's image ↔ ground points cannot carry a calibration; the message says which and what to do."""


class CalibrationValueError(CalibrationError):
    """A value given to the calibration is not what it must be."""

    def __init__(self, what: str, *, seen: object, expected: str) -> None:
        """Word the fault: `what` names the value, `seen` is it, `expected` says what it must be."""
        super().__init__(f"calibration: {what} is {seen}; expected {expected}; correct the camera's calibration points")


class TooFewPointsError(CalibrationError):
    """A homography needs four points."""

    def __init__(self, count: int, *, least: int) -> None:
        """Word the fault from the number of points given and needed."""
        super().__init__(
            f"calibration has {count} points; expected at least {least}, no three on a line; "
            "add points that are seen both in the image and on the map (6 to 12 allow a wrong one to be found)"
        )


class DegeneratePointsError(CalibrationError):
    """The points lie so that they do not fix the ground plane."""

    def __init__(self, where: str, *, measure: float, least: float) -> None:
        """Word the fault: `where` the points are degenerate, their `measure` and the `least` that serves."""
        super().__init__(
            f"calibration points {where} (measure {measure:.2g}, expected {least:.2g} or more), "
            "so they do not fix the ground plane; add points to the side, no three of four on one line"
        )


class MirroredPointsError(CalibrationError):
    """The points show the ground from below."""

    def __init__(self) -> None:
        """Word the fault; it has no values of its own."""
        super().__init__(
            "calibration points map the image to the mirror image of the ground, as seen from below; expected the "
            "view from above; check that columns are u, v, lon, lat in that order and that no two points are swapped"
        )


class PointsDisagreeError(CalibrationError):
    """Too few of the points agree on one view."""

    def __init__(self, agreeing: Sequence[int], *, count: int, least: int, pixel_sd_px: float) -> None:
        """Word the fault from the indices that agree, all points, how many must agree, and the stated noise."""
        named = ", ".join(str(index) for index in agreeing) or "none"
        super().__init__(
            f"calibration: only {len(agreeing)} of {count} points agree on one view (points {named}, counted from 0) "
            f"at a click error of {pixel_sd_px:g} px; expected {least} or more; check the others' pixels and map "
            "positions, add points, or state a larger pixel_sd_px"
        )


class LensError(CalibrationError):
    """A lens's figures cannot be those of this camera; the message says which and what to do."""


class LensValueError(LensError):
    """A figure of a lens is not what it must be."""

    def __init__(self, what: str, *, seen: object, low: float, high: float) -> None:
        """Word the fault: `what` names the figure, `seen` is it, and it must lie from `low` to `high`."""
        super().__init__(
            f"lens: {what} is {seen}; expected {low:g} to {high:g}; take focal_px, k1 and k2 from the checkerboard "
            "calibration of this camera at this image size"
        )


class LensFoldsError(LensError):
    """A lens's coefficients bend the picture back over itself before its corners."""

    def __init__(self, k1: float, k2: float, *, reach_px: float, corner_px: float) -> None:
        """Word the fault: the coefficients serve up to `reach_px` from the axis, the corner lies at `corner_px`."""
        super().__init__(
            f"lens: k1 {k1:g} and k2 {k2:g} bend the picture back over itself {reach_px:.0f} px from its axis; expected"
            f" them to serve up to the corner, {corner_px:.0f} px away; give k2 too, or check focal_px and the image "
            "size that they were measured at"
        )


class AboveHorizonError(GeoError):
    """A pixel on or above the horizon shows no ground."""

    def __init__(self, u_px: float, v_px: float) -> None:
        """Word the fault from the pixel."""
        super().__init__(
            f"pixel ({u_px:.1f}, {v_px:.1f}) lies on or above the camera's horizon and shows no ground; expected one "
            "below it; limit the camera's zones to the ground or check its calibration"
        )


class BeyondRangeError(GeoError):
    """A pixel shows ground farther away than the camera is trusted for."""

    def __init__(self, u_px: float, v_px: float, *, range_m: float, max_range_m: float) -> None:
        """Word the fault from the pixel, its distance and the limit."""
        super().__init__(
            f"pixel ({u_px:.1f}, {v_px:.1f}) shows ground {range_m:.0f} m from the camera; expected at most "
            f"{max_range_m:.0f} m; limit the camera's zones to nearer ground or raise max_range_m"
        )
