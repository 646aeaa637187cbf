"""The simulated district: cameras of a site with a stage each, what happens there, and its truth. Draws nothing.

A seed decides everything; `District.at` may be asked for any camera and moment in any order.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cameras import Camera
from pipeline.district.boxes import TrueBoxes
from pipeline.district.director import Act
from pipeline.district.errors import DistrictError
from pipeline.district.itineraries import Itinerary
from pipeline.district.placing import to_lonlat
from pipeline.district.plan import Ground, Place
from pipeline.district.rules_of_world import Truth, first_truth, people_of
from pipeline.district.scene_set import SCENES, with_district
from pipeline.district.script import Play, Scenario, conditions_of, write_play
from pipeline.district.stage import Conditions, Patch, Placed, Stage, Surface, TrueEvent
from pipeline.district.stages import StageKind, sample_stage
from pipeline.district.watching import Watched, watched
from pipeline.site import Site

CAMERAS: Final = 10
LONGEST_MIN: Final = 120.0
SHORTEST_MIN: Final = 2.0
SIZE_PX: Final = (960, 540)
FPS: Final = 5.0
_KINDS: Final[Mapping[str, StageKind]] = {
    "street": StageKind.STREET,
    "market": StageKind.STREET,
    "school-gate": StageKind.STREET,
    "yard": StageKind.STREET,
    "canal": StageKind.CANAL,
    "square": StageKind.SQUARE,
}
_ON_FOOT: Final = (Surface.PAVEMENT, Surface.SQUARE, Surface.GREEN)
_CLEAR_M: Final = 9.0
LEAST_PITCH_DEG: Final = 10.0  # a flatter look says little of the ground
_MOST_SEEN_M: Final = 45.0


class NoCamerasError(DistrictError):
    """A site has no camera that a stage can be built around."""

    def __init__(self, site: str, cameras: int) -> None:
        super().__init__(
            f"site {site} has {cameras} cameras, none with a kind and a pose that the simulated district knows"
            f" ({', '.join(sorted(_KINDS))}); add `kind` and `pose` to cameras.geojson, or use the sample site"
        )


class RunLengthError(DistrictError):
    """A run of the district is too short or too long."""

    def __init__(self, minutes: float) -> None:
        super().__init__(f"--minutes is {minutes:g}; expected {SHORTEST_MIN:g} to {LONGEST_MIN:g}")


class NoScenarioError(DistrictError):
    """There is no such scenario."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no scenario {name!r}; known: {', '.join(Scenario)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One camera's view of a play.

    Attributes:
        stage: in this camera's own axes.
        play: the camera's code whose stage the play is written for.
        turned: whether this camera's axes are those of the play turned half round, `shift_m` its foot there.
    """

    stage: Stage
    play: str
    conditions: Conditions
    zones: tuple[Watched, ...]
    turned: bool = False
    shift_m: Place = (0.0, 0.0)

    def own(self, placed: Placed) -> Placed:
        """Return an actor in this camera's own axes."""
        if not self.turned:
            return placed
        x, y = self.shift_m
        return replace(placed, x_m=x - placed.x_m, y_m=y - placed.y_m, heading_deg=placed.heading_deg + 180.0)

    def own_place(self, place_m: Place) -> Place:
        """Return a place in this camera's own axes."""
        return (self.shift_m[0] - place_m[0], self.shift_m[1] - place_m[1]) if self.turned else place_m


