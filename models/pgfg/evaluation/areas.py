# SPDX-License-Identifier: Apache-2.0
"""Measures by area of the face, and over time, with the tracked mesh of the true video as the guide."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.face_model import FaceModel
from ...faces.views import Moved, sampled_at, see
from ..samples import BACKGROUND, EYE_AREA, HEAD, MOUTH_AREA, SKIN
from .cases import Case

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

AREAS = ("mouth", "eyes", "hair", "background")
_HAIR = 0.03
"""Metres beside the head, above the chin, that count as hair"""
_SEEN = 127


@dataclass(frozen=True, eq=False)
class Guide:
    """What the true video says of one frame and the one before it."""

    areas: dict[str, Flags]
    """(S, S) by name"""
    step: Moved
    """The frame before, moved to this one by the tracked mesh"""

    def area_errors(self, shown: Bytes, truth: Bytes) -> dict[str, float]:
        """Mean absolute difference in each area, with 1 for black against white; empty areas are left out."""
        away = np.abs(shown.astype(np.float32) - truth).mean(-1) / 255
        return {name: float(away[where].mean()) for name, where in self.areas.items() if where.any()}

    def warp_error(self, before: Bytes, shown: Bytes) -> float:
        """Mean squared difference of a frame (S, S, 3) and the one before it, moved as the face truly moved.

        The temporal error of Lai et al. (2018, eq. 10), colours 0..1; where their optical flow and its occlusions
        stand there are the motion of the tracked mesh between the true frames and its visibility in both, so it speaks
        of the head alone.
        """
        there = (self.step.valid[0] > _SEEN) & (self.step.regions[0] != BACKGROUND)
        moved = sampled_at(before, self.step.flow.transpose(1, 2, 0)).transpose(1, 2, 0)
        away = (shown.astype(np.float32) - moved)[there] / 255
        return float(np.square(away).sum(-1).mean()) if there.any() else float("nan")


def guide(case: Case, index: int, model: FaceModel) -> Guide:
    """For a shown frame of a case, whose neighbour before it is at index - 1."""
    seen = see(case.frames[index - 1], case.vertices(index - 1, model), case.scale(index - 1), model)
    step = seen.moved(case.vertices(index, model))
    return Guide(_areas(step.regions[0], case.scale(index)), step)


def _areas(regions: Bytes, scale: float) -> dict[str, Flags]:
    """Mouth and eyes as in the priors; hair is the scalp, the ears and what is close beside the head, above the chin;
    background is what is farther away."""
    from scipy.ndimage import distance_transform_edt

    beside = regions == BACKGROUND
    close = distance_transform_edt(beside) < _HAIR * scale
    face = np.flatnonzero((regions == SKIN).any(1))
    above = np.arange(len(regions))[:, None] <= (face[-1] if len(face) else -1)
    hair = ((regions == HEAD) | beside & close) & above
    return {"mouth": regions == MOUTH_AREA, "eyes": regions == EYE_AREA, "hair": hair, "background": beside & ~close}
