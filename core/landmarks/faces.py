# SPDX-License-Identifier: Apache-2.0
"""Faces in a photo: detection, landmarks, and retries before saying that there is none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, NoFaceFound
from .detector import FULL_RANGE, SHORT_RANGE, Detection, detect
from .mesh import mesh_points, roi_of_points
from .roi import Pixels, whole_image

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FaceLandmarks:
    """One face: `points` (478, 3) float32 in image pixels, pixel centres at +0.5.

    z is on the same scale, nearer = larger. `confidence` is in 0..1; `box` (x0, y0, x1, y1) encloses the points.
    """

    points: Floats
    confidence: float
    box: tuple[float, float, float, float]

    @property
    def size(self) -> float:
        """The longer side of the box, in pixels."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])


def face_from_points(points: Floats, confidence: float) -> FaceLandmarks:
    """Wrap points (478, 3) with the box around them."""
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return FaceLandmarks(points, float(confidence), box)


def detect_faces(rgb: Pixels, max_faces: int = 8) -> list[FaceLandmarks]:
    """Faces in rgb (H, W, 3) uint8, the largest first; empty when there is none."""
    height, width = rgb.shape[:2]
    window = whole_image(width, height)
    for net, threshold in ((SHORT_RANGE, 0.5), (FULL_RANGE, 0.5), (SHORT_RANGE, 0.2)):
        found = [_landmarks(rgb, d) for d in detect(rgb, window, net, threshold=threshold)]
        faces = [face for face in found if face.confidence > 0.3]
        if faces:
            return sorted(faces, key=lambda face: -face.size)[:max_faces]
    return []


def _landmarks(rgb: Pixels, detection: Detection) -> FaceLandmarks:
    """Points of a detected face, its window taken from the points themselves the second time."""
    first, _ = mesh_points(rgb, [detection.roi])
    points, presence = mesh_points(rgb, [roi_of_points(first[0])])
    return face_from_points(points[0], max(float(presence[0]), 0.8 * detection.score))


def pick_face(faces: list[FaceLandmarks], face: int | None = None) -> FaceLandmarks:
    """The face with that number, counted from 0 by size; the largest one by default.

    Raises:
        NoFaceFound: there are no faces.
        BadInput: there is no face with that number.
    """
    if not faces:
        raise NoFaceFound("No face was found in the picture; use one where a face is larger and better seen.")
    index = 0 if face is None else face
    if not 0 <= index < len(faces):
        raise BadInput(f"There is no face {index}: the picture has {len(faces)}, numbered from 0 by size.")
    return faces[index]


def landmarks_of(rgb: Pixels, face: int | None = None) -> FaceLandmarks:
    """The landmarks of one face of a photo, the largest unless `face` numbers another.

    Raises:
        NoFaceFound: no face was found.
        BadInput: there is no face with that number.
    """
    return pick_face(detect_faces(rgb), face)
