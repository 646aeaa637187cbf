"""Observations: the boxes of one frame with their place on the ground. Owns contact, depth and spread; no memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.camera_view import GroundPoints
from geo.coords import LonLat
from models.boxes import intersections, iou
from models.detections import Detections
from models.detector import Image
from pipeline.appearance import Appearance, appearance
from pipeline.behind import HIDES_FROM, behind
from pipeline.cameras import Camera
from pipeline.footprints import PERSON, Footprint, footprint
from pipeline.upright import feet_px

Box = tuple[float, float, float, float]
Cov = tuple[float, float, float]
MOST_OBSERVATIONS: Final = 300
ONE_THING: Final = 0.5
# Of a family no two things stand within half of what one takes: boxes there that overlap are two of one thing.
ONE_PLACE: Final = 0.5
ONE_PLACE_OVERLAP: Final = 0.2
# How well a detector places the bottom of a box, as shares of its size (root of its area) and height, and never better
# than a pixel. Measured on 1,500 persons of PETS 2009 against published boxes: 0.12 of the width, which is 0.08 of the
# size, and 0.03 to 0.06 of the height (middle two thirds, all); `benchmarks/pets.py` prints how often ellipses hold.
CONTACT_SHARE_U: Final = 0.08
CONTACT_SHARE_V: Final = 0.04
LEAST_CONTACT_SD_PX: Final = 1.0
# A box's middle is not above its thing's middle: nobody is as round as a footprint. Share of the half depth.
ASKEW_SHARE: Final = 0.15
# A box that the image's rim cuts off has its contact somewhere below: the spread becomes this share of its height.
CUT_OFF_SHARE: Final = 0.25
# A box of which nearer boxes cover so much shows their colours as well as its own.
COVERED_SHARE: Final = 0.1
_NEARER: Final = 0.05  # of its height
_RIM_PX: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One box of one frame, on the ground.

    Attributes:
        box_px: left, top, right, bottom in pixels of the camera's reference size.
        family: the classes that it may be mixed up with.
        track: the tracker's id; None for a box that belongs to no confirmed track.
        contact_px: where it touches the ground in that image: the bottom's middle; of people see `upright`, of what
            is flat the picture of its middle.
        east_m, north_m: centre of the footprint on the view's plane.
        calibration_cov_m2, measurement_cov_m2: (ee, en, nn), as `geo.camera_view` gives them.
        look: its colours; None where they were not looked at.
    """

    box_px: Box
    class_name: str
    family: str
    confidence: float
    track: int | None
    lonlat: LonLat
    east_m: float
    north_m: float
    calibration_cov_m2: Cov
    measurement_cov_m2: Cov
    contact_px: tuple[float, float]
    look: Appearance | None = None


def observe(detections: Detections, camera: Camera, *, image_size_px: tuple[int, int]) -> tuple[Observation, ...]:
    """Return the things that stand on ground that the camera can place, most confident first, at most 300.

    Of two boxes of one family that overlap by more than half, or that stand in one place, only the surer one is kept:
    detectors box one vehicle as car and as truck, and some people twice.

    Args:
        detections: boxes in pixels of the image that was given.
        camera: its calibration refers to its own width and height; boxes are scaled to it.
        image_size_px: width and height of the image that was given.
    """
    order = np.argsort(-detections.confidence, kind="stable")[:MOST_OBSERVATIONS]
    kept = detections.select(order)
    scale = np.array([camera.width_px / image_size_px[0], camera.height_px / image_size_px[1]] * 2)
    boxes = kept.boxes_px.astype(np.float64) * scale
    feet = [footprint(name) for name in kept.names()]
    contacts, contact_sd = contacts_px(boxes, feet, camera)
    ground = _located(contacts, contact_sd, feet, camera)
    single = not_twice(boxes, ground.metres, feet)
    upright = ~np.array([each.flat for each in feet], bool)
    hidden, places, spreads = behind(
        contacts,
        contact_sd,
        boxes_px=boxes,
        hides=single & upright & (kept.confidence >= HIDES_FROM),
        feet=feet,
        view=camera.view,
        height_m=camera.height_m,
    )
    if len(hidden):
        contacts[hidden] = places
        again = _located(places, spreads, [feet[row] for row in hidden.tolist()], camera)
        ground = ground.with_rows(hidden, again)
    rows = np.flatnonzero(ground.on_ground & single).tolist()
    return tuple(_observation(kept, boxes, contacts, ground, row) for row in rows)


