# SPDX-License-Identifier: GPL-3.0-or-later
"""A head as .glb by Blender's own exporter: morph targets by their ARKit names, the animation, the place it is in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ...core.errors import BadInput, CannotWrite, MissingPart
from ...core.files import atomic_write
from ..face.materials import scene_lit
from ..operator import HeadOperator, head_of
from .glb import read_document, scale_scenes, write_document

SETTINGS = {
    "export_format": "GLB", "use_selection": True, "export_yup": True, "export_apply": False,
    "export_morph": True, "export_morph_normal": True, "export_morph_tangent": False,
    "export_try_sparse_sk": True, "export_try_omit_sparse_sk": False,
    "export_materials": "EXPORT", "export_image_format": "AUTO", "export_texcoords": True, "export_normals": True,
    "export_cameras": False, "export_lights": False, "export_skins": False, "export_extras": False,
}
ANIMATION = {
    "export_animations": True, "export_animation_mode": "SCENE", "export_anim_scene_split_object": False,
    "export_force_sampling": True, "export_frame_range": True, "export_frame_step": 1,
    "export_anim_slide_to_zero": True, "export_negative_frame": "SLIDE", "export_optimize_animation_size": False,
    "export_morph_animation": True, "export_bake_animation": False,
}


def export_gltf(head: bpy.types.Object, path: Path, *, animation: bool = True) -> None:
    """Write a head to a .glb file, in metres; with its animation over the scene's frame range.

    Raises:
        BadInput: the name does not end in .glb, or the head cannot be selected in this view.
        CannotWrite: the file cannot be written; one of that name stays as it was.
        MissingPart: Blender's glTF exporter is switched off.
    """
    if path.suffix.lower() != ".glb":
        raise BadInput(f"A head is exported as .glb, not as {path.suffix or 'a file without suffix'}.")
    if "gltf" not in dir(bpy.ops.export_scene):
        raise MissingPart("Blender's glTF exporter is switched off; switch it on in Preferences ▸ Add-ons.")
    chosen = {**SETTINGS, **(ANIMATION if animation and _moves(head) else {"export_animations": False})}
    known = bpy.ops.export_scene.gltf.get_rna_type().properties.keys()
    with _only_selected(head), scene_lit(head.data), atomic_write(path) as unfinished:
        try:
            bpy.ops.export_scene.gltf(filepath=str(unfinished), check_existing=False,
                                      **{name: value for name, value in chosen.items() if name in known})
        except RuntimeError as error:
            raise CannotWrite(f"Blender could not export “{head.name}”: {str(error).strip()}") from error
        _complete(unfinished, head.data.mien)


def _moves(head: bpy.types.Object) -> bool:
    """Whether a head may be animated; of a still one some versions would write an animation that stands still."""
    owners = (head, head.data.shape_keys)
    return any(owner is not None and owner.animation_data is not None for owner in owners) or \
        head.parent is not None or len(head.constraints) > 0


def _complete(path: Path, data: bpy.types.PropertyGroup) -> None:
    """glTF counts in metres, Blender's exporter in its own units; and it does not know of the consent."""
    in_metres, consent = abs(data.metres_per_unit - 1) < 1e-9, data.consent.strip()
    if in_metres and not consent:
        return
    document, rest = read_document(path)
    if not in_metres:
        scale_scenes(document, data.metres_per_unit)
    if consent:
        document["asset"]["extras"] = {"consent": consent}
    write_document(path, document, rest)


@contextmanager
def _only_selected(head: bpy.types.Object) -> Iterator[None]:
    """The head as the only selected object; the selection and the current frame come back after."""
    layer, scene = bpy.context.view_layer, bpy.context.scene
    before = [thing for thing in layer.objects if thing.select_get()]
    active, frame = layer.objects.active, (scene.frame_current, scene.frame_subframe)
    try:
        for thing in before:
            thing.select_set(False)
        if head.name not in layer.objects or not _select(head):
            raise BadInput(f"“{head.name}” is hidden or not in this view layer; show it first.")
        layer.objects.active = head
        yield
    finally:
        for thing in layer.objects:
            thing.select_set(thing in before)
        layer.objects.active = active
        if (scene.frame_current, scene.frame_subframe) != frame:
            scene.frame_set(frame[0], subframe=frame[1])


def _select(head: bpy.types.Object) -> bool:
    head.select_set(True)
    return bool(head.select_get())


class MIEN_OT_export_gltf(HeadOperator, bpy.types.Operator, ExportHelper):
    """Write the active face to a glTF file (.glb) with its ARKit shape keys and its animation"""

    bl_idname = "mien.export_gltf"
    bl_label = "Export Mien Face (.glb)"
    bl_options = {"REGISTER"}
    filename_ext = ".glb"

    filter_glob: StringProperty(default="*.glb", options={"HIDDEN"})
    animation: BoolProperty(name="Animation", default=True,
                            description="Shape keys and the head's place over the scene's frame range")

    def run(self, context: bpy.types.Context) -> None:
        """Export."""
        path = Path(bpy.path.abspath(self.filepath))
        export_gltf(head_of(context), path, animation=self.animation)
        self.report({"INFO"}, f"Exported {path}")


def _menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator(MIEN_OT_export_gltf.bl_idname, text="Mien Face (.glb)")


CLASSES: tuple[type, ...] = (MIEN_OT_export_gltf,)


def register() -> None:
    """An entry in File ▸ Export."""
    bpy.types.TOPBAR_MT_file_export.append(_menu)


def unregister() -> None:
    """Take the entry out again."""
    bpy.types.TOPBAR_MT_file_export.remove(_menu)
