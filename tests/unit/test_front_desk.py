"""What comes in from outside: urgency, tickets once, printed codes, verification, refusal, appeal, roll-out."""

import csv
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Never

import cv2
import numpy as np
import pytest
from databases import sqlite_url
from hypothesis import given, settings
from hypothesis import strategies as st
from small_site import ADMIN, CITIZEN, DISPATCHER, LITTER, NOON, PARKED, category, small_site, spot

from api.case_views import case_view
from api.words import words
from geo.coords import Datum
from pipeline.appeals import NoAppealError, OwnRefusalError
from pipeline.casebook import AlreadyTakenError, CaseFilter, LimitError
from pipeline.cases import Action, Case, Channel, Status
from pipeline.catalogue import Again, CategoryKind, DeadlineUnit, FilingCondition
from pipeline.channel_rules import ChannelRules
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.dispatch import NoTerminal
from pipeline.duty_clocks import closing_due
from pipeline.duty_pattern import Rollout
from pipeline.errors import RefusedError, UnknownError, WholeSiteError
from pipeline.evidence import EvidenceStore
from pipeline.front_desk import FrontDesk, PlacesFileError, new_code
from pipeline.history import chain_faults, rebuild
from pipeline.hotline import COLUMNS, HotlineFileError, import_tickets, require_rows
from pipeline.principal import Principal, Role
from pipeline.printed_codes import MOST_PLACES, TooManyCodesError, modules, sheet
from pipeline.receipts import TooManyReportsError, new_receipt
from pipeline.reports import PrintedPlace, Received, Ticket
from pipeline.site import Site
from pipeline.sql_casebook import SqlCasebook, open_casebook
from pipeline.urgency import urgency

COVER = "GB/T 47678.5-2026/component/3"
DAYLONG = FilingCondition(
    number=2, text="missing", closing_condition="back", deadline_value=2.0, deadline_unit=DeadlineUnit.URGENT_HOUR,
    urgent=True,
)  # fmt: skip


@dataclass
class Office:
    folder: Path
    casebook: SqlCasebook
    clock: FixedClock
    site: Site

    @property
    def desk(self) -> Desk:
        evidence = EvidenceStore(self.folder / "evidence")
        return Desk(site=self.site, casebook=self.casebook, clock=self.clock, evidence=evidence)

    @property
    def front(self) -> FrontDesk:
        return FrontDesk(site=self.site, casebook=self.casebook, desk=self.desk, clock=self.clock)

    def all(self) -> tuple[Case, ...]:
        return self.casebook.cases(CaseFilter(limit=1000)).cases

    def place(self, name: str = "shop") -> PrintedPlace:
        lonlat = spot("A")
        text = f"name,lon,lat\n{name},{lonlat.lon},{lonlat.lat}\n"
        return self.front.make_places(text, file="p.csv", principal=ADMIN, datum=Datum.WGS84)[0]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    casebook = open_casebook(sqlite_url(tmp_path))
    kinds = (category(PARKED, conditions=(DAYLONG,)), category(LITTER), category(COVER))
    office = Office(tmp_path, casebook, FixedClock(NOON), small_site(categories=kinds))
    yield office
    for case in office.all():
        assert chain_faults(casebook.entries(case.number)) == ()
        assert rebuild(casebook.events(case.number)) == case
    casebook.close()


def report(channel: Channel = Channel.HOTLINE, **changes: object) -> Report:
    plain = Report(channel=channel, category=PARKED, lonlat=spot("A"), occurred_at=NOON)
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"channel": Channel.ALARM}, "a non-police alarm"),
        ({"ticket_urgent": True}, "an urgent hotline ticket"),
        ({"ticket_urgent": True, "channel": Channel.TRANSFER}, ""),
        ({"hazard": True}, ""),
        ({"hazard": True, "kind": CategoryKind.COMPONENT}, "a component with a serious safety hazard"),
        ({"condition": DAYLONG}, "its filing condition 2 is urgent"),
        ({"condition": replace(DAYLONG, urgent=False)}, ""),
        ({"urgent": True}, "its class is urgent"),
    ],
)
def test_what_makes_a_case_urgent_and_the_reason(changes: dict[str, object], reason: str) -> None:
    told = {"channel": Channel.HOTLINE, **changes}
    of_class = {name: told.pop(name) for name in ("kind", "urgent") if name in told}
    found = urgency(category(**of_class), **told)  # type: ignore[arg-type]  # the parameters above
    assert (found.urgent, found.reason) == (bool(reason), reason)


