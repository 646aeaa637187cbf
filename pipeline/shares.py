"""Shares with their 95 % interval."""

import math
from dataclasses import dataclass
from typing import Final

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
