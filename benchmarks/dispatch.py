"""What dispatch costs: one decision among many terminals, position updates, and reports taken with group commit.

    python benchmarks/dispatch.py [--seconds S] [--threads N] [--json]

- `decision_*`: one decision, reasons included, among so many terminals on duty in a city of 64 grids, warm; `cpu` is
  the thread's own time, without waiting for busy neighbours. Beside it the nearest by PostgreSQL's own distance order
  over an index (`point <->`), which knows no duty, role or load.
- `moves_per_s`: positions stored through the desk, a thousand at a time, each thousand committed, 10,000 terminals.
- `intake_per_s_*`: reports by so many threads in one process: checked, merged, filed, offered, answered after the
  commit. `bare_*` is a transaction of its own that adds one row. Half a per cent of the reports attach to a known case.
  `intake_cpu_ms_*` is this process's own time a report, which busy neighbours change least.
- `http_over_bare_*`: the same reports over HTTP (uvicorn, one process), over an endpoint that adds one row and commits.

Judge by ratios: this machine's disk and neighbours are in every figure. SQLite runs with synchronous = FULL, PostgreSQL
(from the wheel that the tests use; skipped where it is missing) with synchronous_commit = on.
"""

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from dispatch_city import NOON, city, city_board, city_case, somewhere  # noqa: E402 - the same

from geo.coords import LonLat  # noqa: E402 - the same
from pipeline.cases import Channel  # noqa: E402 - the same
from pipeline.clocks import WallClock  # noqa: E402 - the same
from pipeline.desk import Desk, Moved, Report  # noqa: E402 - the same
from pipeline.dispatch import Dispatch, decide  # noqa: E402 - the same
from pipeline.evidence import EvidenceStore  # noqa: E402 - the same
from pipeline.principal import PIPELINE  # noqa: E402 - the same
from pipeline.site import Site  # noqa: E402 - the same
from pipeline.sql_casebook import SqlCasebook, open_casebook  # noqa: E402 - the same

DECISIONS = 1_000
GROUP = 1_000
REPEATED = 0.005


def main() -> int:
    """Print the figures."""
    options = _options()
    if options.client:
        return _client(options.client, options.seconds, options.threads)
    report: dict[str, Any] = {**_decisions("10k", 10_000), **_decisions("100k", 100_000)}
    _told(report)
    with tempfile.TemporaryDirectory() as folder:
        databases = {"sqlite": f"sqlite:///{folder}/moves.db"}
        report["moves_per_s"] = _moves(databases["sqlite"], options.seconds)
        report |= _intake("sqlite", f"sqlite:///{folder}/intake.db", options)
        _told(report)
    with _postgresql() as make:
        if make is not None:
            report["moves_per_s_postgresql"] = _moves(make(), options.seconds)
            report |= _intake("postgresql", make(), options)
            report |= _ordering(make(), 10_000, "10k")
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        for name, value in report.items():
            print(f"{name:40} {value}")
    return 0


