"""Evidence views: the frame where a thing was first seen and the one in which its scene fired, as blurred JPEG.

Frames wait in memory as they came; nothing leaves this module that is not blurred by `models.privacy`, drawn on and
reduced to 1280 px.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import cv2
import numpy as np

from models.boxes import suppress
from models.detections import Detections
from models.detector import Image
from models.privacy import blur_people_and_vehicles, hides
from pipeline.cameras import Camera
from pipeline.firings import Firing
from pipeline.frames import Frame
from pipeline.sightings import View
from pipeline.zones import Zone

LONGEST_SIDE_PX: Final = 1280
QUALITY: Final = 85
WAITING_QUALITY: Final = 90
MOST_BOXES: Final = 300
_SAME_IOU: Final = 0.9  # of two boxes so much alike one is enough to blur by: the margin around it holds the other
_BOX_COLOUR: Final = (40, 40, 230)  # blue, green, red
_ZONE_COLOUR: Final = (0, 200, 255)
_TEXT_COLOUR: Final = (255, 255, 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A frame that may become evidence: its picture as JPEG in memory and all its boxes.

    Attributes:
        detections: what is blurred: its boxes, and those of just before it.
        seen: its own boxes, where they were kept apart.
    """

    captured_at: datetime
    jpeg: bytes
    detections: Detections
    seen: Detections | None = None


class WaitingFrames:
    """Frames of a camera that may become the "before" of a sighting, about one a second, bounded in number.

    Args:
        every_s: frames nearer in time than this are not kept.
        most: how many are kept; what lies before every need goes first, then every other one that is nearest to none.
    """

    def __init__(self, *, every_s: float = 1.0, most: int = 64) -> None:
        self.every_s = every_s
        self.most = most
        self._kept: OrderedDict[float, Waiting] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, frame: Frame, detections: Detections, *, needed: Iterable[float]) -> None:
        """Keep a frame if the one before is old enough; let go of frames that no needed time is near to."""
        at = frame.at_s
        if self._kept and at - next(reversed(self._kept)) < self.every_s:
            return
        whole, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, WAITING_QUALITY])
        if not whole:
            return
        self._kept[at] = Waiting(captured_at=frame.captured_at, jpeg=jpeg.tobytes(), detections=detections)
        if len(self._kept) > self.most:
            self._thin(list(needed) or [at])

    def nearest(self, at: float, *, within_s: float) -> Waiting | None:
        """Return the kept frame nearest to a time, None if none is that near."""
        best = min(self._kept, key=lambda kept: abs(kept - at), default=None)
        return self._kept[best] if best is not None and abs(best - at) <= within_s else None

    def before(self, at: float, *, since: float, most: int) -> list[Waiting]:
        """Return kept frames from before a time, none older than `since`, newest first."""
        times = [kept for kept in reversed(self._kept) if since <= kept < at]
        return [self._kept[kept] for kept in times[:most]]

    def _thin(self, needed: Sequence[float]) -> None:
        """Drop what lies before every need, else every other frame; those nearest to a need stay if others can go."""
        times = list(self._kept)
        nearest = {times[int(np.abs(np.array(times) - need).argmin())] for need in needed}
        free = [at for at in times[1:-1] if at not in nearest]
        stale = [at for at in times if at < min(needed) - self.every_s and at not in nearest]
        others = [at for at in times[1:-1:2] if at not in nearest]
        for at in stale or others or free or times[1:-1:2]:
            del self._kept[at]


def view(
    waiting: Waiting,
    *,
    label: str,
    camera: Camera,
    firing: Firing,
    zones: Sequence[Zone],
    classless: bool,
    blur: bool = True,
    original: bool = False,
) -> View:
    """Return the picture for a sighting: blurred, with the thing's box, the zone and a label.

    Args:
        waiting: the frame.
        label: before or at.
        camera: boxes and zones refer to its reference size.
        firing: what fired.
        zones: where its scene is watched.
        classless: whether the detector knows classes; if not, all but the box is blurred.
        blur: only a site that switched it off gives False.
        original: whether the frame as it came goes with it, to be sealed.
    """
    image = _decoded(waiting)
    seen = seen_in(waiting, size_px=(image.shape[1], image.shape[0]))
    scale = np.array([image.shape[1] / camera.width_px, image.shape[0] / camera.height_px] * 2)
    box = (np.array(firing.box_px) * scale).astype(np.float32)
    if blur:
        image = blur_people_and_vehicles(image, waiting.detections, classless=classless, keep_box_px=box)
    image, shrink = _shrunk(image)
    for zone in zones:
        if zone.corners is not None:
            _draw_zone(image, np.array(zone.corners) * scale[:2] * shrink)
    _draw_box(image, box * shrink, _title(label, camera, firing, waiting.captured_at))
    return View(
        label=label,
        captured_at=waiting.captured_at,
        jpeg=encoded(image),
        original=waiting.jpeg if original else None,
        seen={**seen, "box_px": [round(float(value), 1) for value in box], "class_name": firing.class_name},
    )


