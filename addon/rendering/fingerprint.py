# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a frame that was rendered before still shows what the scene is now.

A fingerprint is a digest of what a frame is made of: render settings, camera, lights, world, materials with their
pictures, and the shape and place of everything that is rendered, as they are at that frame.
"""

import json
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from .plan import RenderPlan

VALUES = {"BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"}
IGNORED = {"rna_type", "select", "show_preview", "filepath", "users", "tag", "is_evaluated", "is_runtime_data",
           "session_uid", "use_extra_user", "use_fake_user", "preview_render_type", "name_full", "is_updated",
           "is_updated_data", "threads", "wireframe_color_type"}
"""Properties that say nothing about how a frame looks"""
IGNORED_OF_NODES = {"show_options", "show_texture", "location", "location_absolute", "width", "height", "dimensions",
                    "hide"}
FILE_NAME = "frames.json"
Digest = Any


@dataclass
class Fingerprints:
    """Fingerprints of the frames in a folder, kept in a file beside them."""

    path: Path
    known: dict[str, str]

    @classmethod
    def of(cls, plan: RenderPlan) -> "Fingerprints":
        """Those of the plan's folder; none where there is no file or it is damaged."""
        path = plan.folder / FILE_NAME
        known: dict[str, str] = {}
        with suppress(OSError, ValueError, AttributeError):
            known = {str(k): str(v) for k, v in json.loads(path.read_text(encoding="utf-8")).items()}
        return cls(path, known)

    def same(self, frame: int, now: str) -> bool:
        """Whether the frame that was rendered had this fingerprint."""
        return self.known.get(str(frame)) == now

    def note(self, frame: int, now: str) -> None:
        """Remember the fingerprint of a frame that is in its place now."""
        self.known[str(frame)] = now
        unfinished = self.path.with_name(".unfinished.json")
        unfinished.write_text(json.dumps(self.known), encoding="utf-8")
        unfinished.replace(self.path)


def fingerprint(scene: bpy.types.Scene, *more: object) -> str:
    """The fingerprint of a scene at its current frame, hexadecimal; of `more`, by its text, too."""
    digest = blake2b(repr((bpy.app.version, *more)).encode(), digest_size=16)
    render = scene.render
    for settings in (render, scene.view_settings, scene.eevee, scene.display.shading, getattr(scene, "cycles", None)):
        _add_values(digest, settings)
    graph = scene.view_layers[0].depsgraph
    seen: set[int] = set()
    _add_data(digest, graph.scene_eval.world, seen)
    for instance in graph.object_instances:
        thing = instance.object
        if not thing.hide_render:
            _add(digest, thing.type, [tuple(row) for row in instance.matrix_world])
            _add_object(digest, thing, seen)
    return digest.hexdigest()


def _add_object(digest: Digest, thing: bpy.types.Object, seen: set[int]) -> None:
    if thing.type == "MESH":
        _add_mesh(digest, thing.data, seen)
    else:
        _add_data(digest, thing.data, seen)
    for slot in thing.material_slots:
        _add_data(digest, slot.material, seen)


def _add_mesh(digest: Digest, mesh: bpy.types.Mesh, seen: set[int]) -> None:
    if _is_new(mesh, seen):
        _add_array(digest, mesh.vertices, "co", 3, np.float32)
        _add_array(digest, mesh.loops, "vertex_index", 1, np.int32)
        _add_array(digest, mesh.polygons, "material_index", 1, np.int32)
        for layer in mesh.uv_layers:
            _add_array(digest, layer.uv, "vector", 2, np.float32)


def _add_array(digest: Digest, items: Any, name: str, width: int, dtype: type) -> None:
    values: NDArray[Any] = np.empty(len(items) * width, dtype)
    items.foreach_get(name, values)
    digest.update(values.tobytes())


def _add_data(digest: Digest, data: Any, seen: set[int]) -> None:
    """A data-block's values, its nodes' and those of the pictures that they show."""
    if not _is_new(data, seen):
        return
    if isinstance(data, bpy.types.Image):
        _add_picture(digest, data)
        return
    _add_values(digest, data)
    tree = data if isinstance(data, bpy.types.NodeTree) else getattr(data, "node_tree", None)
    if tree is not None:
        _add_nodes(digest, tree, seen)


def _add_nodes(digest: Digest, tree: bpy.types.NodeTree, seen: set[int]) -> None:
    for node in tree.nodes:
        _add_values(digest, node, IGNORED_OF_NODES)
        for socket in node.inputs:
            _add(digest, socket.identifier, _plain(getattr(socket, "default_value", None)))
        for inner in ("image", "node_tree"):
            _add_data(digest, getattr(node, inner, None), seen)
        for inner in ("color_ramp", "mapping", "image_user"):
            _add_deep(digest, getattr(node, inner, None))
    for link in tree.links:
        _add(digest, link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)


def _add_deep(digest: Digest, struct: Any) -> None:
    """A struct's values and those of the lists in it."""
    if struct is not None:
        _add_values(digest, struct)
        for prop in struct.bl_rna.properties:
            if prop.type == "COLLECTION":
                for item in getattr(struct, prop.identifier):
                    _add_deep(digest, item)


def _add_picture(digest: Digest, image: bpy.types.Image) -> None:
    """How an image is read, and which state of its file."""
    _add(digest, image.name, image.source, image.alpha_mode, image.colorspace_settings.name)
    if image.packed_file is not None:
        digest.update(image.packed_file.data)
        return
    with suppress(OSError):
        found = Path(bpy.path.abspath(image.filepath, library=image.library)).stat()
        _add(digest, found.st_size, found.st_mtime_ns)


def _add_values(digest: Digest, struct: Any, ignored: AbstractSet[str] = frozenset()) -> None:
    if struct is None:
        return
    for prop in struct.bl_rna.properties:
        if prop.type in VALUES and prop.identifier not in IGNORED | ignored and \
                not getattr(prop, "is_deprecated", False):
            _add(digest, prop.identifier, _plain(getattr(struct, prop.identifier)))


def _plain(value: Any) -> Any:
    """A value whose text is always the same: arrays as tuples, sets in order, data-blocks by name."""
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, bpy.types.ID):
        return value.name
    return value if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__") else \
        [_plain(item) for item in value]


def _add(digest: Digest, *values: Any) -> None:
    digest.update(repr(values).encode("utf-8", "surrogatepass"))


def _is_new(data: Any, seen: set[int]) -> bool:
    """Whether there is a data-block that was not added yet."""
    if data is None or data.as_pointer() in seen:
        return False
    seen.add(data.as_pointer())
    return True
