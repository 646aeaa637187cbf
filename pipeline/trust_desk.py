"""The desk's side of the trust ladder: levels with their intervals, trials to judge, and "it was false", with why."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from pipeline.casebook import AlreadyTakenError, Asking, Casebook, LimitError, Transaction
from pipeline.cases import STEPS, Action, Case, Status, step
from pipeline.clock_keeping import go_on
from pipeline.clock_steps import fire_due_of
from pipeline.clocks import Clock
from pipeline.consequences import consequences
from pipeline.errors import PipelineError, UnknownError
from pipeline.offers import Entered, enter, withdraw
from pipeline.principal import Principal, Role
from pipeline.scenes import Mode
from pipeline.site import Site
from pipeline.trust import FalseReason, Move, Standing
from pipeline.trust_book import Trial
from pipeline.verdicts import judge, standing_of, start_of
from pipeline.whereabouts import place_of

FEEDBACK: Final = "feedback"
_OVERSEERS: Final = (Role.DISPATCHER, Role.ADMIN, Role.ANALYST)
_DESK: Final = (Role.DISPATCHER, Role.ADMIN)
_SHORTEST_REASON: Final = 2
_MOST_REASON: Final = 300
_ENDED_FALSE: Final = frozenset({Status.REFUSED, Status.VOID})


class FalseReasonMissingError(PipelineError):
    """Somebody says that a trial was false and not why."""

    def __init__(self, trial: str) -> None:
        super().__init__(f"trial {trial} is called false without a reason; give one of {', '.join(FalseReason)}")


class NothingToJudgeError(PipelineError):
    """A case that has been refused or is void is called false."""

    def __init__(self, number: str, status: Status) -> None:
        super().__init__(f"case {number} is {status}; whether it was false was decided then")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A scene at a camera: where it stands, and how many trials wait for a verdict."""

    standing: Standing
    grid: str | None
    trials: int


