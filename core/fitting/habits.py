# SPDX-License-Identifier: Apache-2.0
"""Where the landmark net puts its points against where the embedding has them: measured once, kept with the model.

The table belongs to one model and its embedding. It is measured on landmarks of many persons at rest, and from
the model itself where that says more: lids meet when eyeBlink is 1, lips meet at rest.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..camera import Camera
from ..face_model import FaceModel
from ..landmarks.mirror import MIRROR
from .kernels import head_pixels
from .keyframes import usual_frames
from .landmark_fit import Style, solve_images
from .landmark_model import LandmarkModel, landmark_model
from .observe import centred
from .solver import Face

Array = NDArray[np.float64]

ROUNDS = 3
_AT_REST = Style(expression_strength=8.0, identity_weight=2.0)
_FRAMES = 5


def measure_offsets(model: FaceModel, persons: Sequence[NDArray[np.floating]], rounds: int = ROUNDS) -> Array:
    """Offsets (478, 3) in metres, model axes, from tracks (T, 478, 3) of many persons in pixels (T may be 1).

    The persons' most usual frames are fitted with little freedom of expression; the median over persons of what
    the model leaves unexplained, made symmetric, is the habit. More rounds would move what is identity into it.
    """
    bare = landmark_model(replace(model, extra={"mesh478_offset": np.zeros((478, 3), np.float32)}))
    offsets = meeting_offsets(bare)
    camera = Camera(2, 2, 1.0)
    faces = [[centred(p, camera, len(offsets)) for p in usual_frames(bare, np.asarray(t), _FRAMES)] for t in persons]
    for _ in range(rounds):
        current = replace(bare, mean=bare.mean + offsets)
        left = np.median([_unexplained(current, targets, camera) for targets in faces], axis=0)
        offsets = offsets + _settled(bare, 0.5 * (left + (left * [-1, 1, 1])[MIRROR]))
    return offsets


def meeting_offsets(landmarks: LandmarkModel) -> Array:
    """Offsets (L, 3) that let both lids' points meet when the eye is shut, and both lips' when the face rests."""
    offsets = np.zeros_like(landmarks.mean)
    names = landmarks.expression_names
    blink = landmarks.expression[:, [names.index("eyeBlinkLeft"), names.index("eyeBlinkRight")]].sum(1)
    shut_eyes = landmarks.mean + blink.reshape(-1, 3)
    for kind, shut in (("lid_right", shut_eyes), ("lid_left", shut_eyes), ("lid_corners", shut_eyes),
                       ("lips", landmarks.mean)):
        pairs = landmarks.scheme.pairs[kind]
        first, second = list(pairs.first), list(pairs.second)
        half = 0.5 * (shut[first] - shut[second])
        offsets[first] -= half
        offsets[second] += half
    return offsets


def offsets_nearby(model: FaceModel, offsets: Array, scheme: str) -> Array:
    """Offsets (478, 3) carried over to the landmarks of another scheme (L, 3): from the three nearest points.

    Irises are left out: they lie on the eyeball, not on the skin.
    """
    source = model.points("mesh478", model.mean)[:468].astype(np.float64)
    target = model.points(scheme, model.mean).astype(np.float64)
    distance = np.linalg.norm(target[:, None] - source, axis=-1)
    nearest = np.argsort(distance, axis=1)[:, :3]
    weight = 1 / (np.take_along_axis(distance, nearest, 1) + 1e-3)
    weight /= weight.sum(1, keepdims=True)
    return np.asarray(np.einsum("lk,lkd->ld", weight, offsets[nearest]))


def _unexplained(landmarks: LandmarkModel, targets: Sequence[Array], camera: Camera) -> Array:
    """Seen minus fitted (L, 3) in metres and model axes, averaged over one person's frames."""
    identity, faces = solve_images(landmarks, targets, [camera] * len(targets), None, _AT_REST)
    left = [unexplained(landmarks, t, f, identity) for t, f in zip(targets, faces, strict=True)]
    return np.asarray(np.mean(left, axis=0))


def unexplained(landmarks: LandmarkModel, target: Array, face: Face, identity: Array) -> Array:
    """Seen minus fitted (L, 3) in metres and model axes for one image's landmarks `target` about its centre."""
    coefficients = np.concatenate([identity, face.expression])
    p = head_pixels(landmarks.joint, coefficients, face.pose.turn, face.pose.numbers[2])
    away = np.zeros_like(target)
    away[:, :2] = (target[:, :2] - p[:, :2] - face.pose.numbers[:2]) * np.exp(-face.pose.numbers[2])
    return np.asarray(away @ face.pose.turn)


def _settled(landmarks: LandmarkModel, offsets: Array) -> Array:
    """Offsets that leave openings and gaze at rest as they are: lids and iris of an eye, and lips, move as one."""
    settled, groups = offsets.copy(), landmarks.scheme.groups
    for side, corners in (("right", [33, 133]), ("left", [263, 362])):
        lids, iris = list(groups[f"lids_{side}"]), list(groups[f"iris_{side}"])
        settled[lids] = offsets[lids].mean(0)
        settled[iris] = settled[lids[0]] + offsets[iris].mean(0) - offsets[corners].mean(0)
    lips = [*groups["lips_inner"], *groups["lips_outer"]]
    settled[lips] = offsets[lips].mean(0)
    return settled
