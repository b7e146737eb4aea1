# SPDX-License-Identifier: Apache-2.0
"""Regions of a face around its 68 landmarks, for models that bring landmarks but no regions."""

import numpy as np
from numpy.typing import NDArray

from ..face_model import Floats
from .surface import near_points

_AREAS = {"jaw": (0, 17, 0.35), "brows": (17, 27, 0.2), "nose": (27, 36, 0.25),
          "eyelids_right": (36, 42, 0.14), "eyelids_left": (42, 48, 0.14), "lips": (48, 68, 0.16)}
"""First and last landmark, and the radius in distances between the outer corners of the eyes"""


def landmark_regions(mean: Floats, points: NDArray[np.floating], skin: Floats) -> dict[str, Floats]:
    """Soft weights (V,) of jaw, brows, nose, eyelids and lips around the 68 points (68, 3), within `skin`."""
    span = float(np.linalg.norm(points[45] - points[36]))
    return {name: near_points(mean, points[first:last], radius * span) * skin
            for name, (first, last, radius) in _AREAS.items()}
