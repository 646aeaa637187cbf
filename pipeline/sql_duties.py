"""The duty book as statements: clocks, joint parts, meetings, anchors, and what `verify` asks."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, select

from pipeline import sql_tables as t
from pipeline.case_clocks import ClockName, DutyClock
from pipeline.casebook import OutboxMessage
from pipeline.cases import ENDED, Case
from pipeline.catalogue import DeadlineUnit
from pipeline.duty_book import Anchor, Consultation, DatedBack, Decided, JointPart
from pipeline.errors import UnknownError
from pipeline.history import Entry, canonical
from pipeline.sql_reading import SqlReading, asked, checked_limit
from pipeline.sql_rows import case_of, instant, instant_or_none, message_of, micros, micros_or_none

_ENDED: Final = sorted(status.value for status in ENDED)


class SqlDutyReading(SqlReading):
    """Answers what can be asked of casebook and duty book, on a connection that somebody else opens and closes."""

    def clocks_of(self, number: str) -> Sequence[DutyClock]:
        """Return a case's clocks, by name."""
        query = select(t.clocks).where(t.clocks.c.case_number == number).order_by(t.clocks.c.name)
        return [clock_of(row) for row in self._rows(query)]

    def clocks_running(self, *, after: tuple[str, str] | None = None, limit: int = 500) -> Sequence[DutyClock]:
        """Return clocks that run, by case and name."""
        c = t.clocks.c
        query = select(t.clocks).where(c.stopped_at.is_(None)).order_by(c.case_number, c.name)
        if after is not None:
            number, name = after
            query = query.where((c.case_number > number) | and_(c.case_number == number, c.name > name))
        return [clock_of(row) for row in self._rows(query.limit(checked_limit(limit)))]

    def first_due(self, now: datetime) -> DutyClock | None:
        """Return the clock whose step was due first, if one is due."""
        c = t.clocks.c
        query = select(t.clocks).where(c.next_at <= micros(now)).order_by(c.next_at, c.case_number, c.name).limit(1)
        return next((clock_of(row) for row in self._rows(query)), None)

    def without_clocks(self, *, after: int = 0, limit: int = 500) -> Sequence[tuple[int, Case]]:
        """Return cases that have not ended and have no clock at all, with their ordinals, oldest first."""
        c = t.cases.c
        has_clock = exists().where(t.clocks.c.case_number == c.number)
        query = select(t.cases).where(c.ordinal > after, c.status.not_in(_ENDED), ~has_clock).order_by(c.ordinal)
        return [(row["ordinal"], case_of(row)) for row in self._rows(query.limit(checked_limit(limit)))]

    def joint_parts(self, number: str) -> Sequence[JointPart]:
        """Return the parts of a case's joint action, the lead first."""
        c = t.joint_parts.c
        query = select(t.joint_parts).where(c.case_number == number).order_by(c.lead.desc(), c.department)
        return [part_of(row) for row in self._rows(query)]

    def parts_with(self, terminal: str) -> Sequence[JointPart]:
        """Return the parts that a terminal's carrier has not finished, oldest first."""
        c = t.joint_parts.c
        query = select(t.joint_parts).where(c.terminal == asked("terminal", terminal), c.done_at.is_(None))
        return [part_of(row) for row in self._rows(query.order_by(c.opened_at, c.case_number))]

    def consultation(self, code: str) -> Consultation:
        """Return a meeting.

        Raises:
            UnknownError: there is none.
        """
        rows = self._rows(select(t.consultations).where(t.consultations.c.code == asked("consultation", code)))
        if not rows:
            raise UnknownError("consultation", code)
        return consultation_of(rows[0])

    def consultations(self, *, limit: int = 100) -> Sequence[Consultation]:
        """Return meetings, newest first."""
        c = t.consultations.c
        query = select(t.consultations).order_by(c.held_at.desc(), c.code).limit(checked_limit(limit))
        return [consultation_of(row) for row in self._rows(query)]

    def anchors(self, *, after: int = 0, limit: int = 1000) -> Sequence[Anchor]:
        """Return anchors, oldest first."""
        c = t.anchors.c
        query = select(t.anchors).where(c.number > after).order_by(c.number).limit(checked_limit(limit))
        return [anchor_of(row) for row in self._rows(query)]

    def newest_anchor(self) -> Anchor | None:
        """Return the newest anchor, if there is one."""
        query = select(t.anchors).order_by(t.anchors.c.number.desc()).limit(1)
        return next((anchor_of(row) for row in self._rows(query)), None)

    def heads(self, first: int, last: int) -> Sequence[tuple[str, str]]:
        """Return each case with events in a stretch, with the digest of its newest event there, by number."""
        c = t.events.c
        newest = (
            select(func.max(c.sequence).label("sequence"))
            .where(c.sequence.between(first, last))
            .group_by(c.case_number)
            .subquery()
        )
        query = select(c.case_number, c.digest).join(newest, c.sequence == newest.c.sequence)
        # Sorted here: databases sort texts by rules of their own.
        return sorted((row[0], row[1]) for row in self._connection.execute(query))

    def cases_by_opening(self, *, after: int = 0, limit: int = 500) -> Sequence[tuple[int, Case]]:
        """Return cases with their ordinals, oldest first."""
        c = t.cases.c
        query = select(t.cases).where(c.ordinal > after).order_by(c.ordinal).limit(checked_limit(limit))
        return [(row["ordinal"], case_of(row)) for row in self._rows(query)]

    def entries_of(self, numbers: Sequence[str]) -> Mapping[str, Sequence[Entry]]:
        """Return the chained histories of some cases, 1000 at most."""
        checked_limit(max(1, len(numbers)))
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self._entries(select(t.events).where(t.events.c.case_number.in_(numbers))):
            found[entry.event.case].append(entry)
        return found

    def counted_events(self) -> tuple[int, int]:
        """Return how many events are stored, and how many were ever numbered."""
        stored = self._connection.execute(select(func.count()).select_from(t.events)).scalar_one()
        counter = select(t.counters.c.value).where(t.counters.c.name == "events")
        return int(stored), int(self._connection.execute(counter).scalar_one_or_none() or 0)

    def missing_sequences(self, *, limit: int = 50) -> Sequence[tuple[int, int]]:
        """Return stretches of the site's sequence that have no event, first and last included."""
        c = t.events.c
        before = func.lag(c.sequence, 1, 0).over(order_by=c.sequence).label("before")
        pairs = select(c.sequence, before).subquery()
        query = (
            select(pairs.c.before + 1, pairs.c.sequence - 1)
            .where(pairs.c.sequence > pairs.c.before + 1)
            .order_by(pairs.c.sequence)
            .limit(checked_limit(limit))
        )
        found = [(int(first), int(last)) for first, last in self._connection.execute(query)]
        newest, numbered = self.newest_sequence(), self.counted_events()[1]
        return [*found, (newest + 1, numbered)] if numbered > newest else found

    def dated_back(self, more_than: timedelta, *, limit: int = 1000) -> Sequence[DatedBack]:
        """Return events dated before the one of another case that was stored before them, by more than so much."""
        c = t.events.c
        pairs = select(
            c.case_number,
            c.sequence,
            c.at,
            func.lag(c.case_number).over(order_by=c.sequence).label("case_before"),
            func.lag(c.at).over(order_by=c.sequence).label("at_before"),
        ).subquery()
        query = (
            select(pairs.c.case_number, pairs.c.sequence, pairs.c.at_before - pairs.c.at)
            .where(pairs.c.case_before != pairs.c.case_number)
            .where(pairs.c.at_before - pairs.c.at > more_than // timedelta(microseconds=1))
            .order_by(pairs.c.sequence)
            .limit(checked_limit(limit))
        )
        found = self._connection.execute(query)
        return [DatedBack(str(case), int(at), timedelta(microseconds=int(back))) for case, at, back in found]

    def unsent(self, kind: str, *, limit: int = 100) -> Sequence[OutboxMessage]:
        """Return messages of a kind that have not left, oldest first, however many others wait before them."""
        c = t.outbox.c
        query = select(t.outbox).where(c.sent_at.is_(None), c.kind == kind).order_by(c.id)
        return [message_of(row) for row in self._rows(query.limit(checked_limit(limit)))]

    def names_file(self, path: str) -> bool:
        """Tell whether a picture or original that is kept, a trial or a camera's fault lies in a file."""
        return path in self.named([path])

    def with_words_before(self, moment: datetime, keys: Sequence[str], *, limit: int = 100) -> Sequence[str]:
        """Return cases that ended before a moment and still have a detail of these keys, oldest ending first."""
        kept = (
            exists()
            .where(t.events.c.case_number == t.cases.c.number)
            .where(t.asides.c.sequence == t.events.c.sequence, t.asides.c.key.in_(keys), t.asides.c.value.is_not(None))
        )
        return self._ended_with(kept, moment, limit)

    def with_contact_before(self, moment: datetime, *, limit: int = 100) -> Sequence[str]:
        """Return cases that ended before a moment and still have a reporter's contact."""
        c = t.reports.c
        kept = exists().where(c.case_number == t.cases.c.number, c.contact.is_not(None) | c.phone.is_not(None))
        return self._ended_with(kept, moment, limit)

    def _ended_with(self, kept: ColumnElement[bool], moment: datetime, limit: int) -> list[str]:
        """Return cases that ended before a moment; one that was merged into another ends with that, however deep."""
        c, into = t.cases.c, t.cases.alias("into")
        goes_on = into.c.status.not_in(_ENDED) | (into.c.updated_at >= micros(moment))
        lasting = select(c.number).join(into, into.c.number == c.merged_into).where(goes_on).cte(recursive=True)
        lasting = lasting.union(select(c.number).join(lasting, lasting.c.number == c.merged_into))
        query = (
            select(c.number)
            .where(c.status.in_(_ENDED), c.updated_at < micros(moment), c.number.not_in(select(lasting.c.number)), kept)
            .order_by(c.updated_at, c.ordinal)
        )
        return list(self._connection.execute(query.limit(checked_limit(limit))).scalars())


def clock_row(clock: DutyClock) -> dict[str, Any]:
    """Return a clock's columns."""
    return {
        "case_number": clock.case,
        "name": clock.name.value,
        "unit": clock.unit.value,
        "value": clock.value,
        "started_at": micros(clock.started_at),
        "spells": canonical([[micros(begin), micros(end)] for begin, end in clock.spells]),
        "stopped_at": micros_or_none(clock.stopped_at),
        "round": clock.round,
        "fired": clock.fired,
        "next_at": micros_or_none(clock.next_at),
    }


def clock_of(row: Mapping[Any, Any]) -> DutyClock:
    """Return the clock of a row."""
    return DutyClock(
        case=row["case_number"],
        name=ClockName(row["name"]),
        unit=DeadlineUnit(row["unit"]),
        value=row["value"],
        started_at=instant(row["started_at"]),
        spells=tuple((instant(begin), instant(end)) for begin, end in json.loads(row["spells"])),
        stopped_at=instant_or_none(row["stopped_at"]),
        round=row["round"],
        fired=row["fired"],
        next_at=instant_or_none(row["next_at"]),
    )


def part_of(row: Mapping[Any, Any]) -> JointPart:
    """Return the joint part of a row."""
    return JointPart(
        case=row["case_number"],
        department=row["department"],
        lead=bool(row["lead"]),
        force=row["force"],
        terminal=row["terminal"],
        opened_at=instant(row["opened_at"]),
        done_at=instant_or_none(row["done_at"]),
    )


def consultation_row(meeting: Consultation) -> dict[str, Any]:
    """Return a meeting's columns."""
    decided = [
        {"case": each.case, "words": each.words, "department": each.department, "task": each.task}
        for each in meeting.decisions
    ]
    return {
        "code": meeting.code,
        "since": micros(meeting.since),
        "until": micros(meeting.until),
        "held_at": micros(meeting.held_at),
        "chair": meeting.chair,
        "place": meeting.place,
        "attendants": canonical([list(each) for each in meeting.attendants]),
        "cases": canonical(list(meeting.cases)),
        "decisions": canonical(decided),
        "closed_at": micros_or_none(meeting.closed_at),
    }


def consultation_of(row: Mapping[Any, Any]) -> Consultation:
    """Return the meeting of a row."""
    return Consultation(
        code=row["code"],
        since=instant(row["since"]),
        until=instant(row["until"]),
        held_at=instant(row["held_at"]),
        chair=row["chair"],
        place=row["place"],
        attendants=tuple((name, department) for name, department in json.loads(row["attendants"])),
        cases=tuple(json.loads(row["cases"])),
        decisions=tuple(Decided(**each) for each in json.loads(row["decisions"])),
        closed_at=instant_or_none(row["closed_at"]),
    )


def anchor_of(row: Mapping[Any, Any]) -> Anchor:
    """Return the anchor of a row."""
    return Anchor(
        number=row["number"],
        at=instant(row["at"]),
        first=row["first"],
        last=row["last"],
        heads=row["heads"],
        previous=row["previous"],
        digest=row["digest"],
    )
