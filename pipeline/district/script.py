"""The script: which acts are tried on a stage in a scenario, and how a stage's play is put together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np

from pipeline.catalogue import Catalogue
from pipeline.district import acts_order as order
from pipeline.district import acts_people as people
from pipeline.district import acts_seasons as seasons
from pipeline.district import acts_things as things
from pipeline.district import acts_vehicles as vehicles
from pipeline.district.director import Act, Director
from pipeline.district.itineraries import Itinerary
from pipeline.district.plan import Ground
from pipeline.district.stage import Conditions, Light, Stage, Weather
from pipeline.district.traffic import traffic

Maker = Callable[[Director], bool]


class Scenario(StrEnum):
    """What a run is about."""

    ALL = "all"
    PARKING = "parking"
    CROWD = "crowd"
    LITTER = "litter"
    WATER = "water"
    NIGHT = "night"
    RAIN = "rain"
    ORDER = "order"
    LENS = "lens"
    WINTER = "winter"
    FLOOD = "flood"

    @property
    def number(self) -> int:
        """Return the number that goes into its chance; those of old ones must stay, or their seeds tell other tales."""
        return _NUMBERED.index(self)


PICTURED: Final = (
    Scenario.ALL, Scenario.PARKING, Scenario.CROWD, Scenario.LITTER, Scenario.WATER, Scenario.NIGHT, Scenario.RAIN,
)  # fmt: skip
"""What pictures to learn from are about, in the order that their chance knows."""
_NUMBERED: Final = (
    Scenario.ALL, Scenario.CROWD, Scenario.LITTER, Scenario.NIGHT, Scenario.PARKING, Scenario.RAIN, Scenario.WATER,
    Scenario.ORDER, Scenario.LENS, Scenario.WINTER, Scenario.FLOOD,
)  # fmt: skip


# Makers with how often each is tried on a stage in ten minutes; one that finds no room does nothing.
_PARKING: Final[Mapping[Maker, int]] = MappingProxyType(
    {
        vehicles.illegal_parking: 6,
        vehicles.blocked_fire_lane: 4,
        vehicles.delivery: 2,
        vehicles.legal_parking: 2,
        vehicles.letting_out: 2,
        things.pile_of_bikes: 3,
        things.few_bikes: 1,
    }
)
_CROWD: Final[Mapping[Maker, int]] = MappingProxyType(
    {people.crowd: 4, people.bus_queue: 1, people.passing_group: 3, people.lone_stander: 2}
)
_LITTER: Final[Mapping[Maker, int]] = MappingProxyType(
    {
        people.bag: 7,
        people.attended_bag: 2,
        things.overflowing_bin: 3,
        things.tidy_bin: 2,
        things.goods: 3,
        things.unloading: 2,
        things.stall: 3,
        things.passing_stall: 2,
        things.burning_bin: 2,
        things.floating_rubbish: 2,
    }
)
_WATER: Final[Mapping[Maker, int]] = MappingProxyType(
    {people.climber: 4, people.looker: 3, things.floating_rubbish: 2, people.bag: 2, people.lone_stander: 1}
)
_ORDER: Final[Mapping[Maker, int]] = MappingProxyType(
    {
        order.wrong_way_rider: 2,
        order.right_way_rider: 2,
        order.rolls_back: 2,
        order.bikes_outside: 3,
        order.few_outside: 1,
        order.bikes_in_bay: 2,
        order.goods_outside: 4,
        order.carried_in: 2,
        order.kerb_stall: 1,
        vehicles.blocked_fire_lane: 4,
        vehicles.letting_out: 2,
    }
)
_WINTER: Final[Mapping[Maker, int]] = MappingProxyType(
    {
        seasons.on_ice: 4,
        seasons.beside_ice: 4,
        seasons.exposed: 6,
        seasons.collected: 4,
        people.lone_stander: 2,
        people.passing_group: 1,
        things.tidy_bin: 2,
    }
)
_FLOOD: Final[Mapping[Maker, int]] = MappingProxyType(
    {seasons.flood: 6, seasons.puddle: 4, seasons.soon_drained: 3, vehicles.illegal_parking: 1}
)
_ALL: Final[Mapping[Maker, int]] = MappingProxyType({**_PARKING, **_CROWD, **_WATER, **_LITTER})
PLANS: Final[Mapping[Scenario, Mapping[Maker, int]]] = MappingProxyType(
    {
        Scenario.ALL: _ALL,
        Scenario.PARKING: _PARKING,
        Scenario.CROWD: _CROWD,
        Scenario.LITTER: _LITTER,
        Scenario.WATER: _WATER,
        Scenario.NIGHT: _ALL,
        Scenario.RAIN: _ALL,
        Scenario.ORDER: _ORDER,
        Scenario.LENS: MappingProxyType({}),
        Scenario.WINTER: _WINTER,
        Scenario.FLOOD: _FLOOD,
    }
)
_USUAL_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What happens on a stage: everybody who takes part, and the acts that scenes should judge."""

    stage: Stage
    ground: Ground
    cast: tuple[Itinerary, ...]
    acts: tuple[Act, ...]


def write_play(
    stage: Stage,
    scenario: Scenario,
    *,
    end_s: float,
    catalogue: Catalogue,
    first_id: int,
    draw: np.random.Generator,
) -> tuple[Play, int]:
    """Return what happens on a stage, and the first actor's id that is free after it."""
    director = Director(stage, end_s=end_s, catalogue=catalogue, first_id=first_id, draw=draw)
    share = end_s / _USUAL_S
    tries = [maker for maker, count in PLANS[scenario].items() for _ in range(max(1, round(count * min(share, 1.0))))]
    if scenario is Scenario.ORDER:
        order.open_bays(director)
    for row in draw.permutation(len(tries)).tolist():
        tries[row](director)
    people.walkers(director)
    traffic(director)
    play = Play(stage=stage, ground=director.ground, cast=tuple(director.cast), acts=tuple(director.acts))
    return play, director.next_id


def conditions_of(scenario: Scenario, draw: np.random.Generator) -> Conditions:
    """Return light and weather of a camera in a scenario."""
    light = Light(str(draw.choice(["day", "dusk", "night"], p=[0.6, 0.2, 0.2])))
    weather = Weather(str(draw.choice(["clear", "rain", "fog"], p=[0.7, 0.18, 0.12])))
    azimuth, elevation = float(draw.uniform(-180.0, 180.0)), float(draw.uniform(25.0, 60.0))
    if scenario is Scenario.NIGHT:
        light, weather = Light.NIGHT, Weather.CLEAR
    if scenario is Scenario.RAIN:
        light, weather = Light.DAY, Weather.RAIN
    if scenario is Scenario.WINTER and weather is Weather.RAIN:
        weather = Weather.CLEAR
    if scenario is Scenario.FLOOD:
        weather = Weather.RAIN
    return Conditions(
        light=light,
        weather=weather,
        sun_azimuth_deg=azimuth,
        sun_elevation_deg=elevation,
        frozen=scenario is Scenario.WINTER,
    )
