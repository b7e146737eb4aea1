# SPDX-License-Identifier: Apache-2.0
"""A made-up person: everything about the look that does not change from frame to frame."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....core.face_model import FaceModel
from ....core.normals import vertex_normals
from ....core.visibility import MOUTH as MOUTH_KIND
from ....core.visibility import triangle_kinds
from .background import random_background
from .beard import Beard, make_beard
from .body import Body, glasses, head_share, make_body
from .hair import grow
from .light import Lights, random_lights
from .look import Look, random_look
from .noise import ramp
from .shading import CLOTH, EYE, FRAME, HAIR, MOUTH, SKIN
from .skin import ground, paint_skin
from .strands import Ribbons

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Person:
    """A look, with skin, hair, clothes, light and place; made by `make_person`."""

    model: FaceModel
    look: Look
    neutral: Floats
    """(V, 3) the head at rest, model space"""
    skin: Floats
    """(T, T, 5) see skin.paint_skin"""
    hair: Ribbons | None
    beard: Beard | None
    body: Body
    frame: tuple[Floats, Ints, Floats] | None
    """Vertices, triangles and colour of glasses"""
    lights: Lights
    background: Floats
    """(S, S, 3) linear"""
    eye: Floats
    """(9,) see shading.gather"""
    bare: Floats
    """(3,) linear colour of the neck's skin"""

    @cached_property
    def mesh(self) -> "Mesh":
        return Mesh(self)


class Mesh:
    """All parts in one list of vertices and triangles: head, body, hair, glasses, beard."""

    def __init__(self, person: Person) -> None:
        model, head = person.model, person.neutral
        self.head_count = len(head)
        body, hair, frame = person.body, person.hair, person.frame
        kinds = _head_kinds(model)
        solid = np.array(model.triangles, np.int32)
        self.lashes = solid[model.triangle_part == model.part_names.index("lashes")]
        solid[model.triangle_part == model.part_names.index("lashes")] = 0
        parts = [(body.vertices, body.triangles, CLOTH)]
        if hair:
            parts.append((hair.vertices, hair.triangles, HAIR))
        if frame:
            parts.append((frame[0], frame[1], FRAME))
        if person.beard:
            at_rest = person.beard.locks(head, vertex_normals(head, model.triangles))
            parts.append((at_rest.vertices, at_rest.triangles, HAIR))
        starts = np.cumsum([len(head), *(len(p[0]) for p in parts)])
        self.beard_at = int(starts[-2]) if person.beard else int(starts[-1])
        self.rest = np.concatenate([head, *(p[0] for p in parts)]).astype(np.float32)
        shifted = (p[1] + s for p, s in zip(parts, starts, strict=False))
        self.triangles = np.concatenate([solid, *shifted]).astype(np.int32)
        self.kinds = np.concatenate([kinds, *(np.full(len(p[1]), p[2]) for p in parts)]).astype(np.int8)
        thin = np.flatnonzero((self.kinds == HAIR) & (np.arange(len(self.kinds)) // 64 % 2 == 1))
        self.casting = np.delete(self.triangles, thin, 0)
        self.uv = np.ascontiguousarray(model.uv[model.uv_triangles], np.float32)
        self._dress(person, starts)

    def _dress(self, person: Person, starts: NDArray[np.int64]) -> None:
        """Normals, tangents, colours, strips and the share of the head's motion of all vertices at rest."""
        model, count = person.model, len(self.rest)
        self.normals, self.tangents, self.colours = (np.zeros((count, 3), np.float32) for _ in range(3))
        self.strips = np.zeros((count, 2), np.float32)
        self.share = np.ones(count, np.float32)
        self.normals[:] = vertex_normals(self.rest, self.triangles)
        for side in ("eye_left", "eye_right"):
            ball = np.unique(model.triangles[model.triangle_part == model.part_names.index(side)])
            at = model.mean[ball]
            self.colours[ball] = at - (at.min(0) + at.max(0)) / 2
        neck = model.regions["neck"] > 0
        # The neck's lower end spreads out over shoulders that the body has already.
        narrower = -0.36 * ramp(model.mean[:, 1], -0.115, -0.168) * neck
        self.slim = ((model.mean - (0.0, 0.0, -0.085)) * (1, 0, 0.45) * narrower[:, None]).astype(np.float32)
        self.share[:self.head_count] = np.where(neck, ramp(model.mean[:, 1], -0.175, -0.100), 1)
        body = slice(int(starts[0]), int(starts[1]))
        self.colours[body], self.strips[body, 0], self.share[body] = person.body.colours, person.body.cloth, 0
        at = 1
        if person.hair:
            self._dress_ribbons(slice(int(starts[at]), int(starts[at + 1])), person.hair)
            hair = slice(int(starts[at]), int(starts[at + 1]))
            self.share[hair] = head_share(person.hair.vertices)
            at += 1
        if person.frame:
            self.colours[int(starts[at]):int(starts[at + 1])] = person.frame[2]

    def _dress_ribbons(self, place: slice, locks: Ribbons) -> None:
        self.normals[place], self.tangents[place] = locks.normals, locks.tangents
        self.colours[place], self.strips[place] = locks.colours, locks.strip

    def pose(self, person: Person, head: Floats) -> None:
        """Move the head's vertices (V, 3) to an expression, and the beard with it, in place; model space."""
        head = head + self.slim
        self.rest[:self.head_count] = head
        normals = vertex_normals(head, person.model.triangles)
        self.normals[:self.head_count] = normals
        if person.beard:
            locks = person.beard.locks(head, normals)
            place = slice(self.beard_at, len(self.rest))
            self.rest[place] = locks.vertices
            self._dress_ribbons(place, locks)


def make_person(seed: int, model: FaceModel, size: int = 256) -> Person:
    """The person of a seed, to be seen in pictures of `size` pixels a side."""
    random = np.random.default_rng((11, seed))
    look = random_look(random, len(model.identity_basis))
    base = ground(model)
    neutral = model.vertices(look.identity)
    normals = vertex_normals(neutral, model.triangles)
    skin = paint_skin(look, base, random)
    eyes = np.stack([neutral[model.regions[name] > 0.5].mean(0) for name in ("eye_left", "eye_right")])
    white = np.array((0.80, 0.78, 0.76)) * random.uniform(0.82, 1.0) * (1 - 0.1 * look.tone)
    eye = np.array([*(look.iris.astype(np.float64) ** 2.2), *(white**2.2), random.uniform(0, 6.3),
                    random.uniform(0, 0.5), random.uniform(0.13, 0.24)], np.float32)
    return Person(model, look, neutral, skin, grow(look, base, model, neutral, normals, random),
                  make_beard(look, base, model, random), make_body(random),
                  glasses(random, eyes, _forward(neutral, eyes)) if look.glasses else None, random_lights(random),
                  random_background(random, size), eye, np.asarray(look.skin**2.2 * 0.92, np.float32))


def _forward(head: Floats, eyes: Floats) -> float:
    """How far (metres) what is around the eyes, beside the nose, comes forward."""
    around = np.abs(head[:, :2] - eyes[:, :2].mean(0))
    return float(head[(around[:, 0] > 0.016) & (around[:, 0] < 0.045) & (around[:, 1] < 0.022), 2].max())


def _head_kinds(model: FaceModel) -> NDArray[np.int8]:
    kinds = np.full(len(model.triangles), SKIN, np.int8)
    kinds[triangle_kinds(model) == MOUTH_KIND] = MOUTH
    kinds[np.isin(np.array(model.part_names)[model.triangle_part], ("eye_left", "eye_right"))] = EYE
    return kinds
