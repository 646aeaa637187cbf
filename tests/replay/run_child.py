"""Runs the PETS camera of the sample site over a video, telling its progress; a test kills it or interrupts it.

python run_child.py DATABASE_URL EVIDENCE VIDEO WEIGHTS START
"""

import json
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from models.openvino import OpenVinoDetector
from pipeline.camera_pipeline import Outcome
from pipeline.clocks import WallClock
from pipeline.desk import Desk
from pipeline.evidence import EvidenceStore
from pipeline.run import RunServices, RunSettings, run_cameras
from pipeline.run_figures import Tally
from pipeline.site_files import read_site
from pipeline.sql_casebook import open_casebook

SITE = Path(__file__).resolve().parents[2] / "boundaries" / "yingpu"


def tell(tallies: Mapping[str, Tally]) -> None:
    frames = sum(tally.frames[Outcome.PROCESSED] for tally in tallies.values())
    print(json.dumps({"frames": frames}), flush=True)  # noqa: T201 - how the test listens


def main() -> None:
    url, evidence, video, weights, start = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
    site, casebook, clock = read_site(SITE), open_casebook(url), WallClock()
    desk = Desk(site=site, casebook=casebook, clock=clock, evidence=EvidenceStore(Path(evidence)))
    figures = run_cameras(
        RunServices(site=site, casebook=casebook, desk=desk, clock=clock),
        {"pets-view1": video},
        detector=lambda: OpenVinoDetector(Path(weights), threads=1),
        settings=RunSettings(start=datetime.fromisoformat(start)),
        on_progress=tell,
    )
    print(json.dumps(figures.as_dict()), flush=True)  # noqa: T201 - how the test listens
    casebook.close()


if __name__ == "__main__":
    main()
