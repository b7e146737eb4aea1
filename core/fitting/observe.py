# SPDX-License-Identifier: Apache-2.0
"""From detected landmarks to what the solver takes: weights by group, visibility and opening."""

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..errors import BadInput
from .kernels import Seen
from .landmark_model import LandmarkModel
from .pose import Pose, initial_pose

Array = NDArray[np.float64]

HUBER = 2.5
DEPTH_TRUST = 0.05
"""Weight of a depth against that of a place in the image: the depth is the network's guess"""
REDUNDANCY = 2.5
"""Neighbouring landmarks err together; every σ is this much larger than one landmark's alone"""
HIDDEN = 0.1
"""Least weight of a landmark past the horizon, where the detector guesses"""
_EYE_OPEN = 4.0
"""Lid gap in millimetres from which on the iris is seen well enough for its full weight"""


def centred(points: NDArray[np.floating], camera: Camera, count: int) -> Array:
    """Landmarks (L, 2 or 3) in pixels of the image, to (L, 3) about its centre; a missing depth becomes NaN.

    Raises:
        BadInput: the array has another shape, or fewer than six landmarks are finite.
    """
    p = np.asarray(points, np.float64)
    if p.shape not in ((count, 2), (count, 3)):
        raise BadInput(f"The landmarks have shape {p.shape}, expected ({count}, 2) or ({count}, 3).")
    target = np.full((count, 3), np.nan)
    target[:, :p.shape[1]] = p
    target[:, :2] -= camera.centre
    if np.isfinite(target[:, :2]).all(1).sum() < 6:
        raise BadInput("A fit needs at least six landmarks with finite coordinates.")
    return target


def starting_pose(landmarks: LandmarkModel, target: Array) -> Pose:
    """Pose in closed form from the landmarks that are there."""
    seen = np.isfinite(target[:, :2]).all(1)
    weight = np.where(seen, landmarks.precision, 0.0)
    if np.isfinite(target[seen, 2]).all():
        return initial_pose(landmarks.mean, target, weight)
    flat = np.where(np.arange(3) < 2, target, np.nan)
    return initial_pose(landmarks.mean, flat, weight)


def visibility(landmarks: LandmarkModel, pose: Pose, hidden: float = HIDDEN) -> Array:
    """(L,) in 0..1: how well each landmark is seen, by the angle of its normal to the line of sight.

    Those past the horizon keep the weight `hidden`.
    """
    facing = -(landmarks.normals @ pose.turn[2])
    return np.asarray(np.clip((facing + 0.25) / 0.6, hidden, 1.0))


def observe(landmarks: LandmarkModel, target: Array, pose: Pose, noise: float = 1.0,
            hidden: float = HIDDEN) -> Seen:
    """What the solver needs of landmarks `target` (L, 3) about the image's centre, near a pose.

    `noise` multiplies every σ: 1 for the detector's landmarks, less for exact ones; `hidden` is the weight of
    landmarks on the far side: 1 where they are known as well as the others.
    """
    scale = float(np.exp(pose.numbers[2]))
    present = np.isfinite(target[:, 0] + target[:, 1])
    trust = (visibility(landmarks, pose, hidden) / (REDUNDANCY * noise)) ** 2 * present
    weight = trust * landmarks.precision
    depth = DEPTH_TRUST * np.where(np.isfinite(target[:, 2]), weight * landmarks.deep, 0.0)
    filled = target if present.all() and np.isfinite(target[:, 2]).all() else np.nan_to_num(target)
    differences, gap = _differences(landmarks, filled, scale)
    first, second = landmarks.pairs.T
    pair_weight = np.minimum(trust[first], trust[second]) * landmarks.pair_precision * _gaze_trust(landmarks, gap)
    return Seen(filled, differences, weight, depth, pair_weight, scale, HUBER)


def _differences(landmarks: LandmarkModel, target: Array, scale: float) -> tuple[Array, Array]:
    """Differences (P, 2) in pixels, freed of the gap that shut lids and lips still show, and gaps (P,) in mm."""
    differences = target[landmarks.pairs[:, 0], :2] - target[landmarks.pairs[:, 1], :2]
    gap = np.sqrt(np.square(differences).sum(1)) / (1e-3 * scale)
    shut = landmarks.pair_shut
    rest = np.sqrt(np.maximum(gap**2 - shut**2, 0.0)) / np.maximum(gap, 1e-9)
    return np.where(shut > 0, rest, 1.0)[:, None] * differences, gap


def _gaze_trust(landmarks: LandmarkModel, gap: Array) -> Array:
    """(P,) 1, but for the iris' pairs as far as the eye is open: behind a lid it is a guess."""
    trust = np.ones(len(gap))
    for side in ("right", "left"):
        lid, gaze = landmarks.pair_rows.get(f"lid_{side}"), landmarks.pair_rows.get(f"gaze_{side}")
        if lid is not None and gaze is not None:
            trust[gaze] = min(max(gap[lid].max() / _EYE_OPEN, 0.05), 1.0)
    return trust
