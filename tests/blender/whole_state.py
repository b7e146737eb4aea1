# SPDX-License-Identifier: Apache-2.0
"""Everything of a .blend that our operators can change, as plain values that can be compared after undo."""

import hashlib
from collections.abc import Iterator
from typing import Any

import bpy
import numpy as np
from mien.addon.face.identity import identity_of

_PLAIN = ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM")
_PASSING = {"is_evaluated", "is_runtime_data", "use_extra_user", "tag", "users", "bindcode", "select",
            "wireframe_color_type", "is_dirty", "has_data", "session_uid", "frame_current_final", "is_tag",
            "is_updated", "is_updated_data", "matrix_world", "matrix_local", "bound_box", "dimensions"}
"""What says how Blender works just now or follows from the rest, not what is in the file"""


def whole_state() -> dict[str, Any]:
    """How many data-blocks there are of every kind, and what those say that we make or change."""
    bpy.context.view_layer.update()
    counts = {name: len(getattr(bpy.data, name)) for name in dir(bpy.data)
              if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection) and name != "window_managers"}
    active = bpy.context.view_layer.objects.active
    state: dict[str, Any] = {"counts": counts, "active": active.name if active else ""}
    for kind, values in (("objects", _object), ("meshes", _mesh), ("shape_keys", _shape_keys), ("actions", _action),
                         ("scenes", _scene), ("cameras", _camera), ("materials", _named), ("images", _image)):
        for block in getattr(bpy.data, kind):
            if block.name != "Render Result":
                state |= {f"{kind}/{block.name}/{name}": value for name, value in values(block)}
    return state


def differences(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What is not the same in two states."""
    return {name: (first.get(name), second.get(name)) for name in sorted(first.keys() | second.keys())
            if not _same(first.get(name), second.get(name))}


def _same(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else a == b


def plain(owner: Any) -> Iterator[tuple[str, Any]]:
    """Every plain property of something, and the names of the data-blocks that it points to."""
    for prop in owner.bl_rna.properties:
        name = prop.identifier
        if name in _PASSING or name == "name_full" or getattr(prop, "is_deprecated", False):
            continue
        value = getattr(owner, name)
        if prop.type in _PLAIN:
            yield name, value if isinstance(value, str | int | float | bool | set) else tuple(np.ravel(value))
        elif prop.type == "POINTER" and isinstance(value, bpy.types.ID):
            yield name, value.name


def _object(block: bpy.types.Object) -> Iterator[tuple[str, Any]]:
    yield from plain(block)
    yield "camera", block.mien.camera.name if block.mien.camera else ""
    yield "groups", tuple(group.name for group in block.vertex_groups)
    yield "selected", block.select_get() if block.name in bpy.context.view_layer.objects else None
    yield from _animation(block)


def _mesh(block: bpy.types.Mesh) -> Iterator[tuple[str, Any]]:
    yield "materials", tuple(material.name if material else "" for material in block.materials)
    points = np.empty(3 * len(block.vertices), np.float32)
    block.vertices.foreach_get("co", points)
    yield "points", points
    if block.mien.is_head:
        yield from ((f"mien.{name}", value) for name, value in plain(block.mien))
        yield "identity", identity_of(block)
        yield "applied", np.array([one.applied for one in block.mien.identity])


def _shape_keys(block: bpy.types.Key) -> Iterator[tuple[str, Any]]:
    for key in block.key_blocks:
        points = np.empty(3 * len(key.data), np.float32)
        key.points.foreach_get("co", points)
        yield key.name, (key.value, key.slider_min, key.slider_max, key.mute, hashlib.sha256(points).hexdigest())
    yield from _animation(block)


def _animation(block: Any) -> Iterator[tuple[str, Any]]:
    data = block.animation_data
    if data is None:
        return
    yield "action", data.action.name if data.action else ""
    yield "slot", data.action_slot.identifier if getattr(data, "action_slot", None) else ""
    yield "nla", tuple((track.name, track.mute, strip.name, strip.frame_start, strip.frame_end, strip.blend_type,
                        strip.influence, strip.action.name) for track in data.nla_tracks for strip in track.strips)
    yield "drivers", tuple(driver.data_path for driver in data.drivers)


def _action(block: bpy.types.Action) -> Iterator[tuple[str, Any]]:
    yield "fake_user", block.use_fake_user
    yield "noted", {name: getattr(block[name], "name", block[name]) for name in block.keys()}  # noqa: SIM118
    for curve in _fcurves(block):
        keys = np.empty(2 * len(curve.keyframe_points), np.float32)
        left, right = keys.copy(), keys.copy()
        for name, into in (("co", keys), ("handle_left", left), ("handle_right", right)):
            curve.keyframe_points.foreach_get(name, into)
        yield f"{curve.data_path}[{curve.array_index}]", np.stack([keys, left, right])
        yield f"{curve.data_path}[{curve.array_index}] group", (curve.group.name if curve.group else "",
                                                                tuple(curve.color))


def _fcurves(action: bpy.types.Action) -> list[bpy.types.FCurve]:
    if not hasattr(action, "layers"):
        return list(action.fcurves)
    return [curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags
            for curve in bag.fcurves]


def _scene(block: bpy.types.Scene) -> Iterator[tuple[str, Any]]:
    yield from plain(block)
    yield from ((f"render.{name}", value) for name, value in plain(block.render))
    yield from ((f"unit.{name}", value) for name, value in plain(block.unit_settings))


def _camera(block: bpy.types.Camera) -> Iterator[tuple[str, Any]]:
    yield from plain(block)
    yield from ((f"mien.{name}", value) for name, value in plain(block.mien))
    yield "behind", tuple(view.image.name if view.image else "" for view in block.background_images)


def _image(block: bpy.types.Image) -> Iterator[tuple[str, Any]]:
    yield "file", (block.filepath, block.source, tuple(block.size),
                   hashlib.sha256(block.packed_file.data).hexdigest() if block.packed_file else "")


def _named(block: bpy.types.ID) -> Iterator[tuple[str, Any]]:
    yield "exists", True
