"""What the doors need, as one value; `wiring` makes it, tests make their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from api.tokens import TokenBook
from pipeline.casebook import Casebook
from pipeline.clocks import Clock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.principal import Principal
from pipeline.sightings import View
from pipeline.site import Site


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
        vendor: folder of what npm installed, served at /vendor.
        remark: what a reader of statistics must know, such as that cases are simulated.
    """

    site: Site
    casebook: Casebook
    desk: Desk
    clock: Clock
    evidence: EvidenceStore
    tokens: TokenBook
    frames: FrameTaker | None = None
    pictures: PictureTaker | None = None
    vendor: Path
    remark: str = ""