def test_no_receipt_looks_like_an_option_of_a_command():
    assert not any(new_receipt().startswith("-") for _ in range(2_000))


class TestReports:
    def test_the_reason_the_condition_and_the_ticket_are_stored_with_their_deadlines(self, office: Office) -> None:
        due = NOON + timedelta(days=3)
        ticket = Ticket(source="12345", number="Q1", urgent=True, due_at=due)
        taken = office.desk.report(report(condition=2, ticket=ticket), principal=DISPATCHER)
        case = office.casebook.case(str(taken.number))
        assert (case.urgent, case.urgent_reason, case.condition, case.ticket_due) == (
            True, "an urgent hotline ticket", 2, due,
        )  # fmt: skip
        assert case.arrive_by is not None
        assert closing_due(case, office.site) == due
        without = replace(case, ticket_due=None)
        assert closing_due(without, office.site) == NOON + timedelta(hours=2)
        received = office.casebook.read(lambda now: now.report(str(taken.receipt)))
        assert (received.case, received.source, received.ticket) == (case.number, "12345", "Q1")

    @pytest.mark.parametrize(
        ("number", "own", "shown"), [(2, "back", "back"), (2, "", "of the class"), (None, "back", "of the class")]
    )
    def test_it_is_closed_on_its_own_filing_condition_s_terms(
        self, office: Office, number: int | None, own: str, shown: str
    ) -> None:
        kind = category(PARKED, closing_condition="of the class", conditions=(replace(DAYLONG, closing_condition=own),))
        office.site = small_site(categories=(kind,))
        taken = office.desk.report(report(condition=number), principal=DISPATCHER)
        view = case_view(office.casebook.case(str(taken.number)), office.site, words("en"), now=NOON)
        assert view.closing_condition == shown

    def test_a_ticket_is_taken_once_for_its_source(self, office: Office) -> None:
        ticket = Ticket(source="12345", number="Q1")
        first = office.desk.report(report(ticket=ticket), principal=DISPATCHER)
        events = office.casebook.newest_sequence()
        again = office.desk.report(report(ticket=ticket, lonlat=spot("B")), principal=DISPATCHER)
        assert (again.outcome, again.number, again.receipt) == ("ignore", first.number, first.receipt)
        assert office.casebook.newest_sequence() == events
        other = office.desk.report(report(ticket=replace(ticket, source="district")), principal=DISPATCHER)
        assert other.outcome == "attach"

    def test_a_further_report_raises_a_case_and_never_lowers_it(self, office: Office) -> None:
        plain = office.desk.report(report(Channel.PATROL), principal=DISPATCHER)
        office.clock.at += timedelta(minutes=5)
        later, sooner = NOON + timedelta(days=2), NOON + timedelta(days=1)
        for number, urgent, due in (("Q1", True, later), ("Q2", False, sooner), ("Q3", False, later)):
            ticket = Ticket(source="12345", number=number, urgent=urgent, due_at=due)
            assert office.desk.report(report(ticket=ticket), principal=DISPATCHER).number == plain.number
        case = office.casebook.case(str(plain.number))
        assert (case.urgent, case.urgent_reason, case.ticket_due) == (True, "an urgent hotline ticket", sooner)
        assert case.arrive_by == office.clock.at + timedelta(minutes=15)
        assert case.channel is Channel.PATROL

    def test_a_handled_case_is_not_raised(self, office: Office) -> None:
        number = str(office.desk.report(report(), principal=DISPATCHER).number)
        for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
            office.desk.act(number, action, principal=DISPATCHER, note="moved")
        assert office.desk.report(report(Channel.ALARM), principal=DISPATCHER).number == number
        assert not office.casebook.case(number).urgent

    def test_an_alarm_is_urgent_and_only_the_desk_hands_it_over(self, office: Office) -> None:
        taken = office.desk.report(report(Channel.ALARM), principal=DISPATCHER)
        assert office.casebook.case(str(taken.number)).urgent_reason == "a non-police alarm"
        with pytest.raises(RefusedError):
            office.desk.report(report(Channel.ALARM), principal=CITIZEN)

    def test_the_site_says_which_channels_are_verified_first(self, office: Office) -> None:
        rules = ChannelRules(verify=frozenset({Channel.HOTLINE}))
        office.site = replace(office.site, settings=replace(office.site.settings, channels=rules))
        hotline = office.desk.report(report(), principal=DISPATCHER)
        assert office.casebook.case(str(hotline.number)).status is Status.REPORTED
        public = office.desk.report(report(Channel.PUBLIC, lonlat=spot("B")), principal=CITIZEN)
        assert office.casebook.case(str(public.number)).status is Status.DISPATCHED

    def test_a_condition_that_the_class_lacks_and_a_phone_that_is_none_are_told(self, office: Office) -> None:
        with pytest.raises(UnknownError, match="filing condition"):
            office.desk.report(report(condition=9), principal=DISPATCHER)
        with pytest.raises(LimitError, match="phone"):
            office.desk.report(report(phone="call me"), principal=DISPATCHER)
        assert office.all() == ()

    def test_a_phone_number_is_erased_on_request(self, office: Office) -> None:
        taken = office.desk.report(report(phone="+86 21 5972-0000"), principal=DISPATCHER)
        receipt = str(taken.receipt)
        assert office.casebook.read(lambda now: now.report(receipt)).phone == "+86 21 5972-0000"
        proof = office.front.forget_phone(receipt, principal=DISPATCHER, ground="request 118")
        known = office.casebook.read(lambda now: now.report(receipt))
        assert (known.phone, known.salt) == ("", None)
        last = office.casebook.events(str(taken.number))[-1]
        assert (last.action, last.details["ground"], last.actor) == ("erase", "request 118", DISPATCHER.name)
        assert proof is not None
        assert last.details["erased"] == [{"sequence": 0, "key": "contact", "digest": known.contact_digest}]
        assert office.front.forget_phone(receipt, principal=DISPATCHER) is None, "nothing is left to erase"
        assert office.casebook.events(str(taken.number))[-1] == last

    def test_a_phone_number_out_of_reach_is_not_erased(self, office: Office) -> None:
        receipt = str(office.desk.report(report(phone="021 5972"), principal=DISPATCHER).receipt)
        elsewhere = replace(DISPATCHER, grids=frozenset({"YP-D"}))
        with pytest.raises(UnknownError):
            office.front.forget_phone(receipt, principal=elsewhere)
        with pytest.raises(LimitError, match="ground"):
            office.front.forget_phone(receipt, principal=DISPATCHER, ground=" ")
        assert office.casebook.read(lambda now: now.report(receipt)).phone == "021 5972"


