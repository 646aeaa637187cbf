"""Verdicts: carries outcomes into the trust ladder inside a write transaction, and tells on which level a scene is."""

from collections.abc import Iterable

from pipeline.casebook import Asking, Transaction
from pipeline.cases import Action, Case, Status
from pipeline.offers import Entered
from pipeline.principal import Role
from pipeline.scenes import Mode
from pipeline.site import Site
from pipeline.trust import NEWEST_COUNT, Move, Outcome, Standing, decide, standing

HANDLED, FILED = "handled", "filed-by-desk"


def start_of(site: Site, camera: str, scene: str) -> Mode:
    """Return where a scene begins at a camera: by the camera's own setting, else by the scene's."""
    known = site.cameras.get(camera)
    own = next((each.mode for each in known.scenes if each.scene == scene), None) if known is not None else None
    return own or site.scenes[scene].mode


def standing_of(asked: Asking, site: Site, camera: str, scene: str) -> Standing:
    """Return how a scene stands at a camera."""
    newest = asked.newest_move(camera, scene)
    since = None if newest is None else newest.at
    confirmed, false = asked.outcome_counts(camera, scene, since=since, most=NEWEST_COUNT)
    start = start_of(site, camera, scene)
    return standing(camera, scene, start=start, newest=newest, confirmed=confirmed, false=false)


def level_of(asked: Asking, site: Site, camera: str, scene: str) -> Mode:
    """Return the level of a scene at a camera."""
    newest, start = asked.newest_move(camera, scene), start_of(site, camera, scene)
    return newest.level if newest is not None and newest.start is start else start


def note_step(tx: Transaction, before: Case, action: Action, *, site: Site, entered: Entered) -> None:
    """Take a step for a word on those who saw the case: handled in the street, or filed by a person at the desk.

    Rejecting and sending back say nothing here, since they have many reasons; `Feedback` says that it was false.
    """
    if action in {Action.DONE, Action.SELF_HANDLE}:
        judge(tx, before.number, tx.seen_by(before.number), confirmed=True, reason=HANDLED, site=site, entered=entered)
    waited = action is Action.FILE and before.status in {Status.REPORTED, Status.VERIFIED}
    if waited and entered.by.role is not Role.SYSTEM:
        judge(tx, before.number, tx.seen_by(before.number), confirmed=True, reason=FILED, site=site, entered=entered)


def judge(
    tx: Transaction,
    subject: str,
    pairs: Iterable[tuple[str, str]],
    *,
    confirmed: bool,
    reason: str,
    site: Site,
    entered: Entered,
) -> None:
    """Store what became of something for each camera and scene that saw it, and move the levels that it moves."""
    for camera, scene in pairs:
        outcome = Outcome(
            subject=subject,
            camera=camera,
            scene=scene,
            confirmed=confirmed,
            reason=reason,
            actor=entered.by.name,
            at=entered.now,
        )
        tx.save_outcome(outcome)
        if scene in site.scenes and camera in site.cameras:
            _consider(tx, camera, scene, site=site, entered=entered)


def _consider(tx: Transaction, camera: str, scene: str, *, site: Site, entered: Entered) -> None:
    now = standing_of(tx, site, camera, scene)
    moved = decide(now, site.settings.trust)
    if moved is None:
        return
    level, reason = moved
    move = Move(
        camera=camera, scene=scene, level=level, start=now.start, actor="trust ladder", reason=reason, at=entered.now
    )
    tx.add_move(move)
