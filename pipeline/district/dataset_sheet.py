"""One sheet of the dataset: a stage, how it is seen, who stands there at each of its moments; drawn and written."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from geo.coords import LonLat
from pipeline.catalogue import Catalogue
from pipeline.district.dataset import MOMENTS, SIZE_PX, Dataset, Sheet, label_lines, replace_text
from pipeline.district.dataset_cast import Extras
from pipeline.district.director import Director
from pipeline.district.errors import DistrictError
from pipeline.district.renderer import Renderer
from pipeline.district.scene_set import with_district
from pipeline.district.script import PICTURED, Play, Scenario, write_play
from pipeline.district.stage import Conditions, Light, Placed, Pose, SeenThing, Stage, Weather
from pipeline.district.stages import StageKind, sample_stage

Image = NDArray[np.uint8]
_FOOT: Final = LonLat(121.1, 31.15)  # no picture depends on it
_PLAY_S: Final = 240.0
_FIRST_S: Final = 60.0
_KINDS: Final = (StageKind.STREET, StageKind.CANAL, StageKind.SQUARE, StageKind.POLE)
_SHARES: Final = (0.36, 0.28, 0.22, 0.14)
_LARGE_PX: Final = (960, 540)
_QUALITY: Final = (55, 96)
_FLATTEST_DEG, _STEEPEST_DEG = 9.0, 42.0


class PictureError(DistrictError):
    """A picture of the dataset cannot be encoded."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} could not be encoded as JPEG; install opencv-python with its codecs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Who and what is about at one moment."""

    at_s: float
    placed: tuple[Placed, ...]


def draw_sheet(sheet: Sheet, dataset: Dataset, catalogue: Catalogue) -> int:
    """Draw and write the pictures of a sheet that are not there yet, and return how many those were.

    Raises:
        NoRenderingError: this machine cannot draw off screen.
        PictureError: there is no JPEG encoder.
    """
    draw = np.random.default_rng(sheet.entropy(dataset.seed))
    stage, conditions = view_of(draw)
    moments = moments_of(stage, catalogue, draw)
    qualities = draw.integers(*_QUALITY, MOMENTS).tolist()
    lacking = [row for row, name in enumerate(sheet.names) if not dataset.image(sheet.split, name).is_file()]
    with Renderer(stage, conditions, seed=int(draw.integers(2**31))) as renderer:
        for row in lacking:
            rendered = renderer.render(moments[row].placed, at_s=moments[row].at_s)
            image, things = _shrunk(rendered.image, rendered.things)
            replace_text(dataset.label(sheet.split, sheet.names[row]), label_lines(things))
            _write(dataset.image(sheet.split, sheet.names[row]), image, qualities[row])
    return len(lacking)


def view_of(draw: np.random.Generator) -> tuple[Stage, Conditions]:
    """Return a stage with a pose of its own, and light and weather."""
    size_px = _LARGE_PX if draw.random() < 0.25 else SIZE_PX  # noqa: PLR2004 - a quarter is drawn larger and shrunk
    kind = _KINDS[int(draw.choice(len(_KINDS), p=_SHARES))]
    stage = sample_stage(
        kind, seed=int(draw.integers(2**31)), camera="dataset", foot=_FOOT, heading_deg=0.0, size_px=size_px
    )
    return replace(stage, pose=_pose(stage.pose, draw)), _conditions(draw)


def _pose(given: Pose, draw: np.random.Generator) -> Pose:
    """Return a pose about the given one, or one as flat as sites have them, wider spread than a stage's own."""
    fov_deg = math.degrees(2 * math.atan(given.size_px[0] / 2 / given.focal_px))
    height_m, pitch_deg = given.height_m, given.pitch_deg
    if draw.random() < 0.45:  # noqa: PLR2004 - nearly half
        height_m, pitch_deg = float(draw.uniform(4.3, 8.5)), float(draw.uniform(10.0, 21.0))
        fov_deg = float(draw.uniform(58.0, 84.0))
    fov_deg = float(np.clip(fov_deg + draw.normal(0.0, 4.0), 48.0, 92.0))
    return replace(
        given,
        height_m=float(np.clip(height_m * draw.uniform(0.88, 1.15), 3.8, 9.5)),
        pitch_deg=float(np.clip(pitch_deg + draw.normal(0.0, 2.0), _FLATTEST_DEG, _STEEPEST_DEG)),
        yaw_deg=given.yaw_deg + float(draw.normal(0.0, 7.0)),
        roll_deg=float(draw.normal(0.0, 1.2)),
        focal_px=given.size_px[0] / 2 / math.tan(math.radians(fov_deg) / 2),
    )


def _conditions(draw: np.random.Generator) -> Conditions:
    return Conditions(
        light=Light(str(draw.choice(["day", "dusk", "night"], p=[0.54, 0.22, 0.24]))),
        weather=Weather(str(draw.choice(["clear", "rain", "fog"], p=[0.66, 0.19, 0.15]))),
        sun_azimuth_deg=float(draw.uniform(-180.0, 180.0)),
        sun_elevation_deg=float(draw.uniform(22.0, 62.0)),
    )


def moments_of(stage: Stage, catalogue: Catalogue, draw: np.random.Generator) -> list[Moment]:
    """Return the moments of a sheet: of a play, of things by rule, most of both, and now and then of nothing."""
    known = with_district(catalogue)
    scenario = Scenario.ALL if draw.random() < 0.7 else PICTURED[int(draw.integers(len(PICTURED)))]  # noqa: PLR2004
    play, next_id = write_play(stage, scenario, end_s=_PLAY_S, catalogue=known, first_id=1, draw=draw)
    director = Director(stage, end_s=_PLAY_S, catalogue=known, first_id=next_id, draw=draw)
    extras = Extras(director, draw)
    moments = []
    for _ in range(MOMENTS):
        at_s, chance = float(draw.uniform(_FIRST_S, _PLAY_S - 2.0)), draw.random()
        there = _at(play, at_s) if chance < 0.7 else []  # noqa: PLR2004 - shares of pictures
        more = extras.cast(int(draw.integers(3, 13))) if 0.12 < chance < 0.98 else []  # noqa: PLR2004 - the same
        moments.append(Moment(at_s=at_s, placed=tuple(there + more)))
    return moments


def _at(play: Play, at_s: float) -> list[Placed]:
    found = (itinerary.at(at_s) for itinerary in play.cast)
    return [placed for placed in found if placed is not None]


def _shrunk(image: Image, things: tuple[SeenThing, ...]) -> tuple[Image, tuple[SeenThing, ...]]:
    """Return a picture and its things at the dataset's size."""
    share = SIZE_PX[0] / image.shape[1]
    if share == 1.0:
        return image, things
    small = cv2.resize(image, SIZE_PX, interpolation=cv2.INTER_AREA)
    scaled = tuple(replace(each, box_px=_times(each.box_px, share)) for each in things)
    return np.asarray(small, dtype=np.uint8), scaled


def _times(box: tuple[float, float, float, float], share: float) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box
    return x1 * share, y1 * share, x2 * share, y2 * share


def _write(path: Path, image: Image, quality: int) -> None:
    done, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise PictureError(path)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(code.tobytes())
    beside.replace(path)