def tickets_csv(*rows: str) -> str:
    return "\n".join([",".join(COLUMNS), *rows]) + "\n"


def row(number: str, grid: str = "A", **changes: str) -> str:
    lonlat = spot(grid)
    cells = {
        "ticket": number, "category": PARKED, "occurred_at": "2026-11-23 08:00", "lon": f"{lonlat.lon}",
        "lat": f"{lonlat.lat}", "description": "挡路", "urgent": "", "due_at": "2026-11-25 18:00", "phone": "",
    } | changes  # fmt: skip
    return ",".join(cells[name] for name in COLUMNS)


class TestHotline:
    def take(self, office: Office, text: str):
        return office.front.tickets(text, file="t.csv", principal=DISPATCHER)

    def test_good_rows_go_in_once_and_bad_ones_come_back_with_every_reason(self, office: Office) -> None:
        text = tickets_csv(
            row("Q1"), row("Q2", category="no/matter/1"), row("Q3", urgent="maybe", occurred_at="soon"),
            row("Q4", lon="130"), row("Q5", "B", urgent="是"), row(""),
        )  # fmt: skip
        done = self.take(office, text)
        assert (len(done.opened), len(done.attached), len(done.known), done.bad_rows) == (2, 0, 0, 4)
        bad = {each["ticket"]: each["reasons"] for each in csv.DictReader(io.StringIO(done.bad))}
        assert "no category" in bad["Q2"]
        assert "urgent is 'maybe'" in bad["Q3"]
        assert "occurred_at is 'soon'" in bad["Q3"]
        assert "lies in no grid" in bad["Q4"]
        assert "ticket is missing" in bad[""]
        assert {each.urgent_reason for each in office.all()} == {"", "an urgent hotline ticket"}
        assert all(each.ticket_due == NOON + timedelta(days=2, hours=6) for each in office.all())

    def test_the_same_file_again_adds_nothing(self, office: Office) -> None:
        text = tickets_csv(row("Q1"), row("Q2", "B"))
        first = self.take(office, text)
        events = office.casebook.newest_sequence()
        again = self.take(office, text)
        assert (again.opened, again.attached, again.bad) == ((), (), "")
        assert again.known == first.opened
        assert office.casebook.newest_sequence() == events

    def test_the_bad_rows_come_back_in_a_form_that_can_be_mended_and_sent(self, office: Office) -> None:
        bad = self.take(office, tickets_csv(row("Q1", category="no/matter/1"))).bad
        mended = self.take(office, bad.replace("no/matter/1", PARKED))
        assert (len(mended.opened), mended.bad_rows) == (1, 0)

    @pytest.mark.parametrize("words", ['"他说"你好""', '"他说', "坏了,很暗,请处理,路灯"])
    def test_a_broken_row_comes_back_as_it_stood_and_costs_no_other(self, office: Office, words: str) -> None:
        broken = row("Q2", "B", description=words)
        done = self.take(office, tickets_csv(row("Q1"), broken, row("Q3", "C"), row("Q4", "D")))
        assert (len(done.opened), done.bad_rows) == (3, 1)
        (bad,) = csv.DictReader(io.StringIO(done.bad))
        assert bad["ticket"] == broken
        assert bad["reasons"].startswith("line 3: ")
        again = self.take(office, done.bad)
        assert (again.opened, again.bad_rows) == ((), 1)

    def test_a_file_of_broken_rows_alone_comes_back(self, office: Office) -> None:
        done = self.take(office, tickets_csv('"Q1', '"Q2'))
        assert (done.opened, done.bad_rows) == ((), 2)

    def test_a_ticket_that_says_two_things_is_told_with_both_lines(self, office: Office) -> None:
        rows = [row("Q1"), row("Q1", "B"), row("Q1"), row("Q1", description="灯"), row("Q1", description="灯")]
        done = self.take(office, tickets_csv(*rows))
        assert (len(done.opened), len(done.known), done.bad_rows) == (1, 1, 3)
        bad = [*csv.DictReader(io.StringIO(done.bad))]
        assert [each["reasons"].partition(",")[0] for each in bad] == [
            f"line {line}: ticket 'Q1' stands on line 2 too" for line in (3, 5, 6)
        ]
        assert [each["description"] for each in bad] == ["挡路", "灯", "灯"]

    def test_a_ticket_on_what_was_handled_and_shows_again_is_counted(self, office: Office) -> None:
        office.site = small_site(categories=(category(PARKED, again=Again.REOPEN),))
        (number,) = self.take(office, tickets_csv(row("Q1"))).opened
        for action in (Action.ACCEPT, Action.ARRIVE, Action.DONE):
            office.desk.act(number, action, principal=DISPATCHER, note="moved")
        office.clock.at += timedelta(hours=2)
        done = self.take(office, tickets_csv(row("Q2", occurred_at="2026-11-23 13:30")))
        assert (done.opened, done.attached, done.bad_rows) == ((), (number,), 0)
        assert office.casebook.case(number).reopened_at == office.clock.at

    def test_an_import_that_was_cut_off_is_run_again(self, office: Office) -> None:
        rows = [row("Q1"), row("Q2", "B"), row("Q3", "C")]
        self.take(office, tickets_csv(*rows[:1]))
        done = self.take(office, tickets_csv(*rows))
        assert (len(done.known), len(done.opened)) == (1, 2)

    def test_a_file_that_is_no_such_table_is_refused_whole(self, office: Office) -> None:
        with pytest.raises(HotlineFileError, match="column missing: ticket"):
            self.take(office, "a,b\n1,2\n")
        with pytest.raises(LimitError, match="send it in parts"):
            require_rows("x\n" * 12, 10)
        for end in ("\n", "\r", "\r\n"):
            require_rows(end.join("x" * 11), 10)
            with pytest.raises(LimitError, match="12 lines long"):
                require_rows(end.join("x" * 12), 10)
        assert office.all() == ()

    @settings(deadline=None)
    @given(garbage=st.text(max_size=300))
    def test_no_file_makes_it_fall_over(self, garbage: str) -> None:
        def never(_: Report) -> Never:
            raise LimitError("report", 1, "none here")

        try:
            done = import_tickets(tickets_csv(garbage), file="g", report=never, calendar=small_site().settings.calendar)
        except HotlineFileError:
            return
        assert done.opened == ()


