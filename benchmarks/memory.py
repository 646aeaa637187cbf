"""Whether watching stays as large as it was: 16 streams at four times real speed, with stalls and cuts, for hours.

    python benchmarks/memory.py [--json] [--minutes 120] [--streams 16] [--weights FOLDER]

`beatgrid run` watches a copy of the sample site, as a process of its own with its database and evidence; this one only
looks at how much memory it has resident, every five seconds. The streams come over HTTP as MPEG-TS, 768 x 576, filmed
at 5 frames a second and sent at 20, for ever: a square that is quiet for three quarters of the time (see `cameras.py`).
About every 90 seconds a stream stalls for 15 to 45 seconds, or its connection is cut and has to be made anew. Somebody
works off the cases once a minute, so that the next visit opens another.

`growth_mb` is the median of the last quarter less that of the second: the first is for what is loaded and cached.
What the machine cannot infer is shed; `frames` tells how much there was.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cameras
import numpy as np
import psutil
import streams as single
from pets_attended import ATTENDANT, STEPS

from pipeline.casebook import CaseFilter
from pipeline.cases import OPEN
from pipeline.clocks import WallClock
from pipeline.desk import Desk
from pipeline.errors import PipelineError
from pipeline.evidence import EvidenceStore
from pipeline.site_files import read_site
from pipeline.sql_casebook import open_casebook

ROOT = Path(__file__).resolve().parents[1]
SPEED, CLIP_FRAMES = 4, 480
EVERY_S, ATTENDED_EVERY_S = 5.0, 60.0
FAULT_EVERY_S, STALL_S = 90.0, (15.0, 45.0)
APART_DEG = 0.0006
MB = 1024 * 1024


def main() -> int:
    """Print the figures; 3 when the test material is absent."""
    arguments = _arguments()
    if arguments.serve:
        return serve(Path(arguments.serve))
    data = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared")) / "data"
    if not (data / "video" / "vtest.avi").is_file():
        print(f"no test material at {data}; set BEATGRID_SHARED to the folder that holds data/", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        report = measure(Path(folder), data, arguments)
    print(json.dumps(report, indent=2) if arguments.json else "\n".join(f"{k:28} {v}" for k, v in report.items()))
    return 0


def measure(folder: Path, data: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    (folder / "clips").mkdir()
    for number in range(cameras.CLIPS):
        cameras.written(folder / "clips" / f"{number}.mp4", data, number=number, frames=CLIP_FRAMES)
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve", str(folder / "clips")], stdout=subprocess.PIPE, text=True
    )
    run = None
    try:
        port = int(server.stdout.readline()) if server.stdout else 0
        site = written_site(folder / "site", arguments.streams, port)
        weights = arguments.weights or data / "weights" / single.WEIGHTS
        command = [Path(sys.executable).with_name("beatgrid"), "run", site, "--weights", weights, "--json"]
        with (folder / "run.json").open("wb") as out, (folder / "run.log").open("wb") as log:
            run = subprocess.Popen([*command, "--data", folder / "data"], stdout=out, stderr=log)
        sizes = watched(run, site, folder / "data", minutes=arguments.minutes)
        run.send_signal(signal.SIGINT)
        run.wait(120)
        told = {
            name: each
            for name, each in json.loads((folder / "run.json").read_text()).items()
            if isinstance(each, (int, float))
        }
    finally:
        for each in (run, server):
            if each is not None and each.poll() is None:
                each.kill()
                each.wait()
    return {"streams": arguments.streams, "minutes": arguments.minutes, **figures(sizes), "run": told}


def figures(sizes: Sequence[float]) -> dict[str, Any]:
    """Return medians by quarter, and what they grew by, of resident sizes in MB."""
    quarters = [statistics.median(each) for each in np.array_split(np.array(sizes), 4)]
    return {
        "samples": len(sizes),
        "rss_median_mb_by_quarter": [round(float(each), 1) for each in quarters],
        "rss_peak_mb": round(max(sizes), 1),
        "growth_mb": round(float(quarters[3] - quarters[1]), 1),
    }


def written_site(folder: Path, streams: int, port: int) -> Path:
    """Write a copy of the sample site whose cameras are the one that filmed PETS, each at a place of its own."""
    shutil.copytree(ROOT / "boundaries" / "yingpu", folder, ignore=shutil.ignore_patterns("data", "evidence"))
    found = json.loads((folder / "cameras.geojson").read_text())
    one = next(each for each in found["features"] if each["properties"]["code"] == cameras.CAMERA)
    features = []
    for number in range(streams):
        east, north = APART_DEG * (number % 4), APART_DEG * (number // 4)
        copy = json.loads(json.dumps(one))
        told = copy["properties"]
        told |= {"code": f"m{number:02d}", "fps": cameras.FPS * SPEED, "uri": f"http://127.0.0.1:{port}/{number}.ts"}
        for name in ("footage_fps", "own"):
            told.pop(name, None)
        points = told["calibration"]["points"]
        told["calibration"]["points"] = [[x, y, lon - east, lat + north] for x, y, lon, lat in points]
        lon, lat = copy["geometry"]["coordinates"]
        copy["geometry"]["coordinates"] = [lon - east, lat + north]
        features.append(copy)
    (folder / "cameras.geojson").write_text(json.dumps({**found, "features": features}))
    return folder


def watched(run: "subprocess.Popen[bytes]", site: Path, data: Path, *, minutes: float) -> list[float]:
    """Return the resident size every five seconds, MB, and have cases worked off meanwhile."""
    sizes: list[float] = []
    until, attended = time.monotonic() + 60.0 * minutes, time.monotonic() + ATTENDED_EVERY_S
    process = psutil.Process(run.pid)
    while time.monotonic() < until:
        time.sleep(EVERY_S)
        if run.poll() is not None:
            log = (data.parent / "run.log").read_text()[-2000:]
            raise SystemExit(f"the run ended by itself with {run.returncode}:\n{log}")
        sizes.append(process.memory_info().rss / MB)
        if time.monotonic() >= attended:
            closed = attend(site, data)
            attended = time.monotonic() + ATTENDED_EVERY_S
            print(f"{len(sizes) * EVERY_S / 60:.0f} min {sizes[-1]:.0f} MB, {closed} cases closed", file=sys.stderr)
    return sizes


def attend(site: Path, data: Path) -> int:
    """Work off the cases that somebody holds; return how many."""
    casebook = open_casebook(f"sqlite:///{data}/beatgrid.db")
    desk = Desk(site=read_site(site), casebook=casebook, clock=WallClock(), evidence=EvidenceStore(data / "evidence"))
    closed = 0
    for case in casebook.cases(CaseFilter(statuses=OPEN)).cases:
        with suppress(PipelineError):
            for action in STEPS:
                desk.act(case.number, action, principal=ATTENDANT, note="attended")
            closed += 1
    casebook.close()
    return closed


def serve(clips: Path) -> int:
    """Serve endless streams; prints the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name that the library calls
            number = int(self.path.strip("/").partition(".")[0])
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            with suppress(OSError, av.error.FFmpegError):
                send(clips / f"{number % cameras.CLIPS}.mp4", self.wfile, np.random.default_rng())
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
    return 0


