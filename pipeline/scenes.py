"""Scenes: rules that turn detections into sightings, as values. Reads `scenes.toml`; `occupancies` keeps the clocks."""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """The kinds of rule; each documents its parameters in `docs/scenes.md`."""

    DWELL = "dwell"
    CLUTTER = "clutter"
    CROWD = "crowd"
    INTRUSION = "intrusion"
    LEFT = "left"


class Mode(StrEnum):
    """The trust ladder: shadow only records, confirm waits for a person, auto dispatches."""

    SHADOW = "shadow"
    CONFIRM = "confirm"
    AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One rule with its parameters.

    Attributes:
        classes: class names of the detector that it looks at.
        dwell_s: how long in frame time the state must hold.
        count: how many things make a clutter or a crowd.
        radius_m: crowd: all its members lie within this of their centre.
        confidence: detections below are not counted.
    """

    code: str
    rule: Rule
    name: str
    name_zh: str
    category: str
    classes: tuple[str, ...]
    mode: Mode
    dwell_s: float
    count: int = 1
    radius_m: float = 0.0
    confidence: float = 0.3