class TestPrintedPlaces:
    def test_what_is_reported_by_a_code_waits_at_its_place(self, office: Office) -> None:
        place = office.place()
        taken = office.front.report_at(place.code, category=LITTER, description="垃圾", phone="5972 0000")
        case = office.casebook.case(str(taken.number))
        assert (case.status, case.channel, case.lonlat) == (Status.REPORTED, Channel.PUBLIC, place.lonlat)
        office.desk.act(case.number, Action.FILE, principal=DISPATCHER)
        assert office.front.follow(str(taken.receipt)).case.status is Status.DISPATCHED

    def test_a_place_sends_so_many_an_hour_and_then_again(self, office: Office) -> None:
        rules = ChannelRules(place_per_hour=2, all_per_hour=3)
        office.site = replace(office.site, settings=replace(office.site.settings, channels=rules))
        one, other = office.place("one"), office.place("other")
        for _ in range(2):
            office.front.report_at(one.code, category=LITTER, description="")
        with pytest.raises(TooManyReportsError, match="one sent 2 reports"):
            office.front.report_at(one.code, category=LITTER, description="")
        office.front.report_at(other.code, category=LITTER, description="")
        with pytest.raises(TooManyReportsError, match="the public sent 3"):
            office.front.report_at(other.code, category=LITTER, description="")
        office.clock.at += timedelta(minutes=61)
        assert office.front.report_at(one.code, category=LITTER, description="").number

    def test_an_ended_code_and_one_that_never_was_are_nowhere(self, office: Office) -> None:
        place = office.place()
        office.front.end_place(place.code, principal=ADMIN)
        for code in (place.code, "nothing"):
            with pytest.raises(UnknownError):
                office.front.report_at(code, category=LITTER, description="")
        with pytest.raises(UnknownError):
            office.front.end_place(place.code, principal=ADMIN)
        assert office.casebook.read(lambda now: now.printed_places()) == []

    def test_whoever_reaches_some_grids_only_makes_and_ends_no_place(self, office: Office) -> None:
        place = office.place()
        west = replace(ADMIN, grids=frozenset({"YP-A"}))
        with pytest.raises(WholeSiteError, match="may not make printed places"):
            office.front.make_places("name,lon,lat\n", file="p.csv", principal=west, datum=Datum.WGS84)
        with pytest.raises(WholeSiteError, match="may not end printed places"):
            office.front.end_place(place.code, principal=west)
        assert office.casebook.read(lambda now: now.printed_places()) == [place]

    def test_a_table_of_places_with_a_fault_makes_none(self, office: Office) -> None:
        lonlat = spot("A")
        text = f"name,lon,lat\nshop,{lonlat.lon},{lonlat.lat}\nshop,130,31\n,x,31\n"
        with pytest.raises(PlacesFileError) as raised:
            office.front.make_places(text, file="p.csv", principal=ADMIN, datum=Datum.WGS84)
        told = str(raised.value)
        assert all(
            words in told for words in ("shop stands on line 2 too", "lies in no grid", "name", "expected a number")
        )
        assert office.casebook.read(lambda now: now.printed_places()) == []


