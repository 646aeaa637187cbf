"""The shapes of requests and answers; pydantic lives here and goes no further."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from geo.coords import Datum, LonLat, convert
from pipeline.casebook import Evidence
from pipeline.cases import Action, Case, Channel, Event, Side, Status, legal_steps
from pipeline.desk import Taken
from pipeline.dispatch import Dispatch, NoTerminal
from pipeline.duty_clocks import closing_due
from pipeline.reports import Ticket
from pipeline.site import Site

Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="degrees east")]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="degrees north")]
Note = Annotated[str, Field(max_length=1000)]
Code = Annotated[str, Field(min_length=1, max_length=120)]


class Asked(BaseModel):
    """A request's body: unknown fields are faults."""

    model_config = ConfigDict(extra="forbid")


class PlaceIn(Asked):
    """A position and the datum it is in; phones in China may give GCJ-02."""

    lon: Lon
    lat: Lat
    datum: Datum = Datum.WGS84

    def lonlat(self) -> LonLat:
        """Return the position in WGS-84."""
        return convert(LonLat(self.lon, self.lat), source=self.datum, target=Datum.WGS84)


class PositionIn(PlaceIn):
    """Where a terminal is, and since when; now if not said."""

    at: AwareDatetime | None = None


class TicketIn(Asked):
    """The number that another body gave to a problem; each is taken once for its source."""

    source: Annotated[str, Field(min_length=1, max_length=40, description="such as 12345, or district")]
    number: Annotated[str, Field(min_length=1, max_length=80)]
    urgent: bool = False
    due_at: AwareDatetime | None = None

    def ticket(self) -> Ticket:
        """Return the ticket."""
        return Ticket(source=self.source, number=self.number, urgent=self.urgent, due_at=self.due_at)


class ReportIn(PlaceIn):
    """A problem that a person reports."""

    channel: Channel
    category: Code
    error_m: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 10.0
    occurred_at: AwareDatetime
    description: Note = ""
    condition: Annotated[int, Field(ge=1, le=999, description="a filing condition of the category")] | None = None
    hazard: Annotated[bool, Field(description="a serious safety hazard; makes a component's case urgent")] = False
    ticket: TicketIn | None = None
    phone: Annotated[str, Field(max_length=40)] = ""
    contact: Annotated[str, Field(max_length=200, description="how to reach whoever reports; personal, erasable")] = ""
    self_handled: Annotated[str, Field(max_length=1000, description="what a force did about it on the spot")] = ""


class ActionIn(Asked):
    """What goes with a step: words, the terminal to dispatch to, where it was taken, pictures, more time asked for."""

    note: Annotated[Note, Field(description="words; what `next` calls `shows` needs these or pictures")] = ""
    pictures: list[Code] = Field(default_factory=list, max_length=20, description="ids of pictures of this case")
    more: Annotated[float | None, Field(gt=0, le=1000, allow_inf_nan=False, description="in the deadline's unit")] = (
        None
    )
    terminal: Code | None = None
    lon: Annotated[Lon | None, Field(description="of a force's step without a place its terminal's fresh one")] = None
    lat: Lat | None = None
    datum: Datum = Datum.WGS84

    def lonlat(self) -> LonLat | None:
        """Return the position in WGS-84, if both coordinates were sent."""
        if self.lon is None or self.lat is None:
            return None
        return convert(LonLat(self.lon, self.lat), source=self.datum, target=Datum.WGS84)


class CaseOut(BaseModel):
    """A case; times in UTC, position in WGS-84, longitude first."""

    number: str
    category: str
    category_name: str
    category_name_zh: str
    channel: Channel
    status: Status
    urgent: bool
    urgent_reason: str
    condition: int | None
    ticket_due: datetime | None
    lon: float
    lat: float
    error_m: float
    cov_m2: tuple[float, float, float]
    grid: str
    unit: str
    side: Side
    occurred_at: datetime
    recorded_at: datetime
    updated_at: datetime
    description: str
    camera: str | None
    scene: str | None
    arrive_by: datetime | None
    first_result_by: datetime | None
    handle_by: datetime | None
    terminal: str | None
    distance_m: float | None
    sightings: int
    version: int
    merged_into: str | None
    reopened_at: datetime | None
    resumes_to: Status | None
    bound: bool
    rework_by: str | None
    supervised: bool
    asked: float
    extended: int
    level: int
    liaisons: list[str]
    actions: list[Action]

    @classmethod
    def of(cls, case: Case, site: Site) -> Self:
        """Return a case as it is sent; `actions` are those that its state allows."""
        name, name_zh = site.catalogue.names(case.category)
        own = {name for name in cls.model_fields if hasattr(case, name)} - {"handle_by", "liaisons"}
        return cls(
            **{name: getattr(case, name) for name in own},
            liaisons=list(case.liaisons),
            category_name=name,
            category_name_zh=name_zh,
            lon=case.lonlat.lon,
            lat=case.lonlat.lat,
            handle_by=closing_due(case, site),
            actions=legal_steps(case),
        )


