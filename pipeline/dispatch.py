"""Dispatch: which terminal gets a case, and why not each nearer one. Pure; `desk` applies the decision."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A candidate that did not get the case, with the reason."""

    terminal: str
    distance_m: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """The case goes to this terminal."""

    terminal: str
    distance_m: float
    grid: str
    reason: str
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTerminal:
    """Nobody may take the case now; every candidate with its reason."""

    reason: str
    skipped: tuple[Skipped, ...]
