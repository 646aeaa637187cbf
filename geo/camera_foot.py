"""The camera's foot: the ground beneath it, as its view of the ground implies it."""

from typing import Final

import numpy as np

from geo.homography import Floats, Homography
from geo.lens import BrownLens

# Focal lengths outside this many image widths (118° and 3° of view) are not believed.
_FOCAL_WIDTHS: Final = (0.3, 20.0)


def foot_of(homography: Homography, image_size_px: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the ground beneath the camera, (2,) metres, and its derivative by the parameters, (2, 8 to 10).

    The foot is the straight picture's: a lens moves it only as it moves the plane.
    """
    step = 1e-6
    slope = np.zeros((2, len(homography.covariance)))
    for index in range(8):
        change = np.zeros(9)
        change[index] = step
        ahead, behind = (
            _beneath(homography, homography.matrix + sign * change.reshape(3, 3), image_size_px) for sign in (1, -1)
        )
        slope[:, index] = (ahead - behind) / (2 * step)
    return _beneath(homography, homography.matrix, image_size_px), slope


def _beneath(homography: Homography, matrix: Floats, image_size_px: tuple[int, int]) -> Floats:
    """Return where the plumb line through the camera meets the ground.

    That line is seen at the vanishing point of the vertical, the pole of the horizon with respect to the image of
    the absolute conic (Hartley & Zisserman, ch. 8.8), which for square pixels and a centred axis holds one unknown,
    the focal length; the plane's two right angles give it by least squares. A lens as its maker gives it has both.
    """
    lens = homography.lens
    middle = np.asarray(image_size_px) / 2 if lens is None else lens.centre_px
    shift = (homography.image_centre_px - middle) / homography.image_scale_px
    centred = np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]], [0.0, 0.0, 1.0]]) @ matrix
    east, north = centred[:, 0], centred[:, 1]
    image = np.array([east[:2] @ east[:2] - north[:2] @ north[:2], 2 * (east[:2] @ north[:2])])
    depth = np.array([east[2] ** 2 - north[2] ** 2, 2 * east[2] * north[2]])
    widths = image_size_px[0] / homography.image_scale_px
    shortest, longest = (1 / (limit * widths) ** 2 for limit in _FOCAL_WIDTHS)
    # Seen from straight above, the plane says nothing of the focal length, and the answer does not depend on it.
    inverse_square = np.clip(-(image @ depth) / max(float(image @ image), 1e-30), longest, shortest)
    if isinstance(lens, BrownLens):
        inverse_square = np.float64((homography.image_scale_px / lens.unit_px) ** 2)
    horizon = np.linalg.inv(centred).T[:, 2]
    plumb = np.linalg.inv(centred) @ np.array([horizon[0], horizon[1], horizon[2] * inverse_square])
    return np.asarray(plumb[:2] / plumb[2] * homography.ground_scale_m + homography.ground_centre_m)