class TrustDesk:
    """What may be asked of the trust ladder; see `Desk`, whose transactions and clock it shares."""

    def __init__(self, *, site: Site, casebook: Casebook, clock: Clock, visible: "Visible") -> None:
        self._site, self._casebook, self._clock, self._visible = site, casebook, clock, visible

    def levels(self, *, principal: Principal) -> tuple[Trusted, ...]:
        """Return every scene at every camera in reach, by camera.

        Raises:
            RefusedError: the principal may not.
        """
        principal.require("read how scenes are trusted", *_OVERSEERS)

        def work(asked: Asking) -> tuple[Trusted, ...]:
            waiting = asked.count_trials()
            return tuple(
                Trusted(
                    standing=standing_of(asked, self._site, camera, scene),
                    grid=grid,
                    trials=waiting.get((camera, scene), 0),
                )
                for camera, grid in self._cameras(principal)
                for scene in dict.fromkeys(each.scene for each in self._site.cameras[camera].scenes)
            )

        return self._casebook.read(work)

    def set_level(self, camera: str, scene: str, level: Mode, *, reason: str, principal: Principal) -> Standing:
        """Put a scene at a camera on a level; its outcomes are counted anew from now.

        Raises:
            RefusedError: the principal is no administrator.
            UnknownError: there is no such camera in reach, or no such scene there.
            LimitError: the reason is missing or too long.
        """
        principal.require("set how a scene is trusted", Role.ADMIN)
        if not _SHORTEST_REASON <= len(reason.strip()) <= _MOST_REASON:
            raise LimitError("reason", f"{len(reason)} characters", f"{_SHORTEST_REASON} to {_MOST_REASON}")
        if camera not in (code for code, _ in self._cameras(principal)):
            raise UnknownError("camera", camera)
        here = sorted({each.scene for each in self._site.cameras[camera].scenes})
        if scene not in here:
            raise UnknownError(f"scene at camera {camera}", scene, here)
        move = Move(
            camera=camera,
            scene=scene,
            level=level,
            start=start_of(self._site, camera, scene),
            actor=principal.name,
            reason=reason.strip(),
            at=self._clock.now(),
        )

        def work(tx: Transaction) -> Standing:
            tx.add_move(move)
            return standing_of(tx, self._site, camera, scene)

        return self._casebook.write(work)

    def trials(self, *, principal: Principal, judged: bool = False, limit: int = 100) -> tuple[Trial, ...]:
        """Return what scenes in shadow found, newest first.

        Raises:
            RefusedError: the principal may not.
        """
        principal.require("read trials", *_OVERSEERS)
        return tuple(self._casebook.read(lambda asked: asked.trials(grids=principal.grids, judged=judged, limit=limit)))

    def trial(self, ident: str, *, principal: Principal) -> Trial:
        """Return a trial.

        Raises:
            RefusedError: the principal may not.
            UnknownError: there is none of that id in reach.
        """
        principal.require("read trials", *_OVERSEERS)
        return self._in_reach(self._casebook.read(lambda asked: asked.trial(ident)), principal)

    def judge_trial(
        self, ident: str, *, confirmed: bool, reason: FalseReason | None = None, principal: Principal
    ) -> Trial:
        """Say whether what a scene in shadow found was a problem; a false one needs a reason.

        Raises:
            RefusedError: the principal may not.
            UnknownError: there is none of that id in reach.
            AlreadyTakenError: it was judged before.
            FalseReasonMissingError: false, and no reason.
        """
        principal.require("judge a trial", *_DESK)
        if not confirmed and reason is None:
            raise FalseReasonMissingError(ident)

        def work(tx: Transaction) -> Trial:
            trial, entered = self._in_reach(tx.trial(ident), principal), self._entered(principal)
            if trial.judged_at is not None:
                raise AlreadyTakenError("verdict on trial", ident)
            judged = replace(trial, judged_at=entered.now)
            tx.save_trial(judged)
            judge(
                tx,
                ident,
                [(trial.camera, trial.scene)],
                confirmed=confirmed,
                reason="" if reason is None or confirmed else reason.value,
                site=self._site,
                entered=entered,
            )
            return judged

        return self._casebook.write(work)

    def say_false(self, number: str, reason: FalseReason, *, note: str = "", principal: Principal) -> Case:
        """Say that a case was no problem: a force sends it back to the desk, the desk refuses it.

        Where the case has gone too far for that, or came back once and so may not be sent back again, its history says
        so and its step stays. In any case the scenes that saw it are told.

        Raises:
            RefusedError: the principal may not.
            UnknownError: there is no such case in reach.
            IllegalStepError, NotYourCaseError: a force does not hold it, or has not accepted it.
            NothingToJudgeError: the case is refused or void.
        """
        principal.require("say that a case was false", Role.FORCE, *_DESK)

        def work(tx: Transaction) -> Case:
            case, entered = self._visible(tx, number, principal), self._entered(principal)
            if case.status in _ENDED_FALSE:
                raise NothingToJudgeError(number, case.status)
            after = self._after_false(tx, case, reason, note=note, entered=entered)
            judge(
                tx,
                number,
                tx.seen_by(number),
                confirmed=False,
                reason=reason.value,
                site=self._site,
                entered=entered,
            )
            return after

        return self._casebook.write(work)

    def _after_false(self, tx: Transaction, case: Case, reason: FalseReason, *, note: str, entered: Entered) -> Case:
        action = Action.RETURN if entered.by.role is Role.FORCE else Action.REJECT
        details: dict[str, object] = {"verdict": "false", "false_reason": reason.value}
        details |= {"note": note} if note else {}
        details |= {"terminal": case.terminal} if case.terminal else {}
        details |= place_of(tx, None, site=self._site, entered=entered)
        case = fire_due_of(tx, case, site=self._site, now=entered.now)
        begun = case.status in STEPS[action][0]
        # Who got a case that came back once may not push it on; they hold it until the desk decides.
        stays = case.bound and begun and case.terminal == entered.by.terminal if action is Action.RETURN else not begun
        if stays:
            noted = replace(case, version=case.version + 1)
            enter(tx, noted, FEEDBACK, entered=entered, details=details)
            return noted
        after = step(case, action, principal=entered.by, note=note or reason.value, now=entered.now)
        if action is Action.RETURN:
            details |= go_on(tx, after, entered.now, site=self._site)
            after = consequences(after, action.value, details)
        enter(tx, after, action.value, entered=entered, details=details)
        if entered.by.terminal != case.terminal:
            withdraw(tx, before=case, after=after, now=entered.now)
        return after

    def _cameras(self, principal: Principal) -> list[tuple[str, str | None]]:
        """Return the cameras in reach with their grids."""
        codes = sorted(self._site.cameras)
        if not codes:
            return []
        grids = self._site.places(np.array([self._site.cameras[code].lonlat for code in codes]))[0]
        pairs = zip(codes, grids, strict=True)
        return [(code, grid) for code, grid in pairs if principal.grids is None or grid in principal.grids]

    def _in_reach(self, trial: Trial, principal: Principal) -> Trial:
        if principal.grids is not None and trial.grid not in principal.grids:
            raise UnknownError("trial", trial.id)
        return trial

    def _entered(self, principal: Principal) -> Entered:
        return Entered(by=principal, now=self._clock.now())


Visible = Callable[[Asking, str, Principal], Case]
"""Gives a case by number if the principal may see it, else raises `UnknownError`."""
