"""How well a camera's own faults are told: on PETS as filmed and spoilt, and on rendered streets under other light.

    python benchmarks/camera_health.py [--json]

PETS 2009 S2.L1, view 1: 43 s as filmed teach what is usual, the rest is spoilt in one way at a time; all of it as
filmed must show no fault. Rendered: a clear day teaches, then light and weather change, or the camera is turned.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import cv2  # noqa: E402 - after the threads are set
import numpy as np  # noqa: E402 - after the threads are set

from geo.coords import LonLat  # noqa: E402 - after the threads are set
from models.detector import Image  # noqa: E402 - after the threads are set
from models.drift import drift_of  # noqa: E402 - after the threads are set
from models.image_health import Reference, faults_of, look_at  # noqa: E402 - after the threads are set
from pipeline.camera_health import HealthWatch  # noqa: E402 - after the threads are set
from pipeline.district.renderer import Renderer  # noqa: E402 - after the threads are set
from pipeline.district.stage import Conditions, Light, Weather  # noqa: E402 - after the threads are set
from pipeline.district.stages import StageKind, sample_stage  # noqa: E402 - after the threads are set
from pipeline.frames import Frame  # noqa: E402 - after the threads are set

FPS, TAUGHT = 7.0, 300
START = datetime(2026, 1, 1, tzinfo=UTC)
YAWS_DEG = (1.0, 2.0, 5.0, 15.0, 40.0)


def turned(image: Image, degrees: float) -> Image:
    """Return a picture turned about its middle."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def zoomed(image: Image, factor: float) -> Image:
    """Return the middle of a picture, enlarged."""
    height, width = image.shape[:2]
    x, y = round(width * (1 - 1 / factor) / 2), round(height * (1 - 1 / factor) / 2)
    return np.asarray(cv2.resize(image[y : height - y, x : width - x], (width, height)), np.uint8)


def panned(image: Image, share: float) -> Image:
    """Return a picture moved sideways by a share of its width; what leaves on one side comes in on the other."""
    return np.asarray(np.roll(image, round(share * image.shape[1]), axis=1), np.uint8)


def blurred(image: Image, sigma_px: float) -> Image:
    """Return a picture out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), np.uint8)


def darkened(image: Image, share: float) -> Image:
    """Return a picture with less light."""
    return (image * share).astype(np.uint8)


SPOILT: dict[str, Callable[[Image], Image]] = {
    "as filmed": lambda image: image,
    "half the light": lambda image: darkened(image, 0.5),
    "a fifth of the light": lambda image: darkened(image, 0.2),
    "panned by 1 %": lambda image: panned(image, 0.01),
    "panned by 2 %": lambda image: panned(image, 0.02),
    "panned by 5 %": lambda image: panned(image, 0.05),
    "turned by 1.5°": lambda image: turned(image, 1.5),
    "turned by 3°": lambda image: turned(image, 3.0),
    "zoomed by 5 %": lambda image: zoomed(image, 1.05),
    "zoomed by 10 %": lambda image: zoomed(image, 1.10),
    "blurred, σ 2 px": lambda image: blurred(image, 2.0),
    "blurred, σ 4 px": lambda image: blurred(image, 4.0),
}


def pets(video: Path) -> dict[str, str]:
    """Return which faults are told for each way of spoiling the sequence."""
    frames = list(read(video))
    told = {}
    for name, spoil in SPOILT.items():
        watch = HealthWatch("pets-view1", fps=FPS)
        found = []
        for index, image in enumerate(frames):
            shown = image if index < TAUGHT else spoil(image)
            at = START + timedelta(seconds=index / FPS)
            found += [each.fault.value for each in watch.see(Frame(camera="pets-view1", captured_at=at, image=shown))]
        told[name] = ", ".join(found) or "none"
    return told


def read(video: Path) -> Iterator[Image]:
    """Yield a recording's frames."""
    capture = cv2.VideoCapture(str(video))
    while True:
        there, image = capture.read()
        if not there:
            return
        yield np.asarray(image, np.uint8)


def rendered(kind: StageKind, light: Light, weather: Weather, *, yaw_deg: float = 0.0, count: int = 1) -> list[Image]:
    """Return pictures of an empty stage."""
    foot = LonLat(121.09, 31.15)
    stage = sample_stage(kind, seed=1, camera="c", foot=foot, heading_deg=0.0, size_px=(640, 360))
    stage = replace(stage, pose=replace(stage.pose, yaw_deg=stage.pose.yaw_deg + yaw_deg))
    with Renderer(stage, Conditions(light=light, weather=weather), seed=1) as renderer:
        return [renderer.render((), at_s=3.0 * index, labels=False).image for index in range(count)]


def stages() -> dict[str, dict[str, str]]:
    """Return which faults a single picture shows against a clear day, for each kind of stage."""
    told: dict[str, dict[str, str]] = {}
    for kind in (StageKind.STREET, StageKind.SQUARE, StageKind.CANAL):
        reference = Reference()
        for image in rendered(kind, Light.DAY, Weather.CLEAR, count=6):
            reference.learn(look_at(image))
        own = told.setdefault(kind.value, {})
        for light in Light:
            for weather in Weather:
                own[f"{light.value}, {weather.value}"] = shown(rendered(kind, light, weather)[0], reference)
        for yaw_deg in YAWS_DEG:
            image = rendered(kind, Light.DAY, Weather.CLEAR, yaw_deg=yaw_deg)[0]
            own[f"turned aside by {yaw_deg:g}°"] = shown(image, reference)
    return told


def shown(image: Image, reference: Reference) -> str:
    """Return the names of what a picture shows, and how far it surely lies from what was usual at first."""
    look = look_at(image)
    drift = drift_of(look.edges, reference.first)
    away = f"; {drift.share:.1%} from the first" if drift.sure else "; not sure"
    return (", ".join(each.fault.value for each in faults_of(look, reference)) or "none") + away


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Tell a camera's own faults on PETS and on rendered stages.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    shared = Path(os.environ.get("BEATGRID_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    video = shared / "data" / "video" / "vtest.avi"
    figures: dict[str, Any] = {"pets": pets(video) if video.is_file() else {}, "rendered": stages()}
    if given.json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    for title, rows in {"pets": figures["pets"], **figures["rendered"]}.items():
        print(title)
        for name, faults in rows.items():
            print(f"  {name:24} {faults}")


if __name__ == "__main__":
    main()
