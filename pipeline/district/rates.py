"""Rates: what becomes known in a subdistrict without any camera: how often, through which channel, at what hour.

Plausible values for about a hundred thousand residents, of the order that published samples of city management show
(badly parked bicycles, piled things and exposed rubbish lead; urgent things are a few in a hundred). No sample is
copied, and no figure here is a measurement of this site. Badly parked cars are far more than in such samples, where
they are not the city management's but the police's business, as they are here (docs/decisions/225).
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.cases import Channel
from pipeline.catalogue import Catalogue

_GB: Final = "GB/T 47678.5-2026/matter/"
_LOCAL: Final = "beatgrid-local/matter/"
# Shares of what is found, in hundredths; a category that the catalogue lacks is left out.
SHARES: Final[Mapping[str, float]] = MappingProxyType(
    {
        _GB + "09010": 21.0,
        _GB + "06036": 12.0,
        _GB + "06010": 11.0,
        _GB + "09009": 11.0,
        _GB + "09001": 8.0,
        _GB + "06007": 6.0,
        _GB + "07001": 5.0,
        _GB + "06042": 5.0,
        _GB + "06012": 4.0,
        _GB + "09005": 4.0,
        _GB + "09011": 3.0,
        _GB + "09006": 2.5,
        _GB + "06011": 1.5,
        _GB + "06035": 1.0,
        _GB + "06025": 1.0,
        _GB + "06013": 0.5,
        _GB + "06017": 0.5,
        _GB + "09012": 1.2,
        _GB + "01003": 0.5,
        _GB + "10002": 0.3,
        _LOCAL + "L001": 0.6,
        _LOCAL + "L002": 0.4,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Reports a week through each channel, and how they spread over the hours of a day.

    Attributes:
        a_week: mean count by channel.
        by_hour: 24 weights by channel; they need not sum to one.
    """

    a_week: Mapping[Channel, float]
    by_hour: Mapping[Channel, tuple[float, ...]]


_PATROL_HOURS: Final = (1, 1, 1, 1, 1, 3, 6, 10, 12, 12, 11, 8, 6, 8, 11, 12, 11, 9, 8, 7, 5, 3, 2, 1)
_CITIZEN_HOURS: Final = (1, 1, 1, 1, 1, 1, 3, 6, 9, 10, 10, 8, 7, 7, 8, 8, 8, 9, 10, 9, 7, 5, 3, 2)
USUAL: Final = Rates(
    a_week=MappingProxyType(
        {Channel.PATROL: 260.0, Channel.PUBLIC: 60.0, Channel.HOTLINE: 70.0, Channel.TRANSFER: 10.0}
    ),
    by_hour=MappingProxyType(
        {
            Channel.PATROL: _PATROL_HOURS,
            Channel.PUBLIC: _CITIZEN_HOURS,
            Channel.HOTLINE: _CITIZEN_HOURS,
            Channel.TRANSFER: (0,) * 9 + (1,) * 8 + (0,) * 7,
        }
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that becomes known.

    Attributes:
        after_s: seconds from the start.
    """

    after_s: float
    channel: Channel
    category: str


def draw_reports(
    rates: Rates, catalogue: Catalogue, *, seconds: float, first_hour: float, draw: np.random.Generator
) -> list[Found]:
    """Return what becomes known in a stretch of time, in order: a Poisson process whose rate follows the hour.

    Args:
        rates: how much a week.
        catalogue: only its categories are drawn.
        seconds: length of the stretch.
        first_hour: local time of day at its start, 0 to 24.
        draw: source of chance.
    """
    found: list[Found] = []
    for channel, a_week in rates.a_week.items():
        found += [
            Found(after_s=after_s, channel=channel, category=draw_category(catalogue.by_key, draw))
            for after_s in _instants(a_week, rates.by_hour[channel], seconds, first_hour, draw)
        ]
    return sorted(found, key=lambda each: (each.after_s, each.channel, each.category))


def draw_category(among: Container[str], draw: np.random.Generator) -> str:
    """Return the key of one of some categories, as likely as its share says; one at least must have a share."""
    keys = [key for key in SHARES if key in among]
    shares = np.array([SHARES[key] for key in keys])
    return keys[int(draw.choice(len(keys), p=shares / shares.sum()))]


def _instants(
    a_week: float, by_hour: tuple[float, ...], seconds: float, first_hour: float, draw: np.random.Generator
) -> list[float]:
    """Thin a process of the busiest hour's rate (Lewis and Shedler 1979)."""
    weights: NDArray[np.float64] = np.array(by_hour, np.float64)
    weights /= weights.mean()
    most_a_second = a_week / (7 * 86_400.0) * float(weights.max())
    count = int(draw.poisson(most_a_second * seconds))
    times = np.sort(draw.uniform(0.0, seconds, count))
    hours = ((first_hour + times / 3600.0) % 24.0).astype(np.int64)
    kept = draw.uniform(0.0, 1.0, count) < weights[hours] / weights.max()
    return [float(each) for each in times[kept]]
