"""A workplace behind doors: a server on this machine whose terminals are simulated, each with its own token.

Sightings go to the desk as a run's do; whatever a terminal or the duty officer does goes over HTTP. Passing offers on
and trying again are the server's own business, as its keeper does them.
"""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Final, TypeVar

from api.app import create_app
from api.errors import ApiError
from api.options import VENDOR
from api.server import ConsoleServer
from api.services import Services
from api.tokens import TokenBook
from pipeline.casebook import CaseFilter, Page
from pipeline.cases import Action, Case
from pipeline.clocks import FixedClock
from pipeline.desk import Desk
from pipeline.district.doors import Doors, over_http
from pipeline.district.forces_run import ForcesRun
from pipeline.district.workplace import Workplace
from pipeline.evidence import EvidenceStore
from pipeline.principal import Principal, Role
from pipeline.site import Site
from pipeline.sql_casebook import open_casebook

T = TypeVar("T")
_STARTS_WITHIN_S: Final = 30.0
_POLL_S: Final = 0.02
_REPORT_EVERY_S: Final = 60.0


class DoorsShutError(ApiError):
    """The server of a simulated run does not answer."""

    def __init__(self, port: int) -> None:
        super().__init__(f"the run's own server did not start on 127.0.0.1:{port} in {_STARTS_WITHIN_S:g} s; try again")


class _Asked:
    """What the forces ask: over HTTP, but for what the server's keeper does by itself."""

    def __init__(self, doors: Doors, desk: Desk) -> None:
        self._doors, self._desk = doors, desk

    def case(self, number: str) -> Case:
        return self._doors.case(number)

    def cases(self, wanted: CaseFilter) -> Page:
        return self._doors.cases(wanted)

    def write(self, work: Callable[[Doors], T]) -> T:
        return self._doors.write(work)

    def act(self, number: str, action: Action, *, principal: Principal, note: str = "") -> Case:
        return self._doors.act(number, action, principal=principal, note=note)

    def pass_over(self) -> Sequence[str]:
        return self._desk.pass_over()

    def retry_undispatched(self) -> Sequence[str]:
        return self._desk.retry_undispatched()


@contextmanager
def behind_doors(folder: Path, site: Site, start: datetime, seed: int) -> Iterator[Workplace]:
    """Give a workplace whose forces act over HTTP.

    Args:
        folder: for database, evidence and tokens.
        site: with the district's cameras and scenes.
        start: what the clock says first.
        seed: decides what the forces do.

    Raises:
        DoorsShutError: the server does not start.
        AssetsMissingError: npm's files are not there.
    """
    casebook = open_casebook(f"sqlite:///{folder / 'beatgrid.db'}")
    try:
        clock, evidence = FixedClock(start), EvidenceStore(folder / "evidence")
        desk = Desk(site=site, casebook=casebook, clock=clock, evidence=evidence)
        services = Services(
            site=site,
            casebook=casebook,
            desk=desk,
            clock=clock,
            evidence=evidence,
            tokens=TokenBook.load_or_make(folder / "tokens.toml", site=site),
            vendor=VENDOR,
        )
        with _serving(services) as port:
            asked = _Asked(Doors(send=over_http(f"http://127.0.0.1:{port}"), tokens=_tokens(services)), desk)
            forces = ForcesRun(
                site=site, casebook=asked, desk=asked, clock=clock, seed=seed, report_every_s=_REPORT_EVERY_S
            )
            yield Workplace(casebook, desk, forces)
    finally:
        casebook.close()


@contextmanager
def _serving(services: Services) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = ConsoleServer(create_app(services), port=port)
    thread = Thread(target=server.run, name="doors", daemon=True)
    thread.start()
    try:
        until = time.monotonic() + _STARTS_WITHIN_S
        while not server.started:
            if time.monotonic() > until or not thread.is_alive():
                raise DoorsShutError(port)
            time.sleep(_POLL_S)
        yield port
    finally:
        server.should_exit = True
        thread.join(_STARTS_WITHIN_S)


def _tokens(services: Services) -> dict[str, str]:
    secrets = [(token.principal, token.secret) for token in services.tokens.tokens if token.secret]
    tokens = {who.terminal: secret for who, secret in secrets if who.role is Role.FORCE and who.terminal}
    tokens[""] = next(secret for who, secret in secrets if who.role is Role.DISPATCHER)
    return tokens
