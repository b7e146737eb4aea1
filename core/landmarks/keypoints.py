# SPDX-License-Identifier: Apache-2.0
"""The head's pose from a detector's six keypoints: coarse, but it holds up where the mesh net gives out."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Doubles = NDArray[np.float64]

KEYPOINTS = np.array([[3.27, -2.48, 3.58], [0, 0.9, 8.37], [0, 4.41, 6.26], [6.73, -0.4, -2.88]])
"""(4, 3) eye, nose tip, mouth and ear on the canonical face (centimetres, x right, y down, z nearer = larger)

Measured on 386 frames as the places that best explain the short-range net's keypoints under the mesh's pose."""
_FRAME = np.stack([KEYPOINTS[k] * (side, 1, 1) for k, side in ((0, -1), (0, 1), (1, 1), (2, 1), (3, -1), (3, 1))])
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
        """Radians, positive where the nose points to the right of the picture."""
        return float(np.arctan2(self.rotation[0, 2], self.rotation[2, 2]))


@cache
def canonical_points() -> Doubles:
    """(478, 3) the canonical face with irises, in the frame of `KEYPOINTS`."""
    with np.load(Path(__file__).with_name("canonical_face.npz"), allow_pickle=False) as file:
        return np.asarray(file["points"], np.float64)


def pose_of_keypoints(keypoints: NDArray[np.floating]) -> HeadPose:
    """The pose that explains keypoints (6, 2), image pixels, best under a Huber cost.

    Gauss-Newton on rotation, scale and shift from several yaws, since profiles have two minima.
    """
    scale, rotation, shift, misfit = _fit(np.asarray(keypoints, np.float64), _FRAME, _STARTS, _HUBER)
    return HeadPose(float(scale), rotation, shift, float(misfit))


@compiled
def _rotation(vector: Doubles) -> Doubles:
    """Rodrigues' formula."""
    angle = np.sqrt((vector ** 2).sum())
    x, y, z = vector
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    first, second = (np.sin(angle) / angle, (1 - np.cos(angle)) / angle ** 2) if angle > 1e-9 else (1.0, 0.5)
    rotation: Doubles = np.eye(3) + first * cross + second * (cross @ cross)
    return rotation


@compiled
def _fit(target: Doubles, model: Doubles, starts: Doubles, huber: float
         ) -> tuple[float, Doubles, Doubles, float]:
    """Robust pose from each start; the best scale, rotation (3, 3), shift (2,) and mean cost."""
    down = target[3] - 0.5 * (target[0] + target[1])
    roll = np.arctan2(-down[0], down[1])
    best_cost, best_scale, best_rotation, best_shift = np.inf, 1.0, np.eye(3), np.zeros(2)
    for start in starts:
        rotation = _rotation(np.array([0.0, 0.0, roll])) @ _rotation(np.array([0.0, start, 0.0]))
        weight = np.ones(6)
        for _ in range(15):
            turned = model @ rotation.T
            flat = turned[:, :2]
            total = weight.sum()
            middle = np.array([(weight * flat[:, 0]).sum(), (weight * flat[:, 1]).sum()]) / total
            centre = np.array([(weight * target[:, 0]).sum(), (weight * target[:, 1]).sum()]) / total
            weights = np.stack((weight, weight), 1)
            spread = (weights * (flat - middle) ** 2).sum()
            scale = max((weights * (flat - middle) * (target - centre)).sum() / spread, 1e-3)
            shift = centre - scale * middle
            residual = flat + (shift - target) / scale
            error = np.sqrt((residual ** 2).sum(1))
            cost = 0.0
            normal, gradient = np.eye(6) * 1e-3, np.zeros(6)
            for k in range(6):
                weight[k] = 1.0 if error[k] < huber else huber / error[k]
                cost += error[k] ** 2 / 2 if error[k] < huber else huber * (error[k] - huber / 2)
                x, y, z = turned[k]
                rows = np.array([[0.0, z, -y, x, 1.0, 0.0], [-z, 0.0, x, y, 0.0, 1.0]])
                normal += weight[k] * rows.T @ rows
                gradient += weight[k] * rows.T @ residual[k]
            if cost < best_cost:
                best_cost, best_scale, best_rotation, best_shift = cost, scale, rotation, shift
            step = np.linalg.solve(normal, -gradient)[:3]
            length = np.sqrt((step ** 2).sum())
            rotation = _rotation(step * min(1.0, 0.5 / max(length, 1e-9))) @ rotation
    return best_scale, best_rotation, best_shift, best_cost / 6
