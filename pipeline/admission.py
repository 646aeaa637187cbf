"""Admission: carries intake decisions out inside a write transaction: a case opened, or a known one that has more."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from geo.coords import LonLat
from pipeline.casebook import Evidence, Near, Transaction
from pipeline.cases import ON_TERMINAL, OPEN, Action, Case, Channel, Status, is_legal, step, stepped
from pipeline.catalogue import Category
from pipeline.clock_keeping import raise_clocks, start_anew, start_clocks, take_up
from pipeline.clock_steps import fire_due_of
from pipeline.consequences import consequences
from pipeline.dispatch import Dispatch, NoTerminal
from pipeline.duty_clocks import closing_due, is_collected
from pipeline.history import opening_details
from pipeline.intake import Attach, Cov, Finding, Ignore, Open, Reopen, decide, search_radius_m
from pipeline.joint_action import PartsOutstandingError
from pipeline.offers import Entered, OtherDepartmentError, enter, notify, offer, withdraw, write_event
from pipeline.principal import PIPELINE
from pipeline.scenes import Mode, rule_record
from pipeline.sightings import Sighting
from pipeline.site import Place, Site
from pipeline.taking_steps import Ask, take_step
from pipeline.urgency import Urgency, urgency

ATTACH, OPENED, REOPEN = "attach", "open", "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a sighting or report.

    Attributes:
        number: the case that it opened or belongs to; None when it was ignored.
        dispatch: who got the case, or why nobody did; None when it was not offered.
        receipt: by which whoever reported asks what became of it; None for sightings.
    """

    outcome: Literal["open", "attach", "reopen", "ignore"]
    number: str | None
    reason: str
    dispatch: Dispatch | NoTerminal | None
    receipt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A sighting or a report, checked and placed.

    Attributes:
        mode: auto files a case at once, confirm leaves it reported until somebody verifies it.
        pictures: evidence whose files are in their places; its case is filled in when it is known.
        urgency: whether a case that is opened is urgent, and why; None for what its class says.
        condition, ticket_due: see `Case`.
        department: which alone may handle the case; None for whoever fits its class.
        self_handled: what the reporting force did about it on the spot; a case that nobody else holds is settled by it.
    """

    channel: Channel
    category: Category
    lonlat: LonLat
    cov_m2: Cov
    error_m: float
    place: Place
    mode: Mode
    first_seen_at: datetime
    seen_at: datetime
    description: str = ""
    sighting: Sighting | None = None
    pictures: tuple[Evidence, ...] = ()
    urgency: Urgency | None = None
    condition: int | None = None
    ticket_due: datetime | None = None
    department: str | None = None
    self_handled: str = ""


def admit(tx: Transaction, notice: Notice, *, site: Site, entered: Entered) -> Taken:
    """Open a case for a notice or attach it to the one that it belongs to; settle or offer what is filed by it."""
    finding = Finding(
        category=notice.category,
        lonlat=notice.lonlat,
        cov_m2=notice.cov_m2,
        first_seen_at=notice.first_seen_at,
        seen_at=notice.seen_at,
    )
    nearby = tx.similar(*near(notice))
    decision = decide(finding, mode=notice.mode, nearby=nearby)
    if isinstance(decision, Ignore):
        _remember(tx, notice, case=None)
        return Taken(outcome="ignore", number=None, reason=decision.reason, dispatch=None)
    outcome: Literal["open", "attach", "reopen"]
    is_due = True
    if isinstance(decision, Attach):
        before = tx.case(decision.number)
        known, outcome = _attach(tx, before, notice, decision, site=site, entered=entered), "attach"
        case = _file_if_waiting(tx, known, notice, entered=entered)
        is_due = case is not known or (is_collected(before, site) and not is_collected(known, site))
    elif isinstance(decision, Reopen):
        case, outcome = _reopen(tx, notice, decision, site=site, entered=entered), "reopen"
    else:
        case, outcome = _open(tx, notice, decision, site=site, entered=entered), "open"
    taken = Taken(outcome=outcome, number=case.number, reason=decision.reason, dispatch=None)
    if notice.self_handled:
        return _settle(tx, case, notice, taken, site=site, entered=entered)
    if case.status is not Status.FILED or not is_due:
        return taken
    sent = offer(tx, case, site=site, entered=replace(entered, by=PIPELINE), opened=outcome == "open")[1]
    return replace(taken, dispatch=sent)


def near(notice: Notice) -> Near:
    """Return what is asked about known cases before a notice is admitted."""
    return Near(notice.category.key, notice.lonlat, search_radius_m(notice.category))


def open_apart(tx: Transaction, notice: Notice, *, reason: str, site: Site, entered: Entered) -> Case:
    """Open a case of its own, whatever is known nearby, and offer it: a task that was decided on."""
    case = _open(tx, notice, Open(reason=reason), site=site, entered=entered, more={"apart": True})
    return offer(tx, case, site=site, entered=replace(entered, by=PIPELINE))[0]


class UrgentClocks(NamedTuple):
    """By when a case must be attended and have a first result; None where no such clock runs."""

    arrive_by: datetime | None = None
    first_result_by: datetime | None = None


def urgent_clocks(site: Site, grid: str, *, urgent: bool, recorded_at: datetime, now: datetime) -> UrgentClocks:
    """Return the clocks that begin now for a case of a grid; what was collected before it was switched on has none."""
    if not (urgent and site.settings.rollout.is_on(grid, recorded_at, site.settings.timezone)):
        return UrgentClocks()
    targets = site.settings.targets
    return UrgentClocks(now + timedelta(seconds=targets.arrive_s), now + timedelta(seconds=targets.first_result_s))


def _open(
    tx: Transaction,
    notice: Notice,
    decision: Open,
    *,
    site: Site,
    entered: Entered,
    more: Mapping[str, object] = MappingProxyType({}),
) -> Case:
    now = entered.now
    why = notice.urgency or urgency(notice.category, channel=notice.channel)
    clocks = urgent_clocks(site, notice.place.grid, urgent=why.urgent, recorded_at=now, now=now)
    seen = notice.sighting
    case = Case(
        number=tx.next_number(site.number_prefix, now.astimezone(site.settings.timezone).strftime("%Y%m%d")),
        category=notice.category.key,
        channel=notice.channel,
        status=Status.FILED if notice.mode is Mode.AUTO else Status.REPORTED,
        urgent=why.urgent,
        lonlat=notice.lonlat,
        cov_m2=notice.cov_m2,
        error_m=notice.error_m,
        grid=notice.place.grid,
        unit=notice.place.unit,
        side=notice.place.side,
        occurred_at=notice.seen_at,
        recorded_at=now,
        updated_at=now,
        description=notice.description,
        camera=seen.camera if seen else None,
        scene=seen.scene if seen else None,
        arrive_by=clocks.arrive_by,
        first_result_by=clocks.first_result_by,
        sightings=1 if seen else 0,
        version=1,
        urgent_reason=why.reason,
        condition=notice.condition,
        ticket_due=notice.ticket_due,
        rework_by=notice.department,
    )
    tx.add_case(case)
    start_clocks(tx, case, site=site)
    told = {**opening_details(case), **opening_terms(case, site, terminal=entered.by.terminal)}
    details = {**told, "reason": decision.reason, **_shown(notice, site), **more}
    write_event(tx, case, OPENED, entered=entered, details=details)
    _remember(tx, notice, case=case.number)
    return case


def opening_terms(case: Case, site: Site, *, terminal: str | None) -> dict[str, object]:
    """Return what an opening tells for judging later: by when it must be handled, and whose terminal reported it."""
    due = closing_due(case, site)
    told: dict[str, object] = {} if due is None else {"due": due.isoformat()}
    return told if terminal is None else {**told, "reported_by": terminal}


def _attach(tx: Transaction, case: Case, notice: Notice, decision: Attach, *, site: Site, entered: Entered) -> Case:
    """Add to a case's history; the time of its last step stays, because offers and closings are counted from it."""
    if _raised(case, notice, site=site, now=entered.now)[1]:
        case = fire_due_of(tx, case, site=site, now=entered.now)
    counted = replace(case, sightings=case.sightings + (notice.sighting is not None), version=case.version + 1)
    more, raised = _raised(counted, notice, site=site, now=entered.now)
    raise_clocks(tx, case, more, entered.now, site=site)
    raised |= take_up(tx, more, entered.now, site=site, ticket_due=notice.ticket_due)
    details = {**_told(notice, decision, site), **({"raised": raised} if raised else {})}
    more = consequences(more, ATTACH, details)
    enter(tx, more, ATTACH, entered=entered, details=details)
    _remember(tx, notice, case=case.number)
    return more


