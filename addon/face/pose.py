# SPDX-License-Identifier: GPL-3.0-or-later
"""The pose of a head object, read against a camera object, whatever its parent, scale and rotation mode."""

from collections.abc import Mapping

import bpy
import numpy as np
from mathutils import Euler, Matrix
from numpy.typing import NDArray

from ...core.camera import Camera
from . import axes

Array = NDArray[np.float64]
Channels = dict[tuple[str, int], Array]
"""Values (T,) of an object's properties, by data path and index"""

STANDARD_CAMERA = Camera.for_image(1024, 1024, "perspective")
STANDARD_TRANSLATION: Array = np.array([0.0, 0.0, 0.62])
"""Where a head stands in front of the camera that is assumed without one: it fills the picture as in a portrait"""


def metres_per_unit(head: bpy.types.Object) -> float:
    """Metres that one unit of the world stands for beside this head, its object's own scale included."""
    scale = np.linalg.det((parent_matrix(head) @ np.array(head.matrix_basis))[:3, :3])
    return float(head.data.mien.metres_per_unit / max(abs(scale), 1e-12) ** (1 / 3))


def world_matrix(thing: bpy.types.Object) -> Array:
    """World matrix (4, 4); of objects without parent and constraints at once, of others as last evaluated."""
    if thing.parent is None and not thing.constraints:
        return np.array(thing.matrix_basis, np.float64)
    return np.array(thing.matrix_world, np.float64)


def parent_matrix(thing: bpy.types.Object) -> Array:
    """What takes an object's own location and rotation to the world (4, 4)."""
    if thing.parent is None:
        return np.eye(4)
    if thing.parent_type == "OBJECT":
        return world_matrix(thing.parent) @ np.array(thing.matrix_parent_inverse, np.float64)
    return np.array(thing.matrix_world @ thing.matrix_basis.inverted_safe(), np.float64)


def deltas_of(thing: bpy.types.Object) -> tuple[Array, Array]:
    """An object's delta transform: (3,) on top of its location, (3, 3) after its rotation."""
    turn = Matrix.Identity(3)
    if thing.rotation_mode == "QUATERNION":
        turn = thing.delta_rotation_quaternion.normalized().to_matrix()
    elif thing.rotation_mode != "AXIS_ANGLE":  # for which Blender's Python has no delta
        turn = Euler(thing.delta_rotation_euler, thing.rotation_mode).to_matrix()
    return np.array(thing.delta_location, np.float64), np.array(turn, np.float64)


def camera_of(camera: bpy.types.Object, scene: bpy.types.Scene) -> Camera:
    """A Blender camera as Mien's, with the picture's size noted on it, or else the scene's.

    A camera that was not made for a picture takes the render's size; its lens and sensor are read as they are.
    """
    data = camera.data
    width, height = data.mien.width, data.mien.height
    if not (width and height):
        width, height = scene.render.resolution_x, scene.render.resolution_y
    return Camera(width, height, data.lens * _pixels_per_millimetre(data, width, height), data.mien.projection)


def stage_of(head: bpy.types.Object, scene: bpy.types.Scene) -> tuple[Camera, Array]:
    """The camera that a head's pose is read against, and its world matrix (4, 4).

    Without one it is the standard camera, straight in front of where the head is now.
    """
    camera = head.mien.camera
    if camera is not None and camera.type == "CAMERA":
        return camera_of(camera, scene), world_matrix(camera)
    place = (parent_matrix(head) @ np.array(head.matrix_basis))[:3, 3]
    return STANDARD_CAMERA, axes.stage_matrix(place, STANDARD_TRANSLATION, metres_per_unit(head))


