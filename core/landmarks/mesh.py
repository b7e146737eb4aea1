# SPDX-License-Identifier: Apache-2.0
"""The mesh net: 478 points of one face in a window."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .mirror import MIRROR
from .roi import Pixels, Roi, crop
from .runtime import run_net

Floats = NDArray[np.float32]
SIDE = 192
WINDOW = 1.5
"""Side of a window over the longer side of the points' extent"""
_EYE_CORNERS = (33, 263)
_LEAN = math.radians(20)


def mesh_points(rgb: Pixels, rois: Sequence[Roi]) -> tuple[Floats, Floats]:
    """Points (n, 478, 3) in image pixels, z nearer = larger, and the net's logit (n,) of a face in each window."""
    images = np.stack([crop(rgb, roi, SIDE) for roi in rois])
    raw, logits = run_net("face_mesh", images)
    points = np.stack([roi.to_image(one / np.float32(SIDE)) for roi, one in zip(rois, raw, strict=True)])
    points[..., 2] *= -1
    for k, roi in enumerate(rois):
        if roi.mirrored:
            points[k] = points[k, MIRROR]
    return points, logits[:, 0]


def probability(logit: float) -> float:
    """The logistic function."""
    return 1 / (1 + math.exp(-min(max(float(logit), -60.0), 60.0)))


def roi_of_points(points: NDArray[np.floating]) -> Roi:
    """The window for the next pass: upright along the outer eye corners, `WINDOW` times the points' extent.

    The extent is measured along the picture's axes, as the net is used to, unless the head leans more than 20°.
    """
    xy = np.asarray(points[:468, :2], np.float64)
    across = xy[_EYE_CORNERS[1]] - xy[_EYE_CORNERS[0]]
    angle = math.atan2(across[1], across[0])
    turn = angle - min(max(angle, -_LEAN), _LEAN)
    cos, sin = math.cos(turn), math.sin(turn)
    turned = xy @ np.array([[cos, -sin], [sin, cos]])
    low, high = turned.min(0), turned.max(0)
    middle = (low + high) / 2
    x, y = cos * middle[0] - sin * middle[1], sin * middle[0] + cos * middle[1]
    return Roi(float(x), float(y), float(WINDOW * (high - low).max()), angle)
