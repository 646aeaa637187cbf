"""The district's agents: where they are on their way, along streets where a site names some."""

from datetime import timedelta

import numpy as np
import pytest
import shapely
from small_site import NOON, force, small_site, spot

from geo.coords import LonLat
from geo.metric import distance_m
from geo.roads import RoadGraph
from pipeline.district.agents import Agent, Habits
from pipeline.roster import Force
from pipeline.site import Site

POST, PLACE = (0.0, 0.0), (120.0, 80.0)
STREETS = [
    np.array([spot("A", *POST), spot("A", PLACE[0], 0.0)]),
    np.array([spot("A", PLACE[0], 0.0), spot("A", *PLACE)]),
]
WAY_M = PLACE[0] + PLACE[1]


def with_streets(site: Site) -> Site:
    object.__setattr__(site, "roads", RoadGraph.over(STREETS))
    return site


def agent_of(site: Site, who: Force) -> Agent:
    return Agent(who, site=site, start=NOON, habits=Habits(), draw=np.random.default_rng(1))


def off_streets_m(place: LonLat) -> float:
    """Return how far a place lies from the nearest street, in metres."""
    nearest = shapely.shortest_line(shapely.MultiLineString(STREETS), shapely.Point(place))
    (lon, lat), _ = shapely.get_coordinates(nearest).tolist()
    return distance_m(LonLat(lon, lat), place)


def test_a_call_is_answered_along_the_streets():
    who = force(1, "A", *POST)
    agent, end = agent_of(with_streets(small_site([who])), who), spot("A", *PLACE)
    agent.send(who.post, now=NOON, arrives=NOON, leaves=NOON)
    seconds = agent.way_s(end, NOON)
    assert seconds == pytest.approx(WAY_M / agent.speed_mps, rel=0.01)
    arrives = NOON + timedelta(seconds=seconds)
    agent.send(end, now=NOON, arrives=arrives, leaves=arrives + timedelta(minutes=5))
    for share in (0.2, 0.5, 0.75, 0.95):
        place = agent.position(NOON + timedelta(seconds=share * seconds))
        assert off_streets_m(place) < 0.5
        corner = spot("A", PLACE[0], 0.0)
        gone_m = distance_m(who.post, place) if share < PLACE[0] / WAY_M else PLACE[0] + distance_m(corner, place)
        assert gone_m == pytest.approx(share * WAY_M, abs=1.0)
    assert distance_m(agent.position(arrives), end) < 0.5


def test_a_beat_is_gone_along_the_streets_but_for_the_way_to_them():
    who = force(1, "A", *POST)
    streets, straight = (agent_of(site, who) for site in (with_streets(small_site([who])), small_site([who])))
    moments = [NOON + timedelta(seconds=20.0 * step) for step in range(400)]
    on_streets = [off_streets_m(streets.position(at)) < 1.0 for at in moments]
    anywhere = [off_streets_m(straight.position(at)) < 1.0 for at in moments]
    assert sum(on_streets) > 3 * sum(anywhere)


def test_without_streets_the_way_is_straight_and_longer_by_the_factor():
    who = force(1, "A", *POST)
    agent, end = agent_of(small_site([who]), who), spot("A", *PLACE)
    agent.send(who.post, now=NOON, arrives=NOON, leaves=NOON)
    seconds = agent.way_s(end, NOON)
    assert seconds == pytest.approx(distance_m(who.post, end) * Habits().way_factor / agent.speed_mps)
    agent.send(end, now=NOON, arrives=NOON + timedelta(seconds=seconds), leaves=NOON + timedelta(hours=1))
    half = agent.position(NOON + timedelta(seconds=seconds / 2))
    assert half == pytest.approx(tuple((np.array(who.post) + np.array(end)) / 2), abs=1e-12)
