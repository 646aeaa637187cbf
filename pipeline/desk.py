"""The desk: what may be asked of a running site. Checks who asks, then decides and stores in one transaction."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from geo.camera_view import ELLIPSE_95
from geo.coords import LonLat, checked_lonlat
from pipeline.admission import Notice, Taken, admit, near
from pipeline.applied_catalogue import AppliedCatalogue
from pipeline.casebook import Asking, CameraState, Casebook, CaseFilter, Evidence, LimitError, Transaction
from pipeline.cases import ON_TERMINAL, STEPS, Action, Case, Channel, step
from pipeline.clocks import CLOCK_SLACK, Clock, utc
from pipeline.errors import PipelineError, RefusedError, UnknownError
from pipeline.evidence import EvidenceStore
from pipeline.health_events import HealthEvent
from pipeline.keeping import Originals as KeptOriginals
from pipeline.later_pictures import add_picture, ident_of, trial_of, wants_picture
from pipeline.merging import Merging
from pipeline.offers import Entered, assign, offer
from pipeline.originals import Originals
from pipeline.phone_marks import PhoneMarks
from pipeline.point_claims import claimant_of, put_in
from pipeline.principal import Principal, Role
from pipeline.receipts import bound_words, keep_picture, new_receipt, receive, require_phone, require_room
from pipeline.reports import Report
from pipeline.retention import Retention
from pipeline.rounds import Rounds
from pipeline.scenes import Mode, Scene
from pipeline.second_look import capped
from pipeline.sightings import LaterView, Sighting, View
from pipeline.site import OutsideError, Place, Site
from pipeline.taking_steps import Ask, take_step
from pipeline.terminals import Moved
from pipeline.trust_desk import TrustDesk
from pipeline.urgency import urgency
from pipeline.verdicts import level_of

__all__ = ["Desk", "Moved", "NotYourGridError", "NotYourTerminalError", "Report", "Taken"]

WORST_ERROR_M = 1_000.0
MOST_MOVES = 10_000
_PAGE = 1_000
_MANAGERS = (Role.DISPATCHER, Role.ADMIN)
_REPORTERS = {
    Channel.PATROL: (Role.FORCE, *_MANAGERS),
    Channel.PUBLIC: (Role.CITIZEN, *_MANAGERS),
    Channel.HOTLINE: _MANAGERS,
    Channel.ALARM: _MANAGERS,
    Channel.TRANSFER: _MANAGERS,
}


class NotYourGridError(RefusedError):
    """A principal reports in a grid that is not among its own."""

    def __init__(self, who: str, grid: str, own: frozenset[str]) -> None:
        PipelineError.__init__(
            self, f"{who} may not report in grid {grid}; its grids: {', '.join(sorted(own)) or 'none'}"
        )


class NotYourTerminalError(RefusedError):
    """A force asks about, or speaks for, a terminal that is not its own."""

    def __init__(self, who: str, terminal: str, own: str | None) -> None:
        PipelineError.__init__(self, f"{who} carries terminal {own or 'none'}, not {terminal}; ask for your own")


class Desk:
    """The services of one site; any number of them, in any number of processes, share its casebook."""

    def __init__(
        self,
        *,
        site: Site,
        casebook: Casebook,
        clock: Clock,
        evidence: EvidenceStore,
        phones: PhoneMarks | None = None,
    ) -> None:
        self._casebook, self._clock, self._evidence, self._phones = casebook, clock, evidence, phones
        self.applied = AppliedCatalogue()
        self.originals = Originals(casebook=casebook, clock=clock, evidence=evidence, visible=visible)
        self.adopt(site)

    @property
    def site(self) -> Site:
        """Return the site that it works by now."""
        return self._site

    def adopt(self, site: Site) -> None:
        """Work by a changed site from here on; what is under way ends by the one before."""
        self._site = site
        self._rounds = Rounds(site=site, casebook=self._casebook, clock=self._clock)
        self.trust = TrustDesk(site=site, casebook=self._casebook, clock=self._clock, visible=visible)
        self.merging = Merging(site=site, casebook=self._casebook, clock=self._clock, visible=visible)
        self.retention = Retention(site=site, casebook=self._casebook, clock=self._clock, evidence=self._evidence)

    def take(self, sighting: Sighting, *, principal: Principal, state: CameraState | None = None) -> Taken:
        """Take a sighting in: open a case and offer it, attach it to one, or ignore it.

        The camera's state is stored in the same transaction, whatever becomes of the sighting.

        Raises:
            RefusedError: the principal may not.
            UnknownError: the site has no such camera, scene or category.
            EvidenceError: a picture cannot be stored; nothing was.
        """
        principal.require("take a sighting", Role.INGEST, Role.ADMIN)
        camera = self._site.camera(sighting.camera)
        self._scene(sighting.scene)
        category = self._site.catalogue.get(sighting.category)
        try:
            place = self._site.place(sighting.lonlat, side=camera.side)
        except OutsideError as error:
            return self._pass_by(sighting, state, reason=str(error))
        self._require_grid(principal, place)
        level = self._casebook.read(lambda asked: self._level(asked, sighting))
        notice = Notice(
            channel=Channel.INTELLIGENT,
            category=category,
            lonlat=sighting.lonlat,
            cov_m2=sighting.cov_m2,
            error_m=sighting.error_m,
            place=place,
            mode=level,
            first_seen_at=sighting.first_seen_at,
            seen_at=sighting.captured_at,
            sighting=sighting,
            pictures=self._pictures(sighting, sealed=level is not Mode.SHADOW),
        )

        def work(tx: Transaction) -> Taken:
            known = _note_state(tx, sighting, state)
            if known is not None:
                return known
            now = replace(notice, mode=self._level(tx, sighting))
            if now.mode is Mode.SHADOW:
                tx.save_trial(trial_of(sighting, grid=place.grid, pictures=now.pictures))
            return admit(tx, now, site=self._site, entered=self._entered(principal))

        return self._casebook.write(work, near=[near(notice)])

    def add_view(self, later: LaterView, *, camera: str, principal: Principal) -> bool:
        """Add a picture to a sighting that was taken before; tells whether it was new and the sighting has a case.

        Raises:
            RefusedError: the principal may not.
            UnknownError: the site has no such camera.
            EvidenceError: the picture cannot be stored; nothing was.
        """
        principal.require("take a sighting", Role.INGEST, Role.ADMIN)
        self._site.camera(camera)
        mark = later.view.label
        if not self._casebook.read(lambda asked: wants_picture(asked, later.sighting, ident_of(later.sighting, mark))):
            return False
        picture = self._stored(later.view, camera=camera, sighting=later.sighting, mark=mark)
        return self._casebook.write(lambda tx: add_picture(tx, picture, entered=self._entered(principal)))

    def note_health(self, event: HealthEvent, *, view: View | None = None, principal: Principal) -> None:
        """Store that a fault of a camera began, with a picture, or that it is over.

        Raises:
            RefusedError: the principal may not.
            UnknownError: the site has no such camera.
            EvidenceError: the picture cannot be stored; nothing was.
        """
        principal.require("note a camera's health", Role.INGEST, Role.ADMIN)
        self._site.camera(event.camera)
        if view is not None:
            file = self._evidence.put(view, camera=event.camera, sighting=event.id)
            event = replace(event, picture=file.path)
        self._casebook.write(lambda tx: tx.save_health(event))

    def report(self, report: Report, *, principal: Principal) -> Taken:
        """Take a report in. What a channel has verified first waits, everything else is filed and offered.

        A ticket that was taken before is ignored, and the answer names its case.

        Raises:
            RefusedError: the principal may not report through this channel or in this grid.
            UnknownError: there is no such category.
            OutsideError, CoordinateError: the place lies in no grid, or is none.
            NotReportableError: the site does not work the category.
            LimitError, TooManyReportsError: a value is out of bounds; the public's limits are reached.
            EvidenceError: the picture cannot be stored; nothing was.
        """
        if report.channel not in _REPORTERS:
            raise LimitError("channel", report.channel, ", ".join(_REPORTERS) + "; cameras' sightings are not reports")
        principal.require(f"report through channel {report.channel}", *_REPORTERS[report.channel])
        if report.self_handled:
            principal.require(f"{Action.SELF_HANDLE} a case", *STEPS[Action.SELF_HANDLE][2])
        self._check(report)
        category, place = self._site.catalogue.reportable(report.category), self._site.place(report.lonlat)
        condition = category.condition(report.condition)
        self._require_grid(principal, place)
        variance_m2 = (report.error_m / ELLIPSE_95) ** 2
        receipt = new_receipt()
        notice = Notice(
            channel=report.channel,
            category=category,
            lonlat=report.lonlat,
            cov_m2=(variance_m2, 0.0, variance_m2),
            error_m=report.error_m,
            place=place,
            mode=self._mode(report),
            first_seen_at=report.occurred_at,
            seen_at=report.occurred_at,
            description=report.description,
            urgency=urgency(
                category,
                channel=report.channel,
                condition=condition,
                hazard=report.hazard,
                ticket_urgent=report.ticket is not None and report.ticket.urgent,
            ),
            condition=report.condition,
            ticket_due=report.ticket.due_at if report.ticket else None,
            pictures=keep_picture(report, self._evidence, receipt=receipt),
            self_handled=report.self_handled,
        )
        claimant = claimant_of(report, self._site.settings.points, self._phones)

        def work(tx: Transaction) -> Taken:
            entered = self._entered(principal)
            known = require_room(tx, report, self._site.settings.channels, now=entered.now)
            if known is not None:
                return known
            listed = self.applied.newest(tx, otherwise=self._site.catalogue)
            listed.reportable(report.category).condition(report.condition)  # another process may have deleted them
            taken = admit(tx, notice, site=self._site, entered=entered)
            noted = receive(tx, report, taken, receipt=receipt, by=principal.name, now=entered.now)
            if claimant is not None and noted.number is not None:
                put_in(tx, claimant, receipt=receipt, case=noted.number, now=entered.now)
            return noted

        return self._casebook.write(work, near=[near(notice)])

    def act(
        self,
        number: str,
        action: Action,
        *,
        principal: Principal,
        note: str = "",
        terminal: str | None = None,
        lonlat: LonLat | None = None,
        pictures: tuple[str, ...] = (),
        more: float | None = None,
    ) -> Case:
        """Take a step on a case and return the case after it.

        A dispatch without terminal decides by itself; what is filed or declined is offered (to the next) in the same
        transaction. `lonlat` is where the actor was, `pictures` names pictures of the case that show what was done,
        `more` the extension asked for in the unit of the case's deadline.

        Raises:
            UnknownError: no such case among the principal's, or no such terminal.
            IllegalStepError, NotYourCaseError, ReasonMissingError, RefusedError: see `cases.step` and `take_step`.
            LimitError, CoordinateError: a value is out of bounds.
        """
        bound_words("note", note)
        if lonlat is not None:
            checked_lonlat(np.array([lonlat], dtype=np.float64))
        if terminal is not None and action is not Action.DISPATCH:
            raise LimitError("terminal", terminal, f"none, since {action} names no terminal; only dispatch does")

        def work(tx: Transaction) -> Case:
            entered, case = self._entered(principal), visible(tx, number, principal)
            if action is Action.DISPATCH:
                return self._dispatch(tx, case, terminal, entered=entered, note=note)
            ask = Ask(action=action, note=note, lonlat=lonlat, pictures=pictures, more=more)
            return take_step(tx, case, ask, site=self._site, entered=entered)

        return self._casebook.write(work)

    def move(self, terminal: str, lonlat: LonLat, *, at: datetime, principal: Principal) -> bool:
        """Store where a terminal is; tells whether it was newer than what was known.

        Raises:
            RefusedError: the principal may not speak for this terminal.
            UnknownError: nobody carries it.
            CoordinateError, LimitError: the place is none, or its time lies in the future.
        """
        principal.require("report a position", Role.FORCE, *_MANAGERS)
        self._require_terminal(principal, terminal)
        checked_lonlat(np.array([lonlat], dtype=np.float64))
        at = utc(at, field="at")
        self._require_past("at", at)
        return self._casebook.write(lambda tx: tx.save_position(terminal, lonlat, at, ahead=self._latest()))

    def move_all(self, moves: Sequence[Moved], *, principal: Principal) -> int:
        """Store where many terminals are, as a gateway gathers them; returns how many were newer than what was known.

        All of them or none.

        Raises:
            RefusedError: the principal may not speak for terminals.
            UnknownError: nobody carries one of them.
            CoordinateError, LimitError: a place is none, a time lies in the future, or there are more than 10,000.
        """
        principal.require("report positions", *_MANAGERS, Role.INGEST)
        if len(moves) > MOST_MOVES:
            raise LimitError("moves", len(moves), f"{MOST_MOVES} at most; send them in parts")
        if not moves:
            return 0
        known = self._site.roll.row_of
        unknown = next((each.terminal for each in moves if each.terminal not in known), None)
        if unknown is not None:
            raise UnknownError("terminal", unknown, sorted(known))
        checked_lonlat(np.array([each.lonlat for each in moves], dtype=np.float64))
        heard = [(each.terminal, each.lonlat, utc(each.at, field="at")) for each in moves]
        self._require_past("at", max(at for _, _, at in heard))
        return self._casebook.write(lambda tx: tx.save_positions(heard, ahead=self._latest()))

    def queue(self, terminal: str, *, principal: Principal) -> tuple[Case, ...]:
        """Return what a terminal holds: urgent cases first, then those offered earlier.

        Raises:
            RefusedError: the principal may not see this terminal's queue.
            UnknownError: nobody carries it.
        """
        principal.require("see a queue", Role.FORCE, *_MANAGERS, Role.ANALYST)
        self._require_terminal(principal, terminal)
        page = self._casebook.cases(CaseFilter(statuses=ON_TERMINAL, terminal=terminal, limit=_PAGE))
        mine = (case for case in page.cases if _may_see(principal, case))
        return tuple(sorted(mine, key=lambda case: (not case.urgent, case.updated_at, case.number)))

    def pass_over(self) -> list[str]:
        """See `Rounds.pass_over`."""
        return self._rounds.pass_over()

    def retry_undispatched(self) -> list[str]:
        """See `Rounds.retry_undispatched`."""
        return self._rounds.retry_undispatched()

    def _dispatch(self, tx: Transaction, case: Case, terminal: str | None, *, entered: Entered, note: str) -> Case:
        # Asked before anybody is looked for: an illegal dispatch must not be answered with "no terminal".
        step(case, Action.DISPATCH, principal=entered.by, note=note, now=entered.now)
        if terminal is None:
            return offer(tx, case, site=self._site, entered=entered, note=note)[0]
        return assign(tx, case, terminal, site=self._site, entered=entered, note=note)[0]

    def _pass_by(self, sighting: Sighting, state: CameraState | None, *, reason: str) -> Taken:
        """Remember a sighting outside the site; nothing becomes of it."""

        def work(tx: Transaction) -> Taken:
            known = _note_state(tx, sighting, state)
            if known is None:
                tx.add_sighting(sighting.id, case=None, camera=sighting.camera, captured_at=sighting.captured_at)
            return known or Taken(outcome="ignore", number=None, reason=reason, dispatch=None)

        return self._casebook.write(work)

    def _pictures(self, sighting: Sighting, *, sealed: bool) -> tuple[Evidence, ...]:
        """Put a sighting's pictures in their places, unless it was taken before; rows follow in the transaction."""
        if self._casebook.has_sighting(sighting.id):
            return ()
        return tuple(
            self._stored(view, camera=sighting.camera, sighting=sighting.id, mark=str(index), sealed=sealed)
            for index, view in enumerate(sighting.views)
        )

    def _stored(self, view: View, *, camera: str, sighting: str, mark: str, sealed: bool = True) -> Evidence:
        """Put a picture, and its sealed original where the site keeps it, in their places."""
        file = self._evidence.put(view, camera=camera, sighting=sighting)
        keeps = sealed and self._site.settings.evidence.originals is KeptOriginals.SEALED
        original = self._evidence.seal(view, camera=camera, sighting=sighting) if keeps else None
        return Evidence(
            id=ident_of(sighting, mark),
            case="",
            sighting=sighting,
            label=view.label,
            path=file.path,
            sha256=file.sha256,
            captured_at=utc(view.captured_at, field="captured_at"),
            original_path=original.path if original else "",
            original_sha256=original.sha256 if original else "",
            seen=view.seen,
        )

    def _entered(self, principal: Principal) -> Entered:
        return Entered(by=principal, now=self._clock.now())

    def _mode(self, report: Report) -> Mode:
        # What was handled on the spot is not verified first: the check comes after the handling.
        waits = report.channel in self._site.settings.channels.verify and not report.self_handled
        return Mode.CONFIRM if waits else Mode.AUTO

    def _level(self, asked: Asking, sighting: Sighting) -> Mode:
        """Return how far a sighting is trusted: as its scene is there, and no further than a second look allows."""
        return capped(level_of(asked, self._site, sighting.camera, sighting.scene), sighting.checked)

    def _scene(self, code: str) -> Scene:
        if code not in self._site.scenes:
            raise UnknownError("scene", code, sorted(self._site.scenes))
        return self._site.scenes[code]

    def _check(self, report: Report) -> None:
        bound_words("description", report.description)
        bound_words("contact", report.contact)
        bound_words("self_handled", report.self_handled)
        require_phone(report.phone)
        if not (math.isfinite(report.error_m) and 0.0 < report.error_m <= WORST_ERROR_M):
            raise LimitError("error_m", report.error_m, f"more than 0 and at most {WORST_ERROR_M:.0f}")
        self._require_past("occurred_at", report.occurred_at)

    def _require_past(self, field: str, at: datetime) -> None:
        if at > self._latest():
            now = self._clock.now().isoformat()
            raise LimitError(field, at.isoformat(), f"no later than now, {now}; set the device's clock")

    def _latest(self) -> datetime:
        """Return until when something that has happened may be dated."""
        return self._clock.now() + CLOCK_SLACK

    def _require_grid(self, principal: Principal, place: Place) -> None:
        if principal.grids is not None and place.grid not in principal.grids:
            raise NotYourGridError(principal.name, place.grid, principal.grids)

    def _require_terminal(self, principal: Principal, terminal: str) -> None:
        if principal.role is Role.FORCE and principal.terminal != terminal:
            raise NotYourTerminalError(principal.name, terminal, principal.terminal)
        carriers = self._site.roll.row_of
        if terminal not in carriers:
            raise UnknownError("terminal", terminal, sorted(carriers))


def _note_state(tx: Transaction, sighting: Sighting, state: CameraState | None) -> Taken | None:
    """Store the camera's state; returns the answer if the sighting was taken before."""
    if state is not None:
        tx.save_camera_state(state)
    if not tx.has_sighting(sighting.id):
        return None
    return Taken(outcome="ignore", number=None, reason=f"sighting {sighting.id} was taken before", dispatch=None)


def visible(book: Asking, number: str, principal: Principal) -> Case:
    """Return a case among the principal's rows.

    Raises:
        UnknownError: there is none; what lies outside does not exist.
    """
    case = book.case(number)
    if not _may_see(principal, case):
        raise UnknownError("case", number)
    return case


def _may_see(principal: Principal, case: Case) -> bool:
    """Tell whether a case is among the principal's rows: in its grids, with its own terminal, or its liaison's."""
    holds = principal.terminal is not None and principal.terminal in {case.terminal, *case.liaisons}
    return principal.grids is None or case.grid in principal.grids or holds
