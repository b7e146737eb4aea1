# SPDX-License-Identifier: GPL-3.0-or-later
"""Where new heads go, what is selected, and what the 3D view looks through."""

import os
from collections.abc import Sequence

import bpy
from mathutils import Vector

_TINY, _NEAR = 8.0, 2.5
"""A view further away than so many sizes of a thing is far; so near it comes"""


def chosen_files(filepath: str, directory: str, names: Sequence[str]) -> list[str]:
    """Absolute paths of what a file browser or a drop chose; `filepath` alone when there is no list."""
    found = [os.path.join(bpy.path.abspath(directory), name) for name in names if name] if directory else []  # noqa: PTH118
    if not found and filepath and not filepath.endswith(("/", os.sep)):
        found = [bpy.path.abspath(filepath)]
    return [os.path.abspath(path) for path in found]  # noqa: PTH100


def collection_for(context: bpy.types.Context, scene: bpy.types.Scene) -> bpy.types.Collection:
    """The active collection if it is of this scene and may be changed, else the scene's own."""
    active = context.collection if context.scene == scene else None
    return active if active is not None and active.library is None else scene.collection


def layer_of(context: bpy.types.Context, scene: bpy.types.Scene) -> bpy.types.ViewLayer:
    """The view layer that is seen of a scene, its first where another scene is seen."""
    return context.view_layer if context.scene == scene else scene.view_layers[0]


def select_only(context: bpy.types.Context, scene: bpy.types.Scene, head: bpy.types.Object) -> None:
    """Make a head the active object, as Blender does with what was just added."""
    layer = layer_of(context, scene)
    layer.update()  # before it the layer does not know new objects
    if head.name not in layer.objects or (layer.objects.active and layer.objects.active.mode != "OBJECT"):
        return
    for other in layer.objects:
        other.select_set(other == head, view_layer=layer)
    layer.objects.active = head


def come_near(context: bpy.types.Context, thing: bpy.types.Object) -> None:
    """Move the 3D view to an object that is tiny in it; a view through a camera stays."""
    area = _view_of(context)
    if area is None:
        return
    view = area.spaces.active.region_3d
    size = max(thing.dimensions)
    if view.view_perspective == "CAMERA" or view.view_distance < _TINY * size:
        return
    context.view_layer.update()
    low, high = (thing.matrix_world @ Vector(pick(corner) for corner in zip(*thing.bound_box, strict=True))
                 for pick in (min, max))
    view.view_location = (low + high) / 2
    view.view_distance = _NEAR * size


def look_through_camera(context: bpy.types.Context, scene: bpy.types.Scene, head: bpy.types.Object) -> None:
    """Turn the 3D view that the operator came from, or the largest one, to the scene's camera.

    A solid view shows the head's picture from then on; flat where it is of a photo, for the photo's light is in it.
    """
    window = context.window
    if window is None or window.scene != scene:
        return
    area = _view_of(context)
    if area is None:
        return
    space = area.spaces.active
    space.region_3d.view_perspective = "CAMERA"
    if space.shading.type == "SOLID":
        space.shading.color_type = "TEXTURE"
        if head.data.mien.photo_light > 0:
            space.shading.light = "FLAT"


def _view_of(context: bpy.types.Context) -> bpy.types.Area | None:
    """The 3D view that an operator came from, else the largest."""
    if context.window is None:
        return None
    views = [area for area in context.window.screen.areas if area.type == "VIEW_3D"]
    return context.area if context.area in views else max(views, key=lambda a: a.width * a.height, default=None)
