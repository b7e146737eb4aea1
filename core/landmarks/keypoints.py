# SPDX-License-Identifier: Apache-2.0
"""The head's pose from a detector's six keypoints: coarse, but it holds up where the mesh net gives out."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

KEYPOINTS = np.array([[3.27, -2.48, 3.58], [0, 0.9, 8.37], [0, 4.41, 6.26], [6.73, -0.4, -2.88]])
"""(4, 3) eye, nose tip, mouth and ear on the canonical face (centimetres, x right, y down, z nearer = larger)

Measured on 386 frames as the places that best explain the short-range net's keypoints under the mesh's pose."""
_FRAME = np.stack([KEYPOINTS[k] * (side, 1, 1) for k, side in ((0, -1), (0, 1), (1, 1), (2, 1), (3, -1), (3, 1))])
KEYPOINT_MIRROR = np.array([1, 0, 2, 3, 5, 4])
"""Which of the six keypoints is which other one's mirror image"""
_STARTS = np.radians([-70.0, -35.0, 0.0, 35.0, 70.0])
_HUBER = 0.6


@dataclass(frozen=True, eq=False)
class HeadPose:
    """Scaled orthographic pose of the canonical face: image = `scale`·(R·X)[:2] + shift; pixels a centimetre.

    `misfit` is the mean robust cost of the keypoints in square centimetres.
    """

    scale: float
    rotation: Doubles
    shift: Doubles
    misfit: float

    def project(self, points: Doubles) -> NDArray[np.float32]:
        """Points (n, 3) of the canonical face in image pixels; z nearer = larger."""
        turned = self.scale * (points @ self.rotation.T)
        turned[:, :2] += self.shift
        return turned.astype(np.float32)

    @property
    def roll(self) -> float:
        """The angle of the head's downward axis in the picture, radians, x towards y; 0 is upright."""
        return float(np.arctan2(-self.rotation[0, 1], self.rotation[1, 1]))

    @property
    def yaw(self) -> float:
        """Radians, positive where the nose points to the right once the head is upright."""
        aside = np.cos(self.roll) * self.rotation[0, 2] + np.sin(self.roll) * self.rotation[1, 2]
        return float(np.arctan2(aside, self.rotation[2, 2]))


@cache
def canonical_points() -> Doubles:
    """(478, 3) the canonical face with irises, in the frame of `KEYPOINTS`."""
    with np.load(Path(__file__).with_name("canonical_face.npz"), allow_pickle=False) as file:
        return np.asarray(file["points"], np.float64)


def pose_of_keypoints(keypoints: NDArray[np.floating]) -> HeadPose:
    """The pose that explains keypoints (6, 2), image pixels, best under a Huber cost.

    Gauss-Newton on rotation, scale and shift from several yaws, since profiles have two minima.
    """
    return _fit(np.asarray(keypoints, np.float64), _FRAME, _STARTS)


def _fit(target: Doubles, model: Doubles, starts: Doubles) -> HeadPose:
    """The best robust pose among those reached from each start (n,) of the yaw; all are refined together."""
    down = target[3] - 0.5 * (target[0] + target[1])
    upright = _rotations(np.array([[0.0, 0.0, np.arctan2(-down[0], down[1])]]))
    rotation = upright @ _rotations(np.stack([0 * starts, starts, 0 * starts], 1))
    weight = np.ones((len(starts), len(target)))
    best = HeadPose(1.0, np.eye(3), np.zeros(2), np.inf)
    for _ in range(15):
        turned = model @ np.swapaxes(rotation, 1, 2)
        scale, shift = _scale_and_shift(turned[..., :2], target, weight)
        residual = turned[..., :2] + (shift[:, None] - target) / scale[:, None, None]
        error = np.linalg.norm(residual, axis=2)
        cost = np.where(error < _HUBER, error ** 2 / 2, _HUBER * (error - _HUBER / 2)).mean(1)
        k = int(np.argmin(cost))
        if cost[k] < best.misfit:
            best = HeadPose(float(scale[k]), rotation[k], shift[k], float(cost[k]))
        weight = np.minimum(1.0, _HUBER / np.maximum(error, 1e-9))
        rotation = _rotations(_step(turned, residual, weight)) @ rotation
    return best


def _scale_and_shift(flat: Doubles, target: Doubles, weight: Doubles) -> tuple[Doubles, Doubles]:
    """Weighted least squares for target (6, 2) = scale (n,) · flat (n, 6, 2) + shift (n, 2)."""
    share = (weight / weight.sum(1, keepdims=True))[..., None]
    middle, centre = (share * flat).sum(1), (share * target).sum(1)
    offsets = flat - middle[:, None]
    along = (share * offsets * (target - centre[:, None])).sum((1, 2))
    scale = np.maximum(along / (share * offsets ** 2).sum((1, 2)), 1e-3)
    return scale, centre - scale[:, None] * middle


def _step(turned: Doubles, residual: Doubles, weight: Doubles) -> Doubles:
    """A Gauss-Newton step (n, 3) of the rotation, with scale and shift free; at most half a radian."""
    x, y, z = np.moveaxis(turned, 2, 0)
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = np.stack([np.stack([zero, z, -y, x, one, zero], -1), np.stack([-z, zero, x, y, zero, one], -1)], 2)
    jacobian = rows.reshape(len(turned), -1, 6)
    weighted = jacobian * np.repeat(weight, 2, axis=1)[..., None]
    normal = np.swapaxes(weighted, 1, 2) @ jacobian + 1e-3 * np.eye(6)
    gradient = np.swapaxes(weighted, 1, 2) @ residual.reshape(len(turned), -1, 1)
    step: Doubles = -np.linalg.solve(normal, gradient)[:, :3, 0]
    length = np.linalg.norm(step, axis=1, keepdims=True)
    return np.asarray(step * np.minimum(1.0, 0.5 / np.maximum(length, 1e-9)), np.float64)


def _rotations(vectors: Doubles) -> Doubles:
    """Rodrigues' formula: axis-angle vectors (n, 3) to matrices (n, 3, 3)."""
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    return np.asarray(np.eye(3) + first * cross + second * (cross @ cross), np.float64)
