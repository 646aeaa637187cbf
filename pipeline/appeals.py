"""Appeals: whoever reported a problem that was refused may ask once that somebody else look at it again.

An appeal leaves the refused case as it is and is written into its history; one that is upheld takes the problem in
anew, filed, as a case of its own or with the one that knows of it by now.
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.admission import Notice, Taken, admit
from pipeline.casebook import Transaction
from pipeline.cases import Action, Case, Event, Status
from pipeline.errors import PipelineError, RefusedError
from pipeline.offers import Entered, enter
from pipeline.scenes import Mode
from pipeline.site import Place, Site
from pipeline.urgency import Urgency

APPEAL, UPHELD, DISMISSED = "appeal", "appeal-upheld", "appeal-dismissed"


class NoAppealError(PipelineError):
    """A case cannot be appealed, or its appeal cannot be decided."""

    def __init__(self, number: str, why: str) -> None:
        super().__init__(f"case {number} {why}; read its history before you go on")


class OwnRefusalError(RefusedError):
    """Whoever refused a case decides the appeal against it."""

    def __init__(self, who: str, number: str) -> None:
        PipelineError.__init__(self, f"{who} refused case {number}, so somebody else decides the appeal against it")


def lodge(tx: Transaction, number: str, words: str, *, entered: Entered) -> Case:
    """Write an appeal into a refused case's history.

    Raises:
        NoAppealError: the case was not refused, or was appealed before.
    """
    case, history = tx.case(number), tx.events(number)
    if case.status is not Status.REFUSED:
        raise NoAppealError(number, f"is {case.status}; only a refused case can be appealed")
    if _last(history, APPEAL) is not None:
        raise NoAppealError(number, "was appealed before; an appeal is looked at once")
    noted = replace(case, version=case.version + 1)
    enter(tx, noted, APPEAL, entered=entered, details={"note": words})
    return noted


def decide(tx: Transaction, number: str, *, uphold: bool, reason: str, site: Site, entered: Entered) -> Taken | None:
    """Decide an appeal; one that is upheld takes the problem in anew and returns what became of it.

    Raises:
        NoAppealError: there is no appeal that waits.
        OwnRefusalError: the same person refused the case.
    """
    case, history = tx.case(number), tx.events(number)
    if _last(history, APPEAL) is None or _last(history, UPHELD) or _last(history, DISMISSED):
        raise NoAppealError(number, "has no appeal that waits for a decision")
    refused = _last(history, Action.REJECT.value)
    if refused is not None and refused.actor == entered.by.name:
        raise OwnRefusalError(entered.by.name, number)
    taken = admit(tx, _anew(case, site), site=site, entered=entered) if uphold else None
    details: dict[str, object] = {"note": reason}
    if taken is not None:
        details["case"] = taken.number
    noted = replace(case, version=case.version + 1)
    enter(tx, noted, UPHELD if uphold else DISMISSED, entered=entered, details=details)
    return taken


def refusal_of(history: Sequence[Event]) -> str:
    """Return why a case was refused; empty where it was not, or the words were erased."""
    event = _last(history, Action.REJECT.value)
    return "" if event is None else str(event.details.get("note", ""))


def _anew(case: Case, site: Site) -> Notice:
    return Notice(
        channel=case.channel,
        category=site.catalogue.reportable(case.category),
        lonlat=case.lonlat,
        cov_m2=case.cov_m2,
        error_m=case.error_m,
        place=Place(grid=case.grid, unit=case.unit, side=case.side),
        mode=Mode.AUTO,
        first_seen_at=case.occurred_at,
        seen_at=case.occurred_at,
        description=case.description,
        urgency=Urgency(urgent=case.urgent, reason=case.urgent_reason),
        condition=case.condition,
        ticket_due=case.ticket_due,
    )


def _last(history: Sequence[Event], action: str) -> Event | None:
    return next((event for event in reversed(history) if event.action == action), None)
