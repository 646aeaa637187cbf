"""Reading `[escalation]` and `[erasure]` of `site.toml`, all faults noted, those against the catalogue too."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Final

from geo.boundaries import Fault
from pipeline.catalogue import Category, DeadlineUnit
from pipeline.duty_clocks import MOST_DAYS, DeadlineError, due
from pipeline.escalation_policy import CLIMB, USUAL, ErasureTerms, EscalationPolicy, Step
from pipeline.fields import Fields
from pipeline.principal import Role
from pipeline.work_calendar import WorkCalendar

_FARTHEST: Final = 1_000.0
_LONGEST_DAYS: Final = 36_500
_SCALAR: Final = ("amber", "approver", "decide_h", "most_share", "extensions")


def read_escalation(fields: Fields) -> EscalationPolicy:
    """Return when each level hears of a case and who grants more time."""
    fields.only((*_SCALAR, "urgent", "general"))
    approver = fields.choice("approver", Role, default=Role.DISPATCHER)
    if approver not in {Role.DISPATCHER, Role.ADMIN}:
        fields.fault("approver", f"is {approver.value!r}, expected dispatcher or admin")
    return EscalationPolicy(
        amber=fields.number("amber", low=0.05, high=1.0, default=0.8),
        urgent=_shares(fields.inner("urgent")),
        general=_shares(fields.inner("general")),
        approver=approver,
        decide_h=fields.number("decide_h", low=0.1, high=1_000.0, default=4.0),
        most_share=fields.number("most_share", low=0.0, high=10.0, default=1.0),
        extensions=fields.whole("extensions", low=0, high=20, default=1),
    )


def read_erasure(fields: Fields) -> ErasureTerms:
    """Return for how many days after its end a case keeps words, pictures and contacts; 0 keeps them for ever."""
    fields.only(("words_days", "pictures_days", "contact_days"))
    return ErasureTerms(
        words_days=fields.whole("words_days", low=0, high=_LONGEST_DAYS, default=0),
        pictures_days=fields.whole("pictures_days", low=0, high=_LONGEST_DAYS, default=0),
        contact_days=fields.whole("contact_days", low=0, high=_LONGEST_DAYS, default=0),
    )


def escalation_faults(
    policy: EscalationPolicy, categories: Iterable[Category], *, calendar: WorkCalendar, start: datetime, file: str
) -> list[Fault]:
    """Return the shares at which a step of the catalogue's longest deadlines could not be timed, reckoned from a day.

    A case of any class may become urgent, so both tables hold for all.
    """
    longest: dict[DeadlineUnit, tuple[float, str]] = {}
    for value, unit, key in _deadlines(categories):
        longest[unit] = max(longest.get(unit, (0.0, "")), (value, key))
    return [
        Fault(
            file=file,
            feature=f"escalation {name}",
            field=step.value.replace("-", "_"),
            problem=f"is {share:g}, and {share:g} times the {value:g} {unit.value} of {key} are not over within"
            f" {MOST_DAYS} days; give a smaller share, or that class a shorter deadline",
        )
        for name, shares in (("urgent", policy.urgent), ("general", policy.general))
        for unit, (value, key) in longest.items()
        for step, share in shares.items()
        if not _reached(value * share, unit, start=start, calendar=calendar)
    ]


def _deadlines(categories: Iterable[Category]) -> Iterator[tuple[float, DeadlineUnit, str]]:
    for category in categories:
        own = (category.deadline_value, category.deadline_unit)
        for value, unit in (own, *((each.deadline_value, each.deadline_unit) for each in category.conditions)):
            if value > 0:
                yield value, unit, category.key


def _reached(value: float, unit: DeadlineUnit, *, start: datetime, calendar: WorkCalendar) -> bool:
    try:
        due(value, unit, start=start, calendar=calendar)
    except DeadlineError:
        return False
    return True


def _shares(fields: Fields) -> dict[Step, float]:
    names = {step: step.value.replace("-", "_") for step in CLIMB}
    fields.only(names.values())
    shares = {step: fields.number(name, low=1.0, high=_FARTHEST, default=USUAL[step]) for step, name in names.items()}
    for lower, higher in pairwise(CLIMB):
        if shares[higher] < shares[lower]:
            fields.fault(names[higher], f"is {shares[higher]:g}, before {names[lower]}'s {shares[lower]:g}; a level"
                         " hears of a case no sooner than the one below it")  # fmt: skip
    return shares