class District:
    """What happens in a run, and how each camera's surroundings look. Make one with `of`."""

    def __init__(
        self,
        *,
        seed: int,
        minutes: float,
        scenario: Scenario,
        site: Site,
        views: Mapping[str, View],
        plays: Mapping[str, Play],
    ) -> None:
        self.seed, self.minutes, self.scenario, self.site = seed, minutes, scenario, site
        self.views, self.plays = views, plays
        self.seen_by: dict[str, tuple[str, ...]] = {}
        self._spans = {
            code: (np.array([each.from_s for each in play.cast]), np.array([each.to_s for each in play.cast]))
            for code, play in plays.items()
        }
        self._boxes: dict[str, TrueBoxes] = {}
        self.events = tuple(self._find_events())

    @classmethod
    def of(
        cls, site: Site, *, seed: int, minutes: float, scenario: Scenario | str = Scenario.ALL, cameras: int = CAMERAS
    ) -> "District":
        """Return the district of a seed.

        Args:
            site: its cameras that have a kind and a pose are used.
            seed: decides everything.
            minutes: length of the run, 2 to 120.
            scenario: what it is about.
            cameras: how many of the site's cameras; one of them gets a second camera over the same ground.

        Raises:
            NoScenarioError, RunLengthError, NoCamerasError: see there.
        """
        if str(scenario) not in set(Scenario):
            raise NoScenarioError(str(scenario))
        if not SHORTEST_MIN <= minutes <= LONGEST_MIN:
            raise RunLengthError(minutes)
        about = Scenario(str(scenario))
        draw = np.random.default_rng((seed, sorted(Scenario).index(about)))
        chosen = _choose(site, about, cameras, draw)
        views: dict[str, View] = {}
        plays: dict[str, Play] = {}
        first_id, catalogue = 1, with_district(site.catalogue)
        for row, camera in enumerate(chosen):
            stage = _stage(camera, int(draw.integers(2**31)))
            foot_m = _second_foot(Ground.of(stage)) if row == 0 else None
            if foot_m is not None:
                stage = _cleared(stage, foot_m)
            own = np.random.default_rng((seed, 7, row))
            plays[camera.code], first_id = write_play(
                stage, about, end_s=minutes * 60.0, catalogue=catalogue, first_id=first_id, draw=own
            )
            conditions = conditions_of(about, draw)
            ground = plays[camera.code].ground
            views[camera.code] = View(stage=stage, play=camera.code, conditions=conditions, zones=watched(ground))
            if foot_m is not None:
                second = _second(stage, foot_m)
                views[second.camera] = View(
                    stage=second,
                    play=camera.code,
                    conditions=conditions,
                    zones=watched(Ground.of(second)),
                    turned=True,
                    shift_m=foot_m,
                )
        return cls(seed=seed, minutes=minutes, scenario=about, site=site, views=views, plays=plays)

    @property
    def end_s(self) -> float:
        """Return the length of the run in seconds."""
        return self.minutes * 60.0

    @property
    def cameras(self) -> tuple[str, ...]:
        """Return the codes of the cameras."""
        return tuple(self.views)

    def at(self, camera: str, at_s: float) -> tuple[Placed, ...]:
        """Return who and what is about a camera at a moment, in its own axes, in order of id."""
        view = self.views[camera]
        play = self.plays[view.play]
        begins, ends = self._spans[view.play]
        there = np.flatnonzero((begins <= at_s) & (at_s < ends)).tolist()
        found = (play.cast[row].at(at_s) for row in there)
        return tuple(sorted((view.own(each) for each in found if each is not None), key=lambda each: each.actor.id))

    def true_events(self) -> tuple[TrueEvent, ...]:
        """Return the events that must become cases: no distractors, and nothing that no camera has in view."""
        return tuple(event for event in self.events if not event.distractor and self.seen_by[event.id])

    def truth_json(self) -> str:
        """Return the truth as JSON: the same text for the same seed, byte for byte."""
        record = {
            "form": 1,
            "seed": self.seed,
            "minutes": self.minutes,
            "scenario": self.scenario.value,
            "site": self.site.settings.code,
            "cameras": [self._camera_record(code) for code in sorted(self.views)],
            "events": [_event_record(event, self.seen_by[event.id]) for event in self.events],
        }
        return json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n"

    def _camera_record(self, code: str) -> dict[str, object]:
        view = self.views[code]
        return {
            "code": code,
            "lon": round(view.stage.foot.lon, 8),
            "lat": round(view.stage.foot.lat, 8),
            "light": view.conditions.light.value,
            "weather": view.conditions.weather.value,
            "same_ground_as": None if view.play == code else view.play,
        }

    def _find_events(self) -> list[TrueEvent]:
        found = []
        for code, play in self.plays.items():
            people = people_of(play.cast)
            for act in play.acts:
                truth = first_truth(SCENES[act.scene], act.members, self.views[code].zones, people, end_s=self.end_s)
                event = _event(play.stage, act, truth, end_s=self.end_s)
                if event is not None:
                    found.append(replace(event, distractor=event.distractor or not self._inside(event.lonlat)))
        found.sort(key=lambda event: (event.qualifies_s, event.camera, event.scene, event.actors))
        found = [replace(event, id=f"E{number:04d}") for number, event in enumerate(found, 1)]
        self.seen_by = {event.id: self._seen_by(event) for event in found}
        return found

    def _inside(self, lonlat: LonLat) -> bool:
        """Tell whether a place lies in the site; what happens outside must become no case."""
        return self.site.places(np.array([lonlat]))[0][0] is not None

    def _seen_by(self, event: TrueEvent) -> tuple[str, ...]:
        """Return the cameras that have the event in view while it comes to qualify."""
        return tuple(
            code
            for code, view in self.views.items()
            if view.play == event.camera and self._sees(code, self._truth_of(code), event)
        )

    def _truth_of(self, code: str) -> TrueBoxes:
        if code not in self._boxes:
            self._boxes[code] = TrueBoxes(self.views[code].stage)
        return self._boxes[code]

    def _sees(self, code: str, boxes: TrueBoxes, event: TrueEvent) -> bool:
        """Tell whether a camera sees enough of an event's actors in most of some moments until shortly after it."""
        scene = SCENES[event.scene]
        wanted = scene.count if not event.distractor else 1
        moments = np.linspace(max(0.0, event.qualifies_s - scene.dwell_s), event.qualifies_s + _AFTER_S, _LOOKS)
        good = 0
        for at_s in moments.tolist():
            seen = boxes.see(self.at(code, at_s))
            clear = sum(
                each.actor in event.actors and each.visible_share >= _CLEARLY and _near(each.box_px) for each in seen
            )
            good += clear >= wanted
        return good >= _MOSTLY * _LOOKS


