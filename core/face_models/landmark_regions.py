# SPDX-License-Identifier: Apache-2.0
"""Regions of a face around its 68 landmarks, for models that bring landmarks but no regions."""

import numpy as np
from numpy.typing import NDArray

from ..face_model import Floats
from .surface import near_points

Array = NDArray[np.float64]

_AREAS = {"jaw": (0, 17, 0.35), "brows": (17, 27, 0.06), "nose": (27, 36, 0.25),
          "eyelids_right": (36, 42, 0.14), "eyelids_left": (42, 48, 0.14), "lips": (48, 68, 0.045)}
"""First and last landmark, and the radius in distances between the outer corners of the eyes"""
_INNER_OF_OUTER = (0, 0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 0)
"""For each of the lips' 12 outer points, the inner one (of 8) across the lip"""
_STEPS = np.linspace(0, 1, 6)[:, None]


def landmark_regions(mean: Floats, points: NDArray[np.floating], skin: Floats) -> dict[str, Floats]:
    """Soft weights (V,) of jaw, brows, nose, eyelids and lips around the 68 points (68, 3), within `skin`."""
    p = np.asarray(points, np.float64)
    span = float(np.linalg.norm(p[45] - p[36]))
    drawn = {"brows": np.concatenate([_between(p[17:21], p[18:22]), _between(p[22:26], p[23:27])]),
             "lips": _lips(p[48:60], p[60:68])}
    return {name: near_points(mean, drawn.get(name, p[first:last]), radius * span) * skin
            for name, (first, last, radius) in _AREAS.items()}


def _lips(outer: Array, inner: Array) -> Array:
    """Points all over both lips, from their outlines (12, 3) and (8, 3)."""
    across = _between(outer, inner[list(_INNER_OF_OUTER)]).reshape(len(_STEPS), -1, 3)
    return np.concatenate([_between(ring, np.roll(ring, -1, 0)) for ring in across])


def _between(a: Array, b: Array) -> Array:
    """Points (6 N, 3) along the lines from a (N, 3) to b (N, 3), step by step."""
    return np.concatenate([a + step * (b - a) for step in _STEPS])
