"""Shares and measurements, each with its count and 95 % interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Z_95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share with its 95 % interval after Wilson (1927); of nothing, value is None and the interval is all."""

    count: int
    of: int
    value: float | None
    low: float
    high: float


def wilson(count: int, of: int) -> Share:
    """Return a share with its 95 % Wilson interval."""
    if of == 0:
        return Share(count=count, of=of, value=None, low=0.0, high=1.0)
    share, z2 = count / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return Share(count=count, of=of, value=share, low=max(0.0, middle - half), high=min(1.0, middle + half))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Measurements of metres, seconds or a count; None of nothing.

    Attributes:
        low, high: the median's 95 % interval, by order statistics.
        p90_low, p90_high: that of the 90th percentile.
    """

    n: int
    mean: float | None = None
    median: float | None = None
    low: float | None = None
    high: float | None = None
    p90: float | None = None
    p90_low: float | None = None
    p90_high: float | None = None


def spread(values: Sequence[float]) -> Spread:
    """Return mean, median and 90th percentile, the last two with their intervals."""
    if not len(values):
        return Spread(n=0)
    ordered = np.sort(np.array(values, np.float64))
    low, high = _interval(ordered, 0.5)
    p90_low, p90_high = _interval(ordered, 0.9)
    return Spread(
        n=len(ordered),
        mean=_short(ordered.mean()),
        median=_short(np.median(ordered)),
        low=low,
        high=high,
        p90=_short(np.percentile(ordered, 90)),
        p90_low=p90_low,
        p90_high=p90_high,
    )


def _interval(ordered: NDArray[np.float64], quantile: float) -> tuple[float, float]:
    """Return the 95 % interval of a quantile: the order statistics that a binomial count leaves."""
    n = len(ordered)
    middle, half = n * quantile, Z_95 * math.sqrt(n * quantile * (1 - quantile))
    low, high = max(0, math.floor(middle - half)), min(n - 1, math.ceil(middle + half))
    return _short(ordered[low]), _short(ordered[high])


def _short(value: float | np.float64) -> float:
    return round(float(value), 3)