def not_twice(
    boxes_px: NDArray[np.float64], metres: NDArray[np.float64], feet: Sequence[Footprint]
) -> NDArray[np.bool_]:
    """Return which of (n, 4) boxes at (n, 2) metres, surest first, are not a second box of one before."""
    if not feet:
        return np.zeros(0, bool)
    families = np.array([each.family for each in feet])
    nearer_m = ONE_PLACE * np.array([each.place_m for each in feet])
    apart_m = np.hypot(*np.moveaxis(metres[:, None] - metres[None], -1, 0))
    shared = iou(boxes_px, boxes_px)
    one = (shared > ONE_THING) | ((shared > ONE_PLACE_OVERLAP) & (apart_m < nearer_m[:, None]))
    double = np.triu((families[:, None] == families[None]) & one, 1)
    single = np.ones(len(boxes_px), bool)
    for row in range(len(boxes_px)):
        if single[row]:
            single &= ~double[row]
    return single


def contacts_px(
    boxes_px: NDArray[np.float64], feet: Sequence[Footprint], camera: Camera
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where things touch the ground, (n, 2), and the standard deviations of that along u and v, (n, 2)."""
    places = np.column_stack([(boxes_px[:, 0] + boxes_px[:, 2]) / 2, boxes_px[:, 3]]).reshape(-1, 2)
    spreads = contact_sd_px(boxes_px, camera.height_px)
    people = np.array([each.family == PERSON for each in feet], bool)
    if people.any():
        places[people], spreads[people] = feet_px(
            boxes_px[people], spreads[people], view=camera.view, height_m=camera.height_m
        )
    flat = np.array([each.flat for each in feet], bool)
    if flat.any():
        places[flat] = _middles_px(boxes_px[flat], camera)
    return places, spreads


def standing_on(seen: Observation, level_m: float, camera: Camera) -> Observation:
    """Return somebody as standing on ground of another level than the one that is calibrated, such as ice below a quay.

    Where feet are in the picture follows from how tall people are above the ground that they stand on. The place stays
    where the sight line to the feet meets calibrated ground; what is no person, or of an unknown lens, stays as it is.
    """
    if level_m == 0.0 or seen.family != PERSON or camera.height_m is None:
        return seen
    boxes = np.array([seen.box_px], np.float64)
    feet, spreads = feet_px(
        boxes, contact_sd_px(boxes, camera.height_px), view=camera.view, height_m=camera.height_m - level_m
    )
    ground = _located(feet, spreads, [footprint(seen.class_name)], camera)
    if not ground.on_ground[0]:
        return seen
    own, before = _cov(ground.measurement_cov_m2[0]), seen.measurement_cov_m2
    return replace(
        seen,
        contact_px=(float(feet[0, 0]), float(feet[0, 1])),
        lonlat=LonLat(float(ground.lonlat[0, 0]), float(ground.lonlat[0, 1])),
        east_m=float(ground.metres[0, 0]),
        north_m=float(ground.metres[0, 1]),
        measurement_cov_m2=own if own[0] + own[2] >= before[0] + before[2] else before,  # something may hide the feet
    )


def _middles_px(boxes_px: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Return the pictures, (n, 2), of the middle between where flat things begin and end on the ground.

    Where a box reaches above the horizon it has no such end, and the bottom's middle is all that is known.
    """
    middle = (boxes_px[:, 0] + boxes_px[:, 2]) / 2
    bottoms = np.column_stack([middle, boxes_px[:, 3]])
    near_m, near_ahead = camera.view.homography.to_ground(bottoms)
    far_m, far_ahead = camera.view.homography.to_ground(np.column_stack([middle, boxes_px[:, 1]]))
    pixels, ahead = camera.view.homography.to_image((near_m + far_m) / 2)
    known = (near_ahead > 0) & (far_ahead > 0) & (ahead > 0)
    return np.where(known[:, None], pixels, bottoms)


def _located(
    contacts: NDArray[np.float64], contact_sd: NDArray[np.float64], feet: Sequence[Footprint], camera: Camera
) -> GroundPoints:
    return camera.view.locate_many(
        contacts,
        pixel_sd_px=contact_sd,
        half_depth_m=np.array([each.half_depth_m for each in feet]),
        half_depth_sd_m=np.array([each.half_depth_sd_m for each in feet]),
    )


def contact_sd_px(boxes_px: NDArray[np.float64], height_px: int) -> NDArray[np.float64]:
    """Return the standard deviations, (n, 2), of the contacts of (n, 4) boxes along u and v."""
    width, height = boxes_px[:, 2] - boxes_px[:, 0], boxes_px[:, 3] - boxes_px[:, 1]
    share = np.where(boxes_px[:, 3] >= height_px - _RIM_PX, CUT_OFF_SHARE, CONTACT_SHARE_V)
    return np.maximum(np.column_stack([CONTACT_SHARE_U * np.sqrt(width * height), share * height]), LEAST_CONTACT_SD_PX)


def with_looks(
    observations: Iterable[Observation], image: Image, camera: Camera, families: frozenset[str]
) -> tuple[Observation, ...]:
    """Return the observations, those of the families with their colours; what stands before a thing is not its look."""
    scale = (image.shape[1] / camera.width_px, image.shape[0] / camera.height_px) * 2
    seen = tuple(observations)
    covered = _covered([each.box_px for each in seen])
    return tuple(
        replace(each, look=appearance(image, [v * s for v, s in zip(each.box_px, scale, strict=True)]))
        if each.family in families and not covered[row]
        else each
        for row, each in enumerate(seen)
    )


def _covered(boxes_px: Sequence[Box]) -> NDArray[np.bool_]:
    """Return which boxes, (n,), others that stand nearer to the camera, lower in the image, cover in part."""
    if not boxes_px:
        return np.zeros(0, bool)
    boxes = np.array(boxes_px, np.float64)
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    nearer = boxes[None, :, 3] > (boxes[:, 3] + _NEARER * height)[:, None]
    shares = intersections(boxes, boxes) * nearer / np.maximum(width * height, 1.0)[:, None]
    return np.asarray(shares.sum(axis=1) >= COVERED_SHARE)


def _observation(
    detections: Detections, boxes: NDArray[np.float64], contacts: NDArray[np.float64], ground: GroundPoints, row: int
) -> Observation:
    name = detections.class_names[int(detections.class_ids[row])]
    tracks = detections.track_ids
    left, top, right, bottom = (float(value) for value in boxes[row])
    track = -1 if tracks is None else int(tracks[row])
    half_depth_m = footprint(name).half_depth_m
    return Observation(
        box_px=(left, top, right, bottom),
        class_name=name,
        family=footprint(name).family,
        confidence=float(detections.confidence[row]),
        track=track if track >= 0 else None,
        contact_px=(float(contacts[row, 0]), float(contacts[row, 1])),
        lonlat=LonLat(float(ground.lonlat[row, 0]), float(ground.lonlat[row, 1])),
        east_m=float(ground.metres[row, 0]),
        north_m=float(ground.metres[row, 1]),
        calibration_cov_m2=_cov(ground.calibration_cov_m2[row] + np.eye(2) * (ASKEW_SHARE * half_depth_m) ** 2),
        measurement_cov_m2=_cov(ground.measurement_cov_m2[row]),
    )


def _cov(matrix: NDArray[np.float64]) -> Cov:
    return float(matrix[0, 0]), float(matrix[0, 1]), float(matrix[1, 1])


def join_tracks(detections: Detections, tracked: Detections) -> Detections:
    """Return all boxes with the ids that the tracker gave to some of them, -1 for the others."""
    ids = np.full(len(detections), -1, np.int64)
    if tracked.track_ids is not None:
        known = {tracked.boxes_px[i].tobytes(): int(tracked.track_ids[i]) for i in range(len(tracked))}
        for row in range(len(detections)):
            ids[row] = known.get(detections.boxes_px[row].tobytes(), -1)
    return detections.with_tracks(ids)