def _reopen(tx: Transaction, notice: Notice, decision: Reopen, *, site: Site, entered: Entered) -> Case:
    """Let a case that was handled go on: one problem, counted once, with new clocks; nobody is blamed for the old."""
    case, now = tx.case(decision.number), entered.now
    status = Status.FILED if notice.mode is Mode.AUTO else Status.REPORTED
    again = stepped(case, REOPEN, status=status, at=now, terminal=None)
    again = replace(again, sightings=case.sightings + (notice.sighting is not None))
    tx.drop_joint_parts(case.number)
    raised = _raised_again(case, notice)
    again = consequences(again, REOPEN, raised)
    clocks = start_anew(tx, again, now, site=site, ticket_due=notice.ticket_due)
    details = {**_told(notice, decision, site), **raised, **clocks}
    again = consequences(again, REOPEN, details)
    enter(tx, again, REOPEN, entered=entered, details=details)
    withdraw(tx, before=case, after=again, now=now)
    _remember(tx, notice, case=case.number)
    return again


def _raised_again(case: Case, notice: Notice) -> dict[str, object]:
    """Return what a report that opens a case again makes of it: urgent, and with its own ticket's deadline or none."""
    raised: dict[str, object] = {}
    if notice.urgency is not None and notice.urgency.urgent and not case.urgent:
        raised |= {"urgent": True, "urgent_reason": notice.urgency.reason}
    if notice.ticket_due != case.ticket_due:
        raised["ticket_due"] = notice.ticket_due.isoformat() if notice.ticket_due else None
    return {"raised": raised} if raised else {}


