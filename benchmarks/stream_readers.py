"""PyAV beside OpenCV as the reader of live streams and of files: time to the first frame, and processor time a frame.

    python benchmarks/stream_readers.py [--json] [--seconds N]

The stream is H.264, 640 x 480 at 25 fps with a key frame every second, published by FFmpeg to the tests' RTSP relay;
both readers join it in turn. OpenCV takes RTSP's transport from an environment variable of the whole process.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2

from pipeline.stream_connection import Connection

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))
from rtsp_relay import Publisher, Relay  # noqa: E402 - the tests' server

TURNS = 3


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=6.0)
    arguments = parser.parse_args()
    relay = Relay()
    publisher = Publisher(relay.address("a"), size_px=(640, 480), fps=25, gop=25)
    report: dict[str, Any] = {}
    try:
        for transport in ("tcp", "udp"):
            joined: dict[str, list[dict[str, float]]] = {"pyav": [], "opencv": []}
            for _ in range(TURNS):
                for name, reader in (("pyav", by_pyav), ("opencv", by_opencv)):
                    joined[name].append(timed(reader(relay.address("a"), transport), arguments.seconds))
            report[transport] = {name: medians(each) for name, each in joined.items()}
    finally:
        publisher.stop()
        relay.stop()
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        for transport, readers in report.items():
            for name, figures in readers.items():
                print(f"{transport} {name:7}", "  ".join(f"{key} {value:g}" for key, value in figures.items()))
    return 0


def by_pyav(address: str, transport: str) -> Iterator[Any]:
    """Yield pictures as `pipeline.streams` reads them."""
    connection = Connection(address, camera="c", transport=transport, open_timeout_s=25.0, stall_timeout_s=10.0)
    try:
        for grabbed in connection:
            yield grabbed.image()
    finally:
        connection.close()


def by_opencv(address: str, transport: str) -> Iterator[Any]:
    """Yield pictures as OpenCV reads them."""
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = f"rtsp_transport;{transport}"
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        while capture.grab():
            yield capture.retrieve()[1]
    finally:
        capture.release()


def timed(pictures: Iterator[Any], seconds: float) -> dict[str, float]:
    """Return what reading for so long took."""
    began, first_s, frames, spent = time.monotonic(), 0.0, 0, time.process_time()
    for _ in pictures:
        frames += 1
        first_s = first_s or time.monotonic() - began
        if time.monotonic() - began >= seconds:
            break
    spent = time.process_time() - spent
    return {"first_frame_s": first_s, "frames": frames, "cpu_ms_a_frame": 1000 * spent / max(frames, 1)}


def medians(each: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {key: round(statistics.median(one[key] for one in each), 2) for key in each[0]}


if __name__ == "__main__":
    raise SystemExit(main())
