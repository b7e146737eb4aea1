# SPDX-License-Identifier: Apache-2.0
"""Beards of made-up people: short locks that spring from the skin and move with it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....core.face_model import FaceModel
from .look import Look
from .noise import noise
from .skin import Ground, beard_area
from .strands import Ribbons, ribbons

Floats = NDArray[np.float32]

_LENGTHS = {"stubble": (0.0012, 0.0025), "moustache": (0.005, 0.010), "goatee": (0.006, 0.018), "full": (0.006, 0.022)}
_LOCKS = {"stubble": 900, "moustache": 420, "goatee": 800, "full": 1700}
_STEPS = 3


@dataclass(frozen=True, eq=False)
class Beard:
    """Roots on triangles, and how each lock leaves the skin."""

    corners: NDArray[np.int32]
    """(N, 3) vertices around each root"""
    weights: Floats
    """(N, 3, 1)"""
    length: Floats
    lean: Floats
    """(N, 3) down, sideways, and away from the skin"""
    width: Floats
    colours: Floats

    def locks(self, vertices: Floats, normals: Floats) -> Ribbons:
        """The locks on a head with vertices and normals (V, 3), in model space."""
        roots = (vertices[self.corners] * self.weights).sum(1)
        out = (normals[self.corners] * self.weights).sum(1)
        out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
        down = np.array((0.0, -1.0, 0.0), np.float32) - out * -out[:, 1:2]
        down /= np.linalg.norm(down, axis=1, keepdims=True) + 1e-6
        away = down * self.lean[:, :1] + np.cross(out, down) * self.lean[:, 1:2] + out * self.lean[:, 2:]
        share = np.linspace(0, 1, _STEPS + 1, dtype=np.float32)[None, :, None]
        bend = np.array((0.0, -0.35, 0.0), np.float32) * share**2
        paths = roots[:, None] - out[:, None] * 0.0005 + (away[:, None] * share + bend) * self.length[:, None, None]
        normal = np.repeat(out[:, None], _STEPS + 1, 1)
        return ribbons(paths.astype(np.float32), normal.astype(np.float32), self.width, self.colours)


def make_beard(look: Look, base: Ground, model: FaceModel, random: np.random.Generator) -> Beard | None:
    """Roots spread over the beard's area; None where there is none."""
    if look.beard not in _LOCKS:
        return None
    corners = np.asarray(model.triangles, np.int32)
    middle = np.ascontiguousarray(model.mean[corners].mean(1))
    skin = model.triangle_part == model.part_names.index("skin")
    cover = beard_area(look, middle, model.regions["lips"][corners].mean(1)) * skin
    sides = model.mean[corners]
    area = np.linalg.norm(np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0]), axis=1)
    odds = area * np.where(cover > 0.3, cover, 0)
    face = random.choice(len(odds), _LOCKS[look.beard], p=odds / odds.sum())
    count = len(face)
    weights = random.dirichlet((1, 1, 1), count).astype(np.float32)[..., None]
    rest = (model.mean[corners[face]] * weights).sum(1).astype(np.float32)
    low, high = _LENGTHS[look.beard]
    chin = np.clip((-rest[:, 1] - 0.06) / 0.05, 0, 1)
    length = (low + (high - low) * (0.25 + 0.75 * chin) * random.uniform(0.5, 1.0)) * random.uniform(0.7, 1.2, count)
    swirl = noise(rest, 0.008, random.uniform(0, 64, 3))
    lean = np.stack([np.full(count, 0.8), 0.5 * swirl + random.normal(0, 0.3, count),
                     random.uniform(0.25, 0.6, count)], 1)
    grey = (random.random((count, 1)) < max(0.0, look.age - 0.5)) * 0.35
    tint = np.exp(random.normal(0, 0.2, (count, 1)))
    colours = (look.brows.astype(np.float64) * 1.15 + grey) ** 2.2 * tint
    width = 0.0011 if look.beard == "stubble" else 0.0022
    return Beard(corners[face], weights, length.astype(np.float32), lean.astype(np.float32),
                 (width * random.uniform(0.6, 1.3, count)).astype(np.float32), colours.astype(np.float32))
