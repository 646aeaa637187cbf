"""The ledger of points as statements: what `SqlReading` and `SqlTransaction` are mixed with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline import sql_tables as t
from pipeline.casebook import AlreadyTakenError, LimitError
from pipeline.errors import UnknownError
from pipeline.points_book import (
    ISSUE,
    REDEEMED,
    Claim,
    ClaimState,
    LedgerEntry,
    LedgerKind,
    OverdrawnError,
    PointAccount,
    PointTotals,
    Why,
)
from pipeline.sql_rows import bounded, instant, instant_or_none, is_plain, micros, micros_or_none

_SETTLED: Final = "points/settled"
_COUNTER: Final = "points/entries"
_MOST_ROWS: Final = 1000
_MOST_LOOKS: Final = 200_000
_SITES: Final = (ISSUE, REDEEMED)


class SqlPointsReading:
    """Answers what can be asked of accounts, claims and entries."""

    _connection: Connection

    def point_account(self, ident: str) -> PointAccount:
        """Return an account.

        Raises:
            UnknownError: there is none.
        """
        found = self._accounts(select(t.point_accounts).where(t.point_accounts.c.id == _plain(ident)))
        if not found:
            raise UnknownError("account", ident)
        return found[0]

    def marked_account(self, mark: str) -> PointAccount | None:
        """Return the account that a phone number's mark leads to."""
        found = self._accounts(select(t.point_accounts).where(t.point_accounts.c.mark == mark))
        return found[0] if found else None

    def claim(self, receipt: str) -> Claim | None:
        """Return a report's claim."""
        if not is_plain(receipt):
            return None
        found = self._claims(select(t.point_claims).where(t.point_claims.c.receipt == receipt))
        return found[0] if found else None

    def claimed_among(self, cases: Sequence[str]) -> Sequence[str]:
        """Return which of some cases, and of those that were merged into them, have claims; in order."""
        known, new = set(cases), list(cases)
        while new:
            merged = select(t.cases.c.number).where(t.cases.c.merged_into.in_(new))
            new = [number for number in self._connection.execute(merged).scalars() if number not in known]
            known.update(new)
        c = t.point_claims.c
        query = select(c.case_number).where(c.case_number.in_(sorted(known))).distinct().order_by(c.case_number)
        return list(self._connection.execute(query).scalars())

    def claims_of(self, cases: Sequence[str]) -> Sequence[Claim]:
        """Return the claims of some cases, in the order in which they came."""
        c = t.point_claims.c
        return self._claims(select(t.point_claims).where(c.case_number.in_(list(cases))).order_by(c.at, c.receipt))

    def claims_by(self, account: str, since: datetime, until: datetime) -> Sequence[Claim]:
        """Return an account's claims of reports between two moments, in order."""
        c = t.point_claims.c
        between = (c.account == account, c.at >= micros(since), c.at < micros(until))
        return self._claims(select(t.point_claims).where(*between).order_by(c.at, c.receipt))

    def looks_before(self, claim: Claim, since: datetime) -> Sequence[str]:
        """Return the hashes of the pictures that came before a claim's, since a moment, newest first."""
        c, at = t.point_claims.c, micros(claim.at)
        before = or_(c.at < at, and_(c.at == at, c.receipt < claim.receipt))
        query = select(c.looks).where(c.looks.is_not(None), c.at >= micros(since), before)
        return list(self._connection.execute(query.order_by(c.at.desc()).limit(_MOST_LOOKS)).scalars())

    def point_balance(self, account: str) -> int:
        """Return the sum of an account's postings."""
        query = select(func.sum(t.point_postings.c.points)).where(t.point_postings.c.account == account)
        return int(self._connection.execute(query).scalar_one() or 0)

    def receipt_entries(self, receipt: str) -> Sequence[LedgerEntry]:
        """Return the entries that are for a report, oldest first."""
        c = t.point_entries.c
        return self._entries_of_points(select(t.point_entries).where(c.receipt == receipt).order_by(c.id))

    def point_entries(self, account: str, *, after: int = 0, limit: int = 100) -> Sequence[LedgerEntry]:
        """Return an account's entries, oldest first."""
        if not 1 <= limit <= _MOST_ROWS:
            raise LimitError("limit", limit, f"1 to {_MOST_ROWS}")
        c, p = t.point_entries.c, t.point_postings.c
        own = exists().where(p.entry == c.id, p.account == account)
        return self._entries_of_points(select(t.point_entries).where(own, c.id > after).order_by(c.id).limit(limit))

    def point_entry(self, key: str) -> LedgerEntry | None:
        """Return the entry of a key."""
        found = self._entries_of_points(select(t.point_entries).where(t.point_entries.c.key == key))
        return found[0] if found else None

    def point_totals(self) -> PointTotals:
        """Return the ledger in sums."""
        c, p = t.point_accounts.c, t.point_postings.c
        held = select(func.sum(p.points)).where(p.account.not_in(_SITES))
        members = held.where(p.account.in_(select(c.id).where(c.member.is_(True))))
        waiting = select(func.count()).select_from(t.point_claims)
        return PointTotals(
            issued=-self.point_balance(ISSUE),
            redeemed=self.point_balance(REDEEMED),
            outstanding=self._whole(held),
            accounts=self._whole(select(func.count()).select_from(t.point_accounts)),
            members=self._whole(select(func.count()).select_from(t.point_accounts).where(c.member.is_(True))),
            members_hold=self._whole(members),
            waiting=self._whole(waiting.where(t.point_claims.c.state == ClaimState.WAITING.value)),
        )

    def settled_to(self) -> int:
        """Return the place in the site's sequence up to which claims were settled."""
        return self._whole(select(t.counters.c.value).where(t.counters.c.name == _SETTLED))

    def ledger_flaws(self) -> Sequence[str]:
        """Return what is wrong with the ledger."""
        p, c = t.point_postings.c, t.point_entries.c
        total = func.sum(p.points)
        unequal = select(p.entry, total).group_by(p.entry).having(total != 0).order_by(p.entry).limit(_MOST_ROWS)
        flaws = [f"points entry {entry} sums to {off}, expected 0" for entry, off in self._connection.execute(unequal)]
        empty = select(c.id).where(~exists().where(p.entry == c.id)).order_by(c.id).limit(_MOST_ROWS)
        flaws += [f"points entry {entry} posts nothing" for entry in self._connection.execute(empty).scalars()]
        below = select(p.account, total).where(p.account != ISSUE).group_by(p.account).having(total < 0)
        found = self._connection.execute(below.order_by(p.account).limit(_MOST_ROWS))
        flaws += [f"points account {account} holds {held}, expected 0 or more" for account, held in found]
        stored = self._whole(select(func.count()).select_from(t.point_entries))
        numbered = self._whole(select(t.counters.c.value).where(t.counters.c.name == _COUNTER))
        return [*flaws, *([f"{numbered - stored} points entries are gone"] if numbered != stored else [])]

    def _whole(self, query: Select[Any]) -> int:
        return int(self._connection.execute(query).scalar() or 0)

    def _accounts(self, query: Select[Any]) -> list[PointAccount]:
        return [
            PointAccount(
                id=row["id"],
                member=bool(row["member"]),
                opened_at=instant(row["opened_at"]),
                forgotten_at=instant_or_none(row["forgotten_at"]),
            )
            for row in self._connection.execute(query).mappings()
        ]

    def _claims(self, query: Select[Any]) -> list[Claim]:
        return [_claim_of(row) for row in self._connection.execute(query).mappings()]

    def _entries_of_points(self, query: Select[Any]) -> list[LedgerEntry]:
        rows = list(self._connection.execute(query).mappings())
        p = t.point_postings.c
        posted = select(p.entry, p.account, p.points).where(p.entry.in_([row["id"] for row in rows]))
        by_entry: dict[int, dict[str, int]] = {}
        for entry, account, points in self._connection.execute(posted.order_by(p.account)):
            by_entry.setdefault(entry, {})[account] = points
        return [
            LedgerEntry(
                id=row["id"],
                key=row["key"],
                kind=LedgerKind(row["kind"]),
                at=instant(row["at"]),
                actor=row["actor"],
                postings=by_entry.get(row["id"], {}),
                receipt=row["receipt"],
                note=row["note"],
            )
            for row in rows
        ]