class TestSheet:
    def places(self, count: int) -> list[PrintedPlace]:
        return [
            PrintedPlace(code=new_code(), name=f"{n} 号店 (a\\b)", lonlat=spot("A"), made_at=NOON) for n in range(count)
        ]

    def streams(self, pdf: bytes) -> list[str]:
        parts = pdf.split(b"stream\n")[1:]
        found = []
        for part in parts:
            try:
                found.append(zlib.decompressobj().decompress(part).decode())
            except zlib.error:
                continue
        return found

    def decoded(self, stream: str, codes: list[str]) -> list[str]:
        """Draw the rectangles of a page and read its codes with OpenCV, which misses one in hundreds at one size."""
        found = []
        for block in stream.split("0 g\n")[1:]:
            drawn = [line.split()[:4] for line in block.split("f\n")[0].splitlines() if line.endswith("re")]
            boxes = np.array(drawn, np.float64)
            boxes[:, :2] -= boxes[:, :2].min(axis=0)
            cells = np.rint(boxes / boxes[:, 3].min()).astype(int)
            count = int((cells[:, 0] + cells[:, 2]).max())
            picture = np.full((count + 8, count + 8), 255, np.uint8)
            for x, y, wide, _ in cells:
                picture[count + 3 - y, 4 + x : 4 + x + wide] = 0
            address = f"https://grid.example/q/{codes.pop(0)}"
            assert ((picture[4:-4, 4:-4] == 0) == modules(address)).all(), "turned or mirrored"
            larger = (np.kron(picture, np.ones((size, size), np.uint8)) for size in (3, 2, 4))
            read = (cv2.QRCodeDetector().detectAndDecode(each)[0] for each in larger)
            found.append(next((text for text in read if text), ""))
        return found

    def test_each_place_s_code_can_be_read_from_its_page(self) -> None:
        places = self.places(14)
        pdf = sheet(places, base_url="https://grid.example/", heading="盈浦街道")
        first, second = self.streams(pdf)
        expected = [f"https://grid.example/q/{each.code}" for each in places]
        codes = [each.code for each in places]
        assert self.decoded(first, codes) + self.decoded(second, codes) == expected
        assert "盈浦街道".encode("utf-16-be").hex() in first
        assert places[0].name.encode("utf-16-be").hex() in first

    def test_the_file_s_table_of_objects_points_at_them(self) -> None:
        pdf = sheet(self.places(13), base_url="https://grid.example", heading="x")
        start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
        lines = pdf[start:].split(b"\n")
        count = int(lines[1].split()[1])
        for number, line in enumerate(lines[3 : 2 + count], 1):
            assert pdf[int(line[:10]) :].startswith(f"{number} 0 obj".encode())
        assert b"/Count 2" in pdf

    def test_no_codes_and_too_many_are_told(self) -> None:
        for count in (0, MOST_PLACES + 1):
            with pytest.raises(TooManyCodesError, match=f"{count} codes"):
                sheet([self.places(1)[0]] * count, base_url="https://x", heading="x")

    def test_codes_do_not_repeat_and_a_code_has_no_white_around_it(self) -> None:
        assert len({new_code() for _ in range(2000)}) == 2000
        dark = modules("https://grid.example/q/ABCDEFGHJKMN")
        assert dark.shape[0] == dark.shape[1]
        assert (dark.shape[0] - 17) % 4 == 0
        assert dark[0, :7].all()


