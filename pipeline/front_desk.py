"""The front desk: what comes in from outside: tables of tickets, reports by printed places, appeals."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from geo.boundaries import Fault
from geo.coords import Datum, LonLat, convert
from pipeline.admission import Taken
from pipeline.appeals import decide, lodge, refusal_of
from pipeline.casebook import Asking, Casebook, LimitError, Transaction
from pipeline.cases import Case, Channel
from pipeline.clocks import Clock
from pipeline.csv_table import once, read_rows
from pipeline.desk import Desk
from pipeline.erasure import Proof, erase_contact
from pipeline.errors import PipelineError, UnknownError
from pipeline.feedback import standing
from pipeline.hotline import HOTLINE, Imported, import_tickets
from pipeline.offers import Entered
from pipeline.principal import Principal, Role
from pipeline.receipts import MOST_WORDS, bound_words, require_public_room
from pipeline.reports import PrintedPlace, Received, Report
from pipeline.sightings import View
from pipeline.site import Site

PUBLIC = Principal(name="public", role=Role.CITIZEN)
PLACE_COLUMNS = ("name", "lon", "lat")
PRINTED_ERROR_M = 15.0
"""How far a problem may lie from the printed code by which it is reported."""
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # what people do not mistake for each other
_CODE_LENGTH = 12
_SHORTEST = 2
_MANAGERS = (Role.DISPATCHER, Role.ADMIN)


class PlacesFileError(PipelineError):
    """A table of places to print codes for has faults; none was made."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("no place was made: " + "; ".join(str(each) for each in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of a report: for whoever holds its receipt.

    Attributes:
        case: the one that it stands in; where its own was merged into another, that one.
        joined_at: when it was merged; None while its own case stands.
        refusal: why it was refused; empty if it was not, or if the words were said of somebody else's report too.
        appealed: whether an appeal was lodged.
        anew: number of the case that an upheld appeal led to.
    """

    received: Received
    case: Case
    joined_at: datetime | None
    refusal: str
    appealed: bool
    anew: str | None


class FrontDesk:
    """What comes in from outside, for one request."""

    def __init__(self, *, site: Site, casebook: Casebook, desk: Desk, clock: Clock) -> None:
        self._site, self._casebook, self._desk, self._clock = site, casebook, desk, clock

    def tickets(
        self, text: str, *, file: str, principal: Principal, datum: Datum = Datum.WGS84, source: str = HOTLINE
    ) -> Imported:
        """Take a table of hotline tickets in; see `hotline.import_tickets`."""
        principal.require("import tickets", *_MANAGERS)
        return import_tickets(
            text,
            file=file,
            report=lambda report: self._desk.report(report, principal=principal),
            calendar=self._site.settings.calendar,
            datum=datum,
            source=source,
        )

    def make_places(self, text: str, *, file: str, principal: Principal, datum: Datum) -> list[PrintedPlace]:
        """Make printed places from a table of names and positions; all of them or, with any fault, none.

        Raises:
            RefusedError: only an administrator of the whole site may.
            PlacesFileError: with every fault.
        """
        principal.require("make printed places", Role.ADMIN)
        principal.require_whole_site("make printed places")
        faults: list[Fault] = []
        made: list[PrintedPlace] = []
        seen_at: dict[tuple[str, str], str] = {}
        for row in read_rows(text, file=file, columns=PLACE_COLUMNS, faults=faults):
            at = LonLat(row.number("lon", low=-180, high=180), row.number("lat", low=-90, high=90))
            lonlat = convert(at, source=datum, target=Datum.WGS84)
            name = row.text("name")
            once(row, seen_at, ("name", name))
            try:
                self._site.place(lonlat)
            except PipelineError as error:
                if not (row.has_fault("lon") or row.has_fault("lat")):
                    row.fault("lon,lat", str(error))
            made.append(PrintedPlace(code=new_code(), name=name, lonlat=lonlat, made_at=self._clock.now()))
        if faults:
            raise PlacesFileError(faults)

        def work(tx: Transaction) -> None:
            for place in made:
                tx.add_printed_place(place)

        self._casebook.write(work)
        return made

    def end_place(self, code: str, *, principal: Principal) -> None:
        """Take a printed place out of use.

        Raises:
            RefusedError: only an administrator of the whole site may.
            UnknownError: there is none of that code in use.
        """
        principal.require("end printed places", Role.ADMIN)
        principal.require_whole_site("end printed places")
        self._casebook.write(lambda tx: tx.end_printed_place(code, self._clock.now()))

    def place(self, code: str) -> PrintedPlace:
        """Return a printed place that is in use.

        Raises:
            UnknownError: there is none of that code, or it was ended.
        """
        found = self._casebook.read(lambda now: now.printed_place(code))
        if found.ended_at is not None:
            raise UnknownError("printed place", code)
        return found

    def require_room(self, code: str) -> None:
        """Require that a printed place may send a report now; asked again when it is stored.

        Raises:
            UnknownError, TooManyReportsError: see `report_at`.
        """
        place, rules, now = self.place(code), self._site.settings.channels, self._clock.now()
        self._casebook.read(lambda inside: require_public_room(inside, place, rules, now=now))

    def report_at(
        self,
        code: str,
        *,
        category: str,
        description: str,
        phone: str = "",
        hazard: bool = False,
        picture: View | None = None,
    ) -> Taken:
        """Take in what the public reports by a printed code; the code carries the place.

        Raises:
            UnknownError, NotReportableError, LimitError, TooManyReportsError, EvidenceError: see `Desk.report`.
        """
        place = self.place(code)
        report = Report(
            channel=Channel.PUBLIC,
            category=category,
            lonlat=place.lonlat,
            error_m=PRINTED_ERROR_M,
            occurred_at=self._clock.now(),
            description=description,
            hazard=hazard,
            place=place,
            phone=phone,
            picture=picture,
        )
        return self._desk.report(report, principal=PUBLIC)

    def follow(self, receipt: str) -> Followed:
        """Return what became of a report, by its receipt; where its case was merged into another, what of that one.

        Raises:
            UnknownError: there is no such receipt.
        """

        def question(now: Asking) -> Followed:
            found = standing(now, receipt)
            history = now.events(found.case)
            upheld = next((each for each in history if each.action == "appeal-upheld"), None)
            return Followed(
                received=now.report(receipt),
                case=now.case(found.case),
                joined_at=found.joined_at,
                refusal=refusal_of(history) if found.joined_at is None else "",
                appealed=any(each.action == "appeal" for each in history),
                anew=None if upheld is None else str(upheld.details.get("case")),
            )

        return self._casebook.read(question)

    def appeal(self, receipt: str, words: str) -> Case:
        """Lodge an appeal by the receipt of the report that was refused, also as part of the case it was merged into.

        Raises:
            UnknownError, NoAppealError, LimitError: no such receipt, nothing to appeal, too few or too many words.
        """
        _require_words("words", words)
        entered = Entered(by=PUBLIC, now=self._clock.now())
        return self._casebook.write(lambda tx: lodge(tx, standing(tx, receipt).case, words, entered=entered))

    def appeal_case(self, number: str, words: str, *, principal: Principal) -> Case:
        """Lodge an appeal for a case, for a channel whose people have no receipt.

        Raises:
            UnknownError, NoAppealError, LimitError, RefusedError: see `appeal`.
        """
        principal.require("appeal a case", *_MANAGERS)
        _require_words("words", words)
        entered = Entered(by=principal, now=self._clock.now())

        def work(tx: Transaction) -> Case:
            _require_reach(tx.case(number), principal)
            return lodge(tx, number, words, entered=entered)

        return self._casebook.write(work)

    def decide_appeal(self, number: str, *, uphold: bool, reason: str, principal: Principal) -> Taken | None:
        """Decide an appeal; one that is upheld takes the problem in anew.

        Raises:
            UnknownError, NoAppealError, LimitError, RefusedError: see `appeals.decide`.
        """
        principal.require("decide an appeal", *_MANAGERS)
        _require_words("reason", reason)
        entered = Entered(by=principal, now=self._clock.now())

        def work(tx: Transaction) -> Taken | None:
            _require_reach(tx.case(number), principal)
            return decide(tx, number, uphold=uphold, reason=reason, site=self._site, entered=entered)

        return self._casebook.write(work)

    def appeals(self, *, principal: Principal) -> list[Case]:
        """Return the cases whose appeal waits for a decision, among the principal's."""
        principal.require("read appeals", *_MANAGERS, Role.ANALYST)
        found = self._casebook.read(lambda now: now.appealed())
        return [case for case in found if principal.grids is None or case.grid in principal.grids]

    def forget_phone(self, receipt: str, *, principal: Principal, ground: str = "asked for by receipt") -> Proof | None:
        """Erase how to reach whoever made a report; the proof stands in its case's history, None if nothing was left.

        Raises:
            UnknownError: there is no such receipt, or its case is out of reach.
            LimitError: the ground, which is kept, is too short or too long.
        """
        principal.require("erase a phone number", *_MANAGERS)
        _require_words("ground", ground)

        def work(tx: Transaction) -> Proof | None:
            _require_reach(tx.case(tx.report(receipt).case), principal)
            return erase_contact(tx, receipt, ground=ground, entered=Entered(by=principal, now=self._clock.now()))

        proof = self._casebook.write(work)
        self._casebook.scrub()
        return proof


def new_code() -> str:
    """Return a printed place's code: 12 characters, 59 random bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))


def _require_reach(case: Case, principal: Principal) -> None:
    if principal.grids is not None and case.grid not in principal.grids:
        raise UnknownError("case", case.number)


def _require_words(field: str, words: str) -> None:
    if not _SHORTEST <= len(words.strip()) <= MOST_WORDS:
        raise LimitError(field, f"{len(words.strip())} characters long", f"{_SHORTEST} to {MOST_WORDS}")
    bound_words(field, words)
