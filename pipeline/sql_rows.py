"""Rows and values: how the casebook's values are written in columns and read back. Knows no statement."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import String, Table

from geo.coords import LonLat
from pipeline import sql_tables as t
from pipeline.casebook import CaseKept, Evidence, LimitError, OutboxMessage
from pipeline.cases import Case, Channel, Event, Side, Status
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.history import Entry
from pipeline.principal import Role

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOT_PLAIN = re.compile("[\\x00\\ud800-\\udfff]")


def micros(moment: datetime) -> int:
    """Return microseconds since 1970-01-01 UTC, exact."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(value: int) -> datetime:
    """Return the instant of `micros`."""
    return _EPOCH + timedelta(microseconds=value)


def micros_or_none(moment: datetime | None) -> int | None:
    """Return `micros`, or None for no time."""
    return None if moment is None else micros(moment)


def instant_or_none(value: int | None) -> datetime | None:
    """Return `instant`, or None for no time."""
    return None if value is None else instant(value)


def is_plain(text: str) -> bool:
    """Tell whether both databases can hold a text: it has no NUL and no half of a surrogate pair."""
    return "\x00" not in text if text.isascii() else _NOT_PLAIN.search(text) is None


def case_row(case: Case) -> dict[str, Any]:
    """Return a case's columns, without its ordinal."""
    return {
        "number": case.number,
        "category": case.category,
        "channel": case.channel.value,
        "status": case.status.value,
        "urgent": case.urgent,
        "lon": case.lonlat.lon,
        "lat": case.lonlat.lat,
        "cov_ee_m2": case.cov_m2[0],
        "cov_en_m2": case.cov_m2[1],
        "cov_nn_m2": case.cov_m2[2],
        "error_m": case.error_m,
        "grid": case.grid,
        "unit": case.unit,
        "side": case.side.value,
        "occurred_at": micros(case.occurred_at),
        "recorded_at": micros(case.recorded_at),
        "updated_at": micros(case.updated_at),
        "description": case.description,
        "camera": case.camera,
        "scene": case.scene,
        "arrive_by": micros_or_none(case.arrive_by),
        "first_result_by": micros_or_none(case.first_result_by),
        "terminal": case.terminal,
        "distance_m": case.distance_m,
        "sightings": case.sightings,
        "version": case.version,
        "merged_into": case.merged_into,
        "reopened_at": micros_or_none(case.reopened_at),
        "urgent_reason": case.urgent_reason,
        "condition": case.condition,
        "ticket_due": micros_or_none(case.ticket_due),
        **_life_row(case),
    }


def _life_row(case: Case) -> dict[str, Any]:
    return {
        "handle_by": micros_or_none(case.handle_by),
        "resumes_to": None if case.resumes_to is None else case.resumes_to.value,
        "bound": case.bound,
        "rework_by": case.rework_by,
        "supervised": case.supervised,
        "asked": case.asked,
        "extended": case.extended,
        "level": case.level,
        "liaisons": ";".join(case.liaisons),
    }


def case_of(row: Mapping[Any, Any]) -> Case:
    """Return the case of a row."""
    return Case(
        number=row["number"],
        category=row["category"],
        channel=Channel(row["channel"]),
        status=Status(row["status"]),
        urgent=bool(row["urgent"]),
        lonlat=LonLat(row["lon"], row["lat"]),
        cov_m2=(row["cov_ee_m2"], row["cov_en_m2"], row["cov_nn_m2"]),
        error_m=row["error_m"],
        grid=row["grid"],
        unit=row["unit"],
        side=Side(row["side"]),
        occurred_at=instant(row["occurred_at"]),
        recorded_at=instant(row["recorded_at"]),
        updated_at=instant(row["updated_at"]),
        description=row["description"],
        camera=row["camera"],
        scene=row["scene"],
        arrive_by=instant_or_none(row["arrive_by"]),
        first_result_by=instant_or_none(row["first_result_by"]),
        terminal=row["terminal"],
        distance_m=row["distance_m"],
        sightings=row["sightings"],
        version=row["version"],
        merged_into=row["merged_into"],
        reopened_at=instant_or_none(row["reopened_at"]),
        urgent_reason=row["urgent_reason"],
        condition=row["condition"],
        ticket_due=instant_or_none(row["ticket_due"]),
        handle_by=instant_or_none(row["handle_by"]),
        resumes_to=None if row["resumes_to"] is None else Status(row["resumes_to"]),
        bound=bool(row["bound"]),
        rework_by=row["rework_by"],
        supervised=bool(row["supervised"]),
        asked=row["asked"],
        extended=row["extended"],
        level=row["level"],
        liaisons=tuple(filter(None, row["liaisons"].split(";"))),
    )


