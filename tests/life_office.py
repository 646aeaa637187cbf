"""A small site with departments, a desk, a duty office and a watch on one casebook: for tests of a case's life."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path

from small_site import ADMIN, DISPATCHER, LITTER, NOON, PARKED, category, force, force_at, small_site, spot

from geo.coords import LonLat
from pipeline.case_clocks import ClockName, due_at
from pipeline.casebook import CaseFilter
from pipeline.cases import Action, Case, Channel
from pipeline.catalogue import Again, Catalogue, DeadlineUnit
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.duty_clocks import closing_due
from pipeline.duty_office import DutyOffice
from pipeline.duty_pattern import Rollout
from pipeline.erasure import Eraser
from pipeline.evidence import EvidenceStore
from pipeline.joint_action import JointPlan
from pipeline.principal import Principal, Role
from pipeline.roster import Stage
from pipeline.site import DispatchPolicy, Site
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.sql_engine import open_engine
from pipeline.verification import verify
from pipeline.watch import Watch

LI, WANG = DISPATCHER, ADMIN
CHEN = Principal(name="Chen", role=Role.DISPATCHER)
T001, T002, T003, T010, T011 = (f"T{number:03d}" for number in (1, 2, 3, 10, 11))
PLAN = JointPlan(lead="traffic-police", liaisons={"traffic-police": "YP-010", "market-supervision": "YP-011"})


def life_site() -> Site:
    """Return a site: T001 and T002 patrol A, T003 B; T010 is the traffic police in A, T011 the market supervisors."""
    forces = [
        force(1, "A", 50.0),
        force(2, "A", -100.0),
        force(3, "B"),
        force(10, "A", 20.0, department="traffic-police", stage=Stage.FOLLOW_UP),
        force(11, "A", 30.0, department="market-supervision", stage=Stage.FOLLOW_UP),
    ]
    kinds = (
        category(PARKED, deadline_value=4.0, deadline_unit=DeadlineUnit.URGENT_HOUR),
        category(LITTER, urgent=True, deadline_value=4.0, deadline_unit=DeadlineUnit.URGENT_HOUR),
    )
    chosen = DispatchPolicy(max_open_cases=1000, offer_timeout_general_s=3600.0, offer_timeout_urgent_s=3600.0)
    return small_site(forces, categories=kinds, policy=chosen)


def rolled_out(days: Mapping[str, date]) -> Site:
    """Return the life site with days on which grids begin; what shows again where it was handled goes on.

    A position counts for a fortnight, since clocks jump.
    """
    site = life_site()
    kinds = {PARKED: replace(site.catalogue.get(PARKED), again=Again.REOPEN), LITTER: site.catalogue.get(LITTER)}
    policy = replace(site.settings.dispatch, position_drop_after_s=14 * 86_400.0)
    settings = replace(site.settings, rollout=Rollout(grids=dict(days)), dispatch=policy)
    return replace(site, settings=settings, catalogue=Catalogue(by_key=kinds))


@dataclass
class Office:
    """One process's services; `beside` makes another's on the same database."""

    url: str
    folder: Path
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOON))
    site: Site = field(default_factory=life_site)
    migrated: bool = False

    def __post_init__(self) -> None:
        known = self.migrated
        self.casebook: SqlCasebook = SqlCasebook(open_engine(self.url)) if known else open_casebook(self.url)
        self.evidence = EvidenceStore(self.folder / "evidence")
        parts = {"site": self.site, "casebook": self.casebook, "clock": self.clock, "evidence": self.evidence}
        self.desk = Desk(**parts)
        self.duty = DutyOffice(**parts)
        self.eraser = Eraser(casebook=self.casebook, evidence=self.evidence, clock=self.clock)
        self.watch = Watch(site=self.site, casebook=self.casebook, clock=self.clock, eraser=self.eraser)

    def close(self) -> None:
        self.casebook.close()

    def beside(self) -> "Office":
        return Office(self.url, self.folder, self.clock, self.site, self.migrated)

    def report(
        self, at: LonLat | None = None, *, urgent: bool = False, by: Principal = LI, channel: Channel = Channel.PATROL,
        **more: object,
    ) -> str:  # fmt: skip
        """Report a problem that opens a case; returns its number."""
        return str(self.reported(at, urgent=urgent, by=by, channel=channel, **more).number)

    def reported(
        self, at: LonLat | None = None, *, urgent: bool = False, by: Principal = LI, channel: Channel = Channel.PATROL,
        **more: object,
    ):  # fmt: skip
        kind = LITTER if urgent else PARKED
        report = Report(channel=channel, category=kind, lonlat=at or spot("A"), occurred_at=self.clock.now(), **more)
        taken = self.desk.report(report, principal=by)
        assert taken.outcome == "open", taken
        return taken

    def handled_and_opened_again_by_rule(self) -> str:
        """Return an urgent case that was handled an hour ago, of a class that opens again what shows there again."""
        number = self.report(urgent=True)
        self.through(number, "accept", "arrive", "first-result", "done")
        kind = replace(self.site.catalogue.get(LITTER), again=Again.REOPEN)
        self.desk.adopt(replace(self.site, catalogue=Catalogue({**self.site.catalogue.by_key, LITTER: kind})))
        self.later(hours=1)
        return number

    def act(self, number: str, action: str, *, by: Principal = LI, note: str = "a reason", **more: object) -> Case:
        return self.desk.act(number, Action(action), principal=by, note=note, **more)

    def through(self, number: str, *actions: str, by: Principal | None = None) -> Case:
        """Take steps one after the other, as the terminal that holds the case where a force may."""
        for action in actions:
            case = self.casebook.case(number)
            terminal = case.terminal
            desk = action in {
                "check",
                "close",
                "file",
                "dispatch",
                "suspend",
                "resume",
                "rework",
                "reopen",
                "supervise",
            }
            who = by or (LI if desk or terminal is None else force_at(terminal))
            self.act(number, action, by=who)
        return self.casebook.case(number)

    def later(self, **much: float) -> datetime:
        self.clock.at += timedelta(**much)
        return self.clock.at

    def case(self, number: str) -> Case:
        return self.casebook.case(number)

    def actions(self, number: str) -> list[str]:
        return [event.action for event in self.casebook.events(number)]

    def sent(self, kind: str) -> list[tuple[str, dict]]:
        return [(m.target, dict(m.payload)) for m in self.casebook.outbox(limit=1000) if m.kind == kind]

    def prove(self) -> None:
        account = verify(self.casebook, pictures=self.evidence.open)
        assert account.flaws == ()
        assert disagreements(self.casebook, self.desk.site) == []


def disagreements(casebook: SqlCasebook, site: Site) -> list[tuple[str, str]]:
    """Return the cases whose stored clocks and own times differ, with the clock's name."""
    found = []
    for case in casebook.cases(CaseFilter(limit=1000)).cases:
        times = {
            ClockName.HANDLE: closing_due(case, site),
            ClockName.ARRIVE: case.arrive_by,
            ClockName.FIRST_RESULT: case.first_result_by,
        }
        clocks = casebook.read(lambda book, number=case.number: book.clocks_of(number))
        found += [
            (case.number, clock.name.value)
            for clock in clocks
            if clock.stopped_at is None and clock.name in times and due_at(clock, 1.0, site=site) != times[clock.name]
        ]
    return found
