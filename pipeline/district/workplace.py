"""A workplace: casebook, desk and forces of a simulated run in a folder of their own, on a clock that is moved."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pipeline.casebook import Casebook
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.district.forces_run import ForcesRun
from pipeline.evidence import EvidenceStore
from pipeline.site import Site
from pipeline.sql_casebook import open_casebook


class Workplace(NamedTuple):
    """The real parts that sightings go to."""

    casebook: Casebook
    desk: Desk
    forces: ForcesRun


World = Callable[[Path, Site, datetime, int], AbstractContextManager[Workplace]]


@contextmanager
def at_the_desk(folder: Path, site: Site, start: datetime, seed: int) -> Iterator[Workplace]:
    """Give a workplace whose forces ask the desk directly.

    Args:
        folder: for the database and the evidence.
        site: with the district's cameras and scenes.
        start: what the clock says first.
        seed: decides what the forces do.
    """
    casebook = open_casebook(f"sqlite:///{folder / 'beatgrid.db'}")
    try:
        clock = FixedClock(start)
        desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(folder / "evidence"))
        yield Workplace(casebook, desk, ForcesRun(site=site, casebook=casebook, desk=desk, clock=clock, seed=seed))
    finally:
        casebook.close()
