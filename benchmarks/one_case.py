"""One problem, one case: four cameras over one place, and things that stand all day.

    python benchmarks/one_case.py [--events 300] [--days 6] [--period 5] [--seed 0] [--json]

Boxes with the published noise of the shipped detector (`evaluate --detections`' own), through the real pipelines and
desk. Every event has a place of its own on the sample site, cameras calibrated anew by ten clicks with 1 px of error,
light and weather drawn.

- `four_cameras`: something stands in the middle of four cameras, 15 to 22 m off, each on its own side; people walk by.
  An event is right when it made one case of its category, and that case has a sighting of each of the four.
- `standing`: ten cars stand before one camera through whole days and nights; people cross, vans stop between them and
  the camera for minutes. A frame every `--period` seconds, as a still place is looked at. A re-alert is a sighting of a
  car beyond its first, or a case beyond its first.
"""

import argparse
import json
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import shapely

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geo.coords import LonLat  # noqa: E402 - runs from any folder
from geo.metric import LocalPlane  # noqa: E402 - the same
from models.detections import Detections  # noqa: E402 - the same
from models.detector import Image  # noqa: E402 - the same
from pipeline.clocks import FixedClock  # noqa: E402 - the same
from pipeline.desk import Desk, Taken  # noqa: E402 - the same
from pipeline.district import scene_set  # noqa: E402 - the same
from pipeline.district.configuring import district_site  # noqa: E402 - the same
from pipeline.district.crew import in_children  # noqa: E402 - the same
from pipeline.district.district import District, View  # noqa: E402 - the same
from pipeline.district.evaluation import FPS, pipeline_of  # noqa: E402 - the same
from pipeline.district.itineraries import Itinerary, Knot  # noqa: E402 - the same
from pipeline.district.noise_file import read_noise  # noqa: E402 - the same
from pipeline.district.placing import to_metres  # noqa: E402 - the same
from pipeline.district.plan import Ground  # noqa: E402 - the same
from pipeline.district.replay import ReplayDetector  # noqa: E402 - the same
from pipeline.district.script import Play, Scenario, conditions_of  # noqa: E402 - the same
from pipeline.district.stage import (  # noqa: E402 - the same
    Actor,
    Conditions,
    Kind,
    Light,
    Patch,
    Placed,
    Pose,
    Stage,
    Surface,
    Weather,
)
from pipeline.district.watching import Watched  # noqa: E402 - the same
from pipeline.evidence import EvidenceStore  # noqa: E402 - the same
from pipeline.frames import Frame  # noqa: E402 - the same
from pipeline.principal import PIPELINE  # noqa: E402 - the same
from pipeline.shares import wilson  # noqa: E402 - the same
from pipeline.sightings import Sighting  # noqa: E402 - the same
from pipeline.site import Site  # noqa: E402 - the same
from pipeline.site_files import read_site  # noqa: E402 - the same
from pipeline.sql_casebook import open_casebook  # noqa: E402 - the same

START = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
SIZE_PX = (960, 540)
REACH_M = 30.0
SIZES_M = {
    Kind.CAR: (4.5, 1.8, 1.5),
    Kind.VAN: (5.2, 2.0, 2.2),
    Kind.STALL: (2.0, 1.2, 2.2),
    Kind.PILED_GOODS: (1.6, 1.0, 1.0),
    Kind.OVERFLOWING_BIN: (0.7, 0.7, 1.2),
    Kind.RUBBISH_BAG: (0.7, 0.6, 0.6),
    Kind.FIRE: (0.8, 0.8, 1.2),
    Kind.PERSON: (0.5, 0.5, 1.7),
}
THINGS = {
    scene_set.PARKED: Kind.CAR,
    scene_set.STALL: Kind.STALL,
    scene_set.GOODS: Kind.PILED_GOODS,
    scene_set.BIN: Kind.OVERFLOWING_BIN,
    scene_set.BAG: Kind.RUBBISH_BAG,
    scene_set.BURNING: Kind.FIRE,
}
COMES_S, AFTER_S = 5.0, 60.0
DAY_S = 86_400.0
CARS = 10
NEAR_M = 3.0


