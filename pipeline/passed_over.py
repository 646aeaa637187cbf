"""Offers as they were made: who got a case and why, who was passed over and why. Reads what the history holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipeline.casebook import Reading
from pipeline.cases import Action, Event
from pipeline.offers import NO_TERMINAL

MOST_EVENTS = 5_000
_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One who did not get a case.

    Attributes:
        distance_m: straight line; None for those who are told by reason alone, beyond the nearest 50.
    """

    terminal: str
    distance_m: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMade:
    """One decision: an offer to a terminal, or none (None)."""

    case: str
    at: datetime
    by: str
    terminal: str | None
    reason: str
    distance_m: float | None
    travel_s: float | None
    wait_s: float | None
    passed: tuple[Passed, ...]

    def concerning(self, terminal: str) -> "OfferMade":
        """Return the offer with the lines of one terminal only: nobody reads why others were passed over."""
        own = tuple(each for each in self.passed if each.terminal == terminal)
        return replace(self, passed=own)

    def concerns(self, terminal: str) -> bool:
        """Tell whether a terminal got the offer or was passed over."""
        return terminal == self.terminal or any(each.terminal == terminal for each in self.passed)


def offers_of(events: Sequence[Event]) -> list[OfferMade]:
    """Return the decisions of a case's history, oldest first."""
    return [_offer(event) for event in events if event.action in {Action.DISPATCH.value, NO_TERMINAL}]


def lately_passed_over(casebook: Reading, terminal: str) -> list[OfferMade]:
    """Return the decisions among the site's last 5,000 events that passed a terminal over, newest first."""
    after = max(0, casebook.newest_sequence() - MOST_EVENTS)
    found: list[OfferMade] = []
    while page := casebook.events_after(after, limit=_PAGE):
        found += [
            each.concerning(terminal)
            for each in offers_of(page)
            if each.terminal != terminal and each.concerns(terminal)
        ]
        after = page[-1].sequence
    return found[::-1]


def _offer(event: Event) -> OfferMade:
    told = event.details
    return OfferMade(
        case=event.case,
        at=event.at,
        by=event.actor,
        terminal=_text(told.get("terminal")) or None,
        reason=_text(told.get("reason")),
        distance_m=_number(told.get("distance_m")),
        travel_s=_number(told.get("travel_s")),
        wait_s=_number(told.get("wait_s")),
        passed=(*_near(told.get("skipped")), *_others(told.get("skipped_others"))),
    )


def _near(rows: object) -> list[Passed]:
    return [
        Passed(terminal=_text(row["terminal"]), distance_m=_number(row["distance_m"]), reason=_text(row["reason"]))
        for row in (rows if isinstance(rows, list) else [])
    ]


def _others(grouped: object) -> list[Passed]:
    if not isinstance(grouped, Mapping):
        return []
    return [
        Passed(terminal=code, distance_m=None, reason=reason) for reason, codes in grouped.items() for code in codes
    ]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
