"""What a site keeps of pictures and how it trusts its scenes: the tables `[evidence]` and `[trust]` of `site.toml`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pipeline.fields import Fields
from pipeline.trust import TrustPolicy

_MOST_DAYS: Final = 3650.0
_LONGEST_AFTER_S: Final = 3600.0


class Originals(StrEnum):
    """What becomes of frames as they came, neither blurred nor drawn on."""

    SEALED = "sealed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePolicy:
    """What is kept of pictures, and for how long.

    Attributes:
        originals: sealed, or not kept at all.
        after_s: frame time from a sighting to its picture "after"; 0 takes none.
        keep_days: pictures of ended cases older than this are erased.
        keep_originals_days: sealed originals are erased after this already, whether or not their case has ended.
    """

    originals: Originals = Originals.SEALED
    after_s: float = 10.0
    keep_days: float = 180.0
    keep_originals_days: float = 30.0


def read_evidence(fields: Fields) -> EvidencePolicy:
    """Return what `[evidence]` says."""
    fields.only(EvidencePolicy.__dataclass_fields__)
    keep_days = fields.number("keep_days", low=1, high=_MOST_DAYS, default=180)
    return EvidencePolicy(
        originals=fields.choice("originals", Originals, default=Originals.SEALED),
        after_s=fields.number("after_s", low=0, high=_LONGEST_AFTER_S, default=10),
        keep_days=keep_days,
        keep_originals_days=fields.number("keep_originals_days", low=1, high=keep_days, default=min(30.0, keep_days)),
    )


def read_trust(fields: Fields) -> TrustPolicy:
    """Return what `[trust]` says; a level is left below where it was entered."""
    fields.only(TrustPolicy.__dataclass_fields__)
    usual = TrustPolicy()
    policy = TrustPolicy(
        moves=fields.flag("moves", default=usual.moves),
        least=fields.whole("least", low=5, high=200, default=usual.least),
        confirm_from=fields.number("confirm_from", low=0, high=1, default=usual.confirm_from),
        auto_from=fields.number("auto_from", low=0, high=1, default=usual.auto_from),
        confirm_below=fields.number("confirm_below", low=0, high=1, default=usual.confirm_below),
        auto_below=fields.number("auto_below", low=0, high=1, default=usual.auto_below),
    )
    for level in ("confirm", "auto"):
        if getattr(policy, f"{level}_below") >= getattr(policy, f"{level}_from"):
            fields.fault(f"{level}_below", f"must be less than {level}_from, or levels would go up and down by turns")
    return policy