class Square(District):
    """An open square; its cast moves in metres east and north of its middle."""

    middle: LonLat

    def at(self, camera: str, at_s: float) -> tuple[Placed, ...]:
        """Return who and what is there at a moment, in a camera's own axes."""
        stage = self.views[camera].stage
        there = [each for row in self._there(camera, at_s) if (each := row.at(at_s)) is not None]
        if not there:
            return ()
        lonlat = LocalPlane.at(self.middle).to_lonlat(np.array([(each.x_m, each.y_m) for each in there]))
        places = to_metres(stage, lonlat).tolist()
        return tuple(
            replace(each, x_m=x, y_m=y, heading_deg=each.heading_deg + stage.heading_deg)
            for each, (x, y) in zip(there, places, strict=True)
        )

    def _there(self, camera: str, at_s: float) -> list[Itinerary]:
        play = self.views[camera].play
        begins, ends = self._spans[play]
        return [self.plays[play].cast[row] for row in np.flatnonzero((begins <= at_s) & (at_s < ends)).tolist()]


class Setting(NamedTuple):
    """What happens on a square, and who looks on.

    Attributes:
        poses: of each camera, the bearing in degrees at which it stands and how far off, metres.
        zone_m: what all of them watch, metres east and north of the middle.
    """

    middle: LonLat
    poses: Sequence[tuple[float, float]]
    zone_m: shapely.Polygon
    scene: str
    cast: Sequence[Itinerary]
    conditions: Conditions
    seconds: float


def square(site: Site, setting: Setting, *, seed: int, draw: np.random.Generator) -> Square:
    """Return a square with cameras around its middle."""
    own = next(iter(sorted(site.cameras)))
    plane = LocalPlane.at(setting.middle)
    views = {}
    for number, (bearing_deg, reach_m) in enumerate(setting.poses):
        turn = math.radians(bearing_deg)
        foot = plane.point_to_lonlat(reach_m * math.sin(turn), reach_m * math.cos(turn))
        stage = _stage(f"square-{number}", foot, (bearing_deg + 180.0) % 360.0, reach_m, draw)
        around = shapely.box(-REACH_M, -REACH_M, REACH_M, REACH_M)
        stage = replace(
            stage, patches=(Patch(name="square", surface=Surface.SQUARE, corners_m=_own(stage, plane, around)),)
        )
        area = Ground.of(stage).clipped(shapely.Polygon(_own(stage, plane, setting.zone_m)))
        if area is None:
            raise ValueError(f"camera {stage.camera} sees nothing of what it should watch; this benchmark is broken")
        zone = Watched(name="zone", scenes=(setting.scene,), area=area)
        views[stage.camera] = View(stage=stage, play=own, conditions=setting.conditions, zones=(zone,))
    first = next(iter(views.values())).stage
    play = Play(stage=first, ground=Ground.of(first), cast=tuple(setting.cast), acts=())
    minutes = setting.seconds / 60.0
    found = Square(seed=seed, minutes=minutes, scenario=Scenario.ALL, site=site, views=views, plays={own: play})
    found.middle = setting.middle
    return found


def _stage(code: str, foot: LonLat, heading_deg: float, reach_m: float, draw: np.random.Generator) -> Stage:
    height_m = float(draw.uniform(6.0, 8.0))
    pose = Pose(
        size_px=SIZE_PX,
        height_m=height_m,
        yaw_deg=float(draw.uniform(-6.0, 6.0)),
        pitch_deg=math.degrees(math.atan2(height_m, reach_m)) + float(draw.uniform(-2.0, 2.0)),
        roll_deg=float(draw.normal(0.0, 0.8)),
        focal_px=SIZE_PX[0] / 2 / math.tan(math.radians(float(draw.uniform(66.0, 80.0))) / 2),
        k1=float(draw.uniform(-0.03, -0.004)),
        k2=float(draw.uniform(0.0, 0.003)),
    )
    return Stage(camera=code, foot=foot, heading_deg=heading_deg, pose=pose, patches=(), blocks=())


