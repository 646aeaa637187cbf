"""Claims to points: made when a public report comes in, decided once its problem is verified.

Deciding is pure; `settle` carries decisions into the ledger, from the casebook's own sequence of events: a process that
dies loses nothing, and since each decision is stored with its entry, nothing is earned twice.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from geo.metric import distance_m
from pipeline.appeals import UPHELD
from pipeline.casebook import Asking, Transaction
from pipeline.cases import Case, Channel, Status
from pipeline.phone_marks import PhoneMarks
from pipeline.picture_hash import bits_apart, looks_of
from pipeline.points_book import ISSUE, Claim, ClaimState, LedgerEntry, LedgerKind, PointAccount, Why
from pipeline.points_policy import PointsPolicy
from pipeline.reports import Received, Report
from pipeline.site import Site

BATCH: Final = 500
_UNVERIFIED: Final = frozenset({Status.REPORTED, Status.REFUSED, Status.VOID})
_OPENS: Final = frozenset({"open", "reopen"})
_ENDED_BADLY: Final = {Status.REFUSED: Why.REFUSED, Status.VOID: Why.VOID}
_LOOKED_AGAIN: Final = frozenset({Why.REFUSED, Why.VOID})
_CLERK: Final = "points"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who a report may earn points for, before it is stored; `mark` is None where no phone number was left."""

    mark: str | None
    looks: str | None


def claimant_of(report: Report, policy: PointsPolicy | None, phones: PhoneMarks | None) -> Claimant | None:
    """Return who a report may earn for; None where the site gives no points, or the report is not the public's.

    Raises:
        FrameUnreadableError, FrameTooLargeError: its picture is none.
        KeyFileError: phone numbers cannot be marked.
    """
    if policy is None or report.channel is not Channel.PUBLIC:
        return None
    mark = phones.mark(report.phone) if phones is not None and report.phone else None
    return Claimant(mark=mark, looks=None if report.picture is None else looks_of(report.picture.jpeg))


