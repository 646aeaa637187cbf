"""Anchors: each hour a digest over the newest event of every case that moved, chained to the anchor before. Pure.

A case that did not move is covered by the anchor of the hour in which it last did, so the newest anchor stands for all
heads. Whoever rewrites a case's chain afterwards must rewrite every anchor since; one that was written down elsewhere
(each leaves through the outbox) cannot be rewritten.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from pipeline.casebook import Asking, OutboxMessage, Transaction
from pipeline.duty_book import Anchor
from pipeline.history import canonical

MOST_EVENTS: Final = 20_000
"""Events an anchor covers at most, so that a long pause does not hold the writers up: more anchors follow at once."""
MESSAGE: Final = "anchor"


def anchor_digest(anchor: Anchor, heads: Sequence[tuple[str, str]]) -> str:
    """Return the SHA-256 of an anchor and the heads that it stands for, in hexadecimal."""
    content = {
        "number": anchor.number,
        "at": anchor.at.isoformat(timespec="microseconds"),
        "first": anchor.first,
        "last": anchor.last,
        "heads": [list(head) for head in heads],
        "previous": anchor.previous,
    }
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def is_due(newest: Anchor | None, now: datetime) -> bool:
    """Tell whether another hour has begun since the newest anchor; a clock that went backwards counts as another."""
    return newest is None or _hour(newest.at) != _hour(now)


def next_anchor(book: Asking, now: datetime) -> Anchor | None:
    """Return the anchor over what happened since the newest one; None when nothing did."""
    newest = book.newest_anchor()
    first = 1 if newest is None else newest.last + 1
    last = min(book.newest_sequence(), first + MOST_EVENTS - 1)
    if last < first:
        return None
    heads = book.heads(first, last)
    anchor = Anchor(
        number=1 if newest is None else newest.number + 1,
        at=now,
        first=first,
        last=last,
        heads=len(heads),
        previous="" if newest is None else newest.digest,
    )
    return replace(anchor, digest=anchor_digest(anchor, heads))


def drop_anchor(tx: Transaction, now: datetime) -> Anchor | None:
    """Store the next anchor and send it out; None when nothing happened since the newest one."""
    anchor = next_anchor(tx, now)
    if anchor is not None:
        tx.add_anchor(anchor)
        payload = {"number": anchor.number, "last": anchor.last, "digest": anchor.digest, "at": now.isoformat()}
        key = f"{MESSAGE}/{anchor.number}"
        tx.enqueue(OutboxMessage(key=key, kind=MESSAGE, target=MESSAGE, payload=payload, created_at=now))
    return anchor


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
