# SPDX-License-Identifier: Apache-2.0
"""Fit: what one image says about one face."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .camera import Camera

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Fit:
    """A face model's coefficients and pose for one image, and where that puts the surface in it.

    Image coordinates are pixels of the image given, origin at the top left corner; the third number is depth in
    pixels, nearer is larger.
    """

    identity: Floats
    """(S,) in σ units"""
    expression: Floats
    """(E,) 0 at rest, 1 at full effect"""
    rotation: Floats
    """(3,) axis-angle, radians (see camera.py)"""
    translation: Floats
    """(3,) metres, the head's origin in camera space"""
    camera: Camera
    vertices_image: Floats
    """(V, 3)"""
    landmarks_68: Floats
    """(68, 3) of the fitted surface; empty when the model has no `ibug68`"""
    landmarks_478: Floats
    """(478, 3) as they were detected, not as fitted; (L, 3) for another scheme"""
    confidence: float
    """0..1"""
    warnings: tuple[str, ...]
    """What to be careful about, in plain words"""
    residuals: Mapping[str, float]
    """Landmark group to the mean distance between fitted and detected landmarks, pixels"""
    model: str
    model_hash: str
    consent: str = ""
    """What the person agreed to, one line; it goes with what is made of the face"""
