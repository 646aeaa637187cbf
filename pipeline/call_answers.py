"""How terminals answer offers in a replay: as they did on record, else by chance that hangs on call and terminal alone.

Chance comes from a digest of names, not from a stream, so that a call is answered the same whoever is asked before.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

from pipeline.dispatch_replay import Answer

_WHOLE: Final = float(2**64)
_NORMAL: Final = NormalDist()


def chance(*names: object) -> float:
    """Return a number above 0 and below 1 that names decide."""
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=8).digest()
    return (int.from_bytes(digest) + 0.5) / _WHOLE


def lognormal_s(median_s: float, spread: float, *names: object) -> float:
    """Return a time whose logarithm is normal around a median's, decided by names."""
    return median_s * math.exp(spread * _NORMAL.inv_cdf(chance(*names)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswers:
    """How each terminal answers offers of one call.

    Attributes:
        name: of the call and the seed: decides chance.
        after_s: how long an answer takes; the median where it differs between terminals.
        spread: of the logarithm of an answer's time, from terminal to terminal.
        declines, ignores: shares of terminals.
        known: answers on record, by terminal.
    """

    name: str
    after_s: float
    spread: float = 0.0
    declines: float = 0.0
    ignores: float = 0.0
    known: Mapping[str, Answer] = field(default_factory=dict)

    def __call__(self, terminal: str) -> Answer:
        """Return a terminal's answer."""
        if terminal in self.known:
            return self.known[terminal]
        drawn = chance(self.name, terminal)
        if drawn < self.ignores:
            return Answer(after_s=None, accepts=False)
        after_s = lognormal_s(self.after_s, self.spread, self.name, terminal, "answer") if self.spread else self.after_s
        return Answer(after_s=after_s, accepts=drawn >= self.ignores + self.declines)