def put_in(tx: Transaction, claimant: Claimant, *, receipt: str, case: str, now: datetime) -> None:
    """Store a report's claim, in the transaction that stores the report; opens an account at the first one."""
    account = None
    if claimant.mark is not None:
        found = tx.marked_account(claimant.mark)
        if found is None:
            found = PointAccount(id=f"P{secrets.token_hex(8)}", member=False, opened_at=now)
            tx.open_point_account(found, mark=claimant.mark)
        account = found.id
    tx.add_claim(Claim(receipt=receipt, account=account, case=case, at=now, looks=claimant.looks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a decision on a claim depends on.

    Attributes:
        worth: what a report of the category earns.
        place_in_line: how many public reports of the problem came before, not counting the one that opened it; None
            for that one.
        again: the account earned for this problem before.
        near: it earned for the category near by and lately.
        seen_before: the same picture came before.
        reports_today, points_today: what it earned for reports of that local day.
    """

    worth: int
    place_in_line: int | None
    again: bool = False
    near: bool = False
    seen_before: bool = False
    reports_today: int = 0
    points_today: int = 0


def decide(claim: Claim, seen: Circumstances, policy: PointsPolicy) -> tuple[int, Why]:
    """Return what a verified report earns, and why."""
    refusals = (
        (claim.account is None, Why.NO_PHONE),
        (seen.worth == 0, Why.CATEGORY),
        (seen.again, Why.SAME_PROBLEM),
        (seen.place_in_line is not None and seen.place_in_line >= policy.duplicates, Why.DUPLICATE),
        (seen.seen_before, Why.SAME_PICTURE),
        (seen.near, Why.SAME_PLACE),
        (seen.reports_today >= policy.reports_per_day, Why.DAY_REPORTS),
        (seen.points_today >= policy.points_per_day, Why.DAY_POINTS),
    )
    why = next((each for holds, each in refusals if holds), None)
    if why is not None:
        return 0, why
    return min(seen.worth, policy.points_per_day - seen.points_today), Why.VERIFIED


def settle(tx: Transaction, *, site: Site, now: datetime) -> int:
    """Settle the claims that the next events of the site concern; returns how many events were looked at."""
    policy = site.settings.points
    events = tx.events_after(tx.settled_to(), limit=BATCH) if policy is not None else ()
    if policy is None or not events:
        return 0
    # Most events concern no claim at all; asked once for all of them, since other writers wait meanwhile.
    claimed = tx.claimed_among(list(dict.fromkeys(event.case for event in events)))
    for root in dict.fromkeys(_root(tx, tx.case(number)).number for number in claimed):
        _settle_problem(tx, tx.case(root), policy=policy, site=site, now=now)
    tx.forget_looks(before=now - timedelta(days=policy.picture_days))
    tx.save_settled(events[-1].sequence)
    return len(events)


def _settle_problem(tx: Transaction, root: Case, *, policy: PointsPolicy, site: Site, now: datetime) -> None:
    numbers = [root.number, *(each.number for each in tx.merged(root.number))]
    for claim in tx.claims_of(numbers):
        # Read again: a claim of the same problem may have been decided just before.
        _settle_claim(tx, claim, root, numbers, policy=policy, site=site, now=now)


def _settle_claim(
    tx: Transaction,
    claim: Claim,
    root: Case,
    numbers: Sequence[str],
    *,
    policy: PointsPolicy,
    site: Site,
    now: datetime,
) -> None:
    if root.status in _UNVERIFIED:
        if root.status in _ENDED_BADLY:
            _end(tx, claim, _ENDED_BADLY[root.status], now)
        return
    if claim.state is ClaimState.REVERSED:
        _give_back(tx, claim, now)
    elif claim.state is ClaimState.WAITING or (claim.state is ClaimState.NOTHING and claim.why in _LOOKED_AGAIN):
        seen = _circumstances(tx, claim, root, numbers, policy=policy, site=site)
        points, why = decide(claim, seen, policy)
        state = ClaimState.EARNED if points else ClaimState.NOTHING
        decided = replace(claim, state=state, points=points, why=why, decided_at=now)
        if points:
            _post(tx, decided, points, LedgerKind.AWARD, now)
        tx.save_claim(decided)


def _end(tx: Transaction, claim: Claim, why: Why, now: datetime) -> None:
    """Let a claim end with its problem; what was earned is taken back as far as it is there still."""
    if claim.state is ClaimState.EARNED and claim.account is not None:
        taken = min(_net(tx, claim), tx.point_balance(claim.account))
        if taken > 0:
            _post(tx, claim, -taken, LedgerKind.REVERSAL, now)
        tx.save_claim(replace(claim, state=ClaimState.REVERSED, why=why, decided_at=now))
    elif claim.state is ClaimState.WAITING:
        tx.save_claim(replace(claim, state=ClaimState.NOTHING, why=why, decided_at=now))


def _give_back(tx: Transaction, claim: Claim, now: datetime) -> None:
    """Give back what was taken, for the problem is one after all."""
    missing = claim.points - _net(tx, claim)
    if missing > 0:
        _post(tx, claim, missing, LedgerKind.AWARD, now)
    tx.save_claim(replace(claim, state=ClaimState.EARNED, why=Why.VERIFIED, decided_at=now))


def _net(tx: Transaction, claim: Claim) -> int:
    """Return what a report earned less what was taken back."""
    moved = [each for each in tx.receipt_entries(claim.receipt) if each.kind is not LedgerKind.REDEMPTION]
    return sum(each.postings.get(claim.account or "", 0) for each in moved)


def _post(tx: Transaction, claim: Claim, points: int, kind: LedgerKind, now: datetime) -> None:
    assert claim.account is not None  # noqa: S101 - nothing is decided for nobody
    place = len(tx.receipt_entries(claim.receipt)) + 1
    postings = {claim.account: points, ISSUE: -points}
    key = f"{kind.value}/{claim.receipt}/{place}"
    tx.post(LedgerEntry(key=key, kind=kind, at=now, actor=_CLERK, postings=postings, receipt=claim.receipt))


def _circumstances(
    tx: Asking, claim: Claim, root: Case, numbers: Sequence[str], *, policy: PointsPolicy, site: Site
) -> Circumstances:
    worth, line = policy.worth(root.category), _line(tx, root, numbers)
    place = line.index(claim.receipt) if claim.receipt in line else None
    if claim.account is None:
        return Circumstances(worth=worth, place_in_line=place)
    zone = site.settings.timezone
    day = claim.at.astimezone(zone).date()
    reach = timedelta(days=2) + timedelta(hours=policy.same_place_h)
    others = [
        each
        for each in tx.claims_by(claim.account, claim.at - reach, claim.at + reach)
        if each.receipt != claim.receipt and each.state is ClaimState.EARNED
    ]
    today = [each for each in others if each.at.astimezone(zone).date() == day]
    return Circumstances(
        worth=worth,
        place_in_line=place,
        again=any(each.case in numbers for each in others),
        near=any(_is_near(tx, each, claim, root, policy) for each in others),
        seen_before=_seen_before(tx, claim, policy),
        reports_today=len(today),
        points_today=sum(each.points for each in today),
    )


def _line(tx: Asking, root: Case, numbers: Sequence[str]) -> list[str]:
    """Return the receipts of the public's reports of a problem that was known, in the order in which they came."""
    found: list[Received] = [each for number in numbers for each in tx.reports_of(number)]
    public = [each for each in found if each.channel is Channel.PUBLIC]
    known = [each for each in public if each.case != root.number or each.outcome not in _OPENS]
    return [each.id for each in sorted(known, key=lambda each: (each.at, each.id))]


def _is_near(tx: Asking, other: Claim, claim: Claim, root: Case, policy: PointsPolicy) -> bool:
    if abs(claim.at - other.at) > timedelta(hours=policy.same_place_h):
        return False
    case = tx.case(other.case)
    return case.category == root.category and distance_m(case.lonlat, root.lonlat) <= policy.same_place_m


def _seen_before(tx: Asking, claim: Claim, policy: PointsPolicy) -> bool:
    if claim.looks is None:
        return False
    own, known = claim.looks, tx.looks_before(claim, claim.at - timedelta(days=policy.picture_days))
    return any(bits_apart(own, each) <= policy.picture_bits for each in known)


def _root(tx: Transaction, case: Case) -> Case:
    """Return the case that stands for a problem: what it was merged into, or what an upheld appeal led to."""
    seen = {case.number}
    while True:
        into = case.merged_into or (_upheld(tx, case) if case.status is Status.REFUSED else None)
        if into is None or into in seen:
            return case
        seen.add(into)
        if case.merged_into is None:
            for claim in tx.claims_of([case.number]):
                tx.save_claim(replace(claim, case=into))
        case = tx.case(into)


def _upheld(tx: Asking, case: Case) -> str | None:
    event = next((each for each in tx.events(case.number) if each.action == UPHELD), None)
    return None if event is None or event.details.get("case") is None else str(event.details["case"])
