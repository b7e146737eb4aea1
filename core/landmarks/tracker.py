# SPDX-License-Identifier: Apache-2.0
"""Landmarks over a video: each frame's window comes from the frame before it."""

import numpy as np

from .faces import FaceLandmarks, detect_faces, face_from_points
from .mesh import mesh_points, roi_of_points
from .roi import Pixels

_LOST = 0.5


class LandmarkTracker:
    """Follows one face, the largest of the first frame that has any, and finds it again when it is lost.

    Call it with one frame (H, W, 3) uint8 after the other.
    """

    def __init__(self) -> None:
        self._last: FaceLandmarks | None = None

    def __call__(self, rgb: Pixels) -> FaceLandmarks | None:
        """The face in this frame, or None when it has none."""
        self._last = self._follow(rgb) or self._find(rgb)
        return self._last

    def _follow(self, rgb: Pixels) -> FaceLandmarks | None:
        if self._last is None or self._last.points.shape[0] == 0:
            return None
        points, presence = mesh_points(rgb, [roi_of_points(self._last.points)])
        return face_from_points(points[0], float(presence[0])) if presence[0] >= _LOST else None

    def _find(self, rgb: Pixels) -> FaceLandmarks | None:
        faces = detect_faces(np.ascontiguousarray(rgb))
        return faces[0] if faces else None
