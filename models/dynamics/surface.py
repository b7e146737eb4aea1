# SPDX-License-Identifier: Apache-2.0
"""A fixed sample of the face's surface, by which motions are compared in millimetres."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.camera import MODEL_TO_CAMERA_AXES, rotation_matrix
from ...core.face_model import FaceModel

Floats = NDArray[np.float32]

COUNT = 200


@dataclass(frozen=True, eq=False)
class Surface:
    """N vertices of the visible face: `mean` (N, 3) and `basis` (E, N, 3), millimetres, camera axes."""

    mean: Floats
    basis: Floats

    @classmethod
    def of(cls, model: FaceModel, count: int = COUNT) -> "Surface":
        """Every so-manieth vertex of the region `face`, or of all where the model names no such region."""
        weight = model.regions.get("face", np.ones(model.vertex_count, np.float32))
        chosen = np.flatnonzero(weight > 0.5)
        chosen = chosen[np.linspace(0, len(chosen) - 1, min(count, len(chosen))).astype(int)]
        turn = np.asarray(MODEL_TO_CAMERA_AXES, np.float32) * 1000
        return cls(model.mean[chosen] @ turn, model.expression_basis[:, chosen] @ turn)

    def effects(self) -> Floats:
        """Root mean square displacement (E,) of the vertices by each channel at 1, at least a hundredth of the
        largest."""
        effect = np.sqrt(np.square(self.basis).sum(-1).mean(1))
        return np.asarray(np.maximum(effect, effect.max() / 100), np.float32)

    def points(self, expression: NDArray[np.floating], rotation: NDArray[np.floating],
               place: NDArray[np.floating]) -> Floats:
        """Where the picture shows the vertices (..., N, 3), in millimetres at the head, for expressions (..., E),
        rotations (..., 3) and places (..., 3) as in the codec."""
        still = self.mean + np.tensordot(np.asarray(expression, np.float32), self.basis, 1)
        turn = np.asarray(rotation_matrix(rotation), np.float32) * np.exp(place[..., 2])[..., None, None]
        moved = still @ np.swapaxes(turn, -1, -2)
        moved[..., :2] += 1000 * np.asarray(place[..., None, :2], np.float32)
        return np.asarray(moved, np.float32)
