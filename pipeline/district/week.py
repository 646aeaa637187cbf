"""Dispatch without cameras: what patrols, citizens and the hotline report, worked by the forces for days; and figures.

Nothing here sees; it shows what the desk, the rules of dispatch and the duty clocks make of a plausible load.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.casebook import Casebook
from pipeline.cases import Action, Channel, Event
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report, Taken
from pipeline.district.forces_run import ForcesRun
from pipeline.district.rates import USUAL, Found, Rates, draw_reports
from pipeline.district.whereabouts import anywhere, beside, somebody_out
from pipeline.evidence import EvidenceStore
from pipeline.principal import Principal, Role
from pipeline.shares import Share, Spread, spread, wilson
from pipeline.site import Site
from pipeline.sql_casebook import open_casebook

DAY_S: Final = 86_400.0
ARRIVE_S: Final = 900.0
"""By when the policy has an urgent case attended."""
TAIL_S: Final = 3_600.0  # the clocks of the last cases run out, so that each has its answer
_PAGE: Final = 1_000
_REPORTERS: Final = {
    Channel.PUBLIC: Principal(name="simulated citizen", role=Role.CITIZEN),
    Channel.HOTLINE: Principal(name="simulated hotline", role=Role.DISPATCHER),
    Channel.TRANSFER: Principal(name="simulated district office", role=Role.DISPATCHER),
}
_ERROR_M: Final = {Channel.PATROL: 8.0, Channel.PUBLIC: 15.0, Channel.HOTLINE: 40.0, Channel.TRANSFER: 25.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The moments of one case, seconds after it was recorded; None where it did not come to that.

    Attributes:
        offers: how often it was offered.
    """

    number: str
    urgent: bool
    recorded_at: datetime
    offered_s: float | None
    accepted_s: float | None
    arrived_s: float | None
    first_result_s: float | None
    closed_s: float | None
    offers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekFigures:
    """What days of dispatch came to.

    Attributes:
        cases: opened in the stretch of time that counts.
        urgent_in_15_min, urgent_in_time: urgent cases attended within 15 minutes, and within the site's own time.
        arrival_s: from recording to arrival, of those attended.
        steps, positions: what the simulation asked of the desk and the casebook.
        seconds: of wall time.
    """

    days: float
    cases: int
    attached: int
    urgent_in_15_min: Share
    urgent_in_time: Share
    first_result_in_time: Share
    dispatched: Share
    arrival_s: Spread
    offers_a_case: Spread
    steps: int
    positions: int
    seconds: float