_CHANNELS = {channel.value: channel for channel in Channel}
_STATUSES = {status.value: status for status in Status}


def kept_of(row: Sequence[Any]) -> CaseKept:
    """Return what a statistic needs of (number, lon, lat, occurred_at, channel, grid, status, category)."""
    number, lon, lat, occurred_at, channel, grid, status, category = row
    return CaseKept(
        number=number,
        lonlat=LonLat(lon, lat),
        occurred_at=instant(occurred_at),
        channel=_CHANNELS[channel],
        grid=grid,
        status=_STATUSES[status],
        category=category,
    )


def event_of(row: Mapping[Any, Any]) -> Event:
    """Return the event of a row, with the details that the chain holds."""
    return Event(
        case=row["case_number"],
        action=row["action"],
        status=Status(row["status"]),
        actor=row["actor"],
        role=Role(row["role"]),
        at=instant(row["at"]),
        details=json.loads(row["details"]),
        sequence=row["sequence"],
        previous=row["previous"],
        digest=row["digest"],
    )


def evidence_of(row: Mapping[Any, Any]) -> Evidence:
    """Return the evidence of a row."""
    return Evidence(
        id=row["id"],
        case=row["case_number"],
        sighting=row["sighting"],
        label=row["label"],
        path=row["path"],
        sha256=row["sha256"],
        captured_at=instant(row["captured_at"]),
        original_path=row["original_path"] or "",
        original_sha256=row["original_sha256"] or "",
        seen=json.loads(row["seen"]) if row["seen"] else None,
        erased_at=instant_or_none(row["erased_at"]),
        original_erased_at=instant_or_none(row["original_erased_at"]),
    )


def health_of(row: Mapping[Any, Any]) -> HealthEvent:
    """Return the spell of a row."""
    return HealthEvent(
        id=row["id"],
        camera=row["camera"],
        fault=HealthFault(row["fault"]),
        since=instant(row["since"]),
        until=instant_or_none(row["until"]),
        value=row["value"],
        limit=row["limit"],
        picture=row["picture"],
    )


def message_of(row: Mapping[Any, Any]) -> OutboxMessage:
    """Return the message of a row."""
    return OutboxMessage(
        id=row["id"],
        key=row["key"],
        kind=row["kind"],
        target=row["target"],
        payload=json.loads(row["payload"]),
        created_at=instant_or_none(row["created_at"]),
    )


def event_row(entry: Entry) -> dict[str, Any]:
    """Return the columns of an event that was just sealed."""
    event = entry.event
    return {
        "sequence": event.sequence,
        "case_number": event.case,
        "action": event.action,
        "status": event.status.value,
        "actor": event.actor,
        "role": event.role.value,
        "at": micros(event.at),
        "details": entry.text,
        "previous": event.previous,
        "digest": event.digest,
    }


@cache
def _lengths(table: Table) -> tuple[tuple[str, int | None], ...]:
    """Return the columns of a table that hold texts, and how long these may be."""
    kinds = ((column.name, column.type) for column in table.columns)
    return tuple((name, kind.length) for name, kind in kinds if isinstance(kind, String))  # Text is one too


def bounded(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row, whose texts fit their columns; SQLite itself would take any length, PostgreSQL no NUL.

    Raises:
        LimitError: a text is too long, or holds a NUL or half a character.
    """
    for name, most in _lengths(table):
        value = row.get(name)
        if value:
            _require_text(table, name, value, most)
    return row


def bounded_case(case: Case) -> Case:
    """Return the case, whose texts fit their columns: as `bounded` says of its row, which need not be made for that.

    Raises:
        LimitError: a text is too long, or holds a NUL or half a character.
    """
    for name, most in _lengths(t.cases):
        value = ";".join(case.liaisons) if name == "liaisons" else getattr(case, name)
        if value:
            _require_text(t.cases, name, value, most)
    return case


def _require_text(table: Table, name: str, value: str, most: int | None) -> None:
    if most is not None and len(value) > most:
        raise LimitError(f"{table.name}.{name}", f"{len(value)} characters long", f"{most} at most")
    if not is_plain(value):
        raise LimitError(f"{table.name}.{name}", "text with a NUL or half a character", "plain Unicode text")