def head_channels(head: bpy.types.Object, rotation: NDArray[np.floating], translation: NDArray[np.floating],
                  camera_world: Array) -> Channels:
    """Poses (T, 3), (T, 3) as values (T,) of the head object's own location and rotation, by (data path, index).

    The head's rotation mode is honoured; Euler angles and quaternions are continuous over T.
    """
    turns, places = axes.pose_to_world(rotation, translation, camera_world, metres_per_unit(head))
    parent = parent_matrix(head)
    inverse = np.linalg.inv(parent)
    delta_place, delta_turn = deltas_of(head)
    local_turns = delta_turn.T @ _without_scale(parent).T @ turns
    path, values = _rotation_values(head.rotation_mode, local_turns)
    local_places = places @ inverse[:3, :3].T + inverse[:3, 3] - delta_place
    channels = {("location", i): local_places[:, i] for i in range(3)}
    return channels | {(path, i): values[:, i] for i in range(values.shape[1])}


def continued(mode: str, channels: Channels, before: Mapping[tuple[str, int], float]) -> Channels:
    """Channels of a head (see `head_channels`) as the same turns, said in the way that goes on from values before."""
    turning = [path for path in channels if path[0].startswith("rotation")]
    values, last = np.stack([channels[path] for path in turning], 1), [before[path] for path in turning]
    if mode == "QUATERNION":
        values = values if values[0] @ last >= 0 else -values
    elif mode == "AXIS_ANGLE":
        side = np.array(last[1:])
        for row in values:
            row *= 1 if row[1:] @ side >= 0 else -1
            side = row[1:]
    else:
        near, turns = Euler(last, mode), [Euler(row, mode) for row in values]
        for turn in turns:
            turn.make_compatible(near)
            near = turn
        values = np.array([list(turn) for turn in turns], np.float64)
    return {**channels, **{path: values[:, i] for i, path in enumerate(turning)}}


def poses_of(head: bpy.types.Object, worlds: NDArray[np.floating], camera_worlds: NDArray[np.floating],
             scale: float | None = None) -> tuple[Array, Array]:
    """World matrices (T, 4, 4) of the head, and of the camera (4, 4) or (T, 4, 4), to poses (T, 3), (T, 3).

    `scale` is metres per unit; None reads it off the head.
    """
    scale = metres_per_unit(head) if scale is None else scale
    turns = np.stack([_without_scale(world) for world in worlds])
    if camera_worlds.ndim == 2:
        return axes.world_to_pose(turns, worlds[:, :3, 3], camera_worlds, scale)
    pairs = [axes.world_to_pose(turn, world[:3, 3], camera, scale)
             for turn, world, camera in zip(turns, worlds, camera_worlds, strict=True)]
    return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


def pose_head(head: bpy.types.Object, rotation: NDArray[np.floating], translation: NDArray[np.floating],
              camera_world: Array) -> None:
    """Put a head where a pose (3,), (3,) says that the camera sees it."""
    for (path, index), values in head_channels(head, rotation[None], translation[None], camera_world).items():
        getattr(head, path)[index] = values[0]


def _rotation_values(mode: str, turns: Array) -> tuple[str, Array]:
    if mode == "QUATERNION":
        return "rotation_quaternion", axes.quaternions(turns)
    if mode == "XYZ":
        return "rotation_euler", axes.euler_xyz(turns)
    if mode == "AXIS_ANGLE":
        q = axes.quaternions(turns)
        half = np.arctan2(np.linalg.norm(q[:, 1:], axis=1), q[:, 0])
        axis = np.where(half[:, None] > 1e-9, q[:, 1:] / np.maximum(np.sin(half), 1e-9)[:, None], (0.0, 0.0, 1.0))
        return "rotation_axis_angle", np.concatenate([2 * half[:, None], axis], 1)
    angles, before = [], None
    for turn in turns:
        before = Matrix(turn.tolist()).to_euler(mode, before) if before else Matrix(turn.tolist()).to_euler(mode)
        angles.append(before)
    return "rotation_euler", np.array([list(angle) for angle in angles], np.float64)


def _without_scale(matrix: Array) -> Array:
    """The rotation (3, 3) in a matrix (4, 4) of rotation and scale."""
    return np.asarray(matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0), np.float64)


def _pixels_per_millimetre(data: bpy.types.Camera, width: int, height: int) -> float:
    vertical = data.sensor_fit == "VERTICAL"
    if data.sensor_fit == "AUTO":
        return float(max(width, height) / data.sensor_width)
    return float(height / data.sensor_height if vertical else width / data.sensor_width)
