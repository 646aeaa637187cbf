"""How much a casebook holds of what, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a casebook holds at one moment.

    Attributes:
        cases: by status, those merged into others left out.
        urgent_open: urgent cases that are not ended.
        offers_open: cases that were offered and not answered.
        clocks: running duty clocks by name; `clocks_due` are those of which a step is to come.
        faults: camera and fault of each spell that lasts.
        waiting: messages that have not left.
    """

    cases: Mapping[str, int]
    urgent_open: int
    offers_open: int
    clocks: Mapping[str, int]
    clocks_due: Mapping[str, int]
    faults: tuple[tuple[str, str], ...]
    waiting: int
