# SPDX-License-Identifier: GPL-3.0-or-later
"""Which face model a mesh was made from, loaded once for each session."""

from pathlib import Path

import bpy

from ...core.errors import BadInput
from ...core.face_model import FaceModel
from ...core.model_files import default_model, load_model

_loaded: dict[str, FaceModel] = {}


def model_of(mesh: bpy.types.Mesh) -> FaceModel:
    """The face model of a head's mesh.

    Raises:
        BadInput: the mesh is not a Mien head, or the model's file is gone, damaged, or another model now.
    """
    head = mesh.mien
    if not head.is_head:
        raise BadInput(f"“{mesh.name}” is not a Mien head; choose one that was made with Add ▸ Mesh ▸ Mien Face.")
    if head.model_hash not in _loaded:
        path = Path(bpy.path.abspath(head.model_path, library=mesh.library)) if head.model_path else None
        remember(_read(mesh, path))
    return _loaded[head.model_hash]


def engine_path(head: bpy.types.Object) -> str | None:
    """The file of a head's face model for the engine, None for the model in the box."""
    model_of(head.data)
    path = head.data.mien.model_path
    return bpy.path.abspath(path, library=head.data.library) if path else None


def check_topology(mesh: bpy.types.Mesh, model: FaceModel) -> None:
    """Refuse a mesh whose vertices are not the model's any more.

    Raises:
        BadInput: the number of vertices differs.
    """
    if len(mesh.vertices) != model.vertex_count:
        raise BadInput(f"The mesh of “{mesh.name}” was edited: it has {len(mesh.vertices)} vertices, its face model "
                       f"{model.vertex_count}, so its identity stays as it is.")


def remember(model: FaceModel) -> None:
    """Keep a model, so that heads made from it find it without its file for as long as this Blender runs."""
    _loaded[model.hash] = model


def forget() -> None:
    """Let go of every model but the one in the box."""
    _loaded.clear()


def _read(mesh: bpy.types.Mesh, path: Path | None) -> FaceModel:
    head = mesh.mien
    if path is not None and not path.is_file():
        raise BadInput(f"The face model of “{mesh.name}” is not at {path} any more; put it back or choose its new "
                       "place in the panel's Model file.")
    model = default_model() if path is None else load_model(path)
    if model.hash != head.model_hash:
        raise BadInput(f"“{mesh.name}” was made from another version of the face model {head.model_name}; choose its "
                       "file in the panel's Model file, or make the head anew.")
    return model
