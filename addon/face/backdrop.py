# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture or clip behind a head: in the camera's view, and as a plane that renders."""

import bpy
import numpy as np

from ...core.errors import BadInput

PLANE_TAG = "mien_backdrop"
"""Custom property of a backdrop's object"""
_BEHIND = 10.0
"""How much farther than the head the backdrop stands"""
_MARGIN = 0.03
"""How far it goes beyond the frame on each side, so that the frame's own edge is covered whole"""
_RAYS = ("visible_diffuse", "visible_glossy", "visible_transmission", "visible_volume_scatter", "visible_shadow")


def load_picture(path: str) -> bpy.types.Image:
    """A photo or a video file as an image, loaded once.

    Raises:
        BadInput: Blender cannot read the file.
    """
    try:
        return bpy.data.images.load(path, check_existing=True)
    except RuntimeError as error:
        raise BadInput(f"Blender cannot read {path}; choose a photo or a video that it can show.") from error


def show_behind(camera: bpy.types.Object, picture: bpy.types.Image, *, start_frame: int = 1, frames: int = 1,
                rate: float = 1.0) -> None:
    """Show a picture behind everything in the camera's view, in place of the one shown before.

    Args:
        start_frame, frames: when a clip begins, and how many of its frames there are.
        rate: frames of the clip for each frame of the scene.
    """
    data = camera.data
    data.background_images.clear()
    view = data.background_images.new()
    view.image, view.alpha, view.display_depth, view.frame_method = picture, 1.0, "BACK", "FIT"
    data.show_background_images = True
    if picture.source == "MOVIE":
        _play(view.image_user, data, "background_images[0].image_user", start_frame, frames, rate)


def backdrop_of(camera: bpy.types.Object) -> bpy.types.Object | None:
    """The plane that was made for this camera, if there is one."""
    return next((child for child in camera.children if PLANE_TAG in child), None)


def make_backdrop(camera: bpy.types.Object, picture: bpy.types.Image, scene: bpy.types.Scene, *, distance: float,
                  start_frame: int = 1, frames: int = 1, rate: float = 1.0) -> bpy.types.Object:
    """A plane behind the head that fills the camera's frame with a picture, seen by the camera alone.

    It takes the place of the plane that this camera had. Its light is the picture's own, so it renders as it is
    with the view transform “Standard”.

    Args:
        distance: of the head from the camera, in Blender units.
        start_frame, frames, rate: of a clip, as in `show_behind`.
    """
    remove_backdrop(camera)
    name = f"{camera.name} Backdrop"
    mesh = bpy.data.meshes.new(name)
    _build_plane(mesh, _corners(camera.data, distance * _BEHIND, scene))
    mesh.materials.append(_light_of(picture, name, start_frame, frames, rate))
    plane = bpy.data.objects.new(name, mesh)
    plane[PLANE_TAG] = True
    plane.parent = camera
    plane.hide_select = True
    for ray in _RAYS:
        setattr(plane, ray, False)
    (camera.users_collection or (scene.collection,))[0].objects.link(plane)
    camera.data.clip_end = max(camera.data.clip_end, distance * _BEHIND * 2)
    return plane


def remove_backdrop(camera: bpy.types.Object) -> None:
    """Remove the camera's plane with its mesh and material, where there is one."""
    plane = backdrop_of(camera)
    if plane is None:
        return
    mesh, materials = plane.data, [m for m in plane.data.materials if m]
    bpy.data.objects.remove(plane)
    bpy.data.meshes.remove(mesh)
    bpy.data.batch_remove([material for material in materials if not material.users])


def _corners(data: bpy.types.Camera, distance: float, scene: bpy.types.Scene) -> np.ndarray:
    """Corners (4, 3) of the frame in camera space, counter-clockwise from the lower left."""
    width, height = data.mien.width, data.mien.height
    if not (width and height):
        width, height = scene.render.resolution_x, scene.render.resolution_y
    vertical = data.sensor_fit == "VERTICAL" or (data.sensor_fit == "AUTO" and height > width)
    sensor = data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width
    pixel = distance * sensor / data.lens / (height if vertical else width)
    x, y = width * pixel / 2, height * pixel / 2
    corners = np.array([(-x, -y), (x, -y), (x, y), (-x, y)]) * (1 + 2 * _MARGIN)
    corners += 2 * pixel * max(width, height) * np.array([data.shift_x, data.shift_y]) / 2
    return np.concatenate([corners, np.full((4, 1), -distance)], 1).astype(np.float32)


def _build_plane(mesh: bpy.types.Mesh, corners: np.ndarray) -> None:
    low, high = -_MARGIN, 1 + _MARGIN
    mesh.from_pydata(corners.tolist(), [], [(0, 1, 2, 3)])
    mesh.uv_layers.new(name="UVMap").uv.foreach_set("vector", np.array(
        [low, low, high, low, high, high, low, high], np.float32))


def _light_of(picture: bpy.types.Image, name: str, start_frame: int, frames: int, rate: float) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before Blender 5
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture, light, output = (tree.nodes.new(f"ShaderNode{kind}") for kind in ("TexImage", "Emission",
                                                                              "OutputMaterial"))
    texture.location, light.location, output.location = (-300, 0), (0, 0), (200, 0)
    texture.image, texture.extension = picture, "EXTEND"
    tree.links.new(light.inputs["Color"], texture.outputs["Color"])
    tree.links.new(output.inputs["Surface"], light.outputs["Emission"])
    tree.nodes.active = texture
    if picture.source == "MOVIE":
        _play(texture.image_user, tree, f'nodes["{texture.name}"].image_user', start_frame, frames, rate)
    return material


def _play(user: bpy.types.ImageUser, owner: bpy.types.ID, path: str, start_frame: int, frames: int,
          rate: float) -> None:
    """Let a clip run from `start_frame`, its frames skipped or repeated where its rate is not the scene's.

    Blender shows the clip's frame (scene frame − start + 1 + offset); where the rates differ, the offset is driven
    so that the nearest frame shows.
    """
    user.frame_start, user.frame_duration = start_frame, frames
    user.use_auto_refresh = True
    user.frame_offset = 0
    owner.driver_remove(f"{path}.frame_offset")
    if abs(rate - 1) > 1e-6:
        # A clip lasts longer in the scene than it has frames when the scene is faster; the offset keeps it inside.
        user.frame_duration = max(frames, int(np.ceil(frames / rate)) + 1)
        driver = owner.driver_add(f"{path}.frame_offset").driver
        driver.type = "SCRIPTED"
        shown = f"max(frame - {start_frame}, 0)"
        driver.expression = f"floor({shown} * {rate!r} + 0.5) - {shown}"
