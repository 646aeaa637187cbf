"""Merging and splitting by a dispatcher: two cases that are one problem, one case that is two; recorded, undoable.

Nothing is moved when cases are merged: the one that goes becomes void and names the one that stays, which is read with
the pictures and sightings of both and keeps the channel that knew first. Undoing takes the name away and gives the case
its step back. A split opens a new case from entries of the old one; merging it back is its undoing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from geo.coords import LonLat
from pipeline.admission import OPENED as OPENING
from pipeline.admission import opening_terms, urgent_clocks
from pipeline.casebook import Asking, Casebook, LimitError, Transaction
from pipeline.cases import ENDED, ON_TERMINAL, OPEN, Case, Channel, Event, Status, stepped
from pipeline.clock_keeping import go_on, start_clocks
from pipeline.clock_steps import fire_due_of
from pipeline.clocks import Clock
from pipeline.consequences import ABSORB, MERGE, SPLIT, UNABSORB, UNMERGE, consequences
from pipeline.errors import PipelineError
from pipeline.history import opening_details
from pipeline.intake import search_radius_m
from pipeline.offers import Entered, enter, offer, withdraw, write_event
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.site import OutsideError, Site
from pipeline.trust_desk import Visible

_DESK: Final = (Role.DISPATCHER, Role.ADMIN)
_SHORTEST_REASON: Final = 2
_MOST_REASON: Final = 300
_MOST_SPLIT: Final = 100


class CannotMergeError(PipelineError):
    """Two cases cannot be made one."""

    def __init__(self, number: str, into: str, why: str) -> None:
        super().__init__(f"case {number} cannot be merged into {into}: {why}")


class NotMergedError(PipelineError):
    """A case that stands on its own is to be taken out of another."""

    def __init__(self, number: str) -> None:
        super().__init__(f"case {number} is not merged into another; there is nothing to undo")


class CannotSplitError(PipelineError):
    """What was chosen cannot be made a case of its own."""

    def __init__(self, number: str, why: str) -> None:
        super().__init__(f"nothing was split off case {number}: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A case after a split, and the new one."""

    case: Case
    new: Case


