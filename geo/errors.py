"""The base of every error that geo raises; each room words its own beneath it."""


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
