"""Footage: frames from a video file or a folder of images, each with the time it was taken.

A file's frame time is its start plus the time that the stream states; a rate given with the address wins over a header
that lies. A folder's is in its file names, or follows from a rate.
"""

import re
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.detector import Image
from pipeline.clocks import utc
from pipeline.frames import Frame, Throttle
from pipeline.pictures import MOST_BYTES, decode_picture
from pipeline.source_errors import (
    EmptyFolderError,
    EndedEarlyError,
    FrameTimeError,
    FrameUnreadableError,
    NotVideoError,
    SourceError,
    SourceMissingError,
    require_size,
)

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MOST_PICTURES = 1_000_000
MOST_HEADER_FPS = 240.0
USUAL_FPS = 25.0
# Headers estimate the number of frames from duration and rate; a file is cut off when it lacks more than this.
_MISSING_SHARE, _MISSING_FRAMES = 0.02, 2
_NAME_TIME = re.compile(
    r"(?P<y>\d{4})-?(?P<mo>\d{2})-?(?P<d>\d{2})[T_](?P<h>\d{2})[-:]?(?P<mi>\d{2})[-:]?(?P<s>\d{2})(?P<f>\.\d{1,6})?"
    r"(?P<zone>Z|[+-]\d{2}[-:]?\d{2})?"
)


def read_footage(
    path: Path,
    *,
    camera: str,
    start: datetime,
    fps: float | None = None,
    footage_fps: float | None = None,
    on_fault: Callable[[SourceError], None],
) -> Iterator[Frame]:
    """Yield the frames of a video file or a folder of images, in order, as fast as they are taken.

    Args:
        path: a video file, or a folder of .jpg and .png.
        camera: the camera's code.
        start: time of the first frame, aware; images that are named by time keep their own.
        fps: frames per second to yield at most; None yields all.
        footage_fps: the rate it was filmed at; None believes the file.
        on_fault: called with what is wrong without ending the source: an image that does not decode, an early end.

    Raises:
        SourceError: nothing can be read.
    """
    if not path.exists():
        raise SourceMissingError(camera, str(path))
    first = utc(start, field="start")
    if path.is_dir():
        return _folder(path, camera=camera, start=first, fps=fps, rate=footage_fps, on_fault=on_fault)
    return _file(path, camera=camera, start=first, fps=fps, rate=footage_fps, on_fault=on_fault)


def _file(
    path: Path,
    *,
    camera: str,
    start: datetime,
    fps: float | None,
    rate: float | None,
    on_fault: Callable[[SourceError], None],
) -> Iterator[Frame]:
    # FFmpeg reads protocols out of names such as concat:; an absolute path has none.
    # One decoding thread: cameras decode beside one another anyway, and more threads each only wait for one another.
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    try:
        if not capture.isOpened():
            raise NotVideoError(camera, str(path))
        require_size(
            camera, *(int(capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        )
        announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        read = yield from _grabbed(capture, camera=camera, start=start, throttle=Throttle(fps), rate=rate)
    finally:
        capture.release()
    if read == 0:
        raise NotVideoError(camera, str(path))
    if announced - read > max(_MISSING_FRAMES, _MISSING_SHARE * announced):
        on_fault(EndedEarlyError(camera, str(path), read=read, announced=announced))


def _grabbed(
    capture: Any, *, camera: str, start: datetime, throttle: Throttle, rate: float | None
) -> Generator[Frame, None, int]:
    """Yield the wanted frames of an open file; return how many there were."""
    header = float(capture.get(cv2.CAP_PROP_FPS))
    period_s = 1.0 / (rate or (header if 0.01 <= header <= MOST_HEADER_FPS else USUAL_FPS))  # noqa: PLR2004 - else broken headers
    index, at_s = 0, -period_s
    while capture.grab():
        stated_s = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000.0
        at_s = index * period_s if rate else (stated_s if stated_s > at_s else at_s + period_s)
        if throttle.lets(at_s):
            whole, image = capture.retrieve()
            if not whole:
                break
            require_size(camera, image.shape[1], image.shape[0])
            captured_at = start + timedelta(seconds=at_s)
            yield Frame(camera=camera, captured_at=captured_at, image=np.asarray(image, np.uint8), index=index)
        index += 1
    return index


def _folder(
    folder: Path,
    *,
    camera: str,
    start: datetime,
    fps: float | None,
    rate: float | None,
    on_fault: Callable[[SourceError], None],
) -> Iterator[Frame]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)[:MOST_PICTURES]
    if not paths:
        raise EmptyFolderError(camera, folder)
    throttle = Throttle(fps)
    for index, (path, captured_at) in enumerate(_dated(paths, camera=camera, start=start, rate=rate)):
        if not throttle.lets(captured_at.timestamp()):
            continue
        try:
            image = _picture(path, camera=camera)
        except SourceError as fault:
            on_fault(fault)
            continue
        yield Frame(camera=camera, captured_at=captured_at, image=image, index=index)


def _picture(path: Path, *, camera: str) -> Image:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise FrameUnreadableError(camera, path.name, reason=f"it has {size} bytes, more than the {MOST_BYTES} taken")
    return decode_picture(path.read_bytes(), camera=camera, what=path.name)


def _dated(paths: list[Path], *, camera: str, start: datetime, rate: float | None) -> list[tuple[Path, datetime]]:
    """Give each image its time: its name's, if all names have one and no rate was given, else by the rate."""
    named = [] if rate else [name_time(path.name, camera=camera) for path in paths]
    times = [time for time in named if time is not None]
    if len(times) == len(paths):
        return sorted(zip(paths, times, strict=True), key=lambda pair: pair[1])
    if times:
        odd = paths[named.index(None)].name
        raise FrameTimeError(camera, odd, reason=f"its name holds no time though {len(times)} others' do")
    if rate is None:
        raise FrameTimeError(camera, paths[0].name, reason="its name holds no time and no rate was given")
    return [(path, start + timedelta(seconds=index / rate)) for index, path in enumerate(paths)]


def name_time(name: str, *, camera: str) -> datetime | None:
    """Return the instant that a file name such as 2026-01-31T08-00-00.250Z.jpg states, None if it states none.

    Raises:
        FrameTimeError: the name has a time without an offset, or one that does not exist.
    """
    found = _NAME_TIME.search(name)
    if found is None:
        return None
    if found["zone"] is None:
        raise FrameTimeError(camera, name, reason="the time in its name has no UTC offset")
    zone = found["zone"] if found["zone"] == "Z" else found["zone"][:3] + ":" + found["zone"][-2:]
    text = f"{found['y']}-{found['mo']}-{found['d']}T{found['h']}:{found['mi']}:{found['s']}{found['f'] or ''}{zone}"
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:
        raise FrameTimeError(camera, name, reason=f"the time in its name does not exist ({error})") from error
