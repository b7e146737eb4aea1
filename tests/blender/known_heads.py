# SPDX-License-Identifier: Apache-2.0
"""What the tests inside Blender share: heads, their evaluated surface, fits that are known exactly."""

import bpy
import numpy as np
from mien.addon.face import axes
from mien.addon.face.head import make_head
from mien.core.camera import Camera, project
from mien.core.face_model import FaceModel
from mien.core.fit import Fit
from mien.core.model_files import default_model


def new_head(name: str = "Face", **options: object) -> bpy.types.Object:
    """A head of the default model in the current scene."""
    return make_head(default_model(), name=name, scene=bpy.context.scene, **options)


def random_identity(seed: int, model: FaceModel | None = None) -> np.ndarray:
    """(S,) in σ."""
    model = model or default_model()
    return np.random.default_rng(seed).normal(size=len(model.identity_basis)).astype(np.float32)


def random_expression(seed: int, model: FaceModel | None = None) -> np.ndarray:
    """(E,), some beyond 0 and 1 as tracked faces have them."""
    model = model or default_model()
    return np.random.default_rng(seed).uniform(-0.3, 1.4, len(model.expression_names)).astype(np.float32)


def express(head: bpy.types.Object, values: np.ndarray) -> None:
    """Set the shape keys in their order."""
    keys = [key for key in head.data.shape_keys.key_blocks if key.name != "Basis"]
    for key, value in zip(keys, values, strict=True):
        key.value = float(value)


def evaluated(head: bpy.types.Object) -> np.ndarray:
    """The head's surface (V, 3) as Blender evaluates it, in model space and metres."""
    bpy.context.view_layer.update()
    mesh = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    points = np.empty((len(mesh.vertices), 3), np.float32)
    mesh.vertices.foreach_get("co", points.ravel())
    return axes.to_model(points, head.data.mien.metres_per_unit)


def key_points(mesh: bpy.types.Mesh) -> np.ndarray:
    """Points (K, V, 3) of every shape key."""
    keys = mesh.shape_keys.key_blocks
    out = np.empty((len(keys), len(mesh.vertices), 3), np.float32)
    for key, points in zip(keys, out, strict=True):
        key.points.foreach_get("co", points.ravel())
    return out


def known_fit(width: int, height: int, seed: int = 0, model: FaceModel | None = None) -> Fit:
    """A perspective fit whose image points are exactly its own projection."""
    model = model or default_model()
    rng = np.random.default_rng(seed)
    camera = Camera(width, height, float(rng.uniform(0.9, 2.5)) * max(width, height), "perspective")
    identity, expression = random_identity(seed, model), np.clip(random_expression(seed, model), 0, 1)
    rotation = rng.uniform(-0.5, 0.5, 3).astype(np.float32)
    translation = np.array([*rng.uniform(-0.05, 0.05, 2), rng.uniform(0.5, 0.9)], np.float32)
    image = project(model.vertices(identity, expression), rotation, translation, camera).astype(np.float32)
    nothing = np.zeros((0, 3), np.float32)
    return Fit(identity, expression, rotation, translation, camera, image, nothing, nothing, 0.87,
               ("The mouth is hidden.", "The face is small."), {}, model.name, model.hash)
