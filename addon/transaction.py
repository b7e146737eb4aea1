# SPDX-License-Identifier: GPL-3.0-or-later
"""All or nothing: what is made or set in a block of code is taken back when the block fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from .face.identity import identity_of, set_identity

_COLLECTIONS = ("objects", "meshes", "materials", "images", "cameras", "lights", "actions", "movieclips")
_SCENE = ("camera", "frame_start", "frame_end", "frame_current")
_RENDER = ("resolution_x", "resolution_y", "resolution_percentage", "pixel_aspect_x", "pixel_aspect_y", "fps",
           "fps_base")
_OBJECT = ("location", "rotation_euler", "rotation_quaternion", "rotation_mode")
_CAMERA = ("type", "lens_unit", "sensor_fit", "sensor_width", "sensor_height", "lens", "shift_x", "shift_y",
           "clip_start", "clip_end", "display_size", "show_background_images")
_CAMERA_NOTES = ("width", "height", "projection")

_Saved = list[tuple[Any, str, Any]]


@contextmanager
def all_or_nothing(scene: bpy.types.Scene, head: bpy.types.Object | None = None) -> Iterator[None]:
    """Take back new data-blocks, and what was set on the scene, the head and its camera, when the block fails."""
    before = _existing()
    saved = _values(scene, _SCENE) + _values(scene.render, _RENDER)
    identity = identity_of(head.data) if head else None
    if head:
        saved += _head_values(head)
    try:
        yield
    except BaseException:
        for owner, name, value in saved:
            setattr(owner, name, value)
        if head and identity is not None and (identity_of(head.data) != identity).any():
            set_identity(head.data, identity)
        bpy.data.batch_remove([block for block in _blocks() if block.session_uid not in before])
        raise


def _blocks() -> list[Any]:
    return [block for name in _COLLECTIONS for block in getattr(bpy.data, name)]


def _existing() -> set[int]:
    return {block.session_uid for block in _blocks()}


def _head_values(head: bpy.types.Object) -> _Saved:
    saved = _values(head, _OBJECT) + _values(head.mien, ("camera",))
    for block in (head, head.data.shape_keys):
        data = block.animation_data if block else None
        if data:
            saved += _values(data, ("action", "action_slot") if hasattr(data, "action_slot") else ("action",))
    if head.data.shape_keys:
        for key in head.data.shape_keys.key_blocks:
            saved += _values(key, ("slider_min", "slider_max", "value"))
    camera = head.mien.camera
    if camera is not None and camera.type == "CAMERA":
        saved += _values(camera, _OBJECT) + _values(camera.data, _CAMERA) + _values(camera.data.mien, _CAMERA_NOTES)
    return saved


def _values(owner: Any, names: tuple[str, ...]) -> _Saved:
    """Attributes as they are now; vectors as copies."""
    values = ((name, getattr(owner, name)) for name in names)
    return [(owner, name, value.copy() if hasattr(value, "copy") and not isinstance(value, bpy.types.ID) else value)
            for name, value in values]