def _told(notice: Notice, decision: Attach | Reopen, site: Site) -> dict[str, object]:
    """Return the event's words on a notice that a known case takes in; enough to split it off again."""
    return {
        "channel": notice.channel.value,
        "lon": notice.lonlat.lon,
        "lat": notice.lonlat.lat,
        "cov_m2": list(notice.cov_m2),
        "error_m": notice.error_m,
        "seen_at": notice.seen_at.isoformat(),
        "reason": decision.reason,
        **({"description": notice.description} if notice.description else {}),
        **({"note": notice.self_handled} if notice.self_handled else {}),
        **({"ticket_wants": notice.ticket_due.isoformat()} if notice.ticket_due else {}),
        **_shown(notice, site),
    }


def _raised(case: Case, notice: Notice, *, site: Site, now: datetime) -> tuple[Case, dict[str, object]]:
    """Return a case that a further report makes urgent, or wants handled sooner, and what its history says of that.

    Only what is not handled yet is raised; urgent clocks begin now.
    """
    if case.status not in OPEN - {Status.HANDLED, Status.CHECKED}:
        return case, {}
    changes: dict[str, Any] = {}
    if notice.urgency is not None and notice.urgency.urgent and not case.urgent:
        changes |= {"urgent": True, "urgent_reason": notice.urgency.reason}
        since = case.recorded_at if is_collected(case, site) else now
        clocks = urgent_clocks(site, case.grid, urgent=True, recorded_at=since, now=now)
        changes |= {name: at for name, at in clocks._asdict().items() if at is not None}
    if notice.ticket_due is not None and (case.ticket_due is None or notice.ticket_due < case.ticket_due):
        changes["ticket_due"] = notice.ticket_due
        if case.handle_by is not None and notice.ticket_due < case.handle_by:
            changes["handle_by"] = notice.ticket_due
    told = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in changes.items()}
    return replace(case, **changes), told