class SqlPointsWriting(SqlPointsReading):
    """Stores accounts, claims and entries."""

    def open_point_account(self, account: PointAccount, *, mark: str) -> None:
        """Store a new account."""
        row = {"id": account.id, "mark": mark, "member": account.member, "opened_at": micros(account.opened_at)}
        self._connection.execute(insert(t.point_accounts).values(bounded(t.point_accounts, row)))

    def set_member(self, account: str, *, member: bool) -> None:
        """Mark an account as a party member's, or not.

        Raises:
            UnknownError: there is no such account.
        """
        changed = update(t.point_accounts).where(t.point_accounts.c.id == _plain(account)).values(member=member)
        if self._connection.execute(changed).rowcount != 1:
            raise UnknownError("account", account)

    def add_claim(self, claim: Claim) -> None:
        """Store a claim; one that is there already is left."""
        kind = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        new: Any = kind(t.point_claims).values(bounded(t.point_claims, _claim_row(claim)))
        self._connection.execute(new.on_conflict_do_nothing(index_elements=[t.point_claims.c.receipt]))

    def save_claim(self, claim: Claim) -> None:
        """Store what was decided on a claim."""
        row = bounded(t.point_claims, _claim_row(claim))
        changed = {name: row[name] for name in ("case_number", "state", "points", "reason", "decided_at")}
        self._connection.execute(
            update(t.point_claims).where(t.point_claims.c.receipt == claim.receipt).values(**changed)
        )

    def post(self, entry: LedgerEntry) -> LedgerEntry:
        """Store an entry; what it reads of balances is what it commits against, because writers take turns.

        Raises:
            OverdrawnError: a citizen's account would fall below zero.
            AlreadyTakenError: the key stands for other points.
        """
        known = self.point_entry(entry.key)
        if known is not None:
            if (known.kind, dict(known.postings)) != (entry.kind, dict(entry.postings)):
                raise AlreadyTakenError("request", entry.key.rpartition("/")[2])
            return known
        for account, points in entry.citizens().items():
            balance = self.point_balance(account)
            if balance + points < 0:
                raise OverdrawnError(-points, balance)
        stored = replace(entry, id=self._counted(_COUNTER))
        row = {
            "id": stored.id, "key": stored.key, "kind": stored.kind.value, "at": micros(stored.at),
            "actor": stored.actor, "receipt": stored.receipt, "note": stored.note,
        }  # fmt: skip
        self._connection.execute(insert(t.point_entries).values(bounded(t.point_entries, row)))
        for account, points in stored.postings.items():
            posting = {"entry": stored.id, "account": account, "points": points}
            self._connection.execute(insert(t.point_postings).values(bounded(t.point_postings, posting)))
        return stored

    def save_settled(self, sequence: int) -> None:
        """Store up to where claims were settled."""
        kind = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        new: Any = kind(t.counters).values(name=_SETTLED, value=sequence)
        self._connection.execute(
            new.on_conflict_do_update(index_elements=[t.counters.c.name], set_={"value": sequence})
        )

    def forget_looks(self, *, before: datetime | None = None, case: str | None = None) -> None:
        """Erase hashes of pictures that came before a moment, or of a case."""
        c = t.point_claims.c
        where: list[ColumnElement[bool]] = [c.looks.is_not(None)]
        if before is not None:
            where.append(c.at < micros(before))
        if case is not None:
            where.append(c.case_number == case)
        self._connection.execute(update(t.point_claims).where(*where).values(looks=None))

    def forget_accounts(self, receipts: Sequence[str], at: datetime) -> int:
        """Cut the tie from phone numbers to these reports' accounts where no report keeps the number; how many."""
        a, c, r = t.point_accounts.c, t.point_claims.c, t.reports.c
        kept = exists().where(c.account == a.id, r.id == c.receipt, r.phone.is_not(None))
        theirs = select(c.account).where(c.receipt.in_(list(receipts)), c.account.is_not(None))
        gone = update(t.point_accounts).where(a.id.in_(theirs), a.mark.is_not(None), ~kept)
        return self._connection.execute(gone.values(mark=None, forgotten_at=micros(at))).rowcount

    def _counted(self, name: str) -> int:
        raise NotImplementedError


def _claim_row(claim: Claim) -> dict[str, Any]:
    return {
        "receipt": claim.receipt,
        "account": claim.account,
        "case_number": claim.case,
        "at": micros(claim.at),
        "looks": claim.looks,
        "state": claim.state.value,
        "points": claim.points,
        "reason": claim.why.value if claim.why is not None else "",
        "decided_at": micros_or_none(claim.decided_at),
    }


def _claim_of(row: Mapping[Any, Any]) -> Claim:
    return Claim(
        receipt=row["receipt"],
        account=row["account"],
        case=row["case_number"],
        at=instant(row["at"]),
        looks=row["looks"],
        state=ClaimState(row["state"]),
        points=row["points"],
        why=Why(row["reason"]) if row["reason"] else None,
        decided_at=instant_or_none(row["decided_at"]),
    )


def _plain(ident: str) -> str:
    if not is_plain(ident):
        raise UnknownError("account", ident)
    return ident
