"""Reading scenes: `scenes.toml` to values, every fault noted. Whether weights know the classes is `scene_models`'."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from geo.boundaries import Fault
from pipeline.catalogue import Catalogue
from pipeline.catalogue_files import CATALOGUE
from pipeline.fields import Fields
from pipeline.health_events import HealthFault
from pipeline.scene_windows import EVERY_MONTH, Window
from pipeline.scenes import Mode, Rule, Scene, Verify
from pipeline.shifts import ShiftTextError, collisions, read_shifts
from pipeline.toml_tables import read_tables
from pipeline.work_calendar import WorkCalendar

SCENES: Final = "scenes.toml"
MOST_WEIGHTS: Final = 3
"""Detectors that scenes may name beside the site's own, and models that verify: each costs memory and time."""
MOST_CROPS: Final = 8
LONGEST_DEADLINE_S: Final = 60.0
_WEEK_S: Final = 7 * 86_400.0
_UNSEEN: Final = frozenset({HealthFault.OFFLINE})
"""Faults without a frame, and so without a picture to open a case with."""
_ONLY: Final[Mapping[str, frozenset[Rule]]] = {
    "distance_m": frozenset({Rule.WRONG_WAY}),
    "angle_deg": frozenset({Rule.WRONG_WAY}),
    "share": frozenset({Rule.AREA}),
    "faults": frozenset({Rule.HEALTH}),
}
_FIELDS: Final = frozenset(Scene.__dataclass_fields__) - {"window"} | {"hours", "months"}


def read_scenes(
    text: str, faults: list[Fault], *, categories: Catalogue, calendar: WorkCalendar | None = None
) -> Mapping[str, Scene]:
    """Return the scenes of `scenes.toml` by code.

    Args:
        text: of the file.
        faults: where to note what is wrong.
        categories: what cases may be about.
        calendar: whose clocks and working days windows go by; UTC without one.
    """
    found: dict[str, Scene] = {}
    for fields in read_tables(text, "scene", file=SCENES, faults=faults):
        scene = _scene(fields, calendar)
        if scene.code in found:
            fields.fault("code", f"{scene.code} stands twice; keep one")
        category = categories.by_key.get(scene.category)
        if category is None:
            fields.fault("category", f"{scene.category!r} is not in {CATALOGUE}; write '<standard>/<kind>/<code>'")
        elif not category.reportable:
            fields.fault("category", f"{scene.category!r} is not reportable, so no case can be opened; switch it on")
        found[scene.code] = scene
    faults += _too_many(found)
    return found


def _scene(fields: Fields, calendar: WorkCalendar | None) -> Scene:
    fields.only(_FIELDS)
    rule = fields.choice("rule", Rule)
    grouped, wrong_way = rule in {Rule.CLUTTER, Rule.CROWD}, rule is Rule.WRONG_WAY
    for name, kinds in _ONLY.items():
        if name in fields.table and rule not in kinds:
            fields.fault(name, f"means nothing to rule {rule}; it belongs to {', '.join(sorted(kinds))}")
    return Scene(
        code=fields.text("code"),
        rule=rule,
        name=fields.text("name"),
        name_zh=fields.text("name_zh"),
        category=fields.text("category"),
        classes=_classes(fields, rule),
        mode=fields.choice("mode", Mode, default=Mode.CONFIRM),
        dwell_s=fields.number("dwell_s", low=0, high=_WEEK_S),
        count=fields.whole("count", low=1, high=1000, default=None if grouped else 1),
        radius_m=fields.number("radius_m", low=0.1, high=200, default=None if rule is Rule.CROWD else 0.0)
        if rule is Rule.CROWD or "radius_m" in fields.table
        else 0.0,
        confidence=fields.number("confidence", low=0.01, high=1, default=0.3),
        distance_m=fields.number("distance_m", low=2, high=200, default=8.0) if wrong_way else 0.0,
        angle_deg=fields.number("angle_deg", low=5, high=80, default=45.0) if wrong_way else 0.0,
        share=fields.number("share", low=0.01, high=1) if rule is Rule.AREA else 0.0,
        faults=_health_faults(fields) if rule is Rule.HEALTH else (),
        window=_window(fields, calendar),
        weights=fields.text("weights", default="", longest=1000),
        verify=_verify(fields, rule) if "verify" in fields.table else None,
    )


