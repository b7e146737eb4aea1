# SPDX-License-Identifier: Apache-2.0
"""The mesh net for faces that are turned away: its points hold where the other net gives out."""

import math

import numpy as np
from numpy.typing import NDArray

from .keypoints import canonical_points
from .mesh import SIDE, WINDOW
from .mirror import MIRROR
from .roi import Pixels, Roi, crop
from .runtime import run_net

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

TURNED = math.radians(45)
"""Yaw from which this net is the better one"""
_POINTS = 468
_EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Corners and lids, by which irises are placed: the net does not see them"""
_IRISES = (slice(468, 473), slice(473, 478))


def turned_points(rgb: Pixels, guess: NDArray[np.floating], passes: int = 2) -> tuple[Floats, float]:
    """Points (478, 3) in image pixels, z nearer = larger, and the net's logit of a face, from a coarse `guess` of them.

    Each pass takes its window from the points before it, upright on the head, and averages with the mirrored window.
    """
    points, logit = np.asarray(guess, np.float32), 0.0
    for _ in range(passes):
        points, logit = _seen(rgb, window_of_points(points, head_rotation(points)))
    return points, logit


def head_rotation(points: NDArray[np.floating]) -> Doubles:
    """The rotation (3, 3) that turns the canonical face nearest to points (≥468, 3) (Kabsch 1976)."""
    canonical = canonical_points()[:_POINTS]
    seen = np.asarray(points[:_POINTS], np.float64)
    left, _, right = np.linalg.svd((seen - seen.mean(0)).T @ (canonical - canonical.mean(0)))
    return np.asarray(left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right)


def roll_of(rotation: Doubles) -> float:
    """The angle of the head's downward axis in the picture, radians, x towards y; 0 is upright."""
    return math.atan2(-rotation[0, 1], rotation[1, 1])


def yaw_of(rotation: Doubles) -> float:
    """Radians, positive where the nose of the upright head points to the right of the picture."""
    roll = roll_of(rotation)
    return math.atan2(math.cos(roll) * rotation[0, 2] + math.sin(roll) * rotation[1, 2], rotation[2, 2])


def window_of_points(points: NDArray[np.floating], rotation: Doubles) -> Roi:
    """The window for the next pass: upright on the head, 1.5 times the points' extent."""
    angle = roll_of(rotation)
    cos, sin = math.cos(angle), math.sin(angle)
    upright = np.asarray(points[:_POINTS, :2], np.float64) @ np.array([[cos, -sin], [sin, cos]])
    low, high = upright.min(0), upright.max(0)
    x, y = (low + high) / 2
    return Roi(float(cos * x - sin * y), float(sin * x + cos * y), float(WINDOW * (high - low).max()), angle)


def _seen(rgb: Pixels, roi: Roi) -> tuple[Floats, float]:
    """One pass over a window and its mirror image."""
    rois = (roi, roi.mirror())
    raw, logits = run_net("face_turned", np.stack([crop(rgb, one, SIDE) for one in rois]))
    points = [one.to_image(found.reshape(_POINTS, 3) / np.float32(SIDE)) for one, found in zip(rois, raw, strict=True)]
    mean = (points[0] + points[1][MIRROR[:_POINTS]]) / 2
    mean[:, 2] *= -1
    return _with_irises(mean), float(logits.mean())


def _with_irises(points: NDArray[np.floating]) -> Floats:
    """Add the ten points of the irises, each looking straight ahead in its eye: an affine map of the canonical eye."""
    canonical = canonical_points()
    irises = []
    for eye, iris in zip(_EYES, _IRISES, strict=True):
        own, there = canonical[list(eye)], points[list(eye)]
        across = np.linalg.norm(there[1] - there[0]) / np.linalg.norm(own[1] - own[0])
        turn = head_rotation(points)
        irises.append(there.mean(0) + across * (canonical[iris] - own.mean(0)) @ turn.T)
    return np.concatenate([points, *irises]).astype(np.float32)
