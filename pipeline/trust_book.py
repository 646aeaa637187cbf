"""What storage must keep for the trust ladder: outcomes, moves and trials, as Protocols beside `casebook`'s own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from geo.coords import LonLat
from pipeline.trust import Move, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPicture:
    """A stored picture of a trial; its path is empty once it was erased."""

    label: str
    path: str
    sha256: str
    captured_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a scene in shadow found: recorded, and nobody was called.

    Attributes:
        id: of the sighting.
        judged_at: when somebody said whether it was right; None before.
    """

    id: str
    camera: str
    scene: str
    grid: str
    lonlat: LonLat
    error_m: float
    captured_at: datetime
    pictures: tuple[TrialPicture, ...] = ()
    judged_at: datetime | None = None


class TrustReading(Protocol):
    """What can be asked."""

    def newest_move(self, camera: str, scene: str) -> Move | None:
        """Return the newest change of level of a scene at a camera."""
        ...

    def moves(self, *, camera: str | None = None, limit: int = 100) -> Sequence[Move]:
        """Return changes of level, newest first."""
        ...

    def outcome_counts(self, camera: str, scene: str, *, since: datetime | None, most: int) -> tuple[int, int]:
        """Return how many of the newest outcomes after a moment were confirmed, and how many false."""
        ...

    def outcomes(self) -> Sequence[Outcome]:
        """Return all outcomes, oldest first."""
        ...

    def seen_by(self, number: str) -> Sequence[tuple[str, str]]:
        """Return the cameras and scenes whose sightings a case holds, or the cases merged into it."""
        ...

    def trial(self, ident: str) -> Trial:
        """Return a trial by its id; raises `UnknownError`."""
        ...

    def trials(self, *, grids: frozenset[str] | None = None, judged: bool = False, limit: int = 100) -> Sequence[Trial]:
        """Return trials that wait for a verdict, or those that have one, newest first."""
        ...

    def count_trials(self) -> Mapping[tuple[str, str], int]:
        """Return how many trials wait for a verdict, by camera and scene."""
        ...

    def old_trials(self, before: datetime, *, limit: int = 500) -> Sequence[Trial]:
        """Return trials of before a moment whose pictures are there still, oldest first."""
        ...


class TrustWriting(TrustReading, Protocol):
    """What can be changed, within a write."""

    def save_outcome(self, outcome: Outcome) -> None:
        """Store what became of something; a later word that differs takes the place of the one before."""
        ...

    def add_move(self, move: Move) -> None:
        """Store a change of level."""
        ...

    def save_trial(self, trial: Trial) -> None:
        """Store a trial, or what has changed of it: its pictures and when it was judged."""
        ...
