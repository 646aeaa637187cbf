"""What the doors need, as one value; `wiring` makes it, tests make their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from api.tokens import TokenBook
from pipeline.casebook import Casebook
from pipeline.clocks import Clock
from pipeline.desk import Desk
from pipeline.duty_office import DutyOffice
from pipeline.erasure import Eraser
from pipeline.evidence import EvidenceStore
from pipeline.judging_desk import JudgingDesk
from pipeline.phone_marks import PhoneMarks
from pipeline.points_office import PointsOffice
from pipeline.principal import Principal
from pipeline.run_figures import Tallies
from pipeline.sightings import View
from pipeline.site import Site
from pipeline.watch import Watch


class FrameTaken(Protocol):
    """What became of a pushed frame: how many detections, the ids of its sightings, the numbers of their cases."""

    @property
    def detections(self) -> int: ...  # noqa: D102 - the class's docstring says it
    @property
    def sightings(self) -> Sequence[str]: ...  # noqa: D102 - the same
    @property
    def cases(self) -> Sequence[str]: ...  # noqa: D102 - the same


class FrameTaker(Protocol):
    """Takes frames that are pushed rather than read from a source."""

    def take(self, camera: str, captured_at: datetime, image_bytes: bytes, *, principal: Principal) -> FrameTaken:
        """Send one encoded image through detector, scenes and intake."""
        ...

    def note_absent(self) -> None:
        """Store which cameras send no frames any more."""
        ...


class PictureTaker(Protocol):
    """Makes pictures that people send fit to store."""

    def clean(self, data: bytes, *, at: datetime) -> View:
        """Return a picture in which nobody can be recognised."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a route may use.

    Attributes:
        frames: None when this server runs no detector.
        pictures: None when it runs none that knows people; pictures from people are refused then.
        phones: marks phone numbers for accounts of points; None where no key file is named, and nobody earns any.
        vendor: folder of what npm installed, served at /vendor.
        remark: what a reader of statistics must know, such as that cases are simulated.
        tallies: what the cameras of this process count.
        stills: pictures to calibrate cameras by, by camera, that were given when serving began.
    """

    site: Site
    casebook: Casebook
    desk: Desk
    clock: Clock
    evidence: EvidenceStore
    tokens: TokenBook
    frames: FrameTaker | None = None
    pictures: PictureTaker | None = None
    phones: PhoneMarks | None = None
    vendor: Path
    remark: str = ""
    tallies: Tallies = field(default_factory=Tallies)
    stills: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def office(self) -> DutyOffice:
        """Return what the operations centre does beyond single steps."""
        return DutyOffice(
            site=self.site,
            casebook=self.casebook,
            clock=self.clock,
            evidence=self.evidence,
            applied=self.desk.applied,
        )

    @property
    def eraser(self) -> Eraser:
        """Return what erases personal data."""
        return Eraser(casebook=self.casebook, evidence=self.evidence, clock=self.clock)

    @property
    def judging(self) -> JudgingDesk:
        """Return what judges, publishes and hears appeals against figures."""
        return JudgingDesk(site=self.site, casebook=self.casebook, clock=self.clock)

    @property
    def points(self) -> PointsOffice:
        """Return what keeps citizens' points."""
        return PointsOffice(site=self.site, casebook=self.casebook, clock=self.clock, phones=self.phones)

    @property
    def watch(self) -> Watch:
        """Return what fires duty clocks, drops anchors and keeps terms."""
        return Watch(site=self.site, casebook=self.casebook, clock=self.clock, eraser=self.eraser)
