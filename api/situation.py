"""The situation: the open cases and terminals as the console's map and figures need them, in one answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from api.case_views import STATUSES, CaseView, View, by_need, case_view, figures
from api.reach import narrowed
from api.services import Services
from api.terminals_now import TerminalNow, terminals_now
from api.words import Words
from geo.boundaries import Grid
from pipeline.casebook import CaseFilter
from pipeline.cases import OPEN, Channel
from pipeline.principal import Principal

MOST_OPEN: Final = 1000
MOST_ROWS: Final = 150
MOST_ENDED: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the queue's filters ask for; empty means any."""

    view: View = View.OPEN
    grid: str = ""
    channel: str = ""
    urgent: bool = False
    key_items: bool = False


def open_cases(services: Services, who: Principal, spoken: Words) -> list[CaseView]:
    """Return the open cases in reach, as the desk takes them; the newest thousand if there are more."""
    page = services.casebook.cases(narrowed(who, CaseFilter(statuses=OPEN, limit=MOST_OPEN)))
    now = services.clock.now()
    return by_need([case_view(case, services.site, spoken, now=now) for case in page.cases])


def rows(
    services: Services, who: Principal, spoken: Words, *, wanted: Wanted, among: Sequence[CaseView]
) -> list[CaseView]:
    """Return the rows of the queue: from the open cases, or the newest ended ones."""
    views = among if wanted.view is not View.ENDED else _ended(services, who, spoken, wanted)
    return [view for view in views if _fits(view, wanted)]


def _ended(services: Services, who: Principal, spoken: Words, wanted: Wanted) -> list[CaseView]:
    asked = CaseFilter(statuses=STATUSES[View.ENDED], limit=MOST_ENDED)
    asked = replace(asked, channels=frozenset({Channel(wanted.channel)}) if wanted.channel else frozenset())
    asked = replace(asked, grids=frozenset({wanted.grid}) if wanted.grid else None)
    page = services.casebook.cases(narrowed(who, asked))
    now = services.clock.now()
    return [case_view(case, services.site, spoken, now=now) for case in page.cases]


def _fits(view: CaseView, wanted: Wanted) -> bool:
    case = view.case
    return (
        case.status in STATUSES[wanted.view]
        and wanted.grid in ("", case.grid)
        and wanted.channel in ("", case.channel)
        and (case.urgent or not wanted.urgent)
        and (view.key_item or not wanted.key_items)
    )


def found_today(services: Services, who: Principal) -> dict[str, int]:
    """Return how many cases occurred since midnight at the site, and how many of them cameras found."""
    zone = services.site.settings.timezone
    midnight = services.clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    kept = services.casebook.kept(since=midnight)
    mine = [each for each in kept if who.grids is None or each.grid in who.grids]
    return {"today": len(mine), "by_camera": sum(each.channel is Channel.INTELLIGENT for each in mine)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridLine:
    """One grid in the overview: its counts, its terminals on duty and how many of those hold nothing."""

    grid: Grid
    figures: Mapping[str, int]
    free: int
    on_duty: int


def overview(services: Services, who: Principal, among: Sequence[CaseView]) -> list[GridLine]:
    """Return a line for each grid in reach."""
    terminals = [each for each in terminals_now(services, who) if each.on_duty]
    lines = []
    for grid in services.site.boundaries.grids:
        if who.grids is None or grid.code in who.grids:
            own = [each for each in terminals if each.force.grid == grid.code]
            counts = figures([view for view in among if view.case.grid == grid.code])
            free = sum(each.terminal.open_cases == 0 for each in own)
            lines.append(GridLine(grid=grid, figures=counts, free=free, on_duty=len(own)))
    return lines


def situation(services: Services, who: Principal, spoken: Words) -> dict[str, object]:
    """Return figures, cases and terminals, JSON-able."""
    views = open_cases(services, who, spoken)
    return {
        "now": services.clock.now().isoformat(),
        "figures": {**figures(views), **found_today(services, who)},
        "cases": [_case(view, spoken) for view in views],
        "terminals": [_terminal(each, spoken) for each in terminals_now(services, who)],
    }


def _case(view: CaseView, spoken: Words) -> dict[str, object]:
    case = view.case
    return {
        "number": case.number,
        "lon": case.lonlat.lon,
        "lat": case.lonlat.lat,
        "error_m": round(case.error_m, 1),
        "urgent": case.urgent,
        "tone": view.tone,
        "status": spoken(f"status.{case.status}"),
        "title": view.title,
        "grid": view.grid,
        "unit": view.unit,
        "terminal": case.terminal,
        "due": _iso(view.due.at if view.due else None),
        "recorded_at": case.recorded_at.isoformat(),
    }


def _terminal(each: TerminalNow, spoken: Words) -> dict[str, object]:
    return {
        "id": each.id,
        "name": spoken.either(each.force.name, each.force.name_zh),
        "role": spoken.known(f"duty.{each.force.role}", each.force.role),
        "lon": each.lonlat.lon,
        "lat": each.lonlat.lat,
        "on_duty": each.on_duty,
        "fresh": each.fresh,
        "open_cases": each.terminal.open_cases,
    }


def _iso(value: datetime | None) -> str | None:
    return value.isoformat() if value is not None else None
