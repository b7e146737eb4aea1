# SPDX-License-Identifier: Apache-2.0
"""Faces in a photo: found, and their landmarks refined; retried in other ways before there is said to be none."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, NoFaceFound
from .detector import Detection
from .keypoints import canonical_points, pose_of_keypoints
from .mesh import mesh_points, probability, roi_of_points
from .roi import Pixels
from .search import find_in_whole, other_turns, search_further
from .turned import TURNED, head_rotation, turned_points, yaw_of

Floats = NDArray[np.float32]
_SURE = 8.0
"""Logit of the mesh net above which its points need no help"""
_FACE = 0.0
"""Logit of the net for turned heads from which it is a face"""
_DOUBTFUL = 0.5
"""Score of the detector below which the mesh net is not believed alone"""


@dataclass(frozen=True, eq=False)
class FaceLandmarks:
    """One face: `points` (478, 3) float32 in image pixels, pixel centres at +0.5.

    z is on the same scale, nearer = larger. `box` (x0, y0, x1, y1) encloses the points. `confidence` is in 0..1;
    below 0.5 the face is hardly recognised, and the points are a coarse guess.
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
    """Faces in rgb (H, W, 3) uint8, the most prominent (area times confidence) first; none, when there is none.

    Raises:
        BadInput: rgb is not such an array.
    """
    check_picture(rgb)
    for search in (find_in_whole, search_further):
        found = [face for d in search(rgb) if (face := landmarks_of_detection(rgb, d))]
        if found:
            faces = sorted(found, key=lambda face: -face.size ** 2 * face.confidence)
            return [face for k, face in enumerate(faces)
                    if not any(_same(face, other) for other in faces[:k])][:max_faces]
    return []


def check_picture(rgb: Pixels) -> None:
    """Raises BadInput unless rgb is (H, W, 3) uint8."""
    if not isinstance(rgb, np.ndarray) or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise BadInput("A picture must be an array (height, width, 3) of uint8.")


def _same(first: FaceLandmarks, second: FaceLandmarks) -> bool:
    """Whether two results lie on each other."""
    distance = np.linalg.norm(first.points[:, :2] - second.points[:, :2], axis=1).mean()
    return bool(distance < 0.25 * min(first.size, second.size))


def landmarks_of_detection(rgb: Pixels, found: Detection) -> FaceLandmarks | None:
    """Points of a detected face, its window taken from the points themselves the second time.

    Where the head is turned away, the net for that has the word. None when no net is convinced that it is a face.
    """
    first, _ = mesh_points(rgb, [found.roi])
    points, logits = mesh_points(rgb, [roi_of_points(first[0])])
    if logits[0] < _SURE and (turns := other_turns(rgb, found)):
        first, views = mesh_points(rgb, [d.roi for d in turns])
        if views.max() > logits[0] + _SURE:
            turned, certainty = mesh_points(rgb, [roi_of_points(first[views.argmax()])])
            points, logits = (turned, certainty) if certainty[0] > logits[0] else (points, logits)
    if logits[0] < _SURE:
        return _turned_away(rgb, found)
    face = points[0]
    if found.score < _DOUBTFUL or abs(yaw_of(head_rotation(face))) > TURNED:
        other, logit = turned_points(rgb, face)
        if found.score < _DOUBTFUL and logit < _FACE:
            return None
        face = other if abs(yaw_of(head_rotation(other))) > TURNED else face
    return face_from_points(face, max(found.score, 0.9) * probability(logits[0]))


def _turned_away(rgb: Pixels, found: Detection) -> FaceLandmarks | None:
    """Points of a face that the ordinary mesh net hardly recognises, beginning with the pose of its keypoints."""
    guess = pose_of_keypoints(found.keypoints).project(canonical_points())
    points, logit = turned_points(rgb, guess, passes=3)
    if logit < _FACE:
        return None
    return face_from_points(points, found.score * probability(logit))


def pick_face(faces: list[FaceLandmarks], face: int | None = None) -> FaceLandmarks:
    """The face with that number, counted from 0 by prominence; the most prominent one by default.

    Raises:
        NoFaceFound: there are no faces.
        BadInput: there is no face with that number.
    """
    if not faces:
        raise NoFaceFound("No face was found in the picture; use one where a face is larger and better seen.")
    index = 0 if face is None else face
    if not 0 <= index < len(faces):
        raise BadInput(f"There is no face {index}: the picture has {len(faces)}, numbered from 0.")
    return faces[index]


def landmarks_of(rgb: Pixels, face: int | None = None) -> FaceLandmarks:
    """The landmarks of one face of a photo, the most prominent unless `face` numbers another.

    Raises:
        NoFaceFound: no face was found.
        BadInput: there is no face with that number, or rgb is not a picture.
    """
    return pick_face(detect_faces(rgb), face)
