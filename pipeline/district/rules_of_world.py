"""The scenes' rules in the world itself: from everybody's true way, when a rule is first true. Knows no pixels.

Written apart from the pipeline's rules, from their description, so that one can be held against the other.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.district.itineraries import Itinerary
from pipeline.district.plan import Ground
from pipeline.district.stage import Kind
from pipeline.district.watching import Watched
from pipeline.scenes import Rule, Scene

Floats = NDArray[np.float64]
STEP_S: Final = 0.1
GROUP_STEP_S: Final = 0.2
_PASSING_M: Final = 8.0  # from the middle of a group
_DIP_S: Final = 0.5  # breaks shorter than this are none


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A state in which a rule is true: since when it held, when it had held long enough, and when it ended.

    Attributes:
        place_m: of the thing, or the middle of those who make the group, when the rule became true.
    """

    from_s: float
    qualifies_s: float
    to_s: float
    place_m: tuple[float, float]


def first_truth(
    scene: Scene,
    members: Sequence[Itinerary],
    zones: Sequence[Watched],
    people: Sequence[Itinerary],
    *,
    end_s: float,
    ground: Ground | None = None,
) -> Truth | None:
    """Return when a scene's rule is first true of some actors, None if it never is in the run.

    Args:
        scene: the rule.
        members: whom it judges; for a group, all of them together.
        zones: where it is watched; one of them must hold the thing.
        people: everybody on the stage, for what must be alone.
        end_s: the run's end.
        ground: as the camera sees it, which what is covered is asked of; without it nothing is.
    """
    mine = [zone for zone in zones if scene.code in zone.scenes]
    judged = [each for each in members if each.actor.kind.value in scene.classes]
    states = [truth for zone in mine for truth in _states(scene, judged, zone, people, end_s, ground)]
    return min(states, key=lambda truth: truth.qualifies_s, default=None)


def _states(  # noqa: PLR0911 - one for each kind
    scene: Scene,
    members: Sequence[Itinerary],
    zone: Watched,
    people: Sequence[Itinerary],
    end_s: float,
    ground: Ground | None,
) -> list[Truth]:
    match scene.rule:
        case Rule.DWELL:
            return [truth for each in members for truth in _stayed(scene, each, zone, end_s)]
        case Rule.LEFT:
            return [truth for each in members for truth in _left(scene, each, zone, people, end_s)]
        case Rule.INTRUSION:
            return [truth for each in members for truth in _visited(scene, each, zone, end_s)]
        case Rule.CLUTTER:
            return _grouped(scene, members, zone, end_s, standing=True)
        case Rule.CROWD:
            return _grouped(scene, members, zone, end_s, standing=False, passers=people)
        case Rule.WRONG_WAY:
            return [truth for each in members for truth in _went_wrong(scene, each, zone, end_s)]
        case Rule.AREA:
            return [] if ground is None else _covered_zone(scene, members, zone, ground, end_s)
        case Rule.HEALTH:
            return []  # nothing of the cast: what covers a lens is no actor


def _stayed(scene: Scene, each: Itinerary, zone: Watched, end_s: float) -> list[Truth]:
    found = []
    for begins, ends in each.stays(least_s=scene.dwell_s):
        place = each.place_m(begins)
        since = max(begins, 0.0)
        if place is not None and zone.holds(place) and since + scene.dwell_s <= min(ends, end_s):
            found.append(Truth(from_s=since, qualifies_s=since + scene.dwell_s, to_s=ends, place_m=place))
    return found


def _left(scene: Scene, each: Itinerary, zone: Watched, people: Sequence[Itinerary], end_s: float) -> list[Truth]:
    """Return when a thing that came in the run has lain alone for long enough."""
    place = each.place_m(each.from_s)
    if each.from_s <= 0.0 or place is None or not zone.holds(place):
        return []
    times = np.arange(each.from_s, min(each.to_s, end_s), STEP_S)
    alone = np.ones(len(times), bool)
    for person in people:
        if person.to_s >= each.from_s:
            away = np.hypot(*(track(person, times) - np.array(place)).T)
            alone &= ~(away <= scene.radius_m)
    since = _held_from(times, alone, scene.dwell_s)
    if since is None:
        return []
    return [Truth(from_s=each.from_s, qualifies_s=since + scene.dwell_s, to_s=each.to_s, place_m=place)]


def _visited(scene: Scene, each: Itinerary, zone: Watched, end_s: float) -> list[Truth]:
    times = np.arange(max(each.from_s, 0.0), min(each.to_s, end_s), STEP_S)
    places = track(each, times)
    inside = zone.hold(places)
    since = _held_from(times, inside, scene.dwell_s)
    if since is None:
        return []
    qualifies = since + scene.dwell_s
    after = times[(times > qualifies) & ~inside]
    place = each.place_m(qualifies) or each.place_m(since)
    if place is None:
        return []
    ends = float(after[0]) if len(after) else each.to_s
    return [Truth(from_s=since, qualifies_s=qualifies, to_s=ends, place_m=place)]


