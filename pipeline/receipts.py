"""Receipts: what is noted of a report beside its case, once for each ticket, and how much the public may send."""

import hashlib
import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.admission import Taken
from pipeline.casebook import Asking, Evidence, LimitError, Transaction
from pipeline.channel_rules import ChannelRules
from pipeline.clocks import utc
from pipeline.errors import PipelineError
from pipeline.evidence import EvidenceStore
from pipeline.reports import PrintedPlace, Received, Report

MOST_WORDS = 2_000
_HOUR = timedelta(hours=1)
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,30}")


class TooManyReportsError(PipelineError):
    """A printed place, or all of them, sent as many reports as are taken in an hour."""

    def __init__(self, where: str, most: int) -> None:
        super().__init__(
            f"{where} sent {most} reports within an hour, the most that are taken; try again later, or call"
        )


def new_receipt() -> str:
    """Return a receipt of 120 random bits, all but one in 64: none begins with a dash, as a command's options do."""
    while (receipt := secrets.token_urlsafe(15)).startswith("-"):
        pass
    return receipt


def require_phone(phone: str) -> None:
    """Require that a phone number is one, or none was left.

    Raises:
        LimitError: it is something else.
    """
    if phone and not _PHONE.fullmatch(phone):
        raise LimitError(
            "phone", f"{len(phone)} characters that are no number", "digits such as 021 5972 0000, or none"
        )


def require_room(tx: Transaction, report: Report, rules: ChannelRules, *, now: datetime) -> Taken | None:
    """Return the answer if the report's ticket was taken before.

    Raises:
        TooManyReportsError: the public's limits are reached.
    """
    if report.ticket is not None:
        known = tx.report_of_ticket(report.ticket.source, report.ticket.number)
        if known is not None:
            reason = f"ticket {known.source} {known.ticket} was taken before"
            return Taken(outcome="ignore", number=known.case, reason=reason, dispatch=None, receipt=known.id)
    if report.place is not None:
        require_public_room(tx, report.place, rules, now=now)
    return None


def require_public_room(inside: Asking, place: PrintedPlace, rules: ChannelRules, *, now: datetime) -> None:
    """Require that a printed place, and all of them together, may send a report now.

    Raises:
        TooManyReportsError: the limits are reached.
    """
    if inside.reports_since(now - _HOUR, place=place.code) >= rules.place_per_hour:
        raise TooManyReportsError(place.name, rules.place_per_hour)
    if inside.reports_since(now - _HOUR) >= rules.all_per_hour:
        raise TooManyReportsError("the public", rules.all_per_hour)


def receive(tx: Transaction, report: Report, taken: Taken, *, receipt: str, by: str, now: datetime) -> Taken:
    """Note a report beside its case; one that became nothing leaves nothing."""
    if taken.number is None:
        return taken
    personal = f"{report.phone}\n{report.contact}" if report.phone or report.contact else ""
    salt = secrets.token_hex(16) if personal else None
    tx.add_report(
        Received(
            id=receipt,
            channel=report.channel,
            case=taken.number,
            outcome=taken.outcome,
            at=now,
            source=report.ticket.source if report.ticket else "",
            ticket=report.ticket.number if report.ticket else None,
            place=report.place.code if report.place else None,
            phone=report.phone,
            reporter=by,
            contact=report.contact,
            salt=salt,
            contact_digest=hashlib.sha256(f"{salt}{personal}".encode()).hexdigest() if personal else "",
        )
    )
    return replace(taken, receipt=receipt)


def bound_words(field: str, words: str) -> None:
    """Require that words can be stored and shown.

    Raises:
        LimitError: too many of them, or a NUL or half a character among them.
    """
    if len(words) > MOST_WORDS:
        raise LimitError(field, f"{len(words)} characters long", f"{MOST_WORDS} at most")
    # JSON can spell half a character, and a NUL; neither can be stored, hashed or shown.
    if "\x00" in words or (not words.isascii() and any("\ud800" <= each <= "\udfff" for each in words)):
        raise LimitError(field, "text with a NUL or half a character", "plain Unicode text")


def keep_picture(report: Report, store: EvidenceStore, *, receipt: str) -> tuple[Evidence, ...]:
    """Put a report's picture, if it has one, in its place; its row follows in the transaction.

    Raises:
        EvidenceError: it cannot be stored.
    """
    if report.picture is None:
        return ()
    file = store.put(report.picture, camera=report.channel.value, sighting=receipt)
    return (
        Evidence(
            id=hashlib.sha256(receipt.encode()).hexdigest()[:24],
            case="",
            sighting=receipt,
            label=report.picture.label,
            path=file.path,
            sha256=file.sha256,
            captured_at=utc(report.picture.captured_at, field="captured_at"),
        ),
    )
