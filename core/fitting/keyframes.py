# SPDX-License-Identifier: Apache-2.0
"""Which frames of a video tell most about the person."""

import numpy as np
from numpy.typing import NDArray

from .landmark_model import LandmarkModel
from .pose import initial_pose, rotation_of

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_CANDIDATES = 120
_SPREAD = np.array([0.12, 0.12, 0.3, 2.0, 2.0, 3.0])
"""What counts as one step apart: yaw and pitch, roll in radians, both lid gaps and the lip gap in millimetres"""


def spread_frames(landmarks: LandmarkModel, targets: NDArray[np.floating], usable: NDArray[np.bool_],
                  count: int) -> tuple[Index, Index]:
    """Up to `count` frames of targets (T, L, 3) about the image's centre: first the usual ones, then the others.

    Half are the most usual frames (nearest to the median), because rest should look like rest; the others are
    chosen one by one, each the farthest from all chosen before (Gonzalez 1985).
    """
    frames = np.flatnonzero(usable)
    frames = frames[:: max(1, len(frames) // _CANDIDATES)]
    features = _features(landmarks, np.asarray(targets[frames], np.float64))
    away = np.linalg.norm(features - np.median(features, axis=0), axis=1)
    half = max(1, min(count, len(frames)) // 2)
    chosen = [int(i) for i in np.argsort(away, kind="stable")[: 3 * half : 3]]
    distance = np.min([np.linalg.norm(features - features[i], axis=1) for i in chosen], axis=0)
    usual = len(chosen)
    while len(chosen) < min(count, len(frames)) and distance.max() > 0:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(features - features[chosen[-1]], axis=1))
    return frames[chosen[:usual]], frames[chosen[usual:]]


def usual_frames(landmarks: LandmarkModel, track: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """The frames of a track (T, L, 3), as they are, that are nearest to its median pose and openings."""
    whole = track[np.isfinite(track).all((1, 2))]
    whole = whole[:: max(1, len(whole) // _CANDIDATES)]
    features = _features(landmarks, np.asarray(whole, np.float64))
    away = np.linalg.norm(features - np.median(features, axis=0), axis=1)
    return np.asarray(whole[np.argsort(away, kind="stable")[: 3 * count : 3]])


def _features(landmarks: LandmarkModel, targets: Array) -> Array:
    """What tells frames (T, L, 3), whose landmarks are all there, apart: (T, features) in steps of `_SPREAD`."""
    pose = initial_pose(landmarks.mean, targets, landmarks.precision)
    millimetre = 1e-3 * np.exp(pose.numbers[:, 2])
    gaps = []
    for name, pairs in landmarks.scheme.pairs.items():
        if not name.startswith(("gaze", "lid_corners")):
            apart = targets[:, list(pairs.first), :2] - targets[:, list(pairs.second), :2]
            gaps.append(np.linalg.norm(apart, axis=-1).max(1) / millimetre)
    rotation = rotation_of(pose.turn)
    return np.asarray(np.column_stack([rotation[:, [1, 0, 2]], *gaps]) / _SPREAD[: 3 + len(gaps)])
