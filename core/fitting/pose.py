# SPDX-License-Identifier: Apache-2.0
"""The head's pose in closed form, to start from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..camera import MODEL_TO_CAMERA_AXES, Camera, rotation_vector

Array = NDArray[np.float64]


class Pose(NamedTuple):
    """`turn` (..., 3, 3) = R F takes model to camera axes; `numbers` (..., 4) = u, v, s, d as kernels.py has them."""

    turn: Array
    numbers: Array


def initial_pose(points: Array, target: Array, weight: Array) -> Pose:
    """Pose of model points (L, 3) from pixels about the image's centre (..., L, 3), with weights (L,) ≥ 0.

    With depths (nearer is larger) a similarity in space; where depths are NaN, from the affine map of space to the
    image made orthonormal (POS: DeMenthon & Davis 1995, §3).
    """
    used = weight > 0
    x, y, w = points[used], np.nan_to_num(target[..., used, :]), weight[used] / weight[used].sum()
    centre, middle = w @ x, w @ y
    a, b = x - centre, y - middle[..., None, :]
    rows = _affine(a, b, w) if np.isnan(target[..., used, 2]).any() else _similarity(a, b, w)
    scale = 0.5 * np.linalg.norm(rows, axis=-1).sum(-1)
    turn = _nearest_rotation(rows)
    shift = middle - scale[..., None] * (turn @ centre) * [1, 1, -1]
    return Pose(turn, np.stack([shift[..., 0], shift[..., 1], np.log(scale), shift[..., 2]], -1))


def _affine(a: Array, b: Array, w: Array) -> Array:
    """The two rows (..., 2, 3) of the map from space to the image that fits best."""
    weighted = (a * w[:, None]).T
    # a flat set of points leaves the third direction free: a little ridge keeps it small
    moment = weighted @ a
    ridge = 1e-6 * np.trace(moment) * np.eye(3)
    return np.swapaxes(np.linalg.solve(moment + ridge, weighted @ b[..., :2]), -1, -2)


def _similarity(a: Array, b: Array, w: Array) -> Array:
    """Scale times the first two rows of the rotation (Umeyama 1991, eq. 40–42); b's depth grows towards the viewer."""
    moment = [[1], [1], [-1]] * (np.swapaxes(b, -1, -2) @ (a * w[:, None]))
    u, s, vt = np.linalg.svd(moment)
    sign = np.ones_like(s)
    sign[..., 2] = np.sign(np.linalg.det(u @ vt))
    scale = (s * sign).sum(-1) / (w @ np.square(a).sum(1))
    return np.asarray(scale[..., None, None] * (u * sign[..., None, :]) @ vt)[..., :2, :]


def _nearest_rotation(rows: Array) -> Array:
    """The rotation (..., 3, 3) whose first two rows are nearest to the given ones up to scale."""
    u, _, vt = np.linalg.svd(rows, full_matrices=False)
    two = u @ vt
    return np.concatenate([two, np.cross(two[..., :1, :], two[..., 1:, :])], -2)


def rotation_of(turn: Array) -> Array:
    """R F (..., 3, 3) to the axis-angle vector of R (..., 3)."""
    return rotation_vector(turn @ MODEL_TO_CAMERA_AXES)


def translation_of(numbers: Array, camera: Camera) -> Array:
    """u, v, s (..., ≥3) to the head's origin in camera space (..., 3), metres."""
    scale = np.exp(numbers[..., 2])
    return np.stack([numbers[..., 0] / scale, numbers[..., 1] / scale, camera.focal / scale], -1)
