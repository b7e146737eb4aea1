# SPDX-License-Identifier: Apache-2.0
"""Frames of reference, rotations and projections.

* Model space: metres; +x to the subject's left, +y up, +z out of the face (right-handed).
* Camera space: metres; +x right, +y down, +z forward, as OpenCV has it.
* Image: pixels; origin at the top left corner, pixel centres at +0.5.

A pose takes model space to camera space: ``X_camera = R · F · X_model + t`` with ``F = diag(1, -1, -1)`` and
R the matrix of an axis-angle vector in camera axes. Zero rotation looks straight into the camera.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .rotations import from_matrix, vector

Array = NDArray[np.float64]
Projection = Literal["orthographic", "perspective"]

MODEL_TO_CAMERA_AXES: Array = np.diag([1.0, -1.0, -1.0])
FOCAL_PER_SIDE = 50.0 / 36.0
"""Focal length over the longer image side: a 50 mm lens on a 36 mm sensor, Blender's default camera."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera whose principal point is the image's centre.

    `orthographic` is the scaled-orthographic projection: every point is scaled by ``focal / t_z``, the scale at
    the head's origin, so both kinds share one translation in metres.
    """

    width: int
    height: int
    focal: float
    projection: Projection = "orthographic"

    @classmethod
    def for_image(cls, width: int, height: int, projection: Projection = "orthographic") -> "Camera":
        """The camera that is assumed where nothing is known of the real one."""
        return cls(width, height, FOCAL_PER_SIDE * max(width, height), projection)

    @property
    def centre(self) -> Array:
        """Principal point in pixels, (2,)."""
        return np.array([self.width / 2, self.height / 2])


def rotation_matrix(rotation: NDArray[np.floating]) -> Array:
    """Axis-angle vectors (..., 3) in radians to matrices (..., 3, 3) (Rodrigues' formula)."""
    r = np.asarray(rotation, np.float64)
    angle = np.linalg.norm(r, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(r, -1, 0)
    zero = np.zeros_like(x)
    k = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*r.shape[:-1], 3, 3)
    sine = np.sinc(angle / np.pi)
    cosine = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + sine * k + cosine * (k @ k))


def rotation_vector(matrix: NDArray[np.floating]) -> Array:
    """Rotation matrices (..., 3, 3) to axis-angle vectors (..., 3) in radians, angle at most π."""
    return vector(from_matrix(matrix))


def to_camera(points: NDArray[np.floating], rotation: NDArray[np.floating],
              translation: NDArray[np.floating]) -> Array:
    """Model-space points (..., N, 3) to camera space, for poses (..., 3) and (..., 3)."""
    turn = rotation_matrix(rotation) @ MODEL_TO_CAMERA_AXES
    return np.asarray(points @ np.swapaxes(turn, -1, -2) + np.asarray(translation)[..., None, :])


def project(points: NDArray[np.floating], rotation: NDArray[np.floating],
            translation: NDArray[np.floating], camera: Camera) -> Array:
    """Model-space points (..., N, 3) to image pixels (..., N, 3).

    The third number is depth in pixels, nearer is larger, zero at the head's origin, at the scale of x and y.
    """
    p = to_camera(points, rotation, translation)
    origin_depth = np.asarray(translation, np.float64)[..., None, 2]
    depth = origin_depth if camera.projection == "orthographic" else p[..., 2]
    scale = camera.focal / depth
    xy = p[..., :2] * scale[..., None] + camera.centre
    z = (origin_depth - p[..., 2]) * camera.focal / origin_depth
    return np.concatenate([xy, z[..., None]], -1)


def unproject(pixels: NDArray[np.floating], rotation: NDArray[np.floating], translation: NDArray[np.floating],
              camera: Camera) -> Array:
    """Image pixels with depth (N, 3) to model-space points (N, 3): the inverse of `project` for one pose."""
    p, t = np.asarray(pixels, np.float64), np.asarray(translation, np.float64)
    behind = t[2] - p[:, 2] * t[2] / camera.focal
    reach = np.full_like(behind, t[2]) if camera.projection == "orthographic" else behind
    xy = (p[:, :2] - camera.centre) * (reach / camera.focal)[:, None]
    return np.asarray((np.column_stack([xy, behind]) - t) @ (rotation_matrix(rotation) @ MODEL_TO_CAMERA_AXES))


def yaw_pitch_roll(rotation: NDArray[np.floating]) -> Array:
    """Axis-angle (..., 3) to degrees (..., 3): yaw > 0 to the subject's left, pitch > 0 up, roll > 0 clockwise
    in the image."""
    m = rotation_matrix(rotation)
    yaw = np.arctan2(-m[..., 0, 2], m[..., 2, 2])
    pitch = np.arcsin(np.clip(m[..., 1, 2], -1, 1))
    roll = np.arctan2(m[..., 1, 0], m[..., 1, 1])
    degrees: Array = np.degrees(np.stack([yaw, pitch, roll], -1))
    return degrees