def send(clip: Path, to: Any, draw: np.random.Generator) -> None:
    """Send a clip again and again, four times as fast as it was filmed, until the connection is to be cut."""
    began, late_s, played_s = time.monotonic(), 0.0, 0.0
    fault_at = began + draw.exponential(FAULT_EVERY_S)
    with av.open(to, "w", format="mpegts") as out:
        video: Any = None
        while True:
            with av.open(str(clip)) as film:
                source = film.streams.video[0]
                video = video or out.add_stream_from_template(source)
                for packet in film.demux(source):
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    at_s = [played_s + float(ts * packet.time_base) / SPEED for ts in (packet.dts, packet.pts)]
                    time.sleep(max(began + late_s + at_s[0] - time.monotonic(), 0.0))
                    if time.monotonic() > fault_at:
                        if draw.uniform() < 0.5:
                            return
                        stall_s = draw.uniform(*STALL_S)
                        time.sleep(stall_s)
                        late_s += stall_s
                        fault_at = time.monotonic() + draw.exponential(FAULT_EVERY_S)
                    packet.stream, packet.time_base = video, Fraction(1, 90_000)
                    packet.dts, packet.pts = (round((1.0 + late_s + each) * 90_000) for each in at_s)
                    out.mux(packet)
            played_s += CLIP_FRAMES / cameras.FPS / SPEED


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--weights", type=Path, help=f"an OpenVINO folder instead of {single.WEIGHTS}")
    parser.add_argument("--serve", help=argparse.SUPPRESS)  # the cameras, in a process of their own
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