class Merging:
    """Merges, splits and undoes; see `Desk`, whose transactions and clock it shares."""

    def __init__(self, *, site: Site, casebook: Casebook, clock: Clock, visible: Visible) -> None:
        self._site, self._casebook, self._clock, self._visible = site, casebook, clock, visible

    def alike(self, number: str, *, principal: Principal) -> tuple[Case, ...]:
        """Return the cases of the category near a case, open or lately ended, that may be the same problem.

        None where the catalogue has the category no more.

        Raises:
            RefusedError: the principal may not.
            UnknownError: there is no such case in reach.
        """
        principal.require("compare cases", *_DESK)

        def work(asked: Asking) -> tuple[Case, ...]:
            case = self._visible(asked, number, principal)
            category = self._site.catalogue.by_key.get(case.category)
            if category is None:
                return ()
            since = self._clock.now() - timedelta(seconds=category.again_within_s)
            near = asked.similar(case.category, case.lonlat, search_radius_m(category))
            return tuple(
                each
                for each in near
                if each.number != number
                and (each.status in OPEN or each.updated_at >= since)
                and (principal.grids is None or each.grid in principal.grids)
            )

        return self._casebook.read(work)

    def merge(self, number: str, *, into: str, reason: str, principal: Principal) -> Case:
        """Make a case part of another and return the other.

        Raises:
            RefusedError: the principal may not.
            UnknownError: there is no such case in reach.
            CannotMergeError: they are one already, or one of them has ended while the other has not.
            LimitError: the reason is missing or too long.
        """
        principal.require("merge cases", *_DESK)
        _bound(reason)

        def work(tx: Transaction) -> Case:
            case, other = self._visible(tx, number, principal), self._visible(tx, into, principal)
            _require_mergeable(case, other)
            entered = self._entered(principal)
            case = fire_due_of(tx, case, site=self._site, now=entered.now)
            details = {"into": into, "was": case.status.value, "note": reason.strip()}
            void = stepped(case, MERGE, status=Status.VOID, at=entered.now, terminal=None)
            void = consequences(void, MERGE, details)
            enter(tx, void, MERGE, entered=entered, details=details)
            withdraw(tx, before=case, after=void, now=entered.now)
            return self._known_first(tx, other, ABSORB, about=number, note=reason, entered=entered)

        return self._casebook.write(work)

    def undo(self, number: str, *, reason: str, principal: Principal) -> Case:
        """Take a merged case out again and return it, where it was before; what was with a force is offered anew.

        Raises:
            RefusedError: the principal may not.
            UnknownError: there is no such case in reach.
            NotMergedError: it is not merged.
            LimitError: the reason is missing or too long.
        """
        principal.require("undo a merge", *_DESK)
        _bound(reason)

        def work(tx: Transaction) -> Case:
            case = self._visible(tx, number, principal)
            if case.merged_into is None:
                raise NotMergedError(number)
            entered, other = self._entered(principal), tx.case(case.merged_into)
            was = Status(str(_newest(tx.events(number), MERGE).details["was"]))
            status = Status.FILED if was in ON_TERMINAL else was
            back = stepped(case, UNMERGE, status=status, at=entered.now, terminal=None)
            clocks = go_on(tx, back, entered.now, site=self._site)
            details = {"from": other.number, "note": reason.strip(), **clocks}
            back = consequences(back, UNMERGE, details)
            enter(tx, back, UNMERGE, entered=entered, details=details)
            self._known_first(tx, other, UNABSORB, about=number, note=reason, entered=entered)
            if back.status is not Status.FILED:
                return back
            return offer(tx, back, site=self._site, entered=replace(entered, by=PIPELINE))[0]

        return self._casebook.write(work)

    def split(self, number: str, sequences: Sequence[int], *, reason: str, principal: Principal) -> Split:
        """Make a case of its own of entries of a case's history, by which sightings or reports were added to it.

        The new case stands where the first of them was, and its pictures go with it, and the deadlines of the tickets
        among them. It is as urgent as the old one, for the same reason. A case that waits for the desk leaves one that
        waits; else the new one is offered.

        Raises:
            RefusedError: the principal may not.
            UnknownError: there is no such case in reach.
            CannotSplitError: an entry is none that was added, or has been split off already.
            LimitError: the reason is missing or too long, or too many entries are given.
        """
        principal.require("split a case", *_DESK)
        _bound(reason)
        if not 1 <= len(sequences) <= _MOST_SPLIT:
            raise LimitError("entries", len(sequences), f"1 to {_MOST_SPLIT}")

        def work(tx: Transaction) -> Split:
            case, entered = self._visible(tx, number, principal), self._entered(principal)
            chosen = _chosen(case, tx.events(number), sequences)
            new = self._opened(tx, case, chosen, note=reason, entered=entered)
            taken = [str(each.details["sighting"]) for each in chosen if each.details.get("sighting")]
            tx.move_sightings(taken, to=new.number)
            left = replace(case, sightings=case.sightings - len(taken), version=case.version + 1)
            details = {
                "into": new.number,
                "entries": [each.sequence for each in chosen],
                "sightings": taken,
                "note": reason.strip(),
            }
            enter(tx, left, SPLIT, entered=entered, details=details)
            if new.status is Status.FILED:
                new = offer(tx, new, site=self._site, entered=replace(entered, by=PIPELINE))[0]
            return Split(case=left, new=new)

        return self._casebook.write(work)

    def _opened(self, tx: Transaction, case: Case, chosen: Sequence[Event], *, note: str, entered: Entered) -> Case:
        first, now = chosen[0].details, entered.now
        lonlat = LonLat(_number(first["lon"]), _number(first["lat"]))
        error_m = _number(first["error_m"])
        try:
            place = self._site.place(lonlat, side=case.side)
        except OutsideError as error:
            raise CannotSplitError(case.number, str(error)) from error
        clocks = urgent_clocks(self._site, place.grid, urgent=case.urgent, recorded_at=now, now=now)
        day = now.astimezone(self._site.settings.timezone).strftime("%Y%m%d")
        new = Case(
            number=tx.next_number(self._site.number_prefix, day),
            category=case.category,
            channel=Channel(str(first["channel"])),
            status=case.status if case.status in {Status.REPORTED, Status.VERIFIED} else Status.FILED,
            urgent=case.urgent,
            lonlat=lonlat,
            cov_m2=_cov(first.get("cov_m2"), case),
            error_m=error_m,
            grid=place.grid,
            unit=place.unit,
            side=place.side,
            occurred_at=datetime.fromisoformat(str(first["seen_at"])),
            recorded_at=now,
            updated_at=now,
            description=str(first.get("description", "")),
            camera=_text(first.get("camera")),
            scene=_text(first.get("scene")),
            arrive_by=clocks.arrive_by,
            first_result_by=clocks.first_result_by,
            sightings=sum(bool(each.details.get("sighting")) for each in chosen),
            version=1,
            urgent_reason=case.urgent_reason,
            condition=case.condition,
            ticket_due=min(_tickets_due(chosen), default=None),
        )
        tx.add_case(new)
        start_clocks(tx, new, site=self._site)
        terms = opening_terms(new, self._site, terminal=None)
        told = {**opening_details(new), **terms, "split_from": case.number, "note": note.strip()}
        write_event(tx, new, OPENING, entered=entered, details=told)
        return new

    def _known_first(
        self, tx: Transaction, other: Case, action: str, *, about: str, note: str, entered: Entered
    ) -> Case:
        """Give a case, and what it is merged into itself, channel and time of whoever knew first of all in it."""
        _, channel, occurred_at = min(_own(tx.events(each.number)) for each in (other, *tx.merged(other.number)))
        after = replace(other, channel=Channel(channel), occurred_at=occurred_at, version=other.version + 1)
        details = {"case": about, "channel": channel, "occurred_at": occurred_at.isoformat(), "note": note.strip()}
        enter(tx, after, action, entered=entered, details=details)
        if after.merged_into is not None:
            self._known_first(tx, tx.case(after.merged_into), action, about=about, note=note, entered=entered)
        return after

    def _entered(self, principal: Principal) -> Entered:
        return Entered(by=principal, now=self._clock.now())


