"""A case as a page shows it: names in the reader's language, its tone, the clock that runs. Decides nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from api.words import Words
from pipeline.cases import ENDED, OPEN, Case, Status
from pipeline.duty_clocks import closing_condition, closing_due
from pipeline.site import Site

S = Status


class View(StrEnum):
    """The tabs of the console's queue."""

    OPEN = "open"
    DESK = "desk"
    FIELD = "field"
    CHECK = "check"
    ENDED = "ended"


class Tone(StrEnum):
    """How a case is coloured: by who must do the next thing."""

    DESK = "desk"
    OFFERED = "offered"
    FIELD = "field"
    CHECK = "check"
    ENDED = "ended"


_TONES: Final[Mapping[Status, Tone]] = MappingProxyType(
    {
        S.REPORTED: Tone.DESK, S.VERIFIED: Tone.DESK, S.FILED: Tone.DESK, S.RETURNED: Tone.DESK, S.SUSPENDED: Tone.DESK,
        S.DISPATCHED: Tone.OFFERED, S.ACCEPTED: Tone.FIELD, S.ARRIVED: Tone.FIELD, S.FIRST_RESULT: Tone.FIELD,
        S.HANDLED: Tone.CHECK, S.CHECKED: Tone.CHECK, S.CLOSED: Tone.ENDED, S.REFUSED: Tone.ENDED, S.VOID: Tone.ENDED,
    }
)  # fmt: skip
STATUSES: Final[Mapping[View, frozenset[Status]]] = MappingProxyType(
    {
        View.OPEN: OPEN,
        View.DESK: frozenset(status for status, tone in _TONES.items() if tone is Tone.DESK),
        View.FIELD: frozenset(status for status, tone in _TONES.items() if tone in {Tone.OFFERED, Tone.FIELD}),
        View.CHECK: frozenset(status for status, tone in _TONES.items() if tone is Tone.CHECK),
        View.ENDED: ENDED,
    }
)
_BEFORE_ARRIVAL: Final = frozenset({S.REPORTED, S.VERIFIED, S.FILED, S.DISPATCHED, S.ACCEPTED, S.RETURNED, S.SUSPENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A duty clock that still runs: its word's key, and when it ends."""

    key: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case with what a page says of it; `key_item` tells whether its class is one now."""

    case: Case
    title: str
    key_item: bool
    closing_condition: str
    grid: str
    unit: str
    tone: Tone
    due: Due | None
    overdue: bool


def due_of(case: Case, site: Site) -> Due | None:
    """Return the duty clock that runs: to arrive, to report a first result, to handle; None when none does."""
    if case.status in _BEFORE_ARRIVAL and case.arrive_by is not None:
        return Due(key="panel.arrive_by", at=case.arrive_by)
    if case.status is S.ARRIVED and case.first_result_by is not None:
        return Due(key="panel.first_result_by", at=case.first_result_by)
    handle_by = closing_due(case, site)
    return None if handle_by is None else Due(key="panel.handle_by", at=handle_by)


def case_view(case: Case, site: Site, spoken: Words, *, now: datetime) -> CaseView:
    """Return a case as a page shows it."""
    category = site.catalogue.by_key.get(case.category)
    grids = {grid.code: spoken.either(grid.name, grid.name_zh) for grid in site.boundaries.grids}
    units = {unit.code: spoken.either(unit.name, unit.name_zh) for unit in site.boundaries.units}
    due = due_of(case, site)
    return CaseView(
        case=case,
        title=spoken.either(*site.catalogue.names(case.category)),
        key_item=category is not None and category.is_key_item(site.settings.calendar.local_day(now)),
        closing_condition="" if category is None else closing_condition(case, category),
        grid=grids.get(case.grid, case.grid),  # a case keeps its grid when the site is redrawn
        unit=units.get(case.unit, case.unit),
        tone=_TONES[case.status],
        due=due,
        overdue=due is not None and due.at < now,
    )


def by_need(views: Sequence[CaseView]) -> list[CaseView]:
    """Return the cases in the order a desk takes them: urgent, then running clocks, then the newest."""

    def rank(view: CaseView) -> tuple[bool, bool, float]:
        due = view.due.at.timestamp() if view.due is not None else -view.case.recorded_at.timestamp()
        return (not view.case.urgent or view.tone in {Tone.CHECK, Tone.ENDED}, view.due is None, due)

    return sorted(views, key=rank)


def figures(views: Sequence[CaseView]) -> dict[str, int]:
    """Return the counts above the console, over open cases."""
    tones = Counter(view.tone for view in views)
    return {
        "open": len(views),
        "urgent": sum(view.case.urgent for view in views),
        "key_items": sum(view.key_item for view in views),
        "desk": tones[Tone.DESK],
        "field": tones[Tone.FIELD] + tones[Tone.OFFERED],
        "check": tones[Tone.CHECK],
        "overdue": sum(view.overdue for view in views),
    }


def offer_until(case: Case, site: Site) -> datetime | None:
    """Return until when the offer of a dispatched case stands; None when it is not on offer."""
    if case.status is not S.DISPATCHED:
        return None
    policy = site.settings.dispatch
    stands_s = policy.offer_timeout_urgent_s if case.urgent else policy.offer_timeout_general_s
    return case.updated_at + timedelta(seconds=stands_s)  # the last step of a dispatched case is the offer
