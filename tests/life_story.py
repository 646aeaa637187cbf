"""A book's whole story, told again beside a model that is written by hand: who hears of what, who is sent from where.

The book is read event by event in the site's order. What the model knows besides is what was acknowledged: which report
belongs to which case, where terminals stood, from which day each grid is worked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from pyproj import Geod
from sqlalchemy import select

from geo.coords import LonLat
from pipeline import sql_tables as t
from pipeline.cases import Event
from pipeline.principal import Role
from pipeline.site import Site
from pipeline.sql_casebook import SqlCasebook
from pipeline.sql_engine import reading

# What reporters hear of, written by hand from what the standard calls feedback: steps of people, and joining.
HEARD = frozenset(
    {
        "open", "verify", "file", "dispatch", "accept", "decline", "arrive", "first-result", "done", "check", "close",
        "reject", "return", "void", "self-handle", "suspend", "resume", "supervise", "ask-extension", "extend",
        "refuse-extension", "rework", "reopen", "merge", "unmerge",
    }
)  # fmt: skip
TOUCHES_A_MERGED_CASE = frozenset({"unmerge", "absorb", "unabsorb", "erase"})
OF_WHAT_IS_WORKED = frozenset({"dispatch", "clock", "extension-lapsed"})
SAME_PLACE_M = 0.5
_ELLIPSOID = Geod(ellps="WGS84")


@dataclass(frozen=True, kw_only=True)
class Since:
    """From which event on something holds: surely after `high`, perhaps after `low`, places in the sequence."""

    low: int
    high: int


@dataclass
class Known:
    """What was acknowledged beside the book: reports' cases, terminals' places, and the days on which grids begin."""

    reports: dict[str, tuple[str, Since]] = field(default_factory=dict)
    places: dict[str, list[tuple[LonLat, Since]]] = field(default_factory=lambda: defaultdict(list))
    days: list[tuple[int, Mapping[str, date]]] = field(default_factory=list)

    def stood(self, terminal: str, post: LonLat, sequence: int) -> list[LonLat]:
        """Return where a terminal may have stood when an event happened."""
        sure, perhaps = post, []
        for place, since in self.places[terminal]:
            if since.high < sequence:
                sure = place
            elif since.low < sequence:
                perhaps.append(place)
        return [sure, *perhaps]

    def begins(self, grid: str, sequence: int) -> date | None:
        """Return the day on which a grid was to begin when an event happened."""
        return [days for after, days in self.days if after < sequence][-1].get(grid)


@dataclass(frozen=True)
class Sent:
    """A message as the outbox has it."""

    case: str
    version: int
    kind: str
    target: str


def sent_messages(casebook: SqlCasebook) -> list[Sent]:
    """Return every message that names the version of a case, oldest first."""
    with reading(casebook._engine) as connection:
        rows = connection.execute(select(t.outbox.c.key, t.outbox.c.kind, t.outbox.c.target).order_by(t.outbox.c.id))
        found = [(row.key.split("/"), row.kind, row.target) for row in rows]
    return [
        Sent(key[0], int(key[1]), kind, target) for key, kind, target in found if kind not in {"lamp", "escalation"}
    ]


def whole_story(casebook: SqlCasebook) -> Iterator[Event]:
    """Yield every event of the site in its order."""
    after = 0
    while page := casebook.events_after(after, limit=1000):
        yield from page
        after = page[-1].sequence


class Telling:
    """Goes through a story once and notes what is wrong."""

    def __init__(self, site: Site, known: Known, messages: Sequence[Sent]) -> None:
        self.site, self.known = site, known
        self.zone: ZoneInfo = site.settings.timezone
        self.forces = site.roster.by_terminal()
        self.told: dict[tuple[str, int], list[str]] = defaultdict(list)
        for each in messages:
            if each.kind == "feedback":
                self.told[each.case, each.version].append(each.target.removeprefix("report/"))
        self.flaws: list[str] = []
        self.merged: dict[str, str] = {}
        self.opened: dict[str, Event] = {}
        self.collected: set[str] = set()
        self.versions: Counter[str] = Counter()

    def of(self, events: Iterator[Event]) -> list[str]:
        """Return what is wrong with a story."""
        for event in events:
            self.versions[event.case] += 1
            if event.action == "open":
                self.opened[event.case] = event
            self._follow_merging(event)
            self._follow_days(event)
            self._hear(event)
            if event.action == "dispatch":
                self._look_where(event)
        return self.flaws

    def standing(self, number: str) -> str:
        """Return the case that one stands in now."""
        while number in self.merged:
            number = self.merged[number]
        return number

    def is_on(self, grid: str, event: Event) -> bool:
        day = self.known.begins(grid, event.sequence)
        return day is None or event.at.astimezone(self.zone).date() >= day

    def _flaw(self, event: Event, what: str) -> None:
        self.flaws.append(f"{event.case} event {event.sequence}, {event.action} by {event.actor}: {what}")

    def _follow_merging(self, event: Event) -> None:
        if event.action == "merge":
            self.merged[event.case] = str(event.details["into"])
            if self.standing(event.case) == event.case:
                self._flaw(event, "it is merged into itself")
        elif event.action == "unmerge":
            del self.merged[event.case]
        elif event.case in self.merged and event.action not in TOUCHES_A_MERGED_CASE:
            self._flaw(event, f"it is part of {self.merged[event.case]}")

    def _follow_days(self, event: Event) -> None:
        """A grid that is off collects: what is recorded there is not sent by itself, until somebody touches it."""
        grid = str(self.opened[event.case].details["grid"])
        if event.action == "open" and not self.is_on(grid, event):
            self.collected.add(event.case)
        elif event.role is not Role.SYSTEM and self.is_on(grid, event):
            self.collected.discard(event.case)
        elif event.role is Role.SYSTEM and event.case in self.collected and event.action in OF_WHAT_IS_WORKED:
            self._flaw(event, f"its grid {grid} begins on {self.known.begins(grid, event.sequence)}")
        if event.action == "dispatch" and event.role is Role.SYSTEM:
            lender = self.forces[str(event.details["terminal"])].grid
            if lender != grid and not self.is_on(lender, event):
                self._flaw(event, f"{lender} lends {event.details['terminal']}, and is off")

    def _hear(self, event: Event) -> None:
        """Everybody who reported the case, or one that is part of it, hears of a step; nobody else does, nor twice."""
        told = self.told.pop((event.case, self.versions[event.case]), [])
        surely, perhaps = set(), set()
        if event.action in HEARD:
            for receipt, (case, since) in self.known.reports.items():
                if since.low < event.sequence and event.case in self._chain(case):
                    (surely if since.high < event.sequence else perhaps).add(receipt)
        if len(told) != len(set(told)):
            self._flaw(event, "somebody hears of it twice")
        if not surely <= set(told) <= surely | perhaps:
            self._flaw(event, f"{sorted(surely)} (perhaps {sorted(perhaps)}) are to hear of it, {sorted(told)} did")

    def _chain(self, number: str) -> list[str]:
        chain = [number]
        while chain[-1] in self.merged:
            chain.append(self.merged[chain[-1]])
        return chain

    def _look_where(self, event: Event) -> None:
        """Who is sent was told how far it is from where they stood then."""
        terminal, opened = str(event.details["terminal"]), self.opened[event.case].details
        for place in self.known.stood(terminal, self.forces[terminal].post, event.sequence):
            _, _, metres = _ELLIPSOID.inv(place.lon, place.lat, float(opened["lon"]), float(opened["lat"]))
            if abs(metres - float(event.details["distance_m"])) < SAME_PLACE_M:
                return
        self._flaw(event, f"{terminal} was not {event.details['distance_m']} m away; it stood at {place}")


def story_flaws(casebook: SqlCasebook, site: Site, known: Known) -> list[str]:
    """Return what is wrong with a book's story by the model, and with where reports stand at its end."""
    telling = Telling(site, known, sent_messages(casebook))
    flaws = telling.of(whole_story(casebook))
    flaws += [f"{case} version {version}: {told} hear of nothing" for (case, version), told in telling.told.items()]
    for number, into in telling.merged.items():
        if casebook.case(number).merged_into != into:
            flaws.append(f"{number} is part of {into}, and its row says {casebook.case(number).merged_into}")
    return flaws


def standing_flaws(casebook: SqlCasebook, known: Known, standing_of) -> list[str]:
    """Return the reports whose receipts lead to another case than the one that theirs is part of."""
    found = []
    for receipt, (number, _) in known.reports.items():
        case = casebook.case(number)
        while case.merged_into is not None:
            case = casebook.case(case.merged_into)
        standing = standing_of(receipt)
        if (standing.case, standing.status) != (case.number, case.status):
            found.append(f"{receipt} of {number} leads to {standing.case}, {standing.status}; expected {case.number}")
    return found
