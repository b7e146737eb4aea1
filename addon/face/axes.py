# SPDX-License-Identifier: GPL-3.0-or-later
"""Model space to Blender's and back: points, poses and cameras. No other module knows about axes.

* Model: metres, +x subject's left, +y up, +z out of the face. Blender: (x, −z, y), so a head looks along −Y and
  +Z is up; lengths are Blender units, `metres_per_unit` metres each.
* Camera space: OpenCV's +x right, +y down, +z forward. A Blender camera has +y up and looks along −z.
* A pose is an axis-angle rotation in camera axes and a translation in metres (see core/camera.py); in Blender it
  is the head object's world matrix, seen from the camera object's.

Nothing here imports bpy; matrices are numpy arrays.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.camera import MODEL_TO_CAMERA_AXES, rotation_matrix, rotation_vector
from ...core.rotations import from_matrix

Array = NDArray[np.float64]

MODEL_TO_BLENDER: Array = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
CAMERA_TO_BLENDER_CAMERA: Array = np.diag([1.0, -1.0, -1.0])
STAGE_ROTATION = MODEL_TO_BLENDER
"""World rotation of an untilted Blender camera that looks along +Y with +Z up: x → X, y (up) → Z, z (back) → −Y"""


def to_blender(points: NDArray[np.floating], metres_per_unit: float = 1.0) -> NDArray[np.float32]:
    """Model-space points or offsets (..., 3) in metres to Blender's axes and units, float32 and contiguous."""
    out = np.empty(points.shape, np.float32)
    out[..., 0], out[..., 1], out[..., 2] = points[..., 0], -points[..., 2], points[..., 1]
    if metres_per_unit != 1.0:
        out /= np.float32(metres_per_unit)
    return out


def to_model(points: NDArray[np.floating], metres_per_unit: float = 1.0) -> NDArray[np.float32]:
    """Points or offsets (..., 3) in Blender's axes and units to model space in metres."""
    out = np.empty(points.shape, np.float32)
    out[..., 0], out[..., 1], out[..., 2] = points[..., 0], points[..., 2], -points[..., 1]
    if metres_per_unit != 1.0:
        out *= np.float32(metres_per_unit)
    return out


def pose_to_world(rotation: NDArray[np.floating], translation: NDArray[np.floating], camera_world: ArrayLike,
                  metres_per_unit: float) -> tuple[Array, Array]:
    """Poses (..., 3), (..., 3) seen from a camera object's world matrix (4, 4) to the head's world rotations
    (..., 3, 3) and locations (..., 3)."""
    turn, place = _camera_frame(camera_world)
    head = turn @ rotation_matrix(rotation) @ MODEL_TO_CAMERA_AXES @ MODEL_TO_BLENDER.T
    return head, np.asarray(translation, np.float64) / metres_per_unit @ turn.T + place


def world_to_pose(rotation: ArrayLike, location: ArrayLike, camera_world: ArrayLike,
                  metres_per_unit: float) -> tuple[Array, Array]:
    """The inverse of `pose_to_world`: world rotations (..., 3, 3) and locations (..., 3) to poses."""
    turn, place = _camera_frame(camera_world)
    seen = turn.T @ np.asarray(rotation, np.float64) @ MODEL_TO_BLENDER @ MODEL_TO_CAMERA_AXES
    return rotation_vector(seen), (np.asarray(location, np.float64) - place) @ turn * metres_per_unit


def stage_matrix(head_location: ArrayLike, translation: ArrayLike, metres_per_unit: float) -> Array:
    """World matrix (4, 4) of the untilted camera that sees a head at `head_location` at `translation` (3,)."""
    matrix = np.eye(4)
    matrix[:3, :3] = STAGE_ROTATION
    offset = STAGE_ROTATION @ CAMERA_TO_BLENDER_CAMERA @ np.asarray(translation, np.float64) / metres_per_unit
    matrix[:3, 3] = np.asarray(head_location, np.float64) - offset
    return matrix


def euler_xyz(rotation: ArrayLike) -> Array:
    """Rotation matrices (T, 3, 3) to Blender's 'XYZ' Euler angles (T, 3) in radians, continuous over T.

    ``R = Rz·Ry·Rx``. Of the two triples that mean the same, each frame takes the one nearer to the frame before.
    """
    m = np.asarray(rotation, np.float64)
    y = np.arctan2(-m[:, 2, 0], np.hypot(m[:, 0, 0], m[:, 1, 0]))
    first = np.stack([np.arctan2(m[:, 2, 1], m[:, 2, 2]), y, np.arctan2(m[:, 1, 0], m[:, 0, 0])], 1)
    second = np.stack([first[:, 0] + np.pi, np.pi - y, first[:, 2] + np.pi], 1)
    return _continuous(first, second)


def _continuous(first: Array, second: Array) -> Array:
    out = first.copy()
    full = 2 * np.pi
    for t in range(1, len(out)):
        a = first[t] + full * np.round((out[t - 1] - first[t]) / full)
        b = second[t] + full * np.round((out[t - 1] - second[t]) / full)
        out[t] = a if np.abs(a - out[t - 1]).sum() <= np.abs(b - out[t - 1]).sum() else b
    return out


def from_euler_xyz(angles: ArrayLike) -> Array:
    """Blender's 'XYZ' Euler angles (..., 3) in radians to rotation matrices (..., 3, 3)."""
    angles = np.asarray(angles, np.float64)
    about = [rotation_matrix(angles[..., i, None] * np.eye(3)[i]) for i in range(3)]
    return np.asarray(about[2] @ about[1] @ about[0])


def quaternions(rotation: ArrayLike) -> Array:
    """Rotation matrices (T, 3, 3) to quaternions (T, 4) (w, x, y, z), signs chosen so that they are continuous."""
    q = from_matrix(np.asarray(rotation, np.float64))
    flips = np.where((q[1:] * q[:-1]).sum(1) < 0, -1.0, 1.0)
    q[1:] *= np.cumprod(flips)[:, None]
    return q


def _camera_frame(camera_world: ArrayLike) -> tuple[Array, Array]:
    """OpenCV camera axes to world as a rotation (3, 3), and the camera's place; the object's scale is left out."""
    matrix = np.asarray(camera_world, np.float64)
    axes = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    return axes @ CAMERA_TO_BLENDER_CAMERA, matrix[:3, 3]