def _require_mergeable(case: Case, other: Case) -> None:
    def no(why: str) -> CannotMergeError:
        return CannotMergeError(case.number, other.number, why)

    if case.number == other.number:
        raise no("they are one and the same")
    for each in (case, other):
        if each.status in {Status.REFUSED, Status.VOID}:
            raise no(f"{each.number} is {each.status}")
    if other.status in ENDED and case.status not in ENDED:
        raise no(f"{other.number} is {other.status}, and {case.number} is not; merge the other way round")
    if case.category != other.category:
        raise no(f"their categories are {case.category} and {other.category}")


def _chosen(case: Case, events: Sequence[Event], sequences: Iterable[int]) -> list[Event]:
    if case.status in ENDED:
        raise CannotSplitError(case.number, f"it is {case.status}")
    wanted = sorted(set(sequences))
    added = {each.sequence: each for each in events if took_in(each)}
    gone = {entry for each in events if each.action == SPLIT for entry in _entries(each)}
    for sequence in wanted:
        if sequence not in added:
            raise CannotSplitError(case.number, f"entry {sequence} added nothing to it; choose among {sorted(added)}")
        if sequence in gone:
            raise CannotSplitError(case.number, f"entry {sequence} was split off before")
    return [added[sequence] for sequence in wanted]


def _tickets_due(events: Iterable[Event]) -> Iterator[datetime]:
    """Yield the deadlines of tickets that came with entries of a case.

    Entries of before tell only of those that were sooner than the case's.
    """
    for each in events:
        raised = each.details.get("raised")
        sooner = raised.get("ticket_due") if isinstance(raised, Mapping) else None
        wanted = each.details.get("ticket_wants", sooner)
        if wanted is not None:
            yield datetime.fromisoformat(str(wanted))


def took_in(event: Event) -> bool:
    """Tell whether an entry added a sighting or report to a case; the desk's own reopening did not."""
    return event.action in {"attach", "reopen"} and "seen_at" in event.details


def _own(events: Sequence[Event]) -> tuple[datetime, str, datetime]:
    """Return when a case was recorded, through which channel, and when it occurred, as it was opened."""
    told = events[0].details
    return events[0].at, str(told["channel"]), datetime.fromisoformat(str(told["occurred_at"]))


def _newest(events: Sequence[Event], action: str) -> Event:
    return next(each for each in reversed(events) if each.action == action)


def _entries(event: Event) -> list[object]:
    found = event.details.get("entries")
    return found if isinstance(found, list) else []


def _cov(value: object, case: Case) -> tuple[float, float, float]:
    if not isinstance(value, list):  # written before entries told it
        return case.cov_m2
    east2, cross, north2 = (_number(each) for each in value)
    return east2, cross, north2


def _number(value: object) -> float:
    return float(str(value))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _bound(reason: str) -> None:
    if not _SHORTEST_REASON <= len(reason.strip()) <= _MOST_REASON:
        raise LimitError("reason", f"{len(reason)} characters", f"{_SHORTEST_REASON} to {_MOST_REASON}")
