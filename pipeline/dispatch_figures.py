"""What a replay came to, in a handful of figures, and a digest by which two runs are seen to be the same to the bit."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.dispatch_replay import Attended
from pipeline.history import canonical
from pipeline.site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchFigures:
    """Figures of one policy.

    Attributes:
        calls, unattended: how many there were, and how many nobody came to.
        arrived_p50_s, arrived_p90_s, mean_arrival_s: from filing to arrival, of those attended.
        late_share: urgent calls attended later than the site's target or not at all, over all urgent calls.
        load_spread: standard deviation over mean of the calls that each force attended; 0 is even.
        outcome: SHA-256 over who came to which call when.
    """

    policy: str
    calls: int
    urgent: int
    unattended: int
    arrived_p50_s: float | None
    arrived_p90_s: float | None
    mean_arrival_s: float | None
    late_share: float | None
    mean_arrival_urgent_s: float | None
    load_spread: float | None
    offers_a_call: float
    outcome: str


def dispatch_figures(policy: str, attended: Mapping[str, Attended], site: Site) -> DispatchFigures:
    """Return the figures of a replay."""
    found = [attended[number] for number in sorted(attended)]
    urgent = [each for each in found if each.urgent]
    times = _times(found)
    target_s = site.settings.targets.arrive_s
    late = [each.arrived_s is None or each.arrived_s > target_s for each in urgent]
    counts = Counter(each.terminal for each in found)
    load = np.array([counts[code] for code in site.roll.row_of], np.float64)
    return DispatchFigures(
        policy=policy,
        calls=len(found),
        urgent=len(urgent),
        unattended=sum(each.arrived_s is None for each in found),
        arrived_p50_s=round(float(np.median(times)), 1) if len(times) else None,
        arrived_p90_s=round(float(np.percentile(times, 90)), 1) if len(times) else None,
        mean_arrival_s=round(float(times.mean()), 1) if len(times) else None,
        late_share=round(sum(late) / len(late), 4) if late else None,
        mean_arrival_urgent_s=round(float(_times(urgent).mean()), 1) if len(_times(urgent)) else None,
        load_spread=round(float(load.std() / load.mean()), 3) if load.any() else None,
        offers_a_call=round(sum(each.offers for each in found) / max(1, len(found)), 3),
        outcome=hashlib.sha256(
            canonical([[each.number, each.terminal, each.arrived_s, each.offers] for each in found]).encode()
        ).hexdigest(),
    )


def _times(found: list[Attended]) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return np.array([each.arrived_s for each in found if each.arrived_s is not None], np.float64)
