# SPDX-License-Identifier: Apache-2.0
"""Landmarks over a video: each frame's window comes from the frame before it."""

import numpy as np
from numpy.typing import NDArray

from .detector import Detection
from .faces import FaceLandmarks, check_picture, detect_faces, face_from_points, landmarks_of_detection
from .mesh import mesh_points, probability, roi_of_points
from .roi import Pixels
from .search import find_in_whole

_LOST = 0.3
_SEARCH_EVERY = 15
_GRID = 24
_CUT = 12.0


class LandmarkTracker:
    """Follows one face, the largest of the first frame that has any, and finds it again when it is lost.

    Call it with one frame (H, W, 3) uint8 after the other. After each, `cut` tells whether a new shot began there:
    then the face is looked for anew, and may be another person's.
    """

    def __init__(self) -> None:
        self.cut = False
        self._last: FaceLandmarks | None = None
        self._frames_lost = 0
        self._place: NDArray[np.float32] | None = None
        self._glance: NDArray[np.float32] | None = None

    def __call__(self, rgb: Pixels) -> FaceLandmarks | None:
        """The face in this frame, or None when it has none.

        Raises:
            BadInput: rgb is not a picture.
        """
        check_picture(rgb)
        self.cut = self._is_cut(rgb)
        if self.cut:
            self._last, self._place, self._frames_lost = None, None, 0
        face = self._follow(rgb) or self._find(rgb)
        self._frames_lost = 0 if face else self._frames_lost + 1
        self._last = face
        if face:
            self._place = face.points[:, :2].mean(0)
        return face

    def _is_cut(self, rgb: Pixels) -> bool:
        """Whether most of a coarse grid of samples changed at once."""
        height, width = rgb.shape[:2]
        rows = np.linspace(0, height - 1, _GRID).astype(np.int64)
        columns = np.linspace(0, width - 1, _GRID).astype(np.int64)
        glance = rgb[np.ix_(rows, columns)].astype(np.float32).mean(2)
        before, self._glance = self._glance, glance
        return before is not None and float(np.median(np.abs(glance - before))) > _CUT

    def _follow(self, rgb: Pixels) -> FaceLandmarks | None:
        if self._last is None:
            return None
        points, logits = mesh_points(rgb, [roi_of_points(self._last.points)])
        confidence = probability(logits[0])
        return face_from_points(points[0], confidence) if confidence >= _LOST else None

    def _find(self, rgb: Pixels) -> FaceLandmarks | None:
        """A quick look at the whole frame; a thorough search in the first and in every few lost frames."""
        found = find_in_whole(rgb)
        face = landmarks_of_detection(rgb, self._choose(found)) if found else None
        if face or self._frames_lost % _SEARCH_EVERY:
            return face
        return next(iter(detect_faces(rgb)), None)

    def _choose(self, found: list[Detection]) -> Detection:
        """The find nearest to where the face was; the largest in a new shot."""
        if self._place is None:
            return max(found, key=lambda d: d.roi.side)
        x, y = self._place
        return min(found, key=lambda d: float(np.hypot(d.roi.x - x, d.roi.y - y)))
