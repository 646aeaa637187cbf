"""What one report costs in a thread's own processor time, without waiting: groups of 64, as group commit makes them.

    python benchmarks/intake_groups.py [--groups N] [--json]

Prints for each database: `checked_ms` (a report checked and placed, outside the transaction), `stored_ms` (merged,
filed, decided on, offered, chained and stored, the commit included), a report, and `per_s`, reports a second by the
clock. The city, its clock and the reports are those of `dispatch.py`. The server's own time is not in it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import dispatch as whole  # the benchmark beside this one
import numpy as np

from pipeline.desk import Moved
from pipeline.group_commit import Job
from pipeline.principal import PIPELINE
from pipeline.sql_casebook import SqlCasebook, open_casebook

GROUP, WARM = 64, 5


class Caught:
    """A casebook that keeps the writes it is asked for, to carry them out as one group."""

    def __init__(self, casebook: SqlCasebook) -> None:
        self._casebook, self.jobs = casebook, list[Job[Any]]()

    def write(self, work: Callable[[Any], Any], *, near: Any = ()) -> None:
        """Keep a write."""
        self.jobs.append(Job(work, ahead=near))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._casebook, name)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = {"sqlite": measured(f"sqlite:///{folder}/groups.db", options.groups)}
    with whole._postgresql() as make:  # noqa: SLF001 - the same benchmark
        if make is not None:
            report["postgresql"] = measured(make(), options.groups)
    print(json.dumps(report, indent=2) if options.json else report)
    return 0


def measured(url: str, groups: int) -> dict[str, float]:
    """Take so many groups of reports in; return what one report cost."""
    policy = replace(whole.city(64).settings.dispatch, offered_up_to=10**6, max_open_cases=10**6)
    site, draw = whole.city(2_000, policy=policy), np.random.default_rng(6)
    casebook = open_casebook(url)
    now, forces = whole.CLOCK.now(), site.roster.forces[:2_000]
    heard = [Moved(terminal=each.terminal or "", lonlat=whole.somewhere(draw, each.grid), at=now) for each in forces]
    whole._desk(site, casebook).move_all(heard, principal=PIPELINE)  # noqa: SLF001 - the same
    checked = stored = 0.0
    began = time.perf_counter()
    for number in range(WARM + groups):
        if number == WARM:
            checked = stored = 0.0
            began = time.perf_counter()
        caught = Caught(casebook)
        desk = whole._desk(site, caught)  # type: ignore[arg-type]  # noqa: SLF001 - it stands in for a casebook
        reports = [whole._drawn(site, draw) for _ in range(GROUP)]  # noqa: SLF001 - the same
        first_s = time.thread_time()
        for each in reports:
            desk.report(each, principal=PIPELINE)
        second_s = time.thread_time()
        casebook._carry_out(caught.jobs)  # noqa: SLF001 - what a leader of a group does
        checked, stored = checked + second_s - first_s, stored + time.thread_time() - second_s
        for job in caught.jobs:
            job.outcome()
    count, lasted_s = groups * GROUP, time.perf_counter() - began
    casebook.close()
    return {
        "checked_ms": round(checked / count * 1e3, 3),
        "stored_ms": round(stored / count * 1e3, 3),
        "per_s": round(count / lasted_s, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