def _went_wrong(scene: Scene, each: Itinerary, zone: Watched, end_s: float) -> list[Truth]:
    """Return when somebody has gone far enough and long enough against a zone's direction, without leaving it."""
    if zone.direction_m is None:
        return []
    times = np.arange(max(each.from_s, 0.0), min(each.to_s, end_s), STEP_S)
    places = track(each, times)
    along = places @ np.array(zone.direction_m)
    inside = zone.hold(places)
    began: int | None = None
    for row in range(len(times)):
        if not inside[row] or (row > 0 and along[row] > along[row - 1]):
            began = None
        if inside[row] and began is None:
            began = row
        if began is None or times[row] - times[began] < scene.dwell_s or along[began] - along[row] < scene.distance_m:
            continue
        out = np.flatnonzero(~inside[row:])
        ends = float(times[row + out[0]]) if len(out) else float(times[-1])
        place = float(places[row, 0]), float(places[row, 1])
        return [Truth(from_s=float(times[began]), qualifies_s=float(times[row]), to_s=ends, place_m=place)]
    return []


def _covered_zone(
    scene: Scene, members: Sequence[Itinerary], zone: Watched, ground: Ground, end_s: float
) -> list[Truth]:
    """Return when boxes around the members have covered enough of the zone's picture for long enough."""
    shape = shapely.Polygon(ground.outline_px(zone.area, level_m=zone.level_m))
    frame = shapely.box(0.0, 0.0, *ground.stage.pose.size_px)
    zone_px = shapely.intersection(shape.buffer(0), frame)
    boxes = [shapely.intersection(_box_px(each, ground), frame) for each in members]
    times = np.arange(0.0, end_s, GROUP_STEP_S)
    there = np.array([(times >= each.from_s) & (times < each.to_s) for each in members]).T
    shares = {
        tuple(row): shapely.intersection(
            zone_px, shapely.union_all([box for box, is_there in zip(boxes, row, strict=True) if is_there])
        ).area
        / max(zone_px.area, 1.0)
        for row in {tuple(row) for row in there.tolist()}
    }
    wet = np.array([shares[tuple(row)] >= scene.share for row in there.tolist()])
    since = _held_from(times, wet, scene.dwell_s)
    if since is None:
        return []
    qualifies = since + scene.dwell_s
    places = np.array([place for each in members if (place := each.place_m(qualifies)) is not None])
    after = times[(times > qualifies) & ~wet]
    middle = places.mean(axis=0)
    ends = float(after[0]) if len(after) else max(each.to_s for each in members)
    return [Truth(from_s=since, qualifies_s=qualifies, to_s=ends, place_m=(float(middle[0]), float(middle[1])))]


def _box_px(each: Itinerary, ground: Ground) -> shapely.Polygon:
    """Return the box around the picture of something flat that lies where it came."""
    knot, (length, width, _) = each.knots[0], each.actor.size_m
    angles, turn = np.linspace(0.0, 2 * math.pi, 48), math.radians(knot.heading_deg)
    along, aside = length / 2 * np.cos(angles), width / 2 * np.sin(angles)
    x = knot.x_m + along * math.cos(turn) - aside * math.sin(turn)
    y = knot.y_m + along * math.sin(turn) + aside * math.cos(turn)
    pixels, _ = ground.lens.project(np.column_stack([x, y, np.zeros(len(x))]))
    box: shapely.Polygon = shapely.box(*pixels.min(axis=0).tolist(), *pixels.max(axis=0).tolist())
    return box


def _grouped(
    scene: Scene,
    members: Sequence[Itinerary],
    zone: Watched,
    end_s: float,
    *,
    standing: bool,
    passers: Sequence[Itinerary] = (),
) -> list[Truth]:
    """Return when enough of the members, and of those who pass near them, have been together for long enough."""
    if len(members) < scene.count:
        return []
    begins = max(0.0, min(each.from_s for each in members))
    times = np.arange(begins, min(max(each.to_s for each in members), end_s), GROUP_STEP_S)
    tracks = np.stack([track(each, times) for each in members])
    for row, each in enumerate(members):
        tracks[row, ~_counts(each, times, tracks[row], zone, standing=standing)] = np.nan
    tracks = np.concatenate([tracks, _passing(passers, members, tracks, times, zone)])
    together = np.array(
        [_fullest(tracks[:, column], scene.radius_m, least=scene.count) for column in range(len(times))]
    )
    since = _held_from(times, together >= scene.count, scene.dwell_s)
    if since is None:
        return []
    qualifies = since + scene.dwell_s
    column = min(int(np.searchsorted(times, qualifies)), len(times) - 1)
    middle = _middle(tracks[:, column], scene.radius_m)
    after = times[(times > qualifies) & (together < scene.count)]
    return [
        Truth(
            from_s=since,
            qualifies_s=qualifies,
            to_s=float(after[0]) if len(after) else float(times[-1]),
            place_m=(float(middle[0]), float(middle[1])),
        )
    ]