def seen_in(waiting: Waiting, *, size_px: tuple[int, int]) -> dict[str, object]:
    """Return what the detector saw in a frame, JSON-able: boxes in pixels of the frame with class and confidence.

    `boxes` are its own, to learn from; `hidden` are those that were blurred, to blur an original again.
    """
    own = waiting.detections if waiting.seen is None else waiting.seen
    return {"size_px": list(size_px), "boxes": _listed(own), "hidden": _listed(_blurred(waiting.detections))}


def _blurred(found: Detections) -> Detections:
    """Return the boxes of which part is blurred; of those that stood still for some frames, one."""
    private = found.select(np.array([hides(name) for name in found.names()], bool))
    rows = suppress(
        private.boxes_px,
        private.confidence,
        class_ids=private.class_ids,
        most_iou=_SAME_IOU,
        most_boxes=MOST_BOXES,
    )
    return private.select(rows)


def _listed(found: Detections) -> list[list[object]]:
    sure = np.argsort(-found.confidence, kind="stable")[:MOST_BOXES]
    names = found.names()
    return [
        [*(round(float(v), 1) for v in found.boxes_px[row]), names[row], round(float(found.confidence[row]), 3)]
        for row in sure.tolist()
    ]


def plain_view(waiting: Waiting, *, label: str, classless: bool, blur: bool = True) -> View:
    """Return a whole picture without box and zone, blurred: all of it where the detector knows no classes."""
    image = _decoded(waiting)
    if blur:
        image = blur_people_and_vehicles(image, waiting.detections, classless=classless, keep_box_px=None)
    image, _ = _shrunk(image)
    return View(label=label, captured_at=waiting.captured_at, jpeg=encoded(image))


def _decoded(waiting: Waiting) -> Image:
    return np.asarray(cv2.imdecode(np.frombuffer(waiting.jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _shrunk(image: Image) -> tuple[Image, float]:
    """Return an image of at most 1280 px, and by how much it was shrunk."""
    shrink = min(1.0, LONGEST_SIDE_PX / max(image.shape[:2]))
    if shrink == 1.0:
        return image, shrink
    return np.asarray(cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8), shrink


def encoded(image: Image) -> bytes:
    """Return a picture as JPEG."""
    _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return bytes(jpeg.tobytes())


def waiting(frame: Frame, detections: Detections, *, seen: Detections | None = None) -> Waiting:
    """Return a frame as one that waits; see `Waiting`."""
    _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, WAITING_QUALITY])
    return Waiting(captured_at=frame.captured_at, jpeg=jpeg.tobytes(), detections=detections, seen=seen)


def _title(label: str, camera: Camera, firing: Firing, captured_at: datetime) -> str:
    count = f" x{firing.count}" if firing.count > 1 else ""
    text = f"{label} {firing.scene}{count} {camera.code} {captured_at:%Y-%m-%d %H:%M:%S}Z"
    return text.encode("ascii", "replace").decode("ascii")  # OpenCV draws no other letters


def _draw_zone(image: Image, corners: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    cv2.polylines(image, [np.round(corners).astype(np.int32)], isClosed=True, color=_ZONE_COLOUR, thickness=1)


def _draw_box(image: Image, box: np.ndarray[tuple[int, ...], np.dtype[np.float32]], title: str) -> None:
    height, width = image.shape[:2]
    left, top, right, bottom = np.clip(np.round(box), 0, [width - 1, height - 1] * 2).astype(int).tolist()
    cv2.rectangle(image, (left, top), (right, bottom), _BOX_COLOUR, 2)
    size = max(0.4, min(width, height) / 1200)
    (text_width, text_height), below = cv2.getTextSize(title, cv2.FONT_HERSHEY_SIMPLEX, size, 1)
    x, y = max(0, min(left, width - text_width)), max(text_height + below, top - below)
    cv2.rectangle(image, (x, y - text_height - below), (x + text_width, y + below), _BOX_COLOUR, -1)
    cv2.putText(image, title, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, _TEXT_COLOUR, 1, cv2.LINE_AA)
