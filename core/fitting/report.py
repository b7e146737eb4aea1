# SPDX-License-Identifier: Apache-2.0
"""From the solver's numbers to a Fit that says how far it can be trusted."""

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera, project
from ..face_model import FaceModel
from ..fit import Fit
from .landmark_model import LandmarkModel, offsets_of
from .pose import rotation_of, translation_of
from .solver import Face

Array = NDArray[np.float64]

_FAR_TURNED, _TURNED = 60.0, 40.0
_SMALL, _TINY = 80.0, 40.0
_UNSURE = 0.6
_LOOSE = 0.04


def make_fit(model: FaceModel, landmarks: LandmarkModel, face: Face, identity: Array, camera: Camera, target: Array,
             detected: float) -> Fit:
    """The Fit of one image; `target` (L, 3) are its landmarks about the centre, `detected` their confidence."""
    rotation, translation = rotation_of(face.pose.turn), translation_of(face.pose.numbers, camera)
    vertices = model.vertices(identity, face.expression)
    image = project(vertices, rotation, translation, camera)
    seen = target + np.array([*camera.centre, 0.0])
    residuals = _residuals(model, landmarks, vertices, rotation, translation, camera, seen)
    size = _face_size(target)
    turn = float(np.degrees(np.arccos(np.clip(-face.pose.turn[2, 2], -1, 1))))
    confidence, warnings = _judge(detected, turn, size, residuals["all"] / max(size, 1e-9))
    return Fit(identity.astype(np.float32), face.expression.astype(np.float32), rotation.astype(np.float32),
               translation.astype(np.float32), camera, image.astype(np.float32),
               landmarks_68(model, vertices, rotation, translation, camera), seen.astype(np.float32), confidence,
               warnings, residuals, model.name, model.hash)


def landmarks_68(model: FaceModel, vertices: NDArray[np.floating], rotation: Array, translation: Array,
                 camera: Camera) -> NDArray[np.float32]:
    """The iBUG 68 points of a fitted surface in the image, (68, 3)."""
    if "ibug68" not in model.embeddings:
        return np.zeros((0, 3), np.float32)
    points = model.points("ibug68", vertices) + offsets_of(model, "ibug68", 68)
    return project(points, rotation, translation, camera).astype(np.float32)


def _residuals(model: FaceModel, landmarks: LandmarkModel, vertices: NDArray[np.floating], rotation: Array,
               translation: Array, camera: Camera, seen: Array) -> dict[str, float]:
    """Mean distance in pixels by group of landmarks, and of `all`."""
    name = landmarks.scheme.name
    points = model.points(name, vertices) + offsets_of(model, name, len(seen))
    away = np.linalg.norm(project(points, rotation, translation, camera)[:, :2] - seen[:, :2], axis=1)
    groups = {group: float(np.nanmean(away[members])) for group, members in landmarks.scheme.members().items()
              if np.isfinite(away[members]).any()}
    return groups | {"all": float(np.nanmean(away))}


def _face_size(target: Array) -> float:
    """Long side of the landmarks' box in pixels."""
    return float(np.max(np.nanmax(target[:, :2], 0) - np.nanmin(target[:, :2], 0)))


def _judge(detected: float, turn: float, size: float, looseness: float) -> tuple[float, tuple[str, ...]]:
    """Confidence 0..1 and plain words, from detector's confidence, head turn, face size and relative residual."""
    warnings = []
    if turn > _FAR_TURNED:
        warnings.append(f"The face is turned away by {turn:.0f}°: its far side is a guess.")
    elif turn > _TURNED:
        warnings.append(f"The face is turned by {turn:.0f}°: its far side is uncertain.")
    if size < _SMALL:
        warnings.append(f"The face is only {size:.0f} pixels large: expressions are uncertain.")
    if detected < _UNSURE:
        warnings.append("The face is hard to make out (blurred, dark or covered): look at the overlay.")
    if looseness > _LOOSE:
        warnings.append("The face model does not follow this face well: look at the overlay.")
    trust = np.interp(turn, [30, 90], [1, 0.4]) * np.interp(size, [_TINY / 2, _SMALL], [0.3, 1])
    trust *= np.interp(looseness, [0.5 * _LOOSE, 2 * _LOOSE], [1, 0.4])
    return float(np.clip(detected * trust, 0, 1)), tuple(warnings)
