"""Whereabouts: where what patrols, citizens and the hotline report may lie in a site. Draws places; reports nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import numpy as np

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.district.agents import Agent, somewhere
from pipeline.site import Site

_NEAR_M: Final = 40.0  # a patrol sees what is so near
_MOST_TRIES: Final = 20
_RESIDENTIAL_WEIGHT: Final = 3.0  # of a residential unit; a village's is one


def anywhere(site: Site, draw: np.random.Generator) -> LonLat:
    """Return a WGS-84 place in any unit, three times as likely in a residential one as in a village."""
    units = site.boundaries.units
    weights = np.array([1.0 if unit.kind == "village" else _RESIDENTIAL_WEIGHT for unit in units])
    return somewhere(units[int(draw.choice(len(units), p=weights / weights.sum()))].area, draw)


def beside(site: Site, finder: Agent, now: datetime, draw: np.random.Generator) -> LonLat:
    """Return a WGS-84 place in the site near somebody; straight ways may cut across what lies outside."""
    plane = LocalPlane.at(finder.position(now))
    for _ in range(_MOST_TRIES):
        near = plane.point_to_lonlat(*(float(each) for each in draw.normal(0.0, _NEAR_M / 2, 2)))
        if site.places(np.array([near]))[1][0] is not None:
            return near
    return finder.force.post


def somebody_out(agents: Iterable[Agent], now: datetime, draw: np.random.Generator) -> Agent | None:
    """Return somebody who is out and hears; None at an hour when nobody is."""
    out = [agent for agent in agents if agent.on_duty(now) and agent.has_signal(now)]
    return out[int(draw.integers(len(out)))] if out else None
