"""What can keep a heatmap from being drawn; owns the sentences."""

from geo.errors import GeoError


class HeatmapError(GeoError):
    """A heatmap cannot be drawn; the message names the value and the next step."""


class HeatmapValueError(HeatmapError):
    """A value given to the heatmap is not what it must be."""

    def __init__(self, what: str, *, seen: object, expected: str) -> None:
        """Word the fault: `what` names the value, `seen` is it, `expected` says what it must be."""
        super().__init__(f"heatmap: {what} is {seen}; expected {expected}")


class HeatmapTooLargeError(HeatmapError):
    """The page would hold more than a browser draws well."""

    def __init__(self, what: str, *, count: int, most: int, remedy: str) -> None:
        """Word the fault: how many of `what`, the most that serve, and what to change."""
        super().__init__(f"heatmap: {count} {what}; expected at most {most}; {remedy}")


class HeatmapAssetError(HeatmapError):
    """Leaflet is not installed where it was looked for."""

    def __init__(self, path: object) -> None:
        """Word the fault from the file that is missing."""
        super().__init__(f"heatmap: {path} is missing; expected Leaflet's distribution there; run `make setup`")