def _told(report: dict[str, Any]) -> None:
    """Tell what is known so far: the rest takes a while."""
    print(json.dumps(report), file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each timed stretch")
    parser.add_argument("--threads", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--client", help=argparse.SUPPRESS)  # the other end of the HTTP figure, in its own process
    return parser.parse_args()


def _decisions(name: str, terminals: int) -> dict[str, Any]:
    site = city(terminals)
    board, draw = city_board(site, held=1), np.random.default_rng(3)
    cases = [city_case(draw, site) for _ in range(DECISIONS)]
    took, cpu, sent = [], [], 0
    for case in (*cases[:50], *cases):
        started, began_ns = time.perf_counter(), time.thread_time_ns()
        decision = decide(
            case,
            site=site,
            category=site.catalogue.get(case.category),
            terminals=board,
            declined=frozenset(),
            now=case.recorded_at,
        )
        took.append((time.perf_counter() - started) * 1e3)
        cpu.append((time.thread_time_ns() - began_ns) / 1e6)
        sent += isinstance(decision, Dispatch)
    p50, p99 = np.percentile(took[50:], [50, 99])
    return {
        f"decision_p50_ms_{name}": round(float(p50), 3),
        f"decision_p99_ms_{name}": round(float(p99), 3),
        f"decision_cpu_p50_ms_{name}": round(float(np.percentile(cpu[50:], 50)), 3),
        f"decision_cpu_p99_ms_{name}": round(float(np.percentile(cpu[50:], 99)), 3),
        f"decision_sent_{name}": round(sent / len(took), 3),
    }


def _ordering(url: str, terminals: int, name: str) -> dict[str, Any]:
    """Ask PostgreSQL for the nearest terminal by distance ordering over a GiST index of points."""
    import psycopg

    site = city(terminals)
    board, draw = city_board(site, held=1), np.random.default_rng(3)
    cases = [city_case(draw, site) for _ in range(DECISIONS)]
    query = "SELECT id FROM near WHERE on_duty AND held = 0 ORDER BY place <-> point(%s, %s) LIMIT 1"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE near (id text, place point, on_duty boolean, held integer)")
        with connection.cursor().copy("COPY near FROM STDIN") as copy:
            for at, each in enumerate(board.values()):
                lonlat = each.lonlat or LonLat(0.0, 0.0)
                copy.write_row((each.id, f"({lonlat.lon},{lonlat.lat})", at < terminals, each.open_cases))
        connection.execute("CREATE INDEX ON near USING gist (place)")
        connection.execute("ANALYZE near")
        took = []
        for case in (*cases[:50], *cases):
            started = time.perf_counter()
            connection.execute(query, (case.lonlat.lon, case.lonlat.lat)).fetchone()
            took.append((time.perf_counter() - started) * 1e3)
    p50, p99 = np.percentile(took[50:], [50, 99])
    return {
        f"postgresql_ordering_p50_ms_{name}": round(float(p50), 3),
        f"postgresql_ordering_p99_ms_{name}": round(float(p99), 3),
    }


def _moves(url: str, seconds: float) -> float:
    """Store positions of 10,000 terminals, a thousand in each transaction, for some seconds."""
    site = city(10_000)
    casebook = open_casebook(url)
    desk = _desk(site, casebook)
    draw, codes = np.random.default_rng(4), list(site.roll.codes[:10_000])
    stored, round_ = 0, 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        start = round_ * GROUP % len(codes)
        now = CLOCK.now()
        moves = [Moved(terminal=code, lonlat=somewhere(draw), at=now) for code in codes[start : start + GROUP]]
        stored += desk.move_all(moves, principal=PIPELINE)
        round_ += 1
    a_second = stored / (time.perf_counter() - started)
    casebook.close()
    return round(a_second)


def _intake(name: str, url: str, options: argparse.Namespace) -> dict[str, Any]:
    site = city(2_000, policy=replace(city(64).settings.dispatch, offered_up_to=10**6, max_open_cases=10**6))
    casebook = open_casebook(url)
    desk = _desk(site, casebook)
    positions = np.random.default_rng(5)
    now = CLOCK.now()
    forces = site.roster.forces[:2_000]
    heard = [Moved(terminal=each.terminal or "", lonlat=somewhere(positions, each.grid), at=now) for each in forces]
    desk.move_all(heard, principal=PIPELINE)
    bare = _timed(lambda _: _bare(casebook), seconds=options.seconds, threads=1)
    grouped = _timed(lambda _: _bare(casebook), seconds=options.seconds, threads=options.threads)
    taken = _timed(lambda draw: _report(desk, site, draw), seconds=options.seconds, threads=options.threads)
    alone = _timed(lambda draw: _report(desk, site, draw), seconds=options.seconds / 2, threads=1)
    over = _over_http(site, casebook, desk, options)
    casebook.close()
    return {
        f"intake_per_s_{name}": taken["a_second"],
        f"intake_p50_ms_{name}": taken["p50_ms"],
        f"intake_p99_ms_{name}": taken["p99_ms"],
        f"intake_cpu_ms_{name}": taken["cpu_ms"],
        f"intake_one_thread_per_s_{name}": alone["a_second"],
        f"bare_one_thread_per_s_{name}": bare["a_second"],
        f"bare_grouped_per_s_{name}": grouped["a_second"],
        **{f"{key}_{name}": value for key, value in over.items()},
    }


def _desk(site: Site, casebook: SqlCasebook) -> Desk:
    return Desk(site=site, casebook=casebook, clock=CLOCK, evidence=EvidenceStore(Path(tempfile.gettempdir())))


def _report(desk: Desk, site: Site, draw: np.random.Generator) -> None:
    desk.report(_drawn(site, draw), principal=PIPELINE)


class Midday(WallClock):
    """A clock that was set to noon when this program began: who is on duty does not depend on when it is run."""

    def __init__(self) -> None:
        self._ahead = NOON - WallClock().now()

    def now(self) -> datetime:
        """Return the instant, by that clock."""
        return WallClock().now() + self._ahead


CLOCK = Midday()
_KNOWN: list[Report] = []


def _drawn(site: Site, draw: np.random.Generator) -> Report:
    """Return a report of something new, or now and then of what was reported before."""
    if _KNOWN and draw.uniform() < REPEATED:
        return _KNOWN[int(draw.integers(len(_KNOWN)))]
    categories = tuple(site.catalogue.by_key)
    category = categories[int(draw.integers(len(categories)))]
    made = Report(
        channel=Channel.HOTLINE,
        category=category,
        lonlat=somewhere(draw),
        occurred_at=CLOCK.now() - timedelta(seconds=1),
        description="lamp out in front of number 12",
    )
    if len(_KNOWN) < GROUP:
        _KNOWN.append(made)
    return made


def _bare(casebook: SqlCasebook) -> None:
    ident = f"bare-{random.getrandbits(62)}"
    now = CLOCK.now()
    casebook.write(lambda tx: tx.add_sighting(ident, case=None, camera="none", captured_at=now))


def _timed(work: Callable[[np.random.Generator], None], *, seconds: float, threads: int) -> dict[str, float]:
    """Do something again and again on so many threads for some seconds; how often a second, and how long each took."""
    took: list[list[float]] = [[] for _ in range(threads)]
    until = time.perf_counter() + seconds

    def run(number: int) -> None:
        draw = np.random.default_rng((6, number))
        while time.perf_counter() < until:
            started = time.perf_counter()
            work(draw)
            took[number].append(time.perf_counter() - started)

    workers = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    began, cpu_s = time.perf_counter(), time.process_time()
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    lasted = time.perf_counter() - began
    times_ms = np.concatenate([np.array(each) for each in took]) * 1e3
    return {
        "a_second": round(len(times_ms) / lasted, 1),
        "cpu_ms": round((time.process_time() - cpu_s) / len(times_ms) * 1e3, 2),
        "p50_ms": round(float(np.percentile(times_ms, 50)), 1),
        "p99_ms": round(float(np.percentile(times_ms, 99)), 1),
    }


def _over_http(site: Site, casebook: SqlCasebook, desk: Desk, options: argparse.Namespace) -> dict[str, Any]:
    """Take reports over HTTP, and rows by an endpoint that only adds one; a client in a process of its own asks."""
    url, stop = _serve(site, casebook, desk)
    try:
        asked = {what: _ask(f"{url}/{what}", options) for what in ("bare", "bare-grouped", "api/v1/cases")}
    finally:
        stop()
    taken = asked["api/v1/cases"]
    return {
        "http_intake_per_s": taken,
        "http_bare_per_s": asked["bare"],
        "http_over_bare": round(taken / asked["bare"], 2),
        "http_over_bare_grouped": round(taken / asked["bare-grouped"], 2),
    }


def _serve(site: Site, casebook: SqlCasebook, desk: Desk) -> tuple[str, Callable[[], None]]:
    from api.app import create_app
    from api.server import ConsoleServer
    from api.services import Services
    from api.tokens import Token, TokenBook, digest_of
    from pipeline.principal import Principal, Role
    from pipeline.sql_engine import writing
    from pipeline.sql_writing import SqlTransaction

    who = Principal(name="bench", role=Role.DISPATCHER)
    services = Services(
        site=site,
        casebook=casebook,
        desk=desk,
        clock=CLOCK,
        evidence=EvidenceStore(Path(tempfile.gettempdir())),
        tokens=TokenBook((Token(principal=who, sha256=digest_of("bench")),)),
        vendor=ROOT / "api" / "web" / "static",
    )
    app = create_app(services)
    one_writer = threading.Lock()

    @app.post("/bare")
    def bare() -> dict[str, bool]:
        ident = f"bare-{random.getrandbits(62)}"
        with one_writer, writing(casebook._engine) as connection:  # noqa: SLF001 - a transaction of its own, one row
            SqlTransaction(connection).add_sighting(ident, case=None, camera="none", captured_at=CLOCK.now())
        return {"stored": True}

    @app.post("/bare-grouped")
    def bare_grouped() -> dict[str, bool]:
        _bare(casebook)
        return {"stored": True}

    server = ConsoleServer(app, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join()

    return f"http://127.0.0.1:{port}", stop


def _ask(url: str, options: argparse.Namespace) -> float:
    import subprocess

    command = [sys.executable, __file__, "--client", url, "--seconds", str(options.seconds), "--threads", "32"]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _client(url: str, seconds: float, threads: int) -> int:
    import http.client
    from urllib.parse import urlsplit

    parts, site = urlsplit(url), city(64)
    local = threading.local()

    def post(draw: np.random.Generator) -> None:
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        made = _drawn(site, draw)
        body = {
            "channel": made.channel.value,
            "category": made.category,
            "lon": made.lonlat.lon,
            "lat": made.lonlat.lat,
            "occurred_at": made.occurred_at.isoformat(),
            "description": made.description,
        }
        headers = {"authorization": "Bearer bench", "content-type": "application/json"}
        local.connection.request("POST", parts.path, json.dumps(body), headers)
        answer = local.connection.getresponse()
        answer.read()
        if answer.status >= 300:
            raise RuntimeError(answer.status)

    print(_timed(post, seconds=seconds, threads=threads)["a_second"])
    return 0


@contextmanager
def _postgresql() -> Iterator[Callable[[], str] | None]:
    """Yield what makes empty databases on a server from the wheel; None where it cannot run."""
    from contextlib import ExitStack

    try:
        from databases import postgres_servers
    except ImportError as error:
        print(f"no PostgreSQL: {error}", file=sys.stderr)
        yield None
        return
    servers = postgres_servers()
    with ExitStack() as stack:
        server = next(servers)
        stack.callback(lambda: next(servers, None))
        yield lambda: stack.enter_context(server.database())


if __name__ == "__main__":
    sys.exit(main())
