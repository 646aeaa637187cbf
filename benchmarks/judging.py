"""How long it takes to judge a day, a week, a month and a year of a simulated year by force, and to settle its points.

    python benchmarks/judging.py [--database URL] [--repeats N] [--json]

The year is the demo's: whole histories of the sample site, stored in a database of its own. Figures are medians of
repeats. Judging reads each history that may count for the period; settling walks every event of the book once.
Exit status 1 where a publication does not come out again as it was frozen.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from api.services import Services  # noqa: E402  # runs from any folder
from api.wiring import premises, wire  # noqa: E402  # the same
from pipeline.attribution import SubjectKind  # noqa: E402  # the same
from pipeline.clocks import FixedClock  # noqa: E402  # the same
from pipeline.district.past_year import store_past_year  # noqa: E402  # the same
from pipeline.judged_stories import Wanted  # noqa: E402  # the same
from pipeline.judging_periods import JudgedPeriod, Span, period_of  # noqa: E402  # the same
from pipeline.principal import Principal, Role  # noqa: E402  # the same

SITE = ROOT / "boundaries" / "yingpu"
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WANG = Principal(name="Wang", role=Role.ADMIN)


def main() -> int:
    """Run and print it."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        where = premises(SITE, data=Path(folder), database=options.database)
        services = wire(SITE, where, clock=FixedClock(NOW))
        try:
            figures, holds = _measured(services, options.repeats)
        finally:
            services.casebook.close()
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name}: {value}")
    return 0 if holds else 1


def _measured(services: Services, repeats: int) -> tuple[dict[str, object], bool]:
    cases = store_past_year(services.site, services.casebook, until=NOW, seed=1)
    calendar, judging = services.site.settings.calendar, services.judging
    day = (NOW - timedelta(days=40)).date()
    periods = {span.value: period_of(span, day, calendar) for span in Span}
    periods["year"] = JudgedPeriod(since=NOW - timedelta(days=365), until=NOW)
    figures: dict[str, object] = {"cases": cases, "events": services.casebook.newest_sequence(), "repeats": repeats}
    for name, period in periods.items():
        wanted = Wanted(period=period, by=SubjectKind.FORCE)
        figures[f"{name}_s"] = _median(lambda w=wanted: judging.figures(w, principal=WANG), repeats)  # type: ignore[misc]
    begun = time.perf_counter()
    seen = services.points.settle()
    figures["settled_events_per_s"] = round(seen / (time.perf_counter() - begun))
    entry = judging.publish(periods["month"], by=SubjectKind.FORCE, scope="subdistrict", principal=WANG)
    differ = judging.recomputed(entry.number, principal=WANG)
    return {**figures, "recomputed_differ": len(differ)}, not differ


def _median(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return round(statistics.median(times), 3)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", help="URL of an empty database; a SQLite file of its own by default")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