def _own(stage: Stage, plane: LocalPlane, area_m: shapely.Polygon) -> tuple[tuple[float, float], ...]:
    """Return a polygon's corners in a stage's own axes."""
    lonlat = plane.to_lonlat(np.array(area_m.exterior.coords)[:-1])
    return tuple((x, y) for x, y in to_metres(stage, lonlat).tolist())


def stands(
    ident: int, kind: Kind, place_m: tuple[float, float], span_s: tuple[float, float], draw: np.random.Generator
) -> Itinerary:
    """Return something that stands somewhere for a while."""
    actor = _actor(ident, kind, draw)
    heading = float(draw.uniform(0.0, 360.0))
    return Itinerary(actor=actor, knots=tuple(Knot(at_s, *place_m, 0.0, heading, False, 0.0) for at_s in span_s))


def walks(ident: int, from_s: float, across_m: float, draw: np.random.Generator, *, north_m: float) -> Itinerary:
    """Return somebody who crosses from west to east or back."""
    ends = (-across_m, across_m) if draw.random() < 0.5 else (across_m, -across_m)
    lasts_s = 2.0 * across_m / float(draw.uniform(1.0, 1.6))
    knots = tuple(
        Knot(from_s + share * lasts_s, end, north_m, 0.0, 0.0 if ends[0] < 0 else 180.0, False, share * 2.0 * across_m)
        for share, end in zip((0.0, 1.0), ends, strict=True)
    )
    return Itinerary(actor=_actor(ident, Kind.PERSON, draw), knots=knots)


def _actor(ident: int, kind: Kind, draw: np.random.Generator) -> Actor:
    red, green, blue = draw.integers(20, 236, 3).tolist()
    return Actor(id=ident, kind=kind, size_m=SIZES_M[kind], colour=(red, green, blue))


class Told(NamedTuple):
    """A sighting and what the desk made of it."""

    sighting: Sighting
    taken: Taken


def at_desk(site: Site, sightings: Sequence[Sighting]) -> list[Told]:
    """Give sightings to a desk of their own in order of time."""
    with tempfile.TemporaryDirectory(prefix="beatgrid-one-case-") as folder:
        casebook, clock = open_casebook(f"sqlite:///{folder}/b.db"), FixedClock(START)
        desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(Path(folder) / "evidence"))
        told = []
        for each in sorted(sightings, key=lambda each: (each.captured_at, each.id)):
            clock.at = each.captured_at
            told.append(Told(each, desk.take(each, principal=PIPELINE)))
        casebook.close()
    return told


def somewhere(site: Site, draw: np.random.Generator) -> LonLat:
    """Return a place well inside the site."""
    cameras = sorted(site.cameras)
    while True:
        camera = site.cameras[cameras[int(draw.integers(len(cameras)))]]
        east_m, north_m = draw.uniform(-150.0, 150.0, 2).tolist()
        place = LocalPlane.at(camera.lonlat).point_to_lonlat(east_m, north_m)
        if site.places(np.array([place]))[0][0] is not None:
            return place


class Event(NamedTuple):
    """What became of one event before four cameras."""

    scene: str
    right: bool
    cases: int
    cameras: int
    others: int


