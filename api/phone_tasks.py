"""What a force sees on its terminal: what it is offered, holds, waits with and has a part in. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.case_now import known_now
from api.case_views import CaseView, case_view, offer_until
from api.reach import require_case
from api.services import Services
from api.side_steps import MoreTime, PartLine, asked_time, more_times, part_lines
from api.words import Words
from geo.metric import distance_m
from pipeline.casebook import CaseFilter, Evidence
from pipeline.cases import IN_WORK, Case, Status
from pipeline.next_steps import NextStep, next_steps
from pipeline.principal import Principal
from pipeline.trust import FalseReason

_MOST_PICTURES: Final = 3
_MOST_SUSPENDED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A case as a force sees it.

    Attributes:
        offer_from, offer_until: how long the offer stands; None when it is taken.
        distance_m: from the last known position, as the crow flies.
        may: what may be done with it now, by name; the page offers this and nothing else.
        more_time: how much more time may be asked for.
        asked: the time that was asked for and not decided on.
        parts: of its joint action.
    """

    view: CaseView
    offer_from: datetime
    offer_until: datetime | None
    distance_m: float | None
    pictures: Sequence[Evidence]
    may: Mapping[str, NextStep]
    more_time: Sequence[MoreTime]
    asked: MoreTime | None
    parts: Sequence[PartLine]


def tasks_of(services: Services, who: Principal, ident: str, spoken: Words) -> dict[str, object]:
    """Return the lists of a terminal's page, and whether anything that it is offered or holds is urgent."""
    found = [_task(services, who, ident, case, spoken) for case in services.desk.queue(ident, principal=who)]
    urgent = any(task.view.case.urgent for task in found)
    return {
        "terminal": ident,
        "false_reasons": tuple(FalseReason),
        "takes_pictures": services.pictures is not None,
        "offers": [task for task in found if task.view.case.status is Status.DISPATCHED],
        "current": [task for task in found if task.view.case.status is not Status.DISPATCHED],
        "urgent_first": urgent,
        "joint": [_task(services, who, ident, case, spoken) for case in _joint(services, who, ident)],
        "suspended": [_task(services, who, ident, case, spoken) for case in _suspended(services, who, ident)],
    }


def _joint(services: Services, who: Principal, ident: str) -> list[Case]:
    """Return the cases of others in which a terminal's carrier has a part that is not finished."""
    parts = services.casebook.read(lambda book: book.parts_with(ident))
    cases = [services.casebook.case(part.case) for part in parts]
    at_work = [case for case in cases if case.status in IN_WORK and case.terminal != ident]
    return [case for case in at_work if who.grids is None or case.grid in who.grids]


def _suspended(services: Services, who: Principal, ident: str) -> list[Case]:
    wanted = CaseFilter(statuses=frozenset({Status.SUSPENDED}), terminal=ident, limit=_MOST_SUSPENDED)
    return [case for case in services.casebook.cases(wanted).cases if who.grids is None or case.grid in who.grids]


def _task(services: Services, who: Principal, ident: str, case: Case, spoken: Words) -> Task:
    require_case(who, case)
    here = services.casebook.terminals().get(ident)
    away_m = distance_m(here.lonlat, case.lonlat) if here is not None and here.lonlat is not None else case.distance_m
    known, now = known_now(services, case), services.clock.now()
    steps = next_steps(case, who, known)
    return Task(
        view=case_view(case, services.site, spoken, now=now),
        offer_from=case.updated_at,
        offer_until=offer_until(case, services.site),
        distance_m=away_m,
        pictures=services.casebook.evidence(case.number)[-_MOST_PICTURES:],
        may={each.name: each for each in steps},
        more_time=more_times(steps, known, now=now),
        asked=asked_time(case, known),
        parts=part_lines(known, steps, spoken),
    )
