"""History: the hash chain over a case's events, what lies outside it, and the case that the events add up to. Pure.

Each event's digest is the SHA-256 of its canonical JSON, which holds the digest before it. Details that may have to be
erased one day (words of people, pictures) stay outside: the chain holds only the SHA-256 of a random salt and the
value. Erasing deletes value and salt; what is left proves that something was there and tells nothing about it.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from json.encoder import encode_basestring as _text_of
from typing import Final

from geo.coords import LonLat
from pipeline.cases import Action, Case, Channel, Event, Side, stepped
from pipeline.consequences import NOT_STEPS, consequences

OUTSIDE_CHAIN = frozenset({"note", "description", "pictures"})
"""The details that people may ask to have erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A detail outside the chain.

    Attributes:
        digest: what the chain holds of it.
        salt, value: None both once it was erased; the value is JSON.
    """

    key: str
    digest: str
    salt: str | None
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event as it is stored: its details inside the chain, and those beside it.

    Attributes:
        text: the details inside the chain as they are to be stored; empty for one that was read.
    """

    event: Event
    asides: tuple[Aside, ...]
    text: str = field(default="", compare=False, repr=False)

    def whole(self) -> Event:
        """Return the event with all details that were not erased."""
        if not self.asides:
            return self.event
        beside = {aside.key: json.loads(aside.value) for aside in self.asides if aside.value is not None}
        return replace(self.event, details={**self.event.details, **beside})


