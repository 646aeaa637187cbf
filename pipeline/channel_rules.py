"""What `site.toml` says of channels: which ones wait for verification, and how much the public may send."""

from dataclasses import dataclass

from pipeline.cases import Channel
from pipeline.fields import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRules:
    """Rules of the channels.

    Attributes:
        verify: what comes through these waits until somebody verifies it, before it is filed.
        place_per_hour, all_per_hour: how many public reports are taken by one printed place, and by all together.
    """

    verify: frozenset[Channel] = frozenset({Channel.PUBLIC})
    place_per_hour: int = 20
    all_per_hour: int = 1000


def read_channels(fields: Fields) -> ChannelRules:
    """Return what `[channels]` says."""
    fields.only(ChannelRules.__dataclass_fields__)
    usual = ChannelRules()
    named = fields.texts("verify") if "verify" in fields.table else sorted(usual.verify)
    known = {channel.value for channel in Channel} - {Channel.INTELLIGENT.value}
    for name in named:
        if name not in known:
            fields.fault("verify", f"has {name!r}, expected channels among {', '.join(sorted(known))}")
    return ChannelRules(
        verify=frozenset(Channel(name) for name in named if name in known),
        place_per_hour=fields.whole("place_per_hour", low=1, high=10_000, default=usual.place_per_hour),
        all_per_hour=fields.whole("all_per_hour", low=1, high=1_000_000, default=usual.all_per_hour),
    )