def event(seed: int, number: int) -> Event:
    """Work one event."""
    draw = np.random.default_rng((seed, 31, number))
    site = read_site(ROOT / "boundaries" / "yingpu")
    scene = list(THINGS)[number % len(THINGS)]
    seconds = COMES_S + scene_set.SCENES[scene].dwell_s + AFTER_S
    turn = float(draw.uniform(0.0, 360.0))
    poses = [
        (turn + 90.0 * side + float(draw.uniform(-15.0, 15.0)), float(draw.uniform(15.0, 22.0))) for side in range(4)
    ]
    place = tuple(draw.uniform(-3.0, 3.0, 2).tolist())
    cast = [stands(1, THINGS[scene], place, (COMES_S, seconds + 1.0), draw)]
    for ident in range(2, 2 + int(seconds / 30.0)):
        north_m = float(draw.choice([-1.0, 1.0]) * draw.uniform(4.0, 8.0))
        cast.append(walks(ident, float(draw.uniform(0.0, seconds)), 12.0, draw, north_m=north_m))
    setting = Setting(
        middle=somewhere(site, draw),
        poses=poses,
        zone_m=shapely.box(-9.0, -9.0, 9.0, 9.0),
        scene=scene,
        cast=cast,
        conditions=conditions_of(Scenario.ALL, draw),
        seconds=seconds,
    )
    district = square(site, setting, seed=seed * 100_000 + number, draw=draw)
    live = district_site(district, fps=FPS)
    detector = ReplayDetector(district, start_s=START.timestamp(), table=read_noise())
    found: list[Sighting] = []
    for code, camera in live.cameras.items():
        pipeline = pipeline_of(camera, live, detector)
        for frame in _frames(detector, code, seconds, 1.0 / FPS):
            found += pipeline.step(frame).sightings
    told = at_desk(live, found)
    true_place = LocalPlane.at(district.middle).point_to_lonlat(*place)
    close = [each for each in told if _apart_m(each.sighting.lonlat, true_place) < NEAR_M + each.sighting.error_m]
    cases = {each.taken.number for each in close if each.taken.number is not None}
    cameras = {each.sighting.camera for each in close if each.taken.number is not None}
    others = len({each.taken.number for each in told if each.taken.number is not None} - cases)
    return Event(scene, len(cases) == 1 and len(cameras) == len(poses), len(cases), len(cameras), others)


def _frames(detector: Any, code: str, seconds: float, period_s: float) -> Iterator[Frame]:
    for index in range(int(seconds / period_s)):
        at_s = index * period_s
        moment = START + timedelta(seconds=at_s)
        yield Frame(camera=code, captured_at=moment, image=detector.picture(code, at_s), index=index)


def _apart_m(one: LonLat, other: LonLat) -> float:
    return math.hypot(*LocalPlane.at(other).point_to_metres(one))


class DayAndNight:
    """A detector whose light changes with the hour."""

    def __init__(self, by_light: dict[Light, ReplayDetector], *, start_s: float) -> None:
        self._by_light, self._start_s = by_light, start_s
        first = by_light[Light.DAY]
        self.name, self.version, self.classless = first.name, first.version, first.classless
        self.class_names = first.class_names

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        """Return the boxes."""
        own = self._at(at_s - self._start_s)
        return own.detect(image, stream=stream, at_s=at_s, confidence=confidence)

    def picture(self, camera: str, at_s: float) -> Image:
        """Return the coarse picture."""
        return self._at(at_s).picture(camera, at_s)

    def close(self) -> None:
        """Hold nothing."""

    def _at(self, at_s: float) -> ReplayDetector:
        hour = (14.0 + at_s / 3600.0) % 24.0
        light = Light.DAY if 7.0 <= hour < 17.5 else Light.DUSK if 6.0 <= hour < 18.5 else Light.NIGHT
        return self._by_light[light]


class Day(NamedTuple):
    """What became of a day before one camera."""

    found: int
    sightings: int
    cases: int
    false_cases: int