def canonical(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return _canonical.encode(value)


_canonical: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def seal(event: Event, *, previous: str, sequence: int) -> Entry:
    """Return the event with its place in the chain; `previous` is empty for a case's first.

    All keys of the details, nested ones too, are texts: of others JSON would make texts, in another order.
    """
    asides = tuple(_aside(key, event.details[key]) for key in sorted(OUTSIDE_CHAIN & event.details.keys()))
    text = canonical({key: value for key, value in event.details.items() if key not in OUTSIDE_CHAIN})
    # The details go through JSON once, so that the digest is over what will be read back.
    digest = _digest(event, text, asides, previous=previous, sequence=sequence)
    placed = Event(
        case=event.case,
        action=event.action,
        status=event.status,
        actor=event.actor,
        role=event.role,
        at=event.at,
        details=json.loads(text),
        sequence=sequence,
        previous=previous,
        digest=digest,
    )
    return Entry(event=placed, asides=asides, text=text)


def chain_digest(event: Event, asides: Sequence[Aside]) -> str:
    """Return the SHA-256 of an event, the digest before it and the digests of its asides, in hexadecimal."""
    return _digest(event, canonical(event.details), asides, previous=event.previous, sequence=event.sequence)


def _digest(event: Event, details: str, asides: Sequence[Aside], *, previous: str, sequence: int) -> str:
    """Return an event's digest: that of the canonical JSON of all of it, put together from that of its details."""
    beside = ",".join(f"{_text_of(aside.key)}:{_text_of(aside.digest)}" for aside in sorted(asides, key=_key_of))
    return _sha256(
        f'{{"action":{_text_of(event.action)},"actor":{_text_of(event.actor)},'
        f'"at":"{event.at.isoformat(timespec="microseconds")}","case":{_text_of(event.case)},"details":{details},'
        f'"outside":{{{beside}}},"previous":{_text_of(previous)},"role":{_text_of(event.role.value)},'
        f'"sequence":{sequence},"status":{_text_of(event.status.value)}}}'
    )


def _key_of(aside: Aside) -> str:
    return aside.key


def chain_faults(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return what is wrong with a case's chain, oldest first; empty when every digest and link holds."""
    faults: list[str] = []
    previous = ""
    for entry in entries:
        event = entry.event
        if event.previous != previous:
            faults.append(f"event {event.sequence} of {event.case} does not follow the one before it")
        if event.digest != chain_digest(event, entry.asides):
            faults.append(f"event {event.sequence} of {event.case} was changed after it was stored")
        faults += [
            f"{aside.key} of event {event.sequence} of {event.case} was changed after it was stored"
            for aside in entry.asides
            if aside.value is not None and _sha256((aside.salt or "") + aside.value) != aside.digest
        ]
        previous = event.digest
    return tuple(faults)


def opening_details(case: Case) -> dict[str, object]:
    """Return what the `open` event says of a new case; enough to build the case from."""
    return {
        "category": case.category,
        "channel": case.channel.value,
        "urgent": case.urgent,
        "lon": case.lonlat.lon,
        "lat": case.lonlat.lat,
        "cov_m2": list(case.cov_m2),
        "error_m": case.error_m,
        "grid": case.grid,
        "unit": case.unit,
        "side": case.side.value,
        "occurred_at": case.occurred_at.isoformat(),
        "camera": case.camera,
        "scene": case.scene,
        "arrive_by": case.arrive_by.isoformat() if case.arrive_by else None,
        "first_result_by": case.first_result_by.isoformat() if case.first_result_by else None,
        "sightings": case.sightings,
        "description": case.description,
        **({"urgent_reason": case.urgent_reason} if case.urgent_reason else {}),
        **({"condition": case.condition} if case.condition is not None else {}),
        **({"ticket_due": case.ticket_due.isoformat()} if case.ticket_due else {}),
        **({"department": case.rework_by} if case.rework_by is not None else {}),
    }


def rebuild(events: Sequence[Event]) -> Case:
    """Return the case that its events, from `open` on, add up to; the stored row must equal it."""
    *_, case = states(events)
    return case


def states(events: Sequence[Event]) -> Iterator[Case]:
    """Yield the case as it was after each of its events, from `open` on."""
    case = _opened(events[0])
    yield case
    for event in events[1:]:
        case = _after(case, event)
        yield case


def _aside(key: str, value: object) -> Aside:
    salt, text = secrets.token_hex(16), canonical(value)
    return Aside(key=key, digest=_sha256(salt + text), salt=salt, value=text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _opened(event: Event) -> Case:
    told = event.details
    east2, east_north, north2 = _floats(told["cov_m2"])
    return Case(
        number=event.case,
        category=str(told["category"]),
        channel=Channel(str(told["channel"])),
        status=event.status,
        urgent=bool(told["urgent"]),
        lonlat=LonLat(*_floats([told["lon"], told["lat"]])),
        cov_m2=(east2, east_north, north2),
        error_m=_floats([told["error_m"]])[0],
        grid=str(told["grid"]),
        unit=str(told["unit"]),
        side=Side(str(told["side"])),
        occurred_at=datetime.fromisoformat(str(told["occurred_at"])),
        recorded_at=event.at,
        updated_at=event.at,
        description=str(told.get("description", "")),
        camera=_text(told["camera"]),
        scene=_text(told["scene"]),
        arrive_by=_instant(told["arrive_by"]),
        first_result_by=_instant(told["first_result_by"]),
        sightings=int(_floats([told["sightings"]])[0]),
        version=1,
        urgent_reason=str(told.get("urgent_reason", "")),
        condition=None if told.get("condition") is None else int(_floats([told["condition"]])[0]),
        ticket_due=_instant(told.get("ticket_due")),
        rework_by=_text(told.get("department")),
    )


def _after(case: Case, event: Event) -> Case:
    told = event.details
    if event.action in NOT_STEPS:
        after = replace(case, status=event.status, version=case.version + 1)
    else:
        named = event.action in NAMES_TERMINAL
        terminal = _text(told.get("terminal")) if named else case.terminal
        after = stepped(case, event.action, status=event.status, at=event.at, terminal=terminal)
    if event.action in _SEEN_AGAIN and told.get("sighting"):
        after = replace(after, sightings=after.sightings + 1)
    if event.action == Action.DISPATCH.value:
        after = replace(after, distance_m=_floats([told["distance_m"]])[0])
    return consequences(after, event.action, told)


NAMES_TERMINAL = frozenset({Action.DISPATCH.value, Action.SELF_HANDLE.value})
"""The events whose details say who has the case from then on, and of which department they are."""
_SEEN_AGAIN = frozenset({"attach", "reopen"})


def _floats(values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise TypeError(values)
    return tuple(float(value) for value in values)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _instant(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