_AFTER_S: Final = 5.0
_LOOKS: Final = 12
_CLEARLY: Final = 0.35  # of a thing must be free for it to count as in view
_MOSTLY: Final = 0.8
_LEAST_SIDE_PX: Final = 8.0


def _near(box_px: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = box_px
    return min(right - left, bottom - top) >= _LEAST_SIDE_PX


def _choose(site: Site, scenario: Scenario, count: int, draw: np.random.Generator) -> list[Camera]:
    """Return cameras in chance order, of each kind in turn as far as there are any."""
    able = [
        camera
        for _, camera in sorted(site.cameras.items())
        if _KINDS.get(str(camera.properties.get("kind")))
        and _pitch_deg(camera) >= LEAST_PITCH_DEG
        and site.places(np.array([_looked_at(camera)]))[0][0] is not None
    ]
    if scenario is Scenario.WATER:
        able = [camera for camera in able if camera.properties.get("kind") == "canal"] or able
    if not able:
        raise NoCamerasError(site.settings.code, len(site.cameras))
    mixed = [able[row] for row in draw.permutation(len(able)).tolist()]
    by_kind: dict[StageKind, list[Camera]] = {}
    for camera in mixed:
        by_kind.setdefault(_KINDS[str(camera.properties["kind"])], []).append(camera)
    turn = (StageKind.STREET, StageKind.SQUARE, StageKind.STREET, StageKind.CANAL)
    chosen: list[Camera] = []
    while len(chosen) < min(count, len(able)):
        for kind in turn:
            if by_kind.get(kind) and len(chosen) < count:
                chosen.append(by_kind[kind].pop(0))
    return chosen


def _pitch_deg(camera: Camera) -> float:
    pose = camera.properties.get("pose")
    return float(str(pose.get("pitch_deg", 0.0))) if isinstance(pose, Mapping) else 0.0


def _looked_at(camera: Camera) -> LonLat:
    """Return the ground 25 m before a camera: at the site's edge it may lie outside."""
    pose = camera.properties["pose"]
    axis = math.radians(float(str(pose.get("heading_deg", 0.0))) if isinstance(pose, Mapping) else 0.0)
    return LocalPlane.at(camera.lonlat).point_to_lonlat(25.0 * math.sin(axis), 25.0 * math.cos(axis))


def _stage(camera: Camera, seed: int) -> Stage:
    """Return a camera's stage at its place, with the pose that the site gives."""
    pose = camera.properties["pose"]
    numbers = {name: float(str(value)) for name, value in pose.items()} if isinstance(pose, Mapping) else {}
    kind = _KINDS[str(camera.properties["kind"])]
    drawn = sample_stage(kind, seed=seed, camera=camera.code, foot=camera.lonlat, heading_deg=0.0, size_px=SIZE_PX)
    given = drawn.pose
    if "fov_deg" in numbers:
        focal = SIZE_PX[0] / 2 / math.tan(math.radians(numbers["fov_deg"]) / 2)
        given = replace(given, focal_px=focal)
    given = replace(
        given,
        height_m=numbers.get("height_m", given.height_m),
        pitch_deg=numbers.get("pitch_deg", given.pitch_deg),
    )
    axis = numbers.get("heading_deg", float(seed % 360))
    return replace(drawn, pose=given, heading_deg=(axis - given.yaw_deg) % 360.0)


def _second_foot(ground: Ground) -> Place | None:
    """Return where a second camera over the same ground may stand: beyond its middle, on a pavement."""
    pose = ground.stage.pose
    middle = ground.lens.to_ground(np.array([[pose.size_px[0] / 2, pose.size_px[1] * 0.55]]))[0]
    if not np.isfinite(middle).all():
        return None
    x, y = (2.0 * middle).tolist()
    standing = [strip for strip in ground.on(*_ON_FOOT) if strip.y_m[0] > middle[1]]
    if not standing:
        return None
    strip = min(standing, key=lambda each: max(each.y_m[0] - y, y - each.y_m[1], 0.0))
    low, high = strip.y_m[0] + 0.5, strip.y_m[1] - 0.5
    return round(float(x), 2), round(min(max(float(y), low), high), 2)


def _cleared(stage: Stage, foot_m: Place) -> Stage:
    """Return a stage without trees, lamps and signs that would stand before the second lens."""
    blocks = tuple(
        block
        for block in stage.blocks
        if block.what not in {"tree", "lamp", "sign", "bus-stop"} or math.dist(block.centre_m, foot_m) > _CLEAR_M
    )
    return replace(stage, blocks=blocks)


def _second(stage: Stage, foot_m: Place) -> Stage:
    """Return the stage as a camera at another foot has it, its axes turned half round, looking back."""
    x, y = foot_m
    lens = Ground.of(stage).lens
    width, height = stage.pose.size_px
    middle = lens.to_ground(np.array([[width / 2, height * 0.55]]))[0]
    ahead = np.array([x, y]) - middle
    reach = float(np.hypot(*ahead))
    pose = replace(
        stage.pose,
        yaw_deg=math.degrees(math.atan2(ahead[0], ahead[1])),
        pitch_deg=min(35.0, max(14.0, math.degrees(math.atan2(stage.pose.height_m, reach)))),
        roll_deg=-stage.pose.roll_deg,
    )
    lonlat = to_lonlat(stage, np.array([[x, y]]))[0]
    patches = tuple(
        Patch(name=patch.name, surface=patch.surface, corners_m=tuple((x - a, y - b) for a, b in patch.corners_m))
        for patch in stage.patches
    )
    blocks = tuple(
        replace(
            block,
            centre_m=(x - block.centre_m[0], y - block.centre_m[1]),
            heading_deg=(block.heading_deg + 180.0) % 360.0,
        )
        for block in stage.blocks
    )
    return Stage(
        camera=f"{stage.camera}-2",
        foot=LonLat(float(lonlat[0]), float(lonlat[1])),
        heading_deg=(stage.heading_deg + 180.0) % 360.0,
        pose=pose,
        patches=patches,
        blocks=blocks,
    )


def _event(stage: Stage, act: Act, truth: Truth | None, *, end_s: float) -> TrueEvent | None:
    """Return an act's entry in the truth; None for one that never came to be true, or too late to be seen."""
    actors = tuple(sorted(each.actor.id for each in act.members))
    if truth is None and not act.distractor:
        return None
    if truth is None:
        from_s, to_s, place = _span(act.members, end_s)
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
        actors=actors,
        from_s=round(from_s, 2),
        to_s=round(to_s, 2),
        qualifies_s=round(qualifies, 2),
        x_m=round(place[0], 3),
        y_m=round(place[1], 3),
        lonlat=LonLat(round(float(lonlat[0]), 8), round(float(lonlat[1]), 8)),
        distractor=truth is None,
    )


