# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's animation at frames: from its curves where they say everything, else by evaluating the scene."""

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Euler, Matrix, Quaternion
from numpy.typing import NDArray

from ...core.errors import BadInput
from ..face import pose as poses
from ..face.axes import from_euler_xyz
from . import action_slots, curves
from .action_slots import CurvePath

Array = NDArray[np.float64]


def sample(head: bpy.types.Object, scene: bpy.types.Scene, names: Sequence[str], frames: NDArray[np.floating],
           ) -> tuple[NDArray[np.float32], Array, Array]:
    """A head at frames (T,): shape keys (T, E), world matrices (T, 4, 4), the camera's (4, 4) or (T, 4, 4)."""
    paths = [curves.shape_key_path(name) for name in names]
    keys = head.data.shape_keys
    evaluate_shapes, evaluate_pose, evaluate_camera = _to_evaluate(head, paths)
    if not (evaluate_shapes or evaluate_pose or evaluate_camera):
        return curves.read(keys, paths, frames), curve_worlds(head, frames), poses.stage_of(head, scene)[1]
    expression, worlds, cameras = _evaluated(head, scene, names, frames)
    if not evaluate_shapes:
        expression = curves.read(keys, paths, frames)
    if not evaluate_pose:
        worlds = curve_worlds(head, frames)
    return expression, worlds, cameras if evaluate_camera else poses.stage_of(head, scene)[1]


def needs_evaluation(head: bpy.types.Object, names: Sequence[str]) -> bool:
    """Whether a head's animation is not in its curves alone, so that the scene must be evaluated at every frame."""
    return any(_to_evaluate(head, [curves.shape_key_path(name) for name in names]))


def _to_evaluate(head: bpy.types.Object, paths: Sequence[CurvePath]) -> tuple[bool, bool, bool]:
    """Whether the curves do not say all of the shape keys, of the pose, of the camera."""
    keys, camera = head.data.shape_keys, head.mien.camera
    shapes = action_slots.in_nla(keys) or bool(action_slots.driven(keys) & set(paths))
    return shapes, not _is_plain(head), camera is not None and not (
        _is_plain(camera) and not curves.curve_names(camera))


def properties(head: bpy.types.Object, scene: bpy.types.Scene, id_block: Any, paths: Sequence[CurvePath],
               frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Values (T, C) that properties of a head, or of its shape keys, have at frames (T,); the NLA and drivers count."""
    if not (action_slots.in_nla(id_block) or action_slots.driven(id_block) & set(paths)):
        return curves.read(id_block, paths, frames)
    out, now = np.empty((len(frames), len(paths)), np.float32), (scene.frame_current, scene.frame_subframe)
    graph = _view_layer(head, scene).depsgraph
    try:
        for row, frame in zip(out, frames, strict=True):
            _go_to(scene, float(frame))
            evaluated = head.evaluated_get(graph)
            owner = evaluated if id_block == head else evaluated.data.shape_keys
            for i, (path, index) in enumerate(paths):
                value = owner.path_resolve(path)
                row[i] = value[index] if hasattr(value, "__len__") else value
    finally:
        scene.frame_set(now[0], subframe=now[1])
    return out


def pose_paths(head: bpy.types.Object) -> list[CurvePath]:
    """The curves of a head object's location and rotation, as its rotation mode has them."""
    rotation = {"QUATERNION": ("rotation_quaternion", 4), "AXIS_ANGLE": ("rotation_axis_angle", 4)}
    path, count = rotation.get(head.rotation_mode, ("rotation_euler", 3))
    return [("location", i) for i in range(3)] + [(path, i) for i in range(count)]


def _is_plain(thing: bpy.types.Object) -> bool:
    """Whether an object's world matrix follows from its own location and rotation curves alone."""
    moved = any(path.startswith("delta_") for path, _ in curves.curve_names(thing))
    return not (thing.parent or thing.constraints or moved or action_slots.in_nla(thing) or action_slots.driven(thing))


def curve_worlds(head: bpy.types.Object, frames: NDArray[np.floating]) -> Array:
    """World matrices (T, 4, 4) of a plain object, from its curves."""
    paths = pose_paths(head)
    values = np.asarray(curves.read(head, paths, frames), np.float64)
    out = np.tile(np.eye(4), (len(frames), 1, 1))
    place, turn = poses.deltas_of(head)
    out[:, :3, 3] = values[:, :3] + place
    out[:, :3, :3] = turn @ _turns(head.rotation_mode, values[:, 3:]) * np.array(head.scale) * head.delta_scale
    return out


def _turns(mode: str, values: Array) -> Array:
    if mode == "XYZ":
        return from_euler_xyz(values)
    if mode == "QUATERNION":
        return np.array([Quaternion(v).normalized().to_matrix() for v in values])
    if mode == "AXIS_ANGLE":
        return np.array([Matrix.Rotation(v[0], 3, v[1:]) for v in values])
    return np.array([Euler(v, mode).to_matrix() for v in values])


def _evaluated(head: bpy.types.Object, scene: bpy.types.Scene, names: Sequence[str], frames: NDArray[np.floating],
               ) -> tuple[NDArray[np.float32], Array, Array]:
    """Like `sample`, by evaluating the scene at every frame; its current frame is set back."""
    expression = np.empty((len(frames), len(names)), np.float32)
    worlds, cameras = np.empty((len(frames), 4, 4)), np.empty((len(frames), 4, 4))
    camera, now = head.mien.camera, (scene.frame_current, scene.frame_subframe)
    layer = _view_layer(head, scene)
    try:
        for i, frame in enumerate(frames):
            _go_to(scene, float(frame))
            graph = layer.depsgraph
            evaluated = head.evaluated_get(graph)
            blocks = evaluated.data.shape_keys.key_blocks
            expression[i] = [blocks[name].value for name in names]
            worlds[i] = evaluated.matrix_world
            cameras[i] = camera.evaluated_get(graph).matrix_world if camera else np.eye(4)
    finally:
        scene.frame_set(now[0], subframe=now[1])
    return expression, worlds, cameras if camera else np.broadcast_to(
        poses.stage_of(head, scene)[1], cameras.shape)


def _view_layer(head: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    layer = next((layer for layer in scene.view_layers if head.name in layer.objects), None)
    if layer is None:  # perhaps linked a moment ago
        for one in scene.view_layers:
            one.update()
        layer = next((layer for layer in scene.view_layers if head.name in layer.objects), None)
    if layer is None:
        raise BadInput(f"“{head.name}” is in no view layer of the scene {scene.name}; link it to read its animation.")
    return layer


def _go_to(scene: bpy.types.Scene, frame: float) -> None:
    whole = int(np.floor(frame + 1e-6))
    scene.frame_set(whole, subframe=max(frame - whole, 0.0))
