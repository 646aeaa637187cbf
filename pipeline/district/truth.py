"""Truth: acts as events with their moments and places, and whether a camera had one in view."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from geo.coords import LonLat
from pipeline.district.director import Act
from pipeline.district.itineraries import Itinerary
from pipeline.district.placing import to_lonlat
from pipeline.district.plan import Place
from pipeline.district.rules_of_world import Truth
from pipeline.district.scene_set import SCENES
from pipeline.district.stage import SeenThing, Stage, TrueEvent

_AFTER_S: Final = 5.0
_LOOKS: Final = 12
_CLEARLY: Final = 0.35  # of a thing must be free for it to count as in view
_MOSTLY: Final = 0.8
_LEAST_SIDE_PX: Final = 8.0


def in_view(event: TrueEvent, seen_at: Callable[[float], Sequence[SeenThing]]) -> bool:
    """Tell whether a camera sees enough of an event's actors in most of some moments until shortly after it.

    Args:
        event: what happens.
        seen_at: what the camera's image holds, seconds after the start.
    """
    scene = SCENES[event.scene]
    wanted = scene.count if not event.distractor else 1
    moments = np.linspace(max(0.0, event.qualifies_s - scene.dwell_s), event.qualifies_s + _AFTER_S, _LOOKS)
    spoilt = 0
    for at_s in moments.tolist():
        clear = sum(
            each.actor in event.actors and each.visible_share >= _CLEARLY and _near(each.box_px)
            for each in seen_at(at_s)
        )
        spoilt += clear < wanted
        if _LOOKS - spoilt < _MOSTLY * _LOOKS:
            return False
    return True


def _near(box_px: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = box_px
    return min(right - left, bottom - top) >= _LEAST_SIDE_PX


def event_of(stage: Stage, act: Act, truth: Truth | None, *, end_s: float) -> TrueEvent | None:
    """Return an act's entry in the truth; None for one that never came to be true, or too late to be seen."""
    actors = sorted((each.actor for each in act.members), key=lambda each: each.id)
    if truth is None and not act.distractor:
        return None
    if truth is None:
        from_s, to_s, place = _span(act.members, end_s)
        if from_s >= to_s:
            return None  # over before the run began, or not begun when it ends
        qualifies = from_s
    else:
        from_s, to_s, qualifies, place = truth.from_s, truth.to_s, truth.qualifies_s, truth.place_m
        if qualifies > end_s - _LAST_S:
            return None
    lonlat = to_lonlat(stage, np.array([place]))[0]
    return TrueEvent(
        id="",
        camera=stage.camera,
        scene=act.scene,
        actors=tuple(each.id for each in actors),
        kinds=tuple(each.kind for each in actors),
        from_s=round(from_s, 2),
        to_s=round(to_s, 2),
        qualifies_s=round(qualifies, 2),
        x_m=round(place[0], 3),
        y_m=round(place[1], 3),
        lonlat=LonLat(round(float(lonlat[0]), 8), round(float(lonlat[1]), 8)),
        distractor=truth is None,
        name=act.distractor if truth is None else "",
    )


_LAST_S: Final = 11.0  # a case may come so long after


def _span(members: Sequence[Itinerary], end_s: float) -> tuple[float, float, Place]:
    """Return from when to when a distractor tempts, and where: its longest stay, else its way's middle."""
    stays = [(max(begins, 0.0), min(ends, end_s), each) for each in members for begins, ends in each.stays(least_s=1.0)]
    if stays:
        begins, ends, who = max(stays, key=lambda stay: stay[1] - stay[0])
        return begins, ends, who.place_m(begins) or (0.0, 0.0)
    first = members[0]
    middle = (first.from_s + first.to_s) / 2
    return max(first.from_s, 0.0), min(first.to_s, end_s), first.place_m(middle) or (0.0, 0.0)


def event_record(event: TrueEvent, seen_by: Sequence[str]) -> dict[str, object]:
    """Return an event as JSON-able values."""
    return {
        "id": event.id,
        "camera": event.camera,
        "scene": event.scene,
        "actors": list(event.actors),
        "kinds": [each.value for each in event.kinds],
        "from_s": event.from_s,
        "to_s": event.to_s,
        "qualifies_s": event.qualifies_s,
        "x_m": event.x_m,
        "y_m": event.y_m,
        "lon": event.lonlat.lon,
        "lat": event.lonlat.lat,
        "distractor": event.distractor,
        "name": event.name or None,
        "seen_by": list(seen_by),
    }
