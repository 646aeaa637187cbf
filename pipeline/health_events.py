"""What happens to a camera's health: spells of faults, as values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.clocks import utc


class HealthFault(StrEnum):
    """What can be wrong with a camera; the picture's own faults are those of `models.image_health`."""

    DARK = "dark"
    WASHED_OUT = "washed-out"
    BLURRED = "blurred"
    OBSTRUCTED = "obstructed"
    SHIFTED = "shifted"
    FROZEN = "frozen"
    LOW_FPS = "low-fps"
    CLOCK_OFF = "clock-off"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEvent:
    """One spell of a fault.

    Attributes:
        id: of camera, fault and beginning; the same spell gives the same id.
        value, limit: what was measured when it began, and what it passed.
        until: None while it lasts.
        picture: path of its picture below the evidence folder; empty without one.
    """

    id: str
    camera: str
    fault: HealthFault
    since: datetime
    value: float
    limit: float
    until: datetime | None = None
    picture: str = ""

    def __post_init__(self) -> None:
        for field in ("since", "until"):
            value = getattr(self, field)
            if value is not None:
                object.__setattr__(self, field, utc(value, field=field))