_LAST_S: Final = 11.0  # a case may come so long after


def _span(members: Sequence[Itinerary], end_s: float) -> tuple[float, float, Place]:
    """Return from when to when a distractor tempts, and where: its longest stay, else its way's middle."""
    stays = [(ends - begins, begins, ends, each) for each in members for begins, ends in each.stays(least_s=1.0)]
    if stays:
        _, begins, ends, who = max(stays, key=lambda stay: stay[0])
        return max(begins, 0.0), min(ends, end_s), who.place_m(begins) or (0.0, 0.0)
    first = members[0]
    middle = (first.from_s + first.to_s) / 2
    return max(first.from_s, 0.0), min(first.to_s, end_s), first.place_m(middle) or (0.0, 0.0)


def _event_record(event: TrueEvent, seen_by: Sequence[str]) -> dict[str, object]:
    return {
        "id": event.id,
        "camera": event.camera,
        "scene": event.scene,
        "actors": list(event.actors),
        "from_s": event.from_s,
        "to_s": event.to_s,
        "qualifies_s": event.qualifies_s,
        "x_m": event.x_m,
        "y_m": event.y_m,
        "lon": event.lonlat.lon,
        "lat": event.lonlat.lat,
        "distractor": event.distractor,
        "seen_by": list(seen_by),
    }
