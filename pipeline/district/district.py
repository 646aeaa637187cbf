"""The simulated district: cameras of a site with a stage each, what happens there, and its truth. Draws nothing.

A seed decides everything; `District.at` may be asked for any camera and moment in any order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from geo.coords import LonLat
from pipeline.district.boxes import TrueBoxes
from pipeline.district.covers import Cover, cover_event, covers_of
from pipeline.district.errors import DistrictError
from pipeline.district.plan import Ground, Place
from pipeline.district.rules_of_world import first_truth, people_of
from pipeline.district.scene_set import SCENES, scenes_of, with_district
from pipeline.district.script import Play, Scenario, conditions_of, write_play
from pipeline.district.seasons import flood_zones, winter_zones
from pipeline.district.silhouettes import Silhouettes
from pipeline.district.siting import chosen_cameras, cleared, second_foot, second_stage, stage_at
from pipeline.district.stage import Conditions, Placed, Stage, TrueEvent
from pipeline.district.street_order import order_zones
from pipeline.district.truth import event_of, event_record, in_view
from pipeline.district.watching import Watched, watched
from pipeline.site import Site

CAMERAS: Final = 10
LONGEST_MIN: Final = 120.0
SHORTEST_MIN: Final = 2.0
FPS: Final = 5.0
OUTSIDE: Final = "outside-the-site"
"""What an event is called that would be one if it happened inside."""


class RunLengthError(DistrictError):
    """A run of the district is too short or too long."""

    def __init__(self, minutes: float) -> None:
        super().__init__(f"--minutes is {minutes:g}; expected {SHORTEST_MIN:g} to {LONGEST_MIN:g}")


_ONCE: Final = frozenset({Scenario.ORDER, Scenario.LENS, Scenario.WINTER, Scenario.FLOOD})  # no second camera


def check_length(minutes: float) -> float:
    """Return the minutes of a run if it may be so long.

    Raises:
        RunLengthError: it is too short or too long.
    """
    if not SHORTEST_MIN <= minutes <= LONGEST_MIN:
        raise RunLengthError(minutes)
    return minutes


class NoScenarioError(DistrictError):
    """There is no such scenario."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no scenario {name!r}; known: {', '.join(Scenario)}")


def _outside(event: TrueEvent) -> TrueEvent:
    """Return an event that lies outside the site, and so tempts at most."""
    return replace(event, distractor=True, name=event.name or OUTSIDE)


def _zones(scenario: Scenario, ground: Ground) -> tuple[Watched, ...]:
    if scenario is Scenario.LENS:
        return ()
    found = {Scenario.ORDER: order_zones, Scenario.WINTER: winter_zones, Scenario.FLOOD: flood_zones}
    return found.get(scenario, watched)(ground)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One camera's view of a play.

    Attributes:
        stage: in this camera's own axes.
        play: the camera's code whose stage the play is written for.
        covers: what comes before its lens.
        turned: whether this camera's axes are those of the play turned half round, `shift_m` its foot there.
    """

    stage: Stage
    play: str
    conditions: Conditions
    zones: tuple[Watched, ...]
    covers: tuple[Cover, ...] = ()
    turned: bool = False
    shift_m: Place = (0.0, 0.0)

    def own(self, placed: Placed) -> Placed:
        """Return an actor in this camera's own axes."""
        if not self.turned:
            return placed
        x, y = self.shift_m
        return Placed(
            actor=placed.actor,
            x_m=x - placed.x_m,
            y_m=y - placed.y_m,
            z_m=placed.z_m,
            heading_deg=placed.heading_deg + 180.0,
            phase=placed.phase,
            ridden=placed.ridden,
        )

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
        self._seen_by: dict[str, tuple[str, ...]] = {}
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
        check_length(minutes)
        about = Scenario(str(scenario))
        draw = np.random.default_rng((seed, about.number))
        chosen = chosen_cameras(site, about, cameras, draw)
        views: dict[str, View] = {}
        plays: dict[str, Play] = {}
        first_id, catalogue = 1, with_district(site.catalogue)
        for row, camera in enumerate(chosen):
            stage = stage_at(camera, int(draw.integers(2**31)))
            twice = row == 0 and about not in _ONCE
            foot_m = second_foot(Ground.of(stage)) if twice else None
            if foot_m is not None:
                stage = cleared(stage, foot_m)
            own = np.random.default_rng((seed, 7, row))
            plays[camera.code], first_id = write_play(
                stage, about, end_s=minutes * 60.0, catalogue=catalogue, first_id=first_id, draw=own
            )
            conditions = conditions_of(about, draw)
            ground = plays[camera.code].ground
            views[camera.code] = View(
                stage=stage,
                play=camera.code,
                conditions=conditions,
                zones=_zones(about, ground),
                covers=covers_of(own, end_s=minutes * 60.0) if about is Scenario.LENS else (),
            )
            if foot_m is not None:
                second = second_stage(stage, foot_m)
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
        return tuple(event for event in self.events if not event.distractor and self.seen_by(event))

    def truth_json(self) -> str:
        """Return the truth as JSON: the same text for the same seed, byte for byte."""
        record = {
            "form": 1,
            "seed": self.seed,
            "minutes": self.minutes,
            "scenario": self.scenario.value,
            "site": self.site.settings.code,
            "cameras": [self._camera_record(code) for code in sorted(self.views)],
            "events": [event_record(event, self.seen_by(event)) for event in self.events],
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
        scenes = scenes_of(self.scenario.value)
        for code, play in self.plays.items():
            people = people_of(play.cast)
            for act in (each for each in play.acts if each.scene in scenes):
                truth = first_truth(
                    SCENES[act.scene], act.members, self.views[code].zones, people, end_s=self.end_s, ground=play.ground
                )
                event = event_of(play.stage, act, truth, end_s=self.end_s)
                if event is not None:
                    found.append(event if self._inside(event.lonlat) else _outside(event))
        for view in self.views.values():
            covers = (cover_event(view.stage, each, end_s=self.end_s) for each in view.covers)
            found += [event for event in covers if event is not None]
        found.sort(key=lambda event: (event.qualifies_s, event.camera, event.scene, event.actors))
        return [replace(event, id=f"E{number:04d}") for number, event in enumerate(found, 1)]

    def _inside(self, lonlat: LonLat) -> bool:
        """Tell whether a place lies in the site; what happens outside must become no case."""
        return self.site.places(np.array([lonlat]))[0][0] is not None

    def seen_by(self, event: TrueEvent) -> tuple[str, ...]:
        """Return the cameras that have the event in view while it comes to qualify; looked up when first asked for."""
        if event.id not in self._seen_by:
            watching = (code for code, view in self.views.items() if view.play == event.camera)
            self._seen_by[event.id] = tuple(code for code in watching if self._has(code, event))
        return self._seen_by[event.id]

    def _has(self, code: str, event: TrueEvent) -> bool:
        """Tell whether a camera has an event in view: as boxes say, which replays show, and as outlines do."""
        if self.views[code].covers:
            return True
        boxes = self._truth_of(code)
        outlines = Silhouettes(boxes)
        return in_view(event, lambda at_s: boxes.see(self.at(code, at_s))) and in_view(
            event, lambda at_s: outlines.see(self.at(code, at_s), event.actors)
        )

    def _truth_of(self, code: str) -> TrueBoxes:
        if code not in self._boxes:
            self._boxes[code] = TrueBoxes(self.views[code].stage)
        return self._boxes[code]
