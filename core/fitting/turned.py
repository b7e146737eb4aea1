# SPDX-License-Identifier: Apache-2.0
"""The landmark net's errors on turned heads, as a function of how turned they look to it.

Landmarks near the far outline hug it, and a face near profile is seen too frontal. The same happens on renders of
the face model, where the truth is known; there the mean error is measured once by yaw and pitch, and what is
measured is taken away from what the net says before a fit.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..landmarks.mirror import MIRROR
from .landmark_model import LandmarkModel

Array = NDArray[np.float64]

TABLE = Path(__file__).with_name("turned.npz")
KNOTS = np.radians(np.arange(0.0, 81.0, 10.0))
"""Yaw as the landmarks themselves have it; linear in between, constant beyond"""
_FLIP = np.array([-1.0, 1.0, 1.0])


def rigid_motion(points: Array, targets: Array, weight: Array) -> tuple[Array, Array]:
    """Rotation (T, 3, 3) and scale (T,) of the similarity from points (L, 3) to targets (T, L, 3).

    Targets are pixels with depth nearer = larger, so both spaces are right-handed with y turned (Umeyama 1991).
    """
    w = weight / weight.sum()
    a = points - w @ points
    b = (targets - np.einsum("l,tld->td", w, targets)[:, None]) * [1, 1, -1]
    u, s, vt = np.linalg.svd(np.einsum("tld,le->tde", b * w[:, None], a))
    sign = np.ones((len(targets), 3))
    sign[:, 2] = np.sign(np.linalg.det(u @ vt))
    scale = (s * sign).sum(1) / (w @ np.square(a).sum(1))
    return (u * sign[:, None]) @ vt, scale


def features(yaw: Array, pitch: Array) -> Array:
    """What the error depends on, (T, 2 K): a hat function at each knot of |yaw|, alone and times the pitch."""
    place = np.interp(yaw, KNOTS, np.arange(len(KNOTS)))
    hats = np.clip(1 - np.abs(place[:, None] - np.arange(len(KNOTS))), 0, 1)
    return np.asarray(np.concatenate([hats, hats * np.clip(pitch, -0.6, 0.6)[:, None]], 1))


class Frames:
    """Heads' upright frames in the image: roll undone, and mirrored where the head turns to its right."""

    def __init__(self, landmarks: LandmarkModel, targets: Array) -> None:
        """`targets` (T, 478, 3) pixels about any origin, depth nearer = larger."""
        turn, self.scale = rigid_motion(landmarks.mean, targets, landmarks.precision)
        facing = turn[:, :, 2]
        # by the head's up: its sideways axis says nothing near profile
        self.roll = np.arctan2(turn[:, 0, 1], -turn[:, 1, 1])
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        sideways = cos * facing[:, 0] + sin * facing[:, 1]
        upwards = cos * facing[:, 1] - sin * facing[:, 0]
        self.yaw = np.arctan2(np.abs(sideways), -facing[:, 2])
        self.pitch = np.arctan2(-upwards, np.hypot(sideways, facing[:, 2]))
        self.mirrored = sideways < 0

    def upright(self, offsets: Array) -> Array:
        """Image offsets (T, 478, 3) in pixels to the upright frames, in metres."""
        turned = self._rolled(offsets / self.scale[:, None, None], -self.roll)
        return np.where(self.mirrored[:, None, None], (turned * _FLIP)[:, MIRROR], turned)

    def to_image(self, offsets: Array) -> Array:
        """The inverse of `upright`."""
        turned = np.where(self.mirrored[:, None, None], (offsets * _FLIP)[:, MIRROR], offsets)
        return self._rolled(turned, self.roll) * self.scale[:, None, None]

    @staticmethod
    def _rolled(offsets: Array, angle: Array) -> Array:
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        x, y, z = np.moveaxis(offsets, -1, 0)
        return np.stack([cos * x - sin * y, sin * x + cos * y, z], -1)


def straightened(landmarks: LandmarkModel, targets: NDArray[np.floating]) -> NDArray[np.floating]:
    """Landmarks (T, 478, 3) freed of the net's mean error at their yaw and pitch; frames with NaN stay as they are.

    Other schemes than `mesh478`, and targets without depth, are returned unchanged.
    """
    whole = np.isfinite(targets).all((1, 2))
    if landmarks.scheme.name != "mesh478" or not whole.any():
        return targets
    result = targets.copy()
    for part in np.array_split(np.flatnonzero(whole), max(1, len(targets) // 256)):
        points = np.asarray(targets[part], np.float64)
        frames = Frames(landmarks, points)
        error = (features(frames.yaw, frames.pitch) @ _table()).reshape(-1, 478, 3)
        result[part] = points - frames.to_image(error)
    return result


@lru_cache(maxsize=1)
def _table() -> Array:
    """(2 K, 1434) metres."""
    with np.load(TABLE, allow_pickle=False) as data:
        return np.asarray(data["error"], np.float64)
