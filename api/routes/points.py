"""Citizens' points over HTTP: accounts for the desk, and what a report earned for whoever holds its receipt."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.dependencies import ServicesIn, Who
from api.points_schemas import (
    AccountOut,
    EarnedOut,
    LedgerEntryOut,
    MemberIn,
    PhoneIn,
    ReceiptRedeemIn,
    RedeemedOut,
    RedeemIn,
    TotalsOut,
)

router = APIRouter(prefix="/api/v1", tags=["points"])
Account = Annotated[str, Path(max_length=40)]
Receipt = Annotated[str, Path(max_length=40)]


@router.get("/points")
def read_totals(services: ServicesIn, who: Who) -> TotalsOut:
    """Read the ledger in sums."""
    return TotalsOut.of(services.points.totals(principal=who))


@router.post("/points/find")
def find_account(services: ServicesIn, who: Who, body: PhoneIn) -> AccountOut:
    """Find the account that a phone number leads to; the number is stored nowhere."""
    return AccountOut.of(services.points.find(body.phone, principal=who))


@router.get("/points/accounts/{account}")
def read_account(
    services: ServicesIn,
    who: Who,
    account: Account,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AccountOut:
    """Read an account with its entries."""
    return AccountOut.of(services.points.account(account, after=after, limit=limit, principal=who))


@router.put("/points/accounts/{account}/member")
def mark_member(services: ServicesIn, who: Who, account: Account, body: MemberIn) -> AccountOut:
    """Mark an account as a party member's, or not."""
    return AccountOut.of(services.points.mark_member(account, member=body.member, principal=who))


@router.post("/points/accounts/{account}/redemptions", status_code=201)
def redeem(services: ServicesIn, who: Who, account: Account, body: RedeemIn) -> LedgerEntryOut:
    """Take points for something handed out; the same request again changes nothing and answers the same."""
    entry = services.points.redeem(account, body.points, request=body.request, note=body.note, principal=who)
    return LedgerEntryOut.of(entry)


@router.get("/q/receipts/{receipt}/points")
def read_earned(services: ServicesIn, receipt: Receipt) -> EarnedOut:
    """Read what a report earned, by its receipt; no log-in."""
    return EarnedOut.of(services.points.of_receipt(receipt))


@router.post("/q/receipts/{receipt}/redemptions", status_code=201)
def redeem_by_receipt(services: ServicesIn, receipt: Receipt, body: ReceiptRedeemIn) -> RedeemedOut:
    """Redeem what a report earned, by its receipt; no log-in, and no other report's points."""
    points = services.points
    entry = points.redeem_by_receipt(receipt, body.points, request=body.request)
    return RedeemedOut(points=body.points, at=entry.at, left=points.of_receipt(receipt).left)
