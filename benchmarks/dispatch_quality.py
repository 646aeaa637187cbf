"""How well dispatch does in the simulated district without pixels: weeks on paired seeds, at three loads.

    python benchmarks/dispatch_quality.py [--days D] [--seeds N] [--loads 0.35 0.5 0.7] [--json]

Each seed's calls are the same for every policy: places, times, work, and who declines or ignores what. `nearest` is
nearest-first: whoever is nearest in time among those who are free, across borders, one call after the other as they
came (urgent ones first); `default` is the sample site's own policy. `late_share` is of urgent calls attended after more
than 15 minutes; `mean_arrival_s` of all calls. `hindsight` is a bound that no schedule beats which breaks nothing off,
proven in `pipeline/hindsight.py`; it takes ways, work and answers into account, and of queues only that no place
serves two calls at once, so it lies the lower the higher the load. `over_hindsight` is mean arrival over the bound's.
`pairs_better` counts the seeds in which `default` had fewer late urgent calls than `nearest`, and those with more.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - runs from any folder

from pipeline.dispatch_policy import NEAREST  # noqa: E402 - the same
from pipeline.dispatch_replay import Attended, Replay  # noqa: E402 - the same
from pipeline.district.dispatch_calls import draw_calls  # noqa: E402 - the same
from pipeline.hindsight import hindsight  # noqa: E402 - the same
from pipeline.site_files import read_site  # noqa: E402 - the same

FIRST_DAY = (2026, 3, 2)  # a Monday


def main() -> int:
    """Print the figures."""
    options = _options()
    loads = {f"{load:g}": _load(load, options) for load in options.loads}
    report = {"days": options.days, "seeds": options.seeds, "loads": loads}
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    for load, found in loads.items():
        for name in ("nearest", "default", "hindsight"):
            print(f"{load:5} {name:10} " + "  ".join(f"{key} {value}" for key, value in found[name].items()))
        print(f"{load:5} late pairs {found['pairs_better']} better, {found['pairs_worse']} worse")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--loads", type=float, nargs="+", default=[0.35, 0.5, 0.7])
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _load(load: float, options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one load, over all seeds."""
    site = read_site(ROOT / "boundaries" / "yingpu")
    policies = {
        "nearest": replace(NEAREST, speeds_mps=site.settings.dispatch.speeds_mps),
        "default": site.settings.dispatch,
    }
    start = datetime(*FIRST_DAY, tzinfo=site.settings.timezone)
    late_s = site.settings.targets.arrive_s
    found: dict[str, list[Attended]] = defaultdict(list)
    late: dict[str, list[int]] = defaultdict(list)
    bounds = []
    for seed in range(options.seeds):
        began = time.perf_counter()
        calls = draw_calls(site, seed=seed, load=load, start=start, seconds=options.days * 86_400.0)
        for name, policy in policies.items():
            attended = list(Replay(site, policy, calls).run().attended.values())
            found[name] += attended
            late[name].append(sum(_late(each, late_s) for each in attended if each.urgent))
        bounds.append(hindsight(site, calls, policy=policies["default"], late_s=late_s))
        print(f"load {load:g} seed {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    least_s = float(np.average([each.mean_arrival_s for each in bounds], weights=[each.calls for each in bounds]))
    rows = {name: _row(attended, late_s, least_s) for name, attended in found.items()}
    print(f"load {load:g}: {json.dumps(rows)}", file=sys.stderr)
    pairs = list(zip(late["default"], late["nearest"], strict=True))
    return {
        **rows,
        "hindsight": {
            "late_share": round(float(np.mean([each.late_share for each in bounds])), 4),
            "mean_arrival_s": round(least_s, 1),
        },
        "pairs_better": sum(default < nearest for default, nearest in pairs),
        "pairs_worse": sum(default > nearest for default, nearest in pairs),
    }


def _late(each: Attended, late_s: float) -> bool:
    return each.arrived_s is None or each.arrived_s > late_s


def _row(attended: list[Attended], late_s: float, least_s: float) -> dict[str, float]:
    urgent = [each for each in attended if each.urgent]
    times = np.array([each.arrived_s for each in attended if each.arrived_s is not None])
    mean_s = float(times.mean())
    return {
        "late_share": round(sum(_late(each, late_s) for each in urgent) / max(1, len(urgent)), 4),
        "mean_arrival_s": round(mean_s, 1),
        "arrived_p90_s": round(float(np.percentile(times, 90)), 1),
        "over_hindsight": round(mean_s / least_s, 2),
        "calls": len(attended),
        "urgent": len(urgent),
        "unattended": sum(each.arrived_s is None for each in attended),
    }


if __name__ == "__main__":
    sys.exit(main())