def _file_if_waiting(tx: Transaction, case: Case, notice: Notice, *, entered: Entered) -> Case:
    """File a case that waits for verification when a second, trusted source reports the same."""
    if notice.mode is not Mode.AUTO or case.status not in {Status.REPORTED, Status.VERIFIED}:
        return case
    filed = step(case, Action.FILE, principal=PIPELINE, now=entered.now)
    reason = f"confirmed by a second source, {notice.channel}"
    enter(tx, filed, Action.FILE.value, entered=replace(entered, by=PIPELINE), details={"reason": reason})
    return filed


def _settle(tx: Transaction, case: Case, notice: Notice, taken: Taken, *, site: Site, entered: Entered) -> Taken:
    """Settle what its reporter handled on the spot, unless somebody else holds it or it stands where nobody may.

    Then the words are in the case's history, its holder is told, and so is whoever reported.
    """
    own = case.terminal in {None, entered.by.terminal}
    if own and is_legal(case, Action.SELF_HANDLE):
        ask = Ask(action=Action.SELF_HANDLE, note=notice.self_handled, lonlat=notice.lonlat)
        with suppress(OtherDepartmentError, PartsOutstandingError):
            take_step(tx, case, ask, site=site, entered=entered)
            return taken
    if not own and case.status in ON_TERMINAL:
        notify(tx, case, ATTACH, now=entered.now)
    stays = case.status if case.terminal is None else f"{case.status} with {case.terminal}"
    return replace(taken, reason=f"{taken.reason}; what was done is noted, and the case stays {stays}")


def _shown(notice: Notice, site: Site) -> dict[str, object]:
    """Return the event's words on the sighting, if it is one, and the pictures."""
    seen = notice.sighting
    pictures = {"pictures": listed(notice.pictures)} if notice.pictures else {}
    if seen is None:
        return dict(pictures)
    scene = site.scenes.get(seen.scene)
    told: dict[str, object] = {
        "sighting": seen.id,
        "camera": seen.camera,
        "scene": seen.scene,
        "class_name": seen.class_name,
        "confidence": seen.confidence,
        "count": seen.count,
        "first_seen_at": seen.first_seen_at.isoformat(),
        "unseen_s": seen.unseen_s,
        "detector": seen.detector,
        "box_px": [round(value, 1) for value in seen.box_px],
        "rule": None if scene is None else rule_record(scene),
        "program": program_version(),
    }
    if seen.checked is not None:
        told["checked"] = seen.checked.record()
    return {**told, **pictures}


@cache
def program_version() -> str:
    """Return the version of this program."""
    return version("beatgrid")


def listed(pictures: Sequence[Evidence]) -> list[dict[str, object]]:
    """Return what a case's history says of pictures: their ids and digests, never their bytes."""
    return [
        {
            "id": each.id,
            "label": each.label,
            "sha256": each.sha256,
            **({"original_sha256": each.original_sha256} if each.original_sha256 else {}),
        }
        for each in pictures
    ]


def _remember(tx: Transaction, notice: Notice, *, case: str | None) -> None:
    seen = notice.sighting
    if seen is not None:
        tx.add_sighting(seen.id, case=case, camera=seen.camera, captured_at=seen.captured_at, scene=seen.scene)
    if case is not None:
        for picture in notice.pictures:
            tx.add_evidence(replace(picture, case=case))
