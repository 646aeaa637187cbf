"""Upright: where somebody's feet are, from where the box ends and from how tall people are. Owns no box and no memory.

A box that ends at a railing, a bag or another person says that its feet are farther off than they are: at twenty
metres a box that shows nothing below the knee is two metres wrong. Its top says where somebody of usual height stands,
as well as the bottom does where the box is whole. Needs the height of the lens.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.camera_view import CameraView

Floats = NDArray[np.float64]
# Adults on foot or on two wheels, shoes and hair included; spread of adults of both sexes.
TALL_M: Final = 1.68
TALL_SD_M: Final = 0.09
# How much the bottom counts by the height that the box would show if it were whole: nothing where the feet cannot be
# in it, all where its top cannot be a head. Fitted to boxes of simulated people; see
# docs/decisions/094-hidden-feet-and-changed-minds.md.
_SEEMS_M: Final = (1.1, 1.5, 1.75, 1.95)
_BOTTOM_COUNTS: Final = (0.0, 0.6, 0.7, 1.0)
LEAST_ABOVE: Final = 1.5  # heights of a person that the lens must be up: lower, a head says little


def feet_px(boxes_px: Floats, sd_px: Floats, *, view: CameraView, height_m: float | None) -> tuple[Floats, Floats]:
    """Return where people's feet are in the image, (n, 2), and the standard deviations along u and v, (n, 2).

    Args:
        boxes_px: (n, 4) left, top, right, bottom of people.
        sd_px: (n, 2) standard deviations of where the boxes end.
        view: of the camera.
        height_m: of the lens above the calibrated ground; without it boxes end at the feet.
    """
    middle = (boxes_px[:, 0] + boxes_px[:, 2]) / 2
    bottoms = np.column_stack([middle, boxes_px[:, 3]])
    if height_m is None or height_m < LEAST_ABOVE * TALL_M or not len(boxes_px):
        return bottoms, sd_px
    tops, tops_ahead = view.homography.to_ground(np.column_stack([middle, boxes_px[:, 1]]))
    ends, ends_ahead = view.homography.to_ground(bottoms)
    by_head = {tall: below(tops, tall, view=view, height_m=height_m) for tall in (TALL_M, TALL_M + TALL_SD_M)}
    usable = (tops_ahead > 0) & (ends_ahead > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        nearness = np.linalg.norm(ends - view.foot_m, axis=1) / np.linalg.norm(tops - view.foot_m, axis=1)
        counts = np.interp(height_m * (1.0 - nearness), _SEEMS_M, _BOTTOM_COUNTS)
    counts = np.where(usable & np.isfinite(counts), counts, 1.0)
    by_bottom, rest = counts[:, None], 1.0 - counts[:, None]
    head = np.where(usable[:, None], by_head[TALL_M], bottoms)
    head_sd = np.abs(np.where(usable[:, None], by_head[TALL_M + TALL_SD_M], bottoms) - head)
    return by_bottom * bottoms + rest * head, np.maximum(np.hypot(by_bottom * sd_px, rest * head_sd), rest * sd_px)


def below(
    tops_m: Floats, tall_m: Floats | float, *, view: CameraView, height_m: float, half_depth_m: Floats | float = 0.0
) -> Floats:
    """Return the pixels, (n, 2), where the near edge of things stands whose tops hide the ground at (n, 2) metres.

    Args:
        tops_m: on the view's plane.
        tall_m: how tall they are, one or (n,).
        view: of the camera.
        height_m: of the lens above the calibrated ground.
        half_depth_m: from their middle to that edge, one or (n,).
    """
    away = tops_m - view.foot_m
    range_m = np.maximum(np.linalg.norm(away, axis=1), 1e-9)
    near_m = np.maximum(range_m * (height_m - tall_m) / height_m - half_depth_m, 0.0)
    pixels, _ = view.homography.to_image(view.foot_m + away * (near_m / range_m)[:, None])
    return pixels
