# SPDX-License-Identifier: Apache-2.0
"""Motion: a face's coefficients over time, the document that every part of Mien reads and writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .errors import BadInput

Floats = NDArray[np.float32]

MAX_FRAMES = 1_000_000
"""Longest motion that is read or made: four and a half hours at 60 frames per second"""


@dataclass(frozen=True, eq=False)
class Motion:
    """T frames of one face.

    Raises:
        BadInput: shapes disagree, numbers are not finite, or there is no frame.
    """

    fps: float
    expression: Floats
    """(T, E) 0 at rest, 1 at full effect"""
    rotation: Floats
    """(T, 3) axis-angle, radians, head in camera frame (see camera.py)"""
    translation: Floats
    """(T, 3) metres, the head's origin in camera space"""
    identity: Floats
    """(S,) in σ units"""
    channels: tuple[str, ...]
    """Names of the E expression channels"""
    model: str
    model_hash: str
    camera: Camera
    confidence: Floats
    """(T,) 0..1; 0 marks a frame without a face, bridged from its neighbours"""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Source file, licence, consent note, …"""

    def __post_init__(self) -> None:
        t = len(self.expression)
        expected = {"expression": (t, len(self.channels)), "rotation": (t, 3), "translation": (t, 3),
                    "confidence": (t,), "identity": (self.identity.size,)}
        if t == 0:
            raise BadInput("The motion has no frames.")
        if not (np.isfinite(self.fps) and 0 < self.fps <= 1000):
            raise BadInput(f"The motion's frame rate {self.fps} is not between 0 and 1000 per second.")
        for name, shape in expected.items():
            values = getattr(self, name)
            if values.shape != shape:
                raise BadInput(f"The motion's {name} has shape {values.shape}, expected {shape}.")
            if not np.isfinite(values).all():
                raise BadInput(f"The motion's {name} holds numbers that are not finite.")
        if (self.translation[:, 2] <= 0).any():
            raise BadInput("The motion's translation puts the head behind the camera.")

    def __len__(self) -> int:
        return len(self.expression)

    def vectors(self) -> Floats:
        """d_t (T, E + 6): expression, rotation, image position x/z and y/z, log scale −log z."""
        x, y, z = self.translation.T
        pose = np.stack([x / z, y / z, -np.log(z)], 1)
        return np.concatenate([self.expression, self.rotation, pose], 1).astype(np.float32)


def translation_from_vectors(vectors: NDArray[np.floating]) -> Floats:
    """The inverse of the last three numbers of d_t: (..., ≥3) to metres (..., 3)."""
    z = np.exp(-vectors[..., -1])
    return np.stack([vectors[..., -3] * z, vectors[..., -2] * z, z], -1).astype(np.float32)