class CasesOut(BaseModel):
    """One page of cases, newest number first; `next` is the address of the page that follows."""

    cases: list[CaseOut]
    next: str | None


class EventOut(BaseModel):
    """One entry of a case's history."""

    sequence: int
    case: str
    action: str
    status: Status
    actor: str
    role: str
    at: datetime
    details: dict[str, Any]
    previous: str
    digest: str

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return an event as it is sent."""
        return cls(**{name: getattr(event, name) for name in cls.model_fields})


class EventsOut(BaseModel):
    """A case's history, oldest first."""

    events: list[EventOut]


class EvidenceOut(BaseModel):
    """A stored picture and where to get it; `original` says that its sealed original is kept."""

    id: str
    case: str
    sighting: str
    label: str
    sha256: str
    captured_at: datetime
    erased_at: datetime | None
    original_sha256: str
    original: bool
    href: str | None

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Return a picture's facts as they are sent."""
        fields = {name: getattr(evidence, name) for name in cls.model_fields if name not in {"href", "original"}}
        kept = bool(evidence.original_path) and evidence.original_erased_at is None
        href = f"/api/v1/evidence/{evidence.id}" if evidence.erased_at is None else None
        return cls(**fields, original=kept, href=href)


class EvidencesOut(BaseModel):
    """A case's pictures, oldest first."""

    evidence: list[EvidenceOut]


class SkippedOut(BaseModel):
    """A candidate that did not get the case."""

    terminal: str
    distance_m: float
    reason: str


class DispatchOut(BaseModel):
    """Who got the case, if anyone, and why not each of the others."""

    terminal: str | None
    distance_m: float | None
    reason: str
    skipped: list[SkippedOut]

    @classmethod
    def of(cls, decision: Dispatch | NoTerminal) -> Self:
        """Return a decision as it is sent."""
        sent = decision if isinstance(decision, Dispatch) else None
        return cls(
            terminal=sent.terminal if sent else None,
            distance_m=sent.distance_m if sent else None,
            reason=decision.reason,
            skipped=[
                SkippedOut(terminal=s.terminal, distance_m=s.distance_m, reason=s.reason) for s in decision.skipped
            ],
        )


class TakenOut(BaseModel):
    """What became of a report; by `receipt` whoever made it can ask how it stands."""

    outcome: Literal["open", "attach", "reopen", "ignore"]
    number: str | None
    reason: str
    dispatch: DispatchOut | None
    receipt: str | None = None

    @classmethod
    def of(cls, taken: Taken) -> Self:
        """Return an outcome as it is sent."""
        decision = DispatchOut.of(taken.dispatch) if taken.dispatch is not None else None
        return cls(
            outcome=taken.outcome, number=taken.number, reason=taken.reason, dispatch=decision, receipt=taken.receipt
        )


class FrameOut(BaseModel):
    """What became of a pushed frame."""

    detections: int
    sightings: list[str]
    cases: list[str]


class TerminalOut(BaseModel):
    """A terminal, who carries it, and where it is; `at_post` says that it has not reported its position."""

    id: str
    force: str
    name: str
    name_zh: str
    role: str
    department: str
    stage: str
    grid: str
    on_duty: bool
    lon: float
    lat: float
    at_post: bool
    positioned_at: datetime | None
    open_cases: int


class TerminalsOut(BaseModel):
    """The terminals in reach."""

    terminals: list[TerminalOut]


class MovedOut(BaseModel):
    """Whether a position was stored; an older one than the last is not."""

    terminal: str
    stored: bool
    lon: float
    lat: float


class CellOut(BaseModel):
    """One cell of the heatmap in one time slot."""

    lon: float
    lat: float
    start: datetime
    channel: str
    cases: int
