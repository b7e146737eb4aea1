# SPDX-License-Identifier: Apache-2.0
"""A head as binary glTF: shape, texture, the expressions as morph targets, and a motion as animation.

glTF's frame is the face model's: metres, +y up, the face looks along +z. The head's origin, between its eyes, is
the pivot. Every primitive has all morph targets, named in `mesh.extras.targetNames`.
"""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput
from .face_model import FaceModel
from .files import atomic_write
from .glb import INDICES, VERTICES, Glb
from .gltf_looks import LOOKS, add_texture, eye_coordinates, eye_picture, look_of, material
from .motion import Motion
from .motion_files import for_model
from .normals import vertex_normals
from .rotations import quaternion

Floats = NDArray[np.float32]

_TO_MODEL_AXES = np.array([1, -1, -1], np.float32)
"""Camera axes (y down, z forward) to the model's"""
_STILL = 1e-6
"""Offsets shorter than this, in metres, are left out"""
_STILL_NORMAL = 2e-3
_FLIP = np.array([1, -1])


def write_glb(path: str | os.PathLike[str], model: FaceModel, identity: NDArray[np.floating] | None,
              texture: NDArray[np.uint8] | None = None, motion: Motion | None = None, *,
              consent: str = "") -> None:
    """Write a head of a face model as .glb.

    Args:
        identity: (S,) in σ units; None is the model's mean.
        texture: (H, W, 3) uint8 in the model's UV layout, first row at v = 1.
        motion: expressions, and the head's rotation and translation about its middle place.
        consent: what the person shown agreed to; kept as `asset.extras.consent`.

    Raises:
        BadInput: an array that does not fit the model, or a motion without any of its channels.
        CannotWrite: the place cannot be written or the disk is full.
    """
    if not str(path).lower().endswith(".glb"):
        raise BadInput(f"{path}: the name of a head must end in .glb.")
    glb = Glb()
    glb.document["asset"]["copyright"] = model.licence
    if consent:
        glb.document["asset"]["extras"] = {"consent": consent}
    mesh = glb.add("meshes", _mesh(glb, model, identity, texture))
    node = glb.add("nodes", {"name": "head", "mesh": mesh})
    glb.document["scene"] = glb.add("scenes", {"name": "scene", "nodes": [node]})
    if motion is not None:
        glb.add("animations", _animation(glb, for_model(motion, model)[0], node))
    data = glb.to_bytes()
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def _mesh(glb: Glb, model: FaceModel, identity: NDArray[np.floating] | None,
          texture: NDArray[np.uint8] | None) -> dict[str, Any]:
    rest = model.vertices(identity)
    normals = vertex_normals(rest, model.triangles)
    shapes = [(offset, vertex_normals(rest + offset, model.triangles) - normals)
              for offset in model.expression_basis]
    surface = _Surface(model, rest, normals, shapes)
    picture = None if texture is None else add_texture(glb, texture, "head")
    owner = np.array([look_of(name) for name in model.part_names])[model.triangle_part]
    primitives = []
    for index, look in enumerate(LOOKS):
        chosen = np.flatnonzero(owner == index)
        if len(chosen):
            plain_eyes = look.name == "eyes" and picture is None
            own = add_texture(glb, eye_picture(), "eye") if plain_eyes else picture
            uv = eye_coordinates(model, rest) if plain_eyes else None
            entry = _primitive(glb, surface, chosen, uv)
            primitives.append({**entry, "material": glb.add("materials", material(look, own))})
    names = list(model.expression_names)
    return {"name": model.name, "primitives": primitives, "weights": [0.0] * len(names),
            "extras": {"targetNames": names}}


@dataclass(frozen=True)
class _Surface:
    """A head at rest, and the offsets of its vertices and normals (V, 3) for each expression."""

    model: FaceModel
    rest: Floats
    normals: Floats
    shapes: list[tuple[Floats, Floats]]


def _primitive(glb: Glb, surface: _Surface, chosen: NDArray[np.intp], vertex_uv: Floats | None) -> dict[str, Any]:
    """The chosen triangles with vertices of their own: one for each pair of a place and a texture coordinate.

    `vertex_uv` (V, 2), rows down, takes the place of the model's coordinates.
    """
    model = surface.model
    corners = np.stack([model.triangles[chosen].ravel(), model.uv_triangles[chosen].ravel()], 1)
    pairs, indices = np.unique(corners, axis=0, return_inverse=True)
    vertex, coordinate = pairs.T
    uv = model.uv[coordinate] * _FLIP + (0, 1) if vertex_uv is None else vertex_uv[vertex]
    small = np.uint16 if len(pairs) < 2**16 - 1 else np.uint32
    return {
        "attributes": {"POSITION": glb.array(surface.rest[vertex], VERTICES, bounds=True),
                       "NORMAL": glb.array(surface.normals[vertex], VERTICES),
                       "TEXCOORD_0": glb.array(uv.astype(np.float32), VERTICES)},
        "indices": glb.array(indices.ravel().astype(small), INDICES),
        "targets": [{"POSITION": glb.offsets(_without_short(offset[vertex], _STILL), bounds=True),
                     "NORMAL": glb.offsets(_without_short(turn[vertex], _STILL_NORMAL))}
                    for offset, turn in surface.shapes]}


def _without_short(offsets: Floats, limit: float) -> Floats:
    return np.where((np.abs(offsets) > limit).any(1, keepdims=True), offsets, np.float32(0)).astype(np.float32)


def _animation(glb: Glb, motion: Motion, node: int) -> dict[str, Any]:
    """Weights, rotation and translation over time; the translation is from its median, so the head stays near."""
    times = (np.arange(len(motion)) / motion.fps).astype(np.float32)
    moved = (motion.translation - np.median(motion.translation, 0)) * _TO_MODEL_AXES
    tracks = {"weights": motion.expression.ravel(), "rotation": _turns(motion.rotation * _TO_MODEL_AXES),
              "translation": moved.astype(np.float32)}
    clock = glb.array(times, bounds=True)
    samplers = [{"input": clock, "output": glb.array(np.ascontiguousarray(values)), "interpolation": "LINEAR"}
                for values in tracks.values()]
    channels = [{"sampler": i, "target": {"node": node, "path": name}} for i, name in enumerate(tracks)]
    return {"name": "motion", "samplers": samplers, "channels": channels}


def _turns(rotation: NDArray[np.floating]) -> Floats:
    """Axis-angle (T, 3) to quaternions (x, y, z, w) (T, 4), each nearer to the one before than its negative."""
    turns = quaternion(rotation)[:, [1, 2, 3, 0]]
    signs = np.sign((turns[1:] * turns[:-1]).sum(1))
    turns[1:] *= np.cumprod(np.where(signs == 0, 1, signs))[:, None]
    return turns.astype(np.float32)
