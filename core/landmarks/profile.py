# SPDX-License-Identifier: Apache-2.0
"""Correcting the points of faces turned far away, where the mesh net errs in the same ways again and again.

A ridge regression, learnt on renders of the default head (`build_profile.py`), maps what was seen (the detector's
keypoints, the mesh net's points, how sure it was, the head's pose) to where the points are. All in one frame: upright,
in centimetres about the pose's origin, mirrored where needed so that the nose points to the right.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .keypoints import KEYPOINT_MIRROR, HeadPose
from .mirror import MIRROR

Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Correction:
    """Constants of the regression: `centre` and `modes` of the mesh net's points, and the linear map's `weights`."""

    keypoints: Doubles
    """(12,) their mean"""
    centre: Doubles
    """(956,) mean of the points' x and y"""
    modes: Doubles
    """(956, n) principal directions, each divided by its standard deviation"""
    mean: Doubles
    """(1434,) mean of the answers"""
    weights: Doubles
    """(features, 1434)"""

    def features(self, keypoints: Doubles, points: Doubles, logits: NDArray[np.floating], pose: HeadPose) -> Doubles:
        """What the answer is linear in, for keypoints (6, 2) and points (478, 3) in the regression's frame."""
        places = keypoints.reshape(-1) - self.keypoints
        seen = (points[:, :2].reshape(-1) - self.centre) @ self.modes
        best, yaw = float(logits.max()) / 10, abs(pose.yaw)
        trust = 1 / (1 + np.exp(-3 * best + 1))
        rest = np.array([1, best, float(logits.mean()) / 10, yaw, yaw ** 2, pose.misfit])
        return np.concatenate([rest, places, seen, places * yaw, seen * trust])


def to_frame(pose: HeadPose, points: NDArray[np.floating], table: NDArray[np.int64]) -> Doubles:
    """Points (n, 2 or 3) in image pixels → the regression's frame; `table` tells which is which one's mirror image."""
    values = np.array(points, np.float64)
    values[:, :2] = (values[:, :2] - pose.shift) @ _turn(pose)
    values /= pose.scale
    return (values * _flip(values))[table] if pose.yaw < 0 else values


def from_frame(pose: HeadPose, points: Doubles) -> NDArray[np.float32]:
    """The way back for the 478 points."""
    values = (points * _flip(points))[MIRROR] if pose.yaw < 0 else points.copy()
    values *= pose.scale
    values[:, :2] = values[:, :2] @ _turn(pose).T + pose.shift
    return values.astype(np.float32)


def corrected(pose: HeadPose, keypoints: NDArray[np.floating], points: NDArray[np.floating],
              logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Points (478, 3) in image pixels from keypoints (6, 2), the mesh net's points (478, 3) and its logits (n,)."""
    correction = shipped()
    features = correction.features(to_frame(pose, keypoints, KEYPOINT_MIRROR), to_frame(pose, points, MIRROR),
                                   logits, pose)
    return from_frame(pose, (features @ correction.weights + correction.mean).reshape(478, 3))


@cache
def shipped() -> Correction:
    """The correction beside this file."""
    with np.load(Path(__file__).with_name("profile.npz"), allow_pickle=False) as file:
        return Correction(**{name: np.asarray(file[name], np.float64) for name in Correction.__dataclass_fields__})


def _turn(pose: HeadPose) -> Doubles:
    """(2, 2) that a row of offsets in the image is multiplied with to stand upright."""
    cos, sin = np.cos(pose.roll), np.sin(pose.roll)
    return np.array([[cos, -sin], [sin, cos]])


def _flip(values: Doubles) -> Doubles:
    return np.array([-1.0, 1.0, 1.0])[:values.shape[-1]]
