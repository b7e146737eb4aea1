# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a head: changing it moves the basis and every shape key by the same offset.

So whatever was sculpted into the basis or a key, and keys of the user's own, stay as they are on top of it.
"""

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput, MienError
from ...core.face_model import FaceModel
from . import axes
from .models import check_topology, model_of

Floats = NDArray[np.float32]


def identity_of(mesh: bpy.types.Mesh) -> Floats:
    """The coefficients (S,) that the mesh is shaped by, in σ."""
    return _read(mesh, "applied")


def set_identity(mesh: bpy.types.Mesh, values: NDArray[np.floating]) -> None:
    """Give a head another identity (S,) in σ, all coefficients in one go.

    Raises:
        BadInput: the mesh cannot be reshaped now (see `why_fixed`), its model cannot be found, or the number of
            coefficients is wrong.
    """
    values = np.asarray(values, np.float32)
    count = len(mesh.mien.identity)
    if values.shape != (count,) or not np.isfinite(values).all():
        raise BadInput(f"An identity of “{mesh.name}” is {count} finite numbers.")
    model = check_reshapable(mesh)
    _reshape(mesh, model, values)
    mesh.mien.identity.foreach_set("value", values)


def random_identity(mesh: bpy.types.Mesh, seed: int, strength: float = 1.0) -> None:
    """Give a head an identity drawn from the model's own distribution, the same for the same seed."""
    drawn = np.random.default_rng(seed).standard_normal(len(mesh.mien.identity)) * strength
    set_identity(mesh, np.clip(drawn, -3, 3).astype(np.float32))


def why_fixed(mesh: bpy.types.Mesh) -> str:
    """One sentence why the identity cannot be changed now; empty when it can. Loads nothing."""
    if mesh.library is not None or mesh.override_library is not None or not mesh.is_editable:
        return f"“{mesh.name}” belongs to another file; make it local to change its identity."
    if mesh.is_editmode:
        return f"“{mesh.name}” is being edited; leave Edit Mode to change its identity."
    return ""


def on_slider(coefficient: Any, context: bpy.types.Context) -> None:
    """Follow a slider; where the mesh cannot follow, the slider goes back and the reason is shown."""
    mesh = coefficient.id_data
    if not isinstance(mesh, bpy.types.Mesh) or coefficient.value == coefficient.applied:
        return
    try:
        _reshape(mesh, check_reshapable(mesh), _read(mesh, "value"))
    except MienError as error:
        coefficient.value = coefficient.applied
        _show(context, str(error))


def check_reshapable(mesh: bpy.types.Mesh) -> FaceModel:
    """The face model of a mesh whose identity can be changed now.

    Raises:
        BadInput: the mesh is another file's, is in Edit Mode, has other vertices than its model, or its model
            cannot be found.
    """
    reason = why_fixed(mesh)
    if reason:
        raise BadInput(reason)
    model = model_of(mesh)
    check_topology(mesh, model)
    return model


def _reshape(mesh: bpy.types.Mesh, model: FaceModel, values: Floats) -> None:
    """Move basis and keys from the identity that they have to `values`."""
    change = values - _read(mesh, "applied")
    moved = np.flatnonzero(change)
    if not len(moved):
        return
    offset = np.tensordot(change[moved], model.identity_basis[moved], 1)
    _add(mesh, axes.to_blender(offset, mesh.mien.metres_per_unit).ravel())
    mesh.mien.identity.foreach_set("applied", values)
    mesh.update()


def _add(mesh: bpy.types.Mesh, offset: Floats) -> None:
    """Move every shape key; the mesh's own vertices are where Blender keeps them, on the basis."""
    points = np.empty_like(offset)
    keys = mesh.shape_keys
    for key in keys.key_blocks if keys else ():
        key.points.foreach_get("co", points)
        points += offset
        key.points.foreach_set("co", points)
    if keys:
        keys.reference_key.points.foreach_get("co", points)
    else:
        mesh.vertices.foreach_get("co", points)
        points += offset
    mesh.vertices.foreach_set("co", points)


def _read(mesh: bpy.types.Mesh, name: str) -> Floats:
    values = np.empty(len(mesh.mien.identity), np.float32)
    mesh.mien.identity.foreach_get(name, values)
    return values


def _show(context: bpy.types.Context, message: str) -> None:
    """A note at the mouse, for callbacks cannot report; without a window it goes to the console."""
    manager = context.window_manager
    if bpy.app.background or not manager.windows:
        print(message)
        return
    manager.popup_menu(lambda menu, _context: menu.layout.label(text=message), title="Mien", icon="ERROR")
