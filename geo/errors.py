"""The base of every error that geo raises, and the two that several rooms share; each room words its own beneath."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from geo.boundaries import Fault

_LISTED: Final = 50


class GeoError(Exception):
    """Something about a place, a boundary or a file of places is wrong; the message says what to do next."""


class CoordinateError(GeoError):
    """A coordinate is not a longitude and latitude in degrees."""

    def __init__(self, what: str, *, seen: object, count: int = 1) -> None:
        """Word the fault: `what` names the place (argument, row), `seen` the value, `count` how many are bad."""
        more = f" ({count} such rows)" if count > 1 else ""
        super().__init__(
            f"{what} is {seen}{more}; expected longitude -180..180 then latitude -90..90, in finite degrees; "
            "check the order of the two (longitude first) and that the file is not in metres"
        )


class FeatureFileError(GeoError):
    """A file of features cannot be used; names every fault with file, feature, field, what was seen and expected."""

    def __init__(self, faults: "Sequence[Fault]", *, readable: Sequence[object] = ()) -> None:
        """Word the faults, one a line.

        Args:
            faults: all of them.
            readable: the features, if all have geometry and only properties are at fault; texts at fault are empty.
                Good for further checks of the geometry in the same run, and for nothing else.
        """
        lines = [str(fault) for fault in faults[:_LISTED]]
        if len(faults) > _LISTED:
            lines.append(f"and {len(faults) - _LISTED} more faults")
        super().__init__("\n".join(lines))
        self.faults = tuple(faults)
        self.readable = tuple(readable)
