# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage: the camera that took a picture, the picture behind the head, and the frame that they fill together."""

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.camera import Camera
from ...core.fit import Fit
from . import axes, pose
from .backdrop import show_behind

SENSOR = 36.0
"""Millimetres along the longer side"""


def match_fit(head: bpy.types.Object, fit: Fit, scene: bpy.types.Scene, *, picture: bpy.types.Image | None = None,
              set_resolution: bool = True) -> bpy.types.Object:
    """Give a head the camera of its fit: the head stays in its place, turned as in the picture.

    Args:
        picture: shown behind the head in the camera's view; upright, as it was fitted.
        set_resolution: render at the picture's size.

    Returns:
        the camera, which is the scene's and the head's from now on.
    """
    camera = make_stage(head, fit.camera, fit.translation, scene)
    pose.pose_head(head, fit.rotation, fit.translation, pose.world_matrix(camera))
    if picture is not None:
        show_behind(camera, picture)
    if set_resolution:
        set_frame(scene, camera)
    return camera


def make_stage(head: bpy.types.Object, camera: Camera, translation: NDArray[np.floating],
               scene: bpy.types.Scene) -> bpy.types.Object:
    """An untilted camera that sees the head, where it is now, at `translation` (3,) metres.

    The head's own earlier camera is used again when it was made here and no other head reads its pose against it.
    """
    units = pose.metres_per_unit(head)
    made = _camera_to_reuse(head) or _new_camera(head, scene)
    set_lens(made.data, camera)
    place = (pose.parent_matrix(head) @ np.array(head.matrix_basis))[:3, 3]
    world = axes.stage_matrix(place, translation, units)
    made.rotation_mode = "XYZ"
    made.location, made.rotation_euler = world[:3, 3], axes.euler_xyz(world[None, :3, :3])[0]
    distance = float(translation[2]) / units
    made.data.clip_start, made.data.clip_end = distance / 100, distance * 1000
    made.data.display_size = distance / 5
    head.mien.camera = made
    scene.camera = made
    return made


def set_lens(data: bpy.types.Camera, camera: Camera) -> None:
    """Give a Blender camera the field of view of a picture, and note the picture's size on it."""
    data.type = "PERSP"
    data.lens_unit = "MILLIMETERS"
    data.sensor_fit = "HORIZONTAL" if camera.width >= camera.height else "VERTICAL"
    data.sensor_width = data.sensor_height = SENSOR
    data.lens = SENSOR * camera.focal / max(camera.width, camera.height)
    data.shift_x = data.shift_y = 0.0
    data.mien.width, data.mien.height = camera.width, camera.height
    data.mien.projection = camera.projection


def set_frame(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    """Render at the size of the picture that a camera stands for."""
    render, size = scene.render, camera.data.mien
    if size.width and size.height:
        render.resolution_x, render.resolution_y, render.resolution_percentage = size.width, size.height, 100
        render.pixel_aspect_x = render.pixel_aspect_y = 1.0


def _camera_to_reuse(head: bpy.types.Object) -> bpy.types.Object | None:
    camera = head.mien.camera
    if camera is None or camera.type != "CAMERA" or not camera.data.mien.width or camera.library is not None:
        return None
    shared = any(other != head and other.mien.camera == camera for other in bpy.data.objects)
    return None if shared or camera.animation_data or camera.parent or camera.constraints else camera


def _new_camera(head: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object:
    name = f"{head.name} Camera"
    made = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    collections = [c for c in head.users_collection if c.library is None]
    (collections[0] if collections else scene.collection).objects.link(made)
    return made