def _classes(fields: Fields, rule: Rule) -> tuple[str, ...]:
    if rule is not Rule.HEALTH:
        return fields.texts("classes", required=True)
    for name in ("classes", "weights"):
        if name in fields.table:
            fields.fault(name, "means nothing to rule health, which looks at no detector; take it out")
    return ()


def _health_faults(fields: Fields) -> tuple[str, ...]:
    named = fields.texts("faults", required=True)
    known = sorted(set(HealthFault) - _UNSEEN)
    for each in named:
        if each not in known:
            fields.fault("faults", f"names {each!r}; expected some of {', '.join(known)}")
    return named


def _window(fields: Fields, calendar: WorkCalendar | None) -> Window | None:
    months = _months(fields)
    text = fields.text("hours", default="", longest=1000)
    if not text and months == EVERY_MONTH:
        return None
    try:
        hours = read_shifts(text, calendar) if text else ()
    except ShiftTextError as error:
        fields.fault("hours", str(error))
        return None
    if any(True for _ in collisions(hours)):
        fields.fault("hours", "overlap; end one span before the next begins")
    return Window(hours=hours, months=months, timezone=ZoneInfo("UTC") if calendar is None else calendar.timezone)


def _months(fields: Fields) -> frozenset[int]:
    value = fields.table.get("months", sorted(EVERY_MONTH))
    whole = isinstance(value, list) and all(isinstance(each, int) and not isinstance(each, bool) for each in value)
    if not isinstance(value, list) or not whole or not value or not set(value) <= EVERY_MONTH:
        fields.fault("months", f"is {value!r}, expected a list of months from 1 to 12, such as [12, 1, 2]")
        return EVERY_MONTH
    return frozenset(value)


def _verify(fields: Fields, rule: Rule) -> Verify:
    inner = fields.inner("verify")
    inner.only(Verify.__dataclass_fields__)
    if rule is Rule.HEALTH:
        fields.fault("verify", "means nothing to rule health: there is no thing to cut out; take it out")
    of = inner.whole("of", low=1, high=MOST_CROPS, default=3)
    agree = inner.whole("agree", low=1, high=MOST_CROPS, default=min(2, of))
    if agree > of:
        inner.fault("agree", f"is {agree}, which is more than the {of} frames that are looked at; give {of} at most")
    rejected = inner.choice("rejected", Mode, default=Mode.SHADOW)
    if rejected is Mode.AUTO:
        inner.fault("rejected", "is 'auto', expected shadow or confirm: nobody is called for what was not seen again")
    return Verify(
        weights=inner.text("weights", longest=1000),
        classes=inner.texts("classes", required=True),
        confidence=inner.number("confidence", low=0.01, high=1, default=0.5),
        margin=inner.number("margin", low=0, high=2, default=0.2),
        agree=agree,
        of=of,
        deadline_s=inner.number("deadline_s", low=0.1, high=LONGEST_DEADLINE_S, default=5.0),
        rejected=rejected,
    )


def _too_many(scenes: Mapping[str, Scene]) -> list[Fault]:
    """Return a fault for each kind of model of which more are named than are run."""
    detectors = {each.weights for each in scenes.values() if each.weights}
    judges = {each.verify.weights for each in scenes.values() if each.verify is not None}
    return [
        Fault(
            file=SCENES,
            feature="",
            field=field,
            problem=f"name {len(named)} different weights, expected {MOST_WEIGHTS} at most; let scenes share some",
        )
        for field, named in (("weights", detectors), ("verify.weights", judges))
        if len(named) > MOST_WEIGHTS
    ]
