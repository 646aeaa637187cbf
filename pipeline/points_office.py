"""The points office: settles claims, shows accounts, redeems points, marks party members."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.casebook import Asking, Casebook, LimitError, Transaction
from pipeline.clocks import Clock
from pipeline.errors import PipelineError, UnknownError
from pipeline.phone_marks import PhoneMarks
from pipeline.point_claims import settle
from pipeline.points_book import REDEEMED, Claim, LedgerEntry, LedgerKind, PointAccount, PointTotals
from pipeline.points_policy import PointsPolicy
from pipeline.principal import Principal, Role
from pipeline.receipts import bound_words, require_phone
from pipeline.site import Site

_DESK: Final = (Role.DISPATCHER, Role.ADMIN)
_OVERSEERS: Final = (*_DESK, Role.ANALYST)
_SHORTEST_REQUEST: Final = 4
_LONGEST_REQUEST: Final = 80
_MOST_NOTE: Final = 200
_PUBLIC: Final = "public"


class NoPointsError(PipelineError):
    """The site gives no points."""

    def __init__(self) -> None:
        super().__init__(
            "this site gives no points; an administrator switches them on by a table [points] in site.toml"
        )


class NotEarnedError(PipelineError):
    """A receipt is asked for more points than its report earned and has left."""

    def __init__(self, wanted: int, left: int) -> None:
        super().__init__(
            f"{wanted} points were asked for and the report behind this receipt has {left} left; ask for {left} at"
            " most, or redeem the whole account at the desk by its phone number"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountShown:
    """An account with its balance and newest entries."""

    account: PointAccount
    balance: int
    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptShown:
    """What a report earned, for whoever holds its receipt; `left` is what can be redeemed by it."""

    claim: Claim
    left: int


class PointsOffice:
    """Points of one site; any number of processes may share its ledger."""

    def __init__(self, *, site: Site, casebook: Casebook, clock: Clock, phones: PhoneMarks | None) -> None:
        self._site, self._casebook, self._clock, self._phones = site, casebook, clock, phones

    def settle(self) -> int:
        """Decide every claim whose problem has moved; returns how many events were looked at.

        Which events were looked at stands in the casebook, so that it does not matter who was running when.
        """
        seen = 0
        if self._site.settings.points is None:
            return 0
        # Asked before writing: most rounds find nothing, and writers take turns.
        while self._casebook.read(lambda book: book.settled_to() < book.newest_sequence()):
            step = self._casebook.write(lambda tx: settle(tx, site=self._site, now=self._clock.now()))
            if not step:
                break
            seen += step
        return seen

    def totals(self, *, principal: Principal) -> PointTotals:
        """Return the ledger in sums.

        Raises:
            RefusedError: the role may not.
        """
        principal.require("read points", *_OVERSEERS)
        self._settled()
        return self._casebook.read(lambda book: book.point_totals())

    def find(self, phone: str, *, principal: Principal) -> AccountShown:
        """Return the account that a phone number leads to.

        Raises:
            RefusedError: the role may not.
            UnknownError: it leads to none.
            LimitError: it is no phone number.
        """
        principal.require("look up an account", *_DESK)
        self._policy()
        require_phone(phone)
        mark = self._phones.mark(phone) if self._phones is not None else ""
        found = self._casebook.read(lambda book: book.marked_account(mark))
        if found is None:
            raise UnknownError("account of this phone number", "")
        return self.account(found.id, principal=principal)

    def account(self, ident: str, *, after: int = 0, limit: int = 100, principal: Principal) -> AccountShown:
        """Return an account with its entries, oldest first.

        Raises:
            RefusedError: the role may not.
            UnknownError: there is none.
        """
        principal.require("look up an account", *_DESK)
        self._settled()
        return self._casebook.read(lambda book: _shown(book, ident, after=after, limit=limit))

    def mark_member(self, ident: str, *, member: bool, principal: Principal) -> AccountShown:
        """Mark an account as a party member's, or not.

        Raises:
            RefusedError: the role may not.
            UnknownError: there is no such account.
        """
        principal.require("mark a party member", *_DESK)
        self._policy()
        self._casebook.write(lambda tx: tx.set_member(ident, member=member))
        return self.account(ident, principal=principal)

    def redeem(self, ident: str, points: int, *, request: str, note: str = "", principal: Principal) -> LedgerEntry:
        """Take points from an account for something that was handed out; the same request again is the first.

        Raises:
            RefusedError: the role may not.
            UnknownError: there is no such account.
            OverdrawnError: it has fewer points.
            AlreadyTakenError: the request was used for another number of points.
            LimitError: too few or too many points at once, or a request or note out of bounds.
        """
        principal.require("redeem points", *_DESK)
        key = f"redeem/{ident}/{self._checked(points, request, note)}"
        self._settled()

        def work(tx: Transaction) -> LedgerEntry:
            tx.point_account(ident)
            return self._redeem(tx, key, ident, points, actor=principal.name, note=note)

        return self._casebook.write(work)

    def of_receipt(self, receipt: str) -> ReceiptShown:
        """Return what a report earned, by its receipt.

        Raises:
            UnknownError: there is no such receipt, or it claims nothing.
        """
        self._settled()
        return self._casebook.read(lambda book: _of_receipt(book, receipt))

    def redeem_by_receipt(self, receipt: str, points: int, *, request: str) -> LedgerEntry:
        """Take points for what a report earned and has left; its receipt is enough, and reaches nothing else.

        Raises:
            UnknownError: there is no such receipt, or it claims nothing.
            NotEarnedError: the report has fewer points left.
            AlreadyTakenError, LimitError: see `redeem`.
        """
        key = f"redeem/receipt/{receipt}/{self._checked(points, request, '')}"
        self._settled()

        def work(tx: Transaction) -> LedgerEntry:
            shown = _of_receipt(tx, receipt)
            known = tx.point_entry(key)
            if known is None and (points > shown.left or shown.claim.account is None):
                raise NotEarnedError(points, shown.left)
            return self._redeem(tx, key, str(shown.claim.account), points, actor=_PUBLIC, receipt=receipt)

        return self._casebook.write(work)

    def _redeem(
        self, tx: Transaction, key: str, account: str, points: int, *, actor: str, note: str = "", receipt: str = ""
    ) -> LedgerEntry:
        entry = LedgerEntry(
            key=key,
            kind=LedgerKind.REDEMPTION,
            at=self._clock.now(),
            actor=actor,
            postings={account: -points, REDEEMED: points},
            receipt=receipt or None,
            note=note.strip(),
        )
        return tx.post(entry)

    def _checked(self, points: int, request: str, note: str) -> str:
        policy = self._policy()
        if not policy.redeem_least <= points <= policy.redeem_most:
            raise LimitError("points", points, f"{policy.redeem_least} to {policy.redeem_most} at once")
        if not _SHORTEST_REQUEST <= len(request) <= _LONGEST_REQUEST or not request.isascii() or "/" in request:
            expected = (
                f"{_SHORTEST_REQUEST} to {_LONGEST_REQUEST} ASCII characters without '/', new for each redemption"
            )
            raise LimitError("request", f"{len(request)} characters", expected)
        bound_words("note", note)
        if len(note) > _MOST_NOTE:
            raise LimitError("note", f"{len(note)} characters long", f"{_MOST_NOTE} at most")
        return request

    def _settled(self) -> None:
        """Settle before a balance is asked for.

        Raises:
            NoPointsError: the site gives no points.
        """
        self._policy()
        self.settle()

    def _policy(self) -> PointsPolicy:
        policy = self._site.settings.points
        if policy is None:
            raise NoPointsError
        return policy


def settle_all(site: Site, casebook: Casebook, clock: Clock) -> int:
    """Settle every claim; for whoever keeps a site running."""
    return PointsOffice(site=site, casebook=casebook, clock=clock, phones=None).settle()


def _shown(book: Asking, ident: str, *, after: int, limit: int) -> AccountShown:
    account = book.point_account(ident)
    entries: Sequence[LedgerEntry] = book.point_entries(ident, after=after, limit=limit)
    return AccountShown(account=account, balance=book.point_balance(ident), entries=tuple(entries))


def _of_receipt(book: Asking, receipt: str) -> ReceiptShown:
    claim = book.claim(receipt)
    if claim is None:
        raise UnknownError("receipt with a claim to points", receipt)
    if claim.account is None:
        return ReceiptShown(claim=claim, left=0)
    own = sum(each.postings.get(claim.account, 0) for each in book.receipt_entries(receipt))
    return ReceiptShown(claim=claim, left=max(0, min(own, book.point_balance(claim.account))))
