"""What the desk and its storage cost: reports taken a second by one and by four threads, and 150,000 cases read.

    python benchmarks/casebook.py [--url URL] [--reports N] [--cases N] [--json]

Without `--url` a SQLite file in a temporary folder is used; with it, an empty database that is left filled. `bare`
is one transaction that adds one row and is synced to the disk, `taken` a whole report: intake, case, two events,
dispatch, message. Judge by the ratios: both wait for the same disk. `conflicts` counts transactions that had to be
run again. `kept` is read against the driver's own fetch of the same rows.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from geo.coords import LonLat  # noqa: E402 - runs from any folder
from pipeline import sql_casebook, sql_tables  # noqa: E402 - the same
from pipeline.cases import Channel, Status  # noqa: E402 - the same
from pipeline.clocks import WallClock  # noqa: E402 - the same
from pipeline.desk import Desk, Report  # noqa: E402 - the same
from pipeline.evidence import EvidenceStore  # noqa: E402 - the same
from pipeline.principal import PIPELINE  # noqa: E402 - the same
from pipeline.site import Site  # noqa: E402 - the same
from pipeline.site_files import read_site  # noqa: E402 - the same
from pipeline.sql_casebook import SqlCasebook, open_casebook  # noqa: E402 - the same
from pipeline.sql_engine import is_conflict, reading, writing  # noqa: E402 - the same
from pipeline.sql_rows import micros  # noqa: E402 - the same

THREADS = 4


def main() -> int:
    """Print the figures."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or f"sqlite:///{folder}/beatgrid.db"
        report = measure(url, Path(folder), reports=options.reports, cases=options.cases)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        for name, value in report.items():
            print(f"{name:32} {value}")
    return 0


def measure(url: str, folder: Path, *, reports: int, cases: int) -> dict[str, Any]:
    """Return all figures of a database."""
    conflicts = _count_conflicts()
    casebook = open_casebook(url)
    site = read_site(ROOT / "boundaries" / "yingpu")
    desk = Desk(site=site, casebook=casebook, clock=WallClock(), evidence=EvidenceStore(folder / "evidence"))
    places = _places(site, 3 * reports)
    bare = _a_second(lambda at: _bare(casebook, places[at]), reports)
    alone = _a_second(lambda at: _take(desk, site, places[at]), reports)
    with ThreadPoolExecutor(THREADS) as pool:
        started = time.perf_counter()
        list(pool.map(lambda at: _take(desk, site, places[reports + at]), range(reports)))
        together = reports / (time.perf_counter() - started)
    _fill(casebook, cases)
    kept_s, fetch_s = _best(casebook.kept), _best(lambda: _fetched(casebook))
    rows = len(casebook.kept())
    casebook.close()
    return {
        "database": url.split(":", maxsplit=1)[0],
        "bare_a_second": round(bare, 1),
        "taken_a_second": round(alone, 1),
        f"taken_a_second_{THREADS}_threads": round(together, 1),
        "taken_over_bare": round(alone / bare, 3),
        "threads_over_one": round(together / alone, 2),
        "conflicts": len(conflicts),
        "kept_rows": rows,
        "kept_s": round(kept_s, 2),
        "kept_over_fetch": round(kept_s / fetch_s, 2),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="an empty database; default is a SQLite file in a temporary folder")
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--cases", type=int, default=150_000)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _count_conflicts() -> list[BaseException]:
    """Note every transaction that the casebook runs again."""
    seen: list[BaseException] = []

    def noted(error: Any) -> bool:
        again = is_conflict(error)
        if again:
            seen.append(error)
        return again

    sql_casebook.is_conflict = noted
    return seen


def _a_second(work: Callable[[int], object], times: int) -> float:
    started = time.perf_counter()
    for at in range(times):
        work(at)
    return times / (time.perf_counter() - started)


def _best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _places(site: Site, count: int) -> list[LonLat]:
    draw, found = random.Random(7), []
    west, south, east, north = _box(site)
    while len(found) < count:
        point = LonLat(draw.uniform(west, east), draw.uniform(south, north))
        if site._units.locate(point) is not None:  # noqa: SLF001 - asked without an error for each miss
            found.append(point)
    return found


def _box(site: Site) -> tuple[float, float, float, float]:
    """Return the site's box: west, south, east, north."""
    extent = site.settings.extent
    return extent.west, extent.south, extent.east, extent.north


def _bare(casebook: SqlCasebook, place: LonLat) -> None:
    ident = f"bare-{place.lon}-{place.lat}"
    casebook.write(lambda tx: tx.add_sighting(ident, case=None, camera="none", captured_at=WallClock().now()))


def _take(desk: Desk, site: Site, place: LonLat) -> None:
    category = min(site.catalogue.by_key)
    now = WallClock().now() - timedelta(seconds=1)
    desk.report(Report(channel=Channel.HOTLINE, category=category, lonlat=place, occurred_at=now), principal=PIPELINE)


def _fill(casebook: SqlCasebook, count: int) -> None:
    """Copy the first case until there are so many, a second apart."""
    with writing(casebook._engine) as connection:  # noqa: SLF001 - a hundred thousand at once
        pattern = dict(connection.execute(select(sql_tables.cases).limit(1)).mappings().one())
        at = micros(WallClock().now())
        for start in range(0, count, 5_000):
            rows = [
                {**pattern, "number": f"B{index}", "ordinal": 10**6 + index, "status": Status.CLOSED.value,
                 "occurred_at": at - index * 1_000_000}
                for index in range(start, min(count, start + 5_000))
            ]  # fmt: skip
            connection.execute(insert(sql_tables.cases), rows)


def _fetched(casebook: SqlCasebook) -> list[Any]:
    c = sql_tables.cases.c
    query = select(c.number, c.lon, c.lat, c.occurred_at, c.channel, c.grid, c.status, c.category)
    with reading(casebook._engine) as connection:  # noqa: SLF001 - what `kept` reads, without its values
        return list(connection.execute(query.order_by(c.occurred_at)))


if __name__ == "__main__":
    sys.exit(main())
