# SPDX-License-Identifier: Apache-2.0
"""Pictures of made-up people at given coefficients."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ....core.camera import MODEL_TO_CAMERA_AXES, Camera, rotation_matrix
from ....core.rasterize import rasterize_image
from ....core.shade import openness
from .body import NECK
from .developing import develop, veil
from .light import cast
from .person import Person
from .shading import gather, light, place

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

SAMPLES = 2
"""Samples a pixel, across and down"""
_TO_VIEWER = np.diag([1.0, 1.0, -1.0])
_LASH: Floats = np.array((0.012, 0.01, 0.009), np.float32)
_LASHES = 0.55
_GAMMA: Floats = (np.linspace(0, 1, 4096) ** (1 / 2.2)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Pose:
    """Where head and body are: coefficients as a fit has them, and how the body is turned (3,)."""

    expression: Floats
    rotation: Floats
    translation: Floats
    body: Floats


def draw(person: Person, pose: Pose, camera: Camera, samples: int = SAMPLES) -> Floats:
    """The picture (H, W, 3) sRGB 0..1 that an ideal orthographic camera takes.

    The head lies exactly where `camera.project` has it; only the neck below it bends towards the body.
    """
    height, width, s = camera.height, camera.width, samples
    mesh = person.mesh
    active = np.flatnonzero(pose.expression)
    flat = person.model.expression_basis.reshape(len(person.model.expression_basis), -1)
    moved = person.neutral + (pose.expression[active] @ flat[active]).reshape(-1, 3)
    mesh.pose(person, np.asarray(moved, np.float32))
    points, normals, tangents, unit = _placed(person, pose, camera, s)
    raster = rasterize_image(points, mesh.triangles, height * s, width * s, backend="cpu")
    ids = raster.triangle_id
    film = _buffers(height * s, width * s)
    whole = np.zeros((height, width), np.bool_)
    gather(ids, raster.barycentric, mesh.triangles, mesh.kinds, points, normals, tangents, mesh.colours, mesh.strips,
           mesh.uv, person.skin, unit, person.eye, person.bare, s, whole, film.place, film.normal, film.albedo,
           film.extra)
    lights = person.lights
    middle = points[:mesh.head_count].mean(0)
    shadow = cast(points, mesh.casting, lights.directions[0], (float(middle[0]), float(middle[1]), 0.21 * unit))
    opened = openness(film.place[..., 2], ids > 0)
    light(ids, mesh.kinds, film.place, film.normal, film.albedo, film.extra, opened, s, whole, lights.directions,
          lights.colours, lights.sky, lights.ground, shadow.depth, shadow.axes, shadow.corner, shadow.scale,
          lights.softness, unit / 1000, film.lit)
    lashes = rasterize_image(points / np.float32(s), mesh.lashes, height, width, backend="cpu")
    veil(film.lit, ids, raster.depth, lashes.triangle_id, lashes.depth, s, _LASH, _LASHES)
    return develop(film.lit, ids, person.background, _GAMMA, s, whole)


@dataclass(frozen=True, eq=False)
class _Buffers:
    """Working space of a picture, (H, W, 3) each; nothing in it is of worth between pictures."""

    place: Floats
    normal: Floats
    albedo: Floats
    extra: Floats
    lit: Floats


@lru_cache(maxsize=1)
def _buffers(height: int, width: int) -> _Buffers:
    return _Buffers(*(np.zeros((height, width, 3), np.float32) for _ in range(5)))


def _placed(person: Person, pose: Pose, camera: Camera, samples: int) -> tuple[Floats, Floats, Floats, float]:
    """Vertices (V, 3) in samples, nearer = larger; their normals and tangents along those axes; samples a metre."""
    mesh = person.mesh
    scale = camera.focal / float(pose.translation[2]) * samples
    head, body = (_TO_VIEWER @ rotation_matrix(r) @ MODEL_TO_CAMERA_AXES for r in (pose.rotation, pose.body))
    origin = np.append(pose.translation[:2] * scale + camera.centre * samples, 0)
    pivot = origin + scale * (head @ NECK)
    points, normals, tangents = (np.empty_like(mesh.rest) for _ in range(3))
    place(mesh.rest, mesh.normals, mesh.tangents, mesh.share, head.astype(np.float32), body.astype(np.float32),
          origin.astype(np.float32), pivot.astype(np.float32), NECK.astype(np.float32), np.float32(scale), points,
          normals, tangents)
    return points, normals, tangents, scale