def day(seed: int, number: int, period_s: float) -> Day:
    """Work one day."""
    draw = np.random.default_rng((seed, 37, number))
    site = read_site(ROOT / "boundaries" / "yingpu")
    places = [(4.8 * (row % 5) - 9.6, 4.0 - 6.0 * (row // 5)) for row in range(CARS)]
    cast = [stands(1 + row, Kind.CAR, place, (60.0, DAY_S + 1.0), draw) for row, place in enumerate(places)]
    ident = 1 + CARS
    for from_s in np.sort(draw.uniform(0.0, DAY_S, 1_400)).tolist():
        cast.append(walks(ident, from_s, 14.0, draw, north_m=float(draw.uniform(-6.0, 10.0))))
        ident += 1
    for from_s in np.sort(draw.uniform(0.0, DAY_S, 40)).tolist():
        place = (float(draw.uniform(-9.0, 9.0)), float(draw.uniform(9.0, 10.5)))
        cast.append(stands(ident, Kind.VAN, place, (from_s, from_s + float(draw.uniform(60.0, 900.0))), draw))
        ident += 1
    weather = Weather(str(draw.choice(["clear", "rain", "fog"], p=[0.7, 0.18, 0.12])))
    setting = Setting(
        middle=somewhere(site, draw),
        poses=[(0.0, 20.0)],
        zone_m=shapely.box(-14.0, -8.0, 14.0, 7.0),
        scene=scene_set.PARKED,
        cast=cast,
        conditions=Conditions(light=Light.DAY, weather=weather),
        seconds=DAY_S,
    )
    state = draw.bit_generator.state
    districts = {}
    for light in Light:
        draw.bit_generator.state = state  # the same camera in each light
        lit = setting._replace(conditions=Conditions(light=light, weather=weather))
        districts[light] = square(site, lit, seed=seed * 1_000 + number, draw=draw)
    start_s, table = START.timestamp(), read_noise()
    detector = DayAndNight(
        {light: ReplayDetector(each, start_s=start_s, table=table) for light, each in districts.items()},
        start_s=start_s,
    )
    live = district_site(districts[Light.DAY], fps=1.0 / period_s)
    (code, camera), found = next(iter(live.cameras.items())), list[Sighting]()
    pipeline = pipeline_of(camera, live, detector)
    for frame in _frames(detector, code, DAY_S, period_s):
        found += pipeline.step(frame).sightings
    plane, by_car, cases = LocalPlane.at(setting.middle), Counter[int](), dict[int, set[str | None]]()
    false: set[str | None] = set()
    for each in at_desk(live, found):
        spot = np.array(plane.point_to_metres(each.sighting.lonlat))
        gaps = np.hypot(*(np.array(places) - spot).T)
        car = int(gaps.argmin())
        if gaps[car] > NEAR_M:
            false.add(each.taken.number)
            continue
        by_car[car] += 1
        cases.setdefault(car, set()).add(each.taken.number)
    return Day(len(by_car), sum(by_car.values()), sum(map(len, cases.values())), len(false))


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--days", type=int, default=6)
    parser.add_argument("--period", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    days = in_children(partial(day, asked.seed, period_s=asked.period), range(asked.days), workers=asked.processes)
    events = in_children(partial(event, asked.seed), range(asked.events), workers=asked.processes)
    report = {
        "seed": asked.seed,
        "four_cameras": _told_of_events(events),
        "standing": _told_of_days(days, asked.period),
    }
    print(json.dumps(report, indent=2))
    return 0


def _told_of_events(events: Sequence[Event]) -> dict[str, Any]:
    if not events:
        return {}
    right = sum(each.right for each in events)
    share = wilson(right, len(events))
    return {
        "events": len(events),
        "right": right,
        "share": round(right / len(events), 4),
        "interval_95": [round(share.low, 4), round(share.high, 4)],
        "no_case": sum(each.cases == 0 for each in events),
        "several_cases": sum(each.cases > 1 for each in events),
        "fewer_cameras": sum(each.cases == 1 and not each.right for each in events),
        "false_cases": sum(each.others for each in events),
        "wrong_by_scene": dict(Counter(each.scene for each in events if not each.right)),
    }


def _told_of_days(days: Sequence[Day], period_s: float) -> dict[str, Any]:
    if not days:
        return {}
    object_days, found = CARS * len(days), sum(each.found for each in days)
    sightings, cases = sum(each.sightings for each in days), sum(each.cases for each in days)
    return {
        "period_s": period_s,
        "object_days": object_days,
        "found": found,
        "re_sightings": sightings - found,
        "re_cases": cases - found,
        "re_alerts_per_object_day": round((cases - found) / object_days, 4),
        "re_sightings_per_object_day": round((sightings - found) / object_days, 4),
        "false_cases": sum(each.false_cases for each in days),
    }


if __name__ == "__main__":
    sys.exit(main())
