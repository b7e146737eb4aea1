# SPDX-License-Identifier: Apache-2.0
"""Faces in a photo: found, and their landmarks refined; retried in other ways before there is said to be none."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, NoFaceFound
from .detector import Detection
from .keypoints import HeadPose, canonical_points, pose_of_keypoints
from .mesh import mesh_points, probability, roi_of_points
from .profile import corrected
from .roi import Pixels
from .search import find_in_whole, other_turns, search_further

Floats = NDArray[np.float32]
_SURE = 8.0
"""Logit of the mesh net above which its points need no help"""
_STRETCHES = (1.0, 1.25, 1.5)
_SHARPNESS = 0.3
_TRUST = 3.0
_LIKELY, _MISFIT, _RATHER_SURE = 0.6, 0.4, 6.0
_LEARNT_FROM = np.radians(20)


@dataclass(frozen=True, eq=False)
class FaceLandmarks:
    """One face: `points` (478, 3) float32 in image pixels, pixel centres at +0.5.

    z is on the same scale, nearer = larger. `box` (x0, y0, x1, y1) encloses the points. `confidence` is in 0..1;
    below 0.5 the mesh net did not recognise the face (a profile, often), and the points are a coarse guess.
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
    """Faces in rgb (H, W, 3) uint8, the largest first; empty when there is none.

    Raises:
        BadInput: rgb is not such an array.
    """
    check_picture(rgb)
    for search in (find_in_whole, search_further):
        found = [face for d in search(rgb) if (face := landmarks_of_detection(rgb, d))]
        if found:
            faces = sorted(found, key=lambda face: -face.size)
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

    None when neither the detector nor the mesh net is convinced that it is one.
    """
    first, _ = mesh_points(rgb, [found.roi])
    points, logits = mesh_points(rgb, [roi_of_points(first[0])])
    if logits[0] < _SURE and (turns := other_turns(rgb, found)):
        first, views = mesh_points(rgb, [d.roi for d in turns])
        if views.max() > logits[0] + _SURE:
            turned, certainty = mesh_points(rgb, [roi_of_points(first[views.argmax()])])
            points, logits = (turned, certainty) if certainty[0] > logits[0] else (points, logits)
    if logits[0] >= _SURE:
        return face_from_points(points[0], max(found.score, 0.9) * probability(logits[0]))
    return _turned_away(rgb, found)


def _turned_away(rgb: Pixels, found: Detection) -> FaceLandmarks | None:
    """Points of a face that the mesh net hardly recognises, by several views and the detector's keypoints.

    The views are upright on the head's pose and stretched across, which makes a profile look less turned; each is
    also mirrored. Their points are averaged by how sure the net is; the less sure it is of all, the nearer the result
    to the canonical face in the keypoints' pose; and up to half of it is what was learnt from renders of turned heads.
    """
    pose = pose_of_keypoints(found.keypoints)
    points, logits, guess = views_of_turned_face(rgb, pose)
    best = float(logits.max())
    if (best < 0 and pose.misfit > _MISFIT) or (found.score < _LIKELY and best < _RATHER_SURE):
        return None
    share = probability(_SHARPNESS * (best - _TRUST))
    mixed = share * points + (1 - share) * guess
    part = 0.5 * min(max((abs(pose.yaw) - _LEARNT_FROM) / _LEARNT_FROM, 0), 1)
    merged = (1 - part) * mixed + part * corrected(pose, found.keypoints, points, logits)
    return face_from_points(np.asarray(merged, np.float32), found.score * probability(best))


def views_of_turned_face(rgb: Pixels, pose: HeadPose) -> tuple[Floats, Floats, Floats]:
    """The mesh net's points (478, 3) merged over six views, its logits (6,), and the canonical face in that pose."""
    guess = pose.project(canonical_points())
    base = replace(roi_of_points(guess), angle=pose.roll)
    views = [replace(base, stretch=stretch, mirrored=mirrored)
             for stretch in _STRETCHES for mirrored in (False, True)]
    points, logits = mesh_points(rgb, views)
    weights = np.exp(_SHARPNESS * (logits - logits.max()))
    return np.asarray(np.tensordot(weights / weights.sum(), points, 1), np.float32), logits, guess


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
        BadInput: there is no face with that number, or rgb is not a picture.
    """
    return pick_face(detect_faces(rgb), face)