class TestAppeals:
    OTHER = Principal(name="Zhang", role=Role.DISPATCHER)

    def refused(self, office: Office) -> tuple[str, str]:
        taken = office.front.report_at(office.place().code, category=LITTER, description="垃圾")
        office.desk.act(str(taken.number), Action.REJECT, principal=DISPATCHER, note="nothing there")
        return str(taken.number), str(taken.receipt)

    def test_a_refusal_is_told_and_an_upheld_appeal_takes_the_problem_in_anew(self, office: Office) -> None:
        number, receipt = self.refused(office)
        assert office.front.follow(receipt).refusal == "nothing there"
        office.front.appeal(receipt, "it is behind the bus stop")
        assert [each.number for each in office.front.appeals(principal=self.OTHER)] == [number]
        taken = office.front.decide_appeal(number, uphold=True, reason="seen it", principal=self.OTHER)
        assert taken is not None
        assert taken.outcome == "open"
        anew = office.casebook.case(str(taken.number))
        assert (anew.status, anew.channel, anew.lonlat) == (Status.DISPATCHED, Channel.PUBLIC, spot("A"))
        followed = office.front.follow(receipt)
        assert (followed.case.status, followed.appealed, followed.anew) == (Status.REFUSED, True, anew.number)
        assert office.front.appeals(principal=self.OTHER) == []

    def test_a_dismissed_appeal_leaves_the_case_and_no_second_one_is_taken(self, office: Office) -> None:
        number, receipt = self.refused(office)
        before = office.casebook.case(number)
        office.front.appeal(receipt, "look again")
        assert office.front.decide_appeal(number, uphold=False, reason="looked", principal=self.OTHER) is None
        after = office.casebook.case(number)
        assert (after.status, after.updated_at) == (before.status, before.updated_at)
        with pytest.raises(NoAppealError):
            office.front.appeal(receipt, "once more")
        with pytest.raises(NoAppealError):
            office.front.decide_appeal(number, uphold=True, reason="again", principal=self.OTHER)

    def test_whoever_refused_does_not_decide(self, office: Office) -> None:
        number, receipt = self.refused(office)
        office.front.appeal(receipt, "look again")
        with pytest.raises(OwnRefusalError, match="somebody else decides"):
            office.front.decide_appeal(number, uphold=True, reason="no", principal=DISPATCHER)

    def test_what_was_not_refused_cannot_be_appealed(self, office: Office) -> None:
        taken = office.desk.report(report(), principal=DISPATCHER)
        with pytest.raises(NoAppealError, match="only a refused case"):
            office.front.appeal_case(str(taken.number), "why not", principal=DISPATCHER)
        with pytest.raises(UnknownError):
            office.front.appeal("no such receipt", "why not")
        with pytest.raises(LimitError):
            office.front.appeal(str(taken.receipt), " ")

    def test_another_grid_s_appeal_does_not_exist(self, office: Office) -> None:
        number, receipt = self.refused(office)
        office.front.appeal(receipt, "look again")
        far = replace(self.OTHER, grids=frozenset({"YP-D"}))
        assert office.front.appeals(principal=far) == []
        with pytest.raises(UnknownError):
            office.front.decide_appeal(number, uphold=True, reason="mine", principal=far)