def _passing(
    people: Sequence[Itinerary], members: Sequence[Itinerary], tracks: Floats, times: Floats, zone: Watched
) -> Floats:
    """Return the tracks, (k, t, 2), of those who are no members but come near them while in the zone; else NaN."""
    known = {each.actor.id for each in members}
    there = np.isfinite(tracks[..., 0]).any(axis=0)
    middle = np.full((len(times), 2), np.nan)
    if there.any():
        middle[there] = np.nanmedian(tracks[:, there], axis=0)
    found = []
    for each in people:
        if each.actor.id in known or each.to_s < times[0] or each.from_s > times[-1]:
            continue
        way = track(each, times)
        with np.errstate(invalid="ignore"):
            near = np.hypot(*(way - middle).T) <= _PASSING_M
        near &= zone.hold(way)
        if near.any():
            way[~near] = np.nan
            found.append(way)
    return np.array(found).reshape(-1, len(times), 2)


def _counts(each: Itinerary, times: Floats, places: Floats, zone: Watched, *, standing: bool) -> NDArray[np.bool_]:
    """Return when one counts: it is there, in the zone and, if it must, stands."""
    inside = zone.hold(places)
    if not standing:
        return inside
    stands = np.zeros(len(times), bool)
    for begins, ends in each.stays(least_s=1.0):
        stands |= (times >= begins) & (times <= ends)
    return inside & stands


def _fullest(points: Floats, radius_m: float, *, least: int) -> int:
    """Return how many of (n, 2) points one disc can cover: some disc with two of them on its rim, or one as centre.

    Where there are fewer than `least` in all, their number is enough of an answer.
    """
    there = points[~np.isnan(points[:, 0])]
    if len(there) < max(least, 2):
        return len(there)
    return int(_covered(there, radius_m).sum(axis=1).max())


def _middle(points: Floats, radius_m: float) -> Floats:
    """Return the mean of those of (n, 2) points that one disc covers; of the fullest discs the tightest speaks.

    Who is still on the way, or has gone on, is no part of the group.
    """
    there = points[~np.isnan(points[:, 0])]
    covered = _covered(there, radius_m)
    fullest = covered[covered.sum(axis=1) == covered.sum(axis=1).max()]
    middles = [there[row].mean(axis=0) for row in fullest]
    spreads = [float(np.hypot(*(there[row] - middle).T).sum()) for row, middle in zip(fullest, middles, strict=True)]
    return np.asarray(middles[int(np.argmin(spreads))], np.float64)


def _covered(there: Floats, radius_m: float) -> NDArray[np.bool_]:
    """Return which of (n, 2) points each disc of the radius covers, (k, n): the discs that could be the fullest."""
    if float(np.ptp(there, axis=0).max()) <= radius_m:
        return np.ones((1, len(there)), bool)  # a square of the radius fits into the disc
    centres = [*there]
    for a, b in itertools.combinations(there, 2):
        way = b - a
        length = float(np.hypot(*way))
        if 0.0 < length <= 2 * radius_m:
            turned = np.array([-way[1], way[0]]) / length * math.sqrt(max(radius_m**2 - length**2 / 4, 0.0))
            centres += [(a + b) / 2 + turned, (a + b) / 2 - turned]
    away = np.linalg.norm(np.array(centres)[:, None] - there[None], axis=2)
    return np.asarray(away <= radius_m + 1e-9)


def _held_from(times: Floats, holds: NDArray[np.bool_], dwell_s: float) -> float | None:
    """Return since when a state holds that lasts for so long, short breaks forgiven; None if none does."""
    since: float | None = None
    broken: float | None = None
    for at, held in zip(times.tolist(), holds.tolist(), strict=True):
        if held:
            since = at if since is None or (broken is not None and at - broken > _DIP_S) else since
            broken = None
            if at - since >= dwell_s - 1e-6:
                return float(since)
        elif broken is None:
            broken = at
        elif at - broken > _DIP_S:
            since = None
    return None


def track(each: Itinerary, times: Floats) -> Floats:
    """Return an actor's places at times, (n, 2); NaN while it is not there."""
    knots = np.array([(knot.at_s, knot.x_m, knot.y_m) for knot in each.knots])
    places = np.column_stack([np.interp(times, knots[:, 0], knots[:, axis]) for axis in (1, 2)])
    places[(times < knots[0, 0]) | (times >= knots[-1, 0])] = np.nan
    return places


def people_of(cast: Sequence[Itinerary]) -> list[Itinerary]:
    """Return the people among actors."""
    return [each for each in cast if each.actor.kind is Kind.PERSON]
