# SPDX-License-Identifier: Apache-2.0
"""Which frames of a video show a face best from the front and from both sides, for its texture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..camera import project
from ..face_model import FaceModel
from ..fit import Fit
from ..image import Rgb
from ..motion import Motion

_NOSE, _RIGHT, _LEFT = 1, 234, 454
"""Landmarks: tip of the nose, and where the cheeks meet the ears"""
_UPPER_LIP, _LOWER_LIP, _BROW, _CHIN = 13, 14, 10, 152
_LIDS = ((159, 145), (386, 374))
_SIDEWAYS = 0.35
_OPEN_EYE = 0.04
"""Height of an open eye by that of the face"""
_TURN_MATTERS, _OPEN_MATTERS = 1.5, 2.0


@dataclass(frozen=True, eq=False)
class _Seen:
    number: int
    rgb: Rgb
    score: float


class BestFrames:
    """Keeps at most three frames: large, from the front, mouth shut and eyes open; and one turned to each side."""

    def __init__(self) -> None:
        self._kept: dict[str, _Seen] = {}

    def see(self, number: int, rgb: Rgb, points: NDArray[np.float32] | None) -> None:
        """Look at a frame as it passes; `points` (478, 3) pixels."""
        if points is None:
            return
        size = _apart(points, _BROW, _CHIN) + 1e-6
        opened = _apart(points, _UPPER_LIP, _LOWER_LIP) / size
        near, far = _apart(points, _NOSE, _RIGHT), _apart(points, _NOSE, _LEFT)
        turn = (near - far) / (near + far + 1e-6)
        place = "front" if abs(turn) < _SIDEWAYS else "right" if turn > 0 else "left"
        eyes = min(_apart(points, *lids) for lids in _LIDS) / size
        score = size * (1 - min(_OPEN_MATTERS * opened, 0.8)) * float(np.clip(eyes / _OPEN_EYE, 0.2, 1))
        if place == "front":
            score *= 1 - min(_TURN_MATTERS * abs(turn), 0.8)
        if place not in self._kept or score > self._kept[place].score:
            self._kept[place] = _Seen(number, rgb.copy(), score)

    def fits(self, motion: Motion, model: FaceModel) -> tuple[list[Rgb], list[Fit]]:
        """The frames (H, W, 3) that were kept, the frontal one first, and the tracked head as a fit in each."""
        kept = [self._kept[place] for place in ("front", "right", "left") if place in self._kept]
        return [seen.rgb for seen in kept], [_fit_of(motion, seen.number, model) for seen in kept]


def _apart(points: NDArray[np.float32], one: int, other: int) -> float:
    return float(np.linalg.norm(points[one, :2] - points[other, :2]))


def _fit_of(motion: Motion, frame: int, model: FaceModel) -> Fit:
    """One frame of a motion as a fit."""
    expression, rotation = motion.expression[frame], motion.rotation[frame]
    vertices = model.vertices(motion.identity, expression)
    image = project(vertices, rotation, motion.translation[frame], motion.camera).astype(np.float32)
    none = np.zeros((0, 3), np.float32)
    return Fit(motion.identity, expression, rotation, motion.translation[frame], motion.camera, image, none, none,
               float(motion.confidence[frame]), (), {}, motion.model, motion.model_hash)