def run_week(
    site: Site,
    *,
    seed: int,
    days: float,
    start: datetime,
    rates: Rates = USUAL,
    progress: Callable[[float], None] = lambda _: None,
) -> WeekFigures:
    """Run days of dispatch in a casebook of their own and return the figures.

    Args:
        site: its roster, catalogue and boundaries; its cameras are not looked at.
        seed: decides everything.
        days: how long; the hour after them only lets the clocks of the last cases run out.
        start: the first moment.
        rates: how much is reported.
        progress: told the share that is done.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="beatgrid-week-") as folder:
        casebook = open_casebook(f"sqlite:///{Path(folder) / 'beatgrid.db'}")
        try:
            clock = FixedClock(start)
            desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(Path(folder) / "evidence"))
            forces = ForcesRun(site=site, casebook=casebook, desk=desk, clock=clock, seed=seed)
            taken = _live(site, desk, forces, clock, seed=seed, days=days, rates=rates, progress=progress)
            told = timelines(casebook)
        finally:
            casebook.close()
    return _figures(site, forces, taken, told, days=days, seconds=time.monotonic() - began)


def _live(
    site: Site,
    desk: Desk,
    forces: ForcesRun,
    clock: FixedClock,
    *,
    seed: int,
    days: float,
    rates: Rates,
    progress: Callable[[float], None],
) -> list[Taken]:
    start = clock.now()
    local = start.astimezone(site.settings.timezone)
    draw = np.random.default_rng((seed, 3))
    found = draw_reports(
        rates, site.catalogue, seconds=days * DAY_S, first_hour=local.hour + local.minute / 60, draw=draw
    )
    taken = []
    for each in found:
        forces.advance(start + timedelta(seconds=each.after_s))
        forces.tell_positions()
        taken.append(_report(site, desk, forces, each, clock.now(), draw))
        if taken[-1].outcome == "open" and taken[-1].number is not None:
            forces.follow(taken[-1].number)
        progress(each.after_s / (days * DAY_S))
    forces.advance(start + timedelta(seconds=days * DAY_S + TAIL_S))
    return taken


def _report(site: Site, desk: Desk, forces: ForcesRun, found: Found, now: datetime, draw: np.random.Generator) -> Taken:
    finder = somebody_out(forces.agents.values(), now, draw) if found.channel is Channel.PATROL else None
    if finder is not None:
        place = beside(site, finder, now, draw)
        principal = Principal(name=finder.force.name, role=Role.FORCE, terminal=finder.force.terminal)
    else:
        place = anywhere(site, draw)
        principal = _REPORTERS.get(found.channel, _REPORTERS[Channel.HOTLINE])
    channel = found.channel if finder is not None or found.channel is not Channel.PATROL else Channel.HOTLINE
    report = Report(
        channel=channel,
        category=found.category,
        lonlat=place,
        error_m=_ERROR_M[channel],
        occurred_at=now,
        description="simulated 模拟",
    )
    return desk.report(report, principal=principal)


def timelines(casebook: Casebook) -> list[Timeline]:
    """Return what the casebook's own history says of each case."""
    histories: dict[str, list[Event]] = {}
    after = 0
    while page := casebook.events_after(after, limit=_PAGE):
        for event in page:
            histories.setdefault(event.case, []).append(event)
        after = page[-1].sequence
    return [_timeline(casebook, number, events) for number, events in sorted(histories.items())]


def _timeline(casebook: Casebook, number: str, events: Sequence[Event]) -> Timeline:
    case = casebook.case(number)
    began = case.recorded_at

    def first(action: Action) -> float | None:
        return next(((event.at - began).total_seconds() for event in events if event.action == action), None)

    return Timeline(
        number=number,
        urgent=case.urgent,
        recorded_at=began,
        offered_s=first(Action.DISPATCH),
        accepted_s=first(Action.ACCEPT),
        arrived_s=first(Action.ARRIVE),
        first_result_s=first(Action.FIRST_RESULT),
        closed_s=first(Action.CLOSE),
        offers=sum(event.action == Action.DISPATCH for event in events),
    )


def in_time(told: Sequence[Timeline], within_s: float) -> Share:
    """Return the share of urgent cases attended within a time, with its interval."""
    urgent = [each for each in told if each.urgent]
    return wilson(sum(each.arrived_s is not None and each.arrived_s <= within_s for each in urgent), len(urgent))


def _figures(
    site: Site, forces: ForcesRun, taken: Sequence[Taken], told: Sequence[Timeline], *, days: float, seconds: float
) -> WeekFigures:
    targets = site.settings.targets
    urgent = [each for each in told if each.urgent]
    soon = sum(each.first_result_s is not None and each.first_result_s <= targets.first_result_s for each in urgent)
    return WeekFigures(
        days=days,
        cases=len(told),
        attached=sum(each.outcome == "attach" for each in taken),
        urgent_in_15_min=in_time(told, ARRIVE_S),
        urgent_in_time=in_time(told, targets.arrive_s),
        first_result_in_time=wilson(soon, len(urgent)),
        dispatched=wilson(sum(each.offered_s is not None for each in told), len(told)),
        arrival_s=spread([each.arrived_s for each in told if each.arrived_s is not None]),
        offers_a_case=spread([each.offers for each in told]),
        steps=forces.steps,
        positions=forces.positions,
        seconds=seconds,
    )
