"""Scenes: rules that turn detections into sightings, as values. `scene_files` reads them; rules keep the clocks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from pipeline.scene_windows import Window


class Rule(StrEnum):
    """The kinds of rule; each documents its parameters in `docs/scenes.md`."""

    DWELL = "dwell"
    CLUTTER = "clutter"
    CROWD = "crowd"
    INTRUSION = "intrusion"
    LEFT = "left"
    WRONG_WAY = "wrong-way"
    AREA = "area"
    HEALTH = "health"


class Mode(StrEnum):
    """The trust ladder: shadow only records, confirm waits for a person, auto dispatches."""

    SHADOW = "shadow"
    CONFIRM = "confirm"
    AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """A second model that looks at what a rule has found, cut out of the frame, before anybody is called.

    Attributes:
        weights: of a detector or a classifier: a path below the site's folder, or an absolute one.
        classes: what it must see there.
        confidence: how sure it must be.
        margin: share of the box's width and height that is cut out around it on each side.
        agree, of: in so many of so many frames; frames of the seconds before the firing, a second apart.
        deadline_s: wall time after which the sighting goes on without an answer.
        rejected: what becomes of a sighting that it does not see: recorded (shadow) or left to a person (confirm).
    """

    weights: str
    classes: tuple[str, ...]
    confidence: float = 0.5
    margin: float = 0.2
    agree: int = 2
    of: int = 3
    deadline_s: float = 5.0
    rejected: Mode = Mode.SHADOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One rule with its parameters.

    Attributes:
        classes: class names of the detector that it looks at; none for health.
        dwell_s: how long in frame time the state must hold.
        count: how many things make a clutter or a crowd.
        radius_m: crowd: all its members lie within this of their centre.
        confidence: detections below are not counted.
        distance_m, angle_deg: wrong-way: so far against the zone's direction, and no farther off it than this.
        share: area: so much of the zone's image the classes' boxes must cover.
        faults: health: names of `health_events.HealthFault` for which a case is opened.
        window: when it is watched at all; None for always.
        weights: of the detector that it looks through; empty for the site's own.
        verify: a second look at what it found; None for none.
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
    distance_m: float = 0.0
    angle_deg: float = 0.0
    share: float = 0.0
    faults: tuple[str, ...] = ()
    window: Window | None = None
    weights: str = ""
    verify: Verify | None = None


_UNSAID = frozenset({"name", "name_zh", "mode", "category", "window", "verify"})
_SELDOM: Mapping[str, object] = {"distance_m": 0.0, "angle_deg": 0.0, "share": 0.0, "faults": (), "weights": ""}


def rule_record(scene: Scene) -> dict[str, object]:
    """Return a scene's rule with its parameters as JSON-able values; what its kind has no use for is left out."""
    told: dict[str, object] = {
        name: list(value) if isinstance(value, tuple) else value
        for name in Scene.__dataclass_fields__
        if name not in _UNSAID and (value := getattr(scene, name)) != _SELDOM.get(name, ...)
    }
    told["rule"] = scene.rule.value
    if scene.window is not None:
        told["window"] = scene.window.record()
    if scene.verify is not None:
        verify = asdict(scene.verify)
        told["verify"] = verify | {"classes": list(scene.verify.classes), "rejected": scene.verify.rejected.value}
    return told
