"""The shapes of requests and answers about trust, trials, false cases, merging and originals."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from api.schemas import Asked, CaseOut, Code, Note
from pipeline.scenes import Mode
from pipeline.trust import FalseReason
from pipeline.trust_book import Trial
from pipeline.trust_desk import Trusted

Reason = Annotated[str, Field(min_length=2, max_length=300)]


class TrustOut(Asked):
    """How a scene stands at a camera: its level, and the precision since it was entered with its 95 % interval."""

    camera: str
    scene: str
    grid: str | None
    level: Mode
    start: Mode
    since: datetime | None
    confirmed: int
    false: int
    precision: float | None
    low: float
    high: float
    trials: int

    @classmethod
    def of(cls, each: Trusted) -> Self:
        """Return a standing as it is sent."""
        now, share = each.standing, each.standing.precision
        return cls(
            camera=now.camera,
            scene=now.scene,
            grid=each.grid,
            level=now.level,
            start=now.start,
            since=now.since,
            confirmed=share.count,
            false=share.of - share.count,
            precision=share.value,
            low=share.low,
            high=share.high,
            trials=each.trials,
        )


class TrustsOut(Asked):
    """Every scene at every camera in reach. Precision = confirmed / (confirmed + false); the interval is Wilson's."""

    scenes: list[TrustOut]


class LevelIn(Asked):
    """The level that a scene at a camera is put on, and why."""

    level: Mode
    reason: Reason


class TrialPictureOut(Asked):
    """A picture of a trial; without `href` it has been erased."""

    label: str
    sha256: str
    captured_at: datetime
    href: str | None


class TrialOut(Asked):
    """What a scene in shadow found: recorded, and nobody was called."""

    id: str
    camera: str
    scene: str
    grid: str
    lon: float
    lat: float
    error_m: float
    captured_at: datetime
    judged_at: datetime | None
    pictures: list[TrialPictureOut]

    @classmethod
    def of(cls, trial: Trial) -> Self:
        """Return a trial as it is sent."""
        return cls(
            id=trial.id,
            camera=trial.camera,
            scene=trial.scene,
            grid=trial.grid,
            lon=trial.lonlat.lon,
            lat=trial.lonlat.lat,
            error_m=trial.error_m,
            captured_at=trial.captured_at,
            judged_at=trial.judged_at,
            pictures=[
                TrialPictureOut(
                    label=each.label,
                    sha256=each.sha256,
                    captured_at=each.captured_at,
                    href=f"/api/v1/trials/{trial.id}/pictures/{place}" if each.path else None,
                )
                for place, each in enumerate(trial.pictures)
            ],
        )


class TrialsOut(Asked):
    """Trials, newest first."""

    trials: list[TrialOut]


class VerdictIn(Asked):
    """Whether what a scene in shadow found was a problem; a false one needs a reason."""

    confirmed: bool
    reason: FalseReason | None = None


class FalseIn(Asked):
    """Why a case was no problem."""

    reason: FalseReason
    note: Note = ""


class MergeIn(Asked):
    """The case that stays, and why both are one."""

    into: Code
    reason: Reason


class ReasonIn(Asked):
    """Why something is done."""

    reason: Reason


class SplitIn(Asked):
    """Which entries of a case's history become a case of their own, by sequence number, and why."""

    entries: Annotated[list[int], Field(min_length=1, max_length=100)]
    reason: Reason


class AlikeOut(Asked):
    """Cases."""

    cases: list[CaseOut]


class SplitOut(Asked):
    """A case after a split, and the new one."""

    case: CaseOut
    new: CaseOut
