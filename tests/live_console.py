"""The real server on a real port, over the sample site and a casebook of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import ClassVar

import httpx
import numpy as np
from databases import sqlite_url

from api.app import create_app
from api.server import ConsoleServer
from api.services import FrameTaker, Services
from api.stream import Changes
from api.tokens import Token, TokenBook, digest_of
from geo.coords import LonLat
from models.detections import Detections
from models.detector import Image
from pipeline.cases import Channel
from pipeline.clocks import FixedClock
from pipeline.desk import Desk, Report
from pipeline.evidence import EvidenceStore
from pipeline.principal import PIPELINE, Principal, Role
from pipeline.sightings import Sighting, View
from pipeline.site import Site
from pipeline.sql_casebook import open_casebook

VENDOR = Path(__file__).resolve().parents[1] / "api" / "web" / "vendor"
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""Monday 12:00 in Shanghai."""

RUBBISH = "GB/T 47678.5-2026/matter/06010"
FIRE_LANE = "GB/T 47678.5-2026/matter/09012"
PARK = LonLat(121.1046, 31.1521)
"""In the old town, grid YP-G1 of the sample site."""

DISPATCHER = Principal(name="Li", role=Role.DISPATCHER)
ADMIN = Principal(name="Wang", role=Role.ADMIN)
ANALYST = Principal(name="Zhao", role=Role.ANALYST)
FEED = Principal(name="feed", role=Role.INGEST)
CITIZEN = Principal(name="citizen", role=Role.CITIZEN)
WEST = Principal(name="west desk", role=Role.DISPATCHER, grids=frozenset({"YP-G5"}))


class Watcher:
    """A detector that sees nobody."""

    name, version, classless = "watcher", "watcher-1", False
    class_names: ClassVar = {0: "person"}

    def detect(self, _: Image, **__: object) -> Detections:
        return Detections(
            boxes_px=np.zeros((0, 4), np.float32),
            confidence=np.zeros(0, np.float32),
            class_ids=np.zeros(0, np.int32),
            class_names=self.class_names,
        )

    def close(self) -> None:
        return


def secret_of(principal: Principal) -> str:
    """Return a principal's token in these tests."""
    return f"secret of {principal.name}".replace(" ", "-")


def carrier_of(terminal: str) -> Principal:
    """Return the force that carries a terminal."""
    return Principal(name=f"carrier {terminal}", role=Role.FORCE, terminal=terminal)


def token_book(site: Site) -> TokenBook:
    """Return a book with everybody these tests need."""
    forces = [carrier_of(terminal) for terminal in site.roster.by_terminal()]
    people = [DISPATCHER, ADMIN, ANALYST, FEED, CITIZEN, WEST, *forces]
    return TokenBook(tuple(Token(principal=each, sha256=digest_of(secret_of(each))) for each in people))


@dataclass
class LiveConsole:
    """A running server with its services, and clients for it."""

    url: str
    services: Services
    changes: Changes
    clock: FixedClock
    database: str

    def client(self, principal: Principal | None = None, **settings: object) -> httpx.Client:
        """Return a client that sends a principal's token."""
        headers = {"authorization": f"Bearer {secret_of(principal)}"} if principal else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20.0, **settings)  # type: ignore[arg-type]  # passed on

    def report(self, at: LonLat = PARK, *, category: str = RUBBISH, description: str = "") -> str:
        """Report a problem by patrol; returns the case's number."""
        taken = self.services.desk.report(
            Report(
                channel=Channel.PATROL,
                category=category,
                lonlat=at,
                occurred_at=self.clock.now(),
                description=description,
            ),
            principal=DISPATCHER,
        )
        assert taken.number is not None
        return taken.number

    def sight(self, picture: bytes, *, camera: str = "pets-view1", scene: str = "crowd") -> str:
        """Take a sighting of a camera with one picture; returns the case's number."""
        site, now = self.services.site, self.clock.now()
        seen = Sighting(
            id=f"{camera}/{scene}/{now.isoformat()}",
            camera=camera,
            scene=scene,
            category=site.scenes[scene].category,
            first_seen_at=now - timedelta(seconds=5),
            captured_at=now,
            lonlat=site.camera(camera).lonlat,
            calibration_cov_m2=(0.1, 0.0, 0.1),
            measurement_cov_m2=(0.1, 0.0, 0.1),
            error_m=1.2,
            class_name="person",
            confidence=0.9,
            box_px=(10.0, 10.0, 60.0, 90.0),
            views=(View(label="at", captured_at=now, jpeg=picture),),
        )
        taken = self.services.desk.take(seen, principal=PIPELINE)
        assert taken.number is not None
        return taken.number

    def holder(self, number: str) -> Principal:
        """Return the force that a case is offered to."""
        terminal = self.services.casebook.case(number).terminal
        assert terminal is not None
        return carrier_of(terminal)


@contextmanager
def live_console(site: Site, folder: Path, *, frames: FrameTaker | None = None) -> Iterator[LiveConsole]:
    """Serve a site from a new database in a folder; the server is stopped and the database closed at the end."""
    clock, database = FixedClock(NOON), sqlite_url(folder)
    casebook, evidence = open_casebook(database), EvidenceStore(folder / "evidence")
    services = Services(
        site=site,
        casebook=casebook,
        desk=Desk(site=site, casebook=casebook, clock=clock, evidence=evidence),
        clock=clock,
        evidence=evidence,
        tokens=token_book(site),
        frames=frames,
        vendor=VENDOR,
    )
    try:
        with served(services) as (url, changes):
            yield LiveConsole(url=url, services=services, changes=changes, clock=clock, database=database)
    finally:
        casebook.close()


@contextmanager
def served(services: Services) -> Iterator[tuple[str, Changes]]:
    """Run the server in a thread on a free port."""
    app = create_app(services)
    server = ConsoleServer(app, port=0)
    thread = Thread(target=server.run, name="server", daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", app.state.changes
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"
