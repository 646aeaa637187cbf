"""Kill -9 at random moments under load: is every acknowledged action there, and did each due clock fire once?

    python benchmarks/kills.py [--kills 300] [--workers 3] [--threads 6] [--url URL] [--seed N] [--json]

Workers of several threads report, act, merge, undo, split, move terminals, fire duty clocks of seconds, add pictures
and erase at random and at once on one database; one of them is killed at each random moment and replaced. Then
everything starts again, what is due is fired, and the whole book is proved. Without `--url` a SQLite file is used and
then a PostgreSQL server of the development group's wheel; with it, an empty database that is left filled. Exit status 1
when anything is lost, doubled, or does not hold.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from databases import postgres_servers  # noqa: E402 - runs from any folder
from life_killing import Slaughter  # noqa: E402 - the same


def main() -> int:
    """Print the figures of each database; tell whether all holds."""
    options = _options()
    results = {}
    for name, url in _databases(options.url):
        results[name] = measure(
            url, kills=options.kills, workers=options.workers, threads=options.threads, seed=options.seed
        )
        if not options.json:
            for figure, value in results[name].items():
                print(f"{name:12} {figure:22} {value}")
    if options.json:
        print(json.dumps(results, indent=2))
    return 0 if all(each["holds"] for each in results.values()) else 1


def measure(url: str, *, kills: int, workers: int, threads: int, seed: int) -> dict[str, object]:
    """Return what was killed and what is wrong on one database."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        slaughter = Slaughter(url.format(folder=folder), Path(folder), seed=seed, threads=threads)
        killed = slaughter.run(kills, rivals=workers)
        slaughter.stop()
        found = slaughter.outcome(killed)
        return {
            "kills": found.kills,
            "acknowledged": found.acknowledged,
            "of_shared_transactions": found.together,
            "acknowledged_and_lost": len(found.lost),
            "cases": found.cases,
            "events": found.events,
            "clock_steps": found.clock_steps,
            "fired_twice": len(found.fired_twice),
            "due_and_not_fired": len(found.not_fired),
            "flaws": len(found.flaws),
            "holds": found.holds(),
            "wall_s": round(time.monotonic() - started, 1),
            "what": [*found.lost, *found.flaws, *found.fired_twice, *found.not_fired][:20],
        }


def _databases(url: str | None) -> Iterator[tuple[str, str]]:
    if url is not None:
        yield url.split(":", maxsplit=1)[0], url
        return
    yield "sqlite", "sqlite:///{folder}/beatgrid.db"
    with _server() as postgresql:
        yield "postgresql", postgresql


@contextmanager
def _server() -> Iterator[str]:
    servers = postgres_servers()
    server = next(servers)
    try:
        with server.database() as url:
            yield url
    finally:
        next(servers, None)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--threads", type=int, default=6, help="of each worker")
    parser.add_argument("--url", help="an empty database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
