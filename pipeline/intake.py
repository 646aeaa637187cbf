"""Intake: whether a sighting or report opens a case, belongs to one, or is ignored. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A problem nobody knew of: open a case."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """The same problem as an open case: add the evidence to it."""

    number: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """Nothing to do: already taken, in shadow, or outside the site."""

    reason: str


Intake = Open | Attach | Ignore
