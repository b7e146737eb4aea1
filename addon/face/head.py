# SPDX-License-Identifier: GPL-3.0-or-later
"""A face model as a Blender object: mesh, shape keys, UVs, materials, vertex groups."""

from collections.abc import Sequence

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.face_model import FaceModel
from ...core.fit import Fit
from . import axes
from .materials import add_vertex_colours, part_materials, slots_of
from .models import model_of, remember

Floats = NDArray[np.float32]

__all__ = ["active_head", "heads_in", "is_head", "make_head", "model_of", "set_expression", "set_source"]

SLIDER_MIN, SLIDER_MAX = -1.0, 2.0
"""Blender clamps shape keys to their sliders' limits; tracked faces go a little beyond 0 and 1."""
_WEIGHT_STEPS = 100


def make_head(model: FaceModel, *, name: str, scene: bpy.types.Scene, identity: NDArray[np.floating] | None = None,
              expression: NDArray[np.floating] | None = None, collection: bpy.types.Collection | None = None,
              model_path: str = "", texture: bpy.types.Image | None = None) -> bpy.types.Object:
    """A head at the world's origin that looks along −Y, one Blender unit long for every metre of the scene's unit.

    Args:
        identity: (S,) in σ; None is the average face.
        expression: (E,) values of the shape keys; None is at rest.
        collection: where the object is linked; None is the scene's own.
        model_path: the model's .npz file, empty for the model in the box.
        texture: the photo's colours in the model's UVs, shown in the photo's own light; None paints the head.

    Raises:
        BadInput: a coefficient vector has the wrong length; nothing was made then.
    """
    coefficients = np.zeros(len(model.identity_basis), np.float32) if identity is None else \
        np.asarray(identity, np.float32)
    rest = model.vertices(coefficients)
    if expression is not None:
        model.vertices(None, expression)
    metres_per_unit = float(scene.unit_settings.scale_length)
    mesh = bpy.data.meshes.new(name)
    head = None
    try:
        _build_surface(mesh, model, axes.to_blender(rest, metres_per_unit))
        for material in part_materials(model, name, texture, metres_per_unit):
            mesh.materials.append(material)
        add_vertex_colours(mesh, model)
        head = bpy.data.objects.new(name, mesh)
        _add_shape_keys(head, model, axes.to_blender(rest, metres_per_unit), metres_per_unit)
        _add_vertex_groups(head, model)
        _describe(mesh, model, coefficients, model_path, metres_per_unit)
        if texture is not None:
            mesh.mien.photo_light = 1.0
        if expression is not None:
            set_expression(mesh, dict(zip(model.expression_names, map(float, expression), strict=True)))
        (collection or scene.collection).objects.link(head)
    except BaseException:
        _discard(head, mesh)
        raise
    remember(model)
    return head


def set_expression(mesh: bpy.types.Mesh, values: dict[str, float]) -> None:
    """Set shape keys by name, widening a slider's limits where a value lies outside; unknown names are left out."""
    keys = mesh.shape_keys.key_blocks if mesh.shape_keys else {}
    for name, value in values.items():
        if name in keys:
            key = keys[name]
            key.slider_min, key.slider_max = min(key.slider_min, value), max(key.slider_max, value)
            key.value = value


def set_source(mesh: bpy.types.Mesh, source: str, fit: Fit | None = None) -> None:
    """Note what a face was made from, how sure its fit is, for the panel to show, and what the person agreed to."""
    mesh.mien.source, mesh.mien.consent = source, fit.consent if fit else ""
    mesh.mien.confidence = fit.confidence if fit else 0.0
    mesh.mien.warnings = "\n".join(fit.warnings) if fit else ""


def is_head(candidate: bpy.types.Object | None) -> bool:
    """Whether an object is a Mien head."""
    return candidate is not None and candidate.type == "MESH" and candidate.data.mien.is_head


def heads_in(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Every Mien head of the scene."""
    return [candidate for candidate in context.scene.objects if is_head(candidate)]


def active_head(context: bpy.types.Context) -> bpy.types.Object | None:
    """The active object if it is a Mien head, else None."""
    candidate = context.active_object
    return candidate if is_head(candidate) else None


def expression_names(mesh: bpy.types.Mesh) -> tuple[str, ...]:
    """Names of a mesh's shape keys in their order, without the basis."""
    if not mesh.shape_keys:
        return ()
    return tuple(key.name for key in mesh.shape_keys.key_blocks if key != mesh.shape_keys.reference_key)


def _build_surface(mesh: bpy.types.Mesh, model: FaceModel, points: Floats) -> None:
    count = len(model.triangles)
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.loops.add(3 * count)
    mesh.loops.foreach_set("vertex_index", np.ascontiguousarray(model.triangles, np.int32).ravel())
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    mesh.polygons.foreach_set("material_index", slots_of(model))
    mesh.uv_layers.new(name="UVMap").uv.foreach_set("vector", model.uv[model.uv_triangles].ravel())
    mesh.update(calc_edges=True)
    mesh.shade_smooth()


def _add_shape_keys(head: bpy.types.Object, model: FaceModel, points: Floats, metres_per_unit: float) -> None:
    head.shape_key_add(name="Basis", from_mix=False)
    offsets = axes.to_blender(model.expression_basis, metres_per_unit)
    for name, offset in zip(model.expression_names, offsets, strict=True):
        key = head.shape_key_add(name=name, from_mix=False)
        key.points.foreach_set("co", (points + offset).ravel())
        key.slider_min, key.slider_max = SLIDER_MIN, SLIDER_MAX
        key.value = 0.0


def _add_vertex_groups(head: bpy.types.Object, model: FaceModel) -> None:
    """One group for each region; weights in steps of a hundredth, for Blender takes them only one value a call."""
    for name, weights in model.regions.items():
        group = head.vertex_groups.new(name=name)
        steps = np.rint(np.clip(weights, 0, 1) * _WEIGHT_STEPS).astype(int)
        order = np.argsort(steps, kind="stable")
        levels, starts = np.unique(steps[order], return_index=True)
        for level, members in zip(levels, np.split(order, starts[1:]), strict=True):
            if level:
                group.add(members.tolist(), level / _WEIGHT_STEPS, "REPLACE")


def _describe(mesh: bpy.types.Mesh, model: FaceModel, identity: Floats, model_path: str,
              metres_per_unit: float) -> None:
    head = mesh.mien
    head.is_head = True
    head.model_name, head.model_hash, head.model_path = model.name, model.hash, model_path
    head.metres_per_unit = metres_per_unit
    for _ in identity:
        head.identity.add()
    head.identity.foreach_set("applied", identity)
    head.identity.foreach_set("value", identity)


def _discard(head: bpy.types.Object | None, mesh: bpy.types.Mesh) -> None:
    materials: Sequence[bpy.types.Material] = [m for m in mesh.materials if m]
    if head is not None:
        bpy.data.objects.remove(head)
    bpy.data.meshes.remove(mesh)
    bpy.data.batch_remove([m for m in dict.fromkeys(materials) if not m.users])
