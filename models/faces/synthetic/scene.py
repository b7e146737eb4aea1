# SPDX-License-Identifier: Apache-2.0
"""Several frames of one made-up person: real people's expressions and turns, one place before one camera."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ....core.camera import Camera
from ....core.face_model import FaceModel
from ....core.motion import Motion
from ...dynamics.corpus import SHIPPED, split_of, unpack
from .film import Film, random_film
from .person import Person, make_person
from .render import Pose, draw

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_FACE_HEIGHT = 0.178
"""Metres of a mean face's landmarks, from hairline to chin"""
_ROOM = (1.45, 2.1)
"""Side of a picture over the height of the face in it"""


@dataclass(frozen=True, eq=False)
class Take:
    """N frames of one person, and the coefficients that they show in the standard camera of their size."""

    frames: Bytes
    """(N, S, S, 3)"""
    identity: Floats
    """(I,)"""
    expression: Floats
    """(N, E)"""
    rotation: Floats
    translation: Floats


@cache
def motions() -> tuple[Motion, ...]:
    """Real motions of persons from whom networks may learn."""
    return tuple(m for m in unpack(SHIPPED) if split_of(m.metadata.get("person", "")) == "train" and len(m) > 30)


def make_take(seed: int, model: FaceModel, frames: int, size: int = 256) -> Take:
    """Frames of the person of a seed; the same seed gives the same bytes."""
    random = np.random.default_rng((12, seed))
    person = make_person(seed, model, size)
    poses = random_poses(random, frames, size, motions(), model)
    film = random_film(random)
    pictures = [_picture(person, pose, film, size, random) for pose in poses]
    return Take(np.stack(pictures), person.look.identity, *(np.stack(column) for column in zip(
        *((p.expression, p.rotation, p.translation) for p in poses), strict=True)))


def _picture(person: Person, pose: Pose, film: Film, size: int, random: np.random.Generator) -> Bytes:
    return film.develop(draw(person, pose, Camera.for_image(size, size)), random)


def random_poses(random: np.random.Generator, count: int, size: int, sources: Sequence[Motion],
                 model: FaceModel) -> list[Pose]:
    """Frames of one real motion, some exaggerated or mixed with others, the head moving within the picture."""
    camera = Camera.for_image(size, size)
    base = sources[int(random.integers(len(sources)))]
    chosen = np.sort(random.choice(len(base), count, replace=len(base) < count))
    gain = random.uniform(0.8, 1.5)
    offset = random.normal(0, 1, 3) * (0.10, 0.22, 0.05)
    middle = np.median(base.rotation, 0)
    depth = camera.focal * random.uniform(*_ROOM) * _FACE_HEIGHT / size
    at = random.normal(0, 0.012, 2) + np.array((0, -0.012))
    body = np.array((random.normal(0, 0.06), offset[1] * random.uniform(0, 1.2), random.normal(0, 0.04)))
    order = [base.channels.index(name) for name in model.expression_names]
    # What a real face has at rest, lids half down and such, is that face's own.
    usual = np.median(base.expression, 0)[order] * random.uniform(0.4, 1)
    poses = []
    for index in chosen:
        expression = np.clip(base.expression[index][order] - usual, 0, None) * gain
        if random.random() < 0.3:
            expression = np.maximum(expression, _other(random, sources, model) * random.uniform(0.4, 1))
        rotation = offset + middle * 0.5 + (base.rotation[index] - middle) * random.uniform(0.9, 1.6)
        rotation = np.clip(rotation + random.normal(0, 0.03, 3), (-0.55, -0.9, -0.45), (0.55, 0.9, 0.45))
        shift = np.array([*(at + random.normal(0, 0.004, 2)), depth * np.exp(random.normal(0, 0.015))])
        poses.append(Pose(np.clip(expression, 0, 1).astype(np.float32), rotation.astype(np.float32),
                          shift.astype(np.float32), body.astype(np.float32)))
    return poses


def _other(random: np.random.Generator, sources: Sequence[Motion], model: FaceModel) -> Floats:
    """The expression (E,) of some frame of any motion, or a wide open mouth, shut eyes, a smile."""
    if random.random() < 0.5:
        motion = sources[int(random.integers(len(sources)))]
        order = [motion.channels.index(name) for name in model.expression_names]
        return np.asarray(motion.expression[int(random.integers(len(motion)))][order])
    made = np.zeros(len(model.expression_names), np.float32)
    for names in random.permutation(np.array([("eyeBlinkLeft", "eyeBlinkRight"), ("mouthSmileLeft", "mouthSmileRight"),
                                              ("jawOpen", "jawOpen"), ("browInnerUp", "browOuterUpLeft"),
                                              ("mouthPucker", "mouthFunnel")]))[:2]:
        for name in names:
            if name in model.expression_names:
                made[model.expression_names.index(str(name))] = random.uniform(0.3, 1)
    return made
