# SPDX-License-Identifier: Apache-2.0
"""From detected landmarks to what the solver takes: weights by group, visibility and opening."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..compiled import compiled
from ..errors import BadInput
from .kernels import Seen
from .landmark_model import LandmarkModel
from .pose import Pose, initial_pose

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]

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


def observe(landmarks: LandmarkModel, target: Array, pose: Pose, noise: float = 1.0,
            hidden: float = HIDDEN) -> Seen:
    """What the solver needs of landmarks `target` (L, 3) about the image's centre, near a pose.

    `noise` multiplies every σ: 1 for the detector's landmarks, less for exact ones; `hidden` is the weight of
    landmarks on the far side: 1 where they are known as well as the others.
    """
    scale = float(np.exp(pose.numbers[2]))
    filled, trust, with_depth = _trusted(target, landmarks.normals, pose.turn[2], REDUNDANCY * noise, hidden)
    weight = trust * landmarks.precision
    depth = DEPTH_TRUST * weight * landmarks.deep * with_depth
    differences, gap, pair_weight = _pairs(filled, trust, landmarks.pairs, landmarks.pair_precision,
                                           landmarks.pair_shut, 1e-3 * scale)
    _dim_closed_eyes(pair_weight, gap, landmarks.pair_rows)
    return Seen(filled, differences, weight, depth, pair_weight, scale, HUBER)


@compiled
def _trusted(target: Array, normals: Array, towards: Array, noise: float, hidden: float) -> tuple[Array, Array, Flags]:
    """The landmarks (L, 3) with 0 for what is missing, how far each is trusted (L,), and which have a depth (L,).

    Trust falls with the angle between the normal and the line of sight; past the horizon it stays at `hidden`.
    """
    filled, trust, with_depth = np.zeros_like(target), np.zeros(len(target)), np.zeros(len(target), np.bool_)
    for i in range(len(target)):
        for axis in range(3):
            if np.isfinite(target[i, axis]):
                filled[i, axis] = target[i, axis]
        if np.isfinite(target[i, 0]) and np.isfinite(target[i, 1]):
            facing = -(normals[i, 0] * towards[0] + normals[i, 1] * towards[1] + normals[i, 2] * towards[2])
            trust[i] = (min(max((facing + 0.25) / 0.6, hidden), 1.0) / noise) ** 2
            with_depth[i] = np.isfinite(target[i, 2])
    return filled, trust, with_depth


@compiled
def _pairs(target: Array, trust: Array, pairs: Index, precision: Array, shut: Array,
           millimetre: float) -> tuple[Array, Array, Array]:
    """Differences (P, 2) in pixels, freed of the gap that shut lids and lips still show; gaps in mm, weights (P,)."""
    differences, gap, weight = np.empty((len(pairs), 2)), np.empty(len(pairs)), np.empty(len(pairs))
    for k in range(len(pairs)):
        a, b = pairs[k]
        x, y = target[a, 0] - target[b, 0], target[a, 1] - target[b, 1]
        gap[k] = np.sqrt(x * x + y * y) / millimetre
        rest = np.sqrt(max(gap[k] ** 2 - shut[k] ** 2, 0.0)) / max(gap[k], 1e-9) if shut[k] > 0 else 1.0
        differences[k, 0], differences[k, 1] = rest * x, rest * y
        weight[k] = min(trust[a], trust[b]) * precision[k]
    return differences, gap, weight


def _dim_closed_eyes(weight: Array, gap: Array, rows: Mapping[str, slice]) -> None:
    """Let the iris' pairs count as far as the eye is open: behind a lid the iris is a guess."""
    for side in ("right", "left"):
        lid, gaze = rows.get(f"lid_{side}"), rows.get(f"gaze_{side}")
        if lid is not None and gaze is not None:
            weight[gaze] *= min(max(gap[lid].max() / _EYE_OPEN, 0.05), 1.0)