class TestRollout:
    """Grid A from June, B from July, the others from August."""

    @pytest.fixture
    def rolling(self, office: Office) -> Office:
        rollout = Rollout(grids={"YP-A": date(2027, 6, 1), "YP-B": date(2027, 7, 1)}, otherwise=date(2027, 8, 1))
        office.site = replace(office.site, settings=replace(office.site.settings, rollout=rollout))
        return office

    def status(self, office: Office, grid: str, month: int) -> Status:
        at = NOON.replace(year=2027, month=month, day=15)
        office.clock.at = at
        made = report(lonlat=spot(grid, 20.0 * month), occurred_at=at, category=LITTER)
        return office.casebook.case(str(office.desk.report(made, principal=DISPATCHER).number)).status

    def test_grids_are_switched_on_by_their_dates(self, rolling: Office) -> None:
        found = {(grid, month): self.status(rolling, grid, month) for month in (5, 6, 7, 8) for grid in "AB"}
        on = {place for place, status in found.items() if status is Status.DISPATCHED}
        assert on == {("A", 6), ("A", 7), ("A", 8), ("B", 7), ("B", 8)}
        assert set(found.values()) == {Status.DISPATCHED, Status.FILED}

    def test_what_is_off_is_collected_with_the_reason_and_without_clocks(self, rolling: Office) -> None:
        rolling.clock.at = NOON.replace(year=2027, month=5)
        taken = rolling.desk.report(report(Channel.ALARM, occurred_at=NOON), principal=DISPATCHER)
        assert isinstance(taken.dispatch, NoTerminal)
        assert "YP-A is switched on from 2027-06-01" in taken.dispatch.reason
        case = rolling.casebook.case(str(taken.number))
        assert (case.urgent, case.arrive_by, case.terminal) == (True, None, None)

    def test_what_was_collected_is_not_sent_out_by_itself_later_but_a_person_may(self, rolling: Office) -> None:
        rolling.clock.at = NOON.replace(year=2027, month=5)
        number = str(rolling.desk.report(report(occurred_at=NOON), principal=DISPATCHER).number)
        version = rolling.casebook.case(number).version
        rolling.clock.at = NOON.replace(year=2027, month=9)
        assert rolling.desk.retry_undispatched() == []
        assert rolling.casebook.case(number).version == version
        assert rolling.desk.act(number, Action.DISPATCH, principal=DISPATCHER).status is Status.DISPATCHED

    def test_midnight_is_the_site_s(self) -> None:
        rollout = Rollout(otherwise=date(2027, 6, 1))
        zone = small_site().settings.timezone
        first = NOON.replace(year=2027, month=5, day=31, hour=16)
        assert rollout.is_on("YP-A", first, zone)
        assert not rollout.is_on("YP-A", first - timedelta(microseconds=1), zone)
        assert Rollout().is_on("YP-A", first, zone)


def test_a_ticket_s_second_row_is_refused_by_the_table_itself(office: Office) -> None:
    number = str(office.desk.report(report(), principal=DISPATCHER).number)
    received = Received(
        id="r1", channel=Channel.HOTLINE, case=number, outcome="open", at=NOON, source="12345", ticket="Q9"
    )
    office.casebook.write(lambda tx: tx.add_report(received))
    with pytest.raises(AlreadyTakenError):
        office.casebook.write(lambda tx: tx.add_report(replace(received, id="r2")))
