# SPDX-License-Identifier: GPL-3.0-or-later
"""Add ▸ Mesh ▸ Mien Face."""

import bpy
import numpy as np
from bpy.props import IntProperty, StringProperty
from bpy_extras.object_utils import AddObjectHelper, add_object_align_init

from ...core.face_model import FaceModel
from ...core.model_files import default_model, load_model
from ..operator import QuietOperator
from ..selection import come_near
from .head import make_head


class MIEN_OT_add_face(QuietOperator, bpy.types.Operator, AddObjectHelper):
    """Add a face with 52 ARKit expression controls and an identity to shape"""

    bl_idname = "mien.add_face"
    bl_label = "Mien Face"
    bl_options = {"REGISTER", "UNDO"}

    seed: IntProperty(name="Identity", description="0 is the average face, every other number a face of its own",
                      min=0)
    model_path: StringProperty(name="Face Model", description="A face model's .npz file; empty for Mien's own",
                               subtype="FILE_PATH")

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether there is a scene to add to."""
        return context.scene is not None and context.scene.library is None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """From the window: bring a face near, that would be a dot beside the cube of a new file."""
        done = self.execute(context)
        if done == {"FINISHED"}:
            come_near(context, context.active_object)
        return done

    def run(self, context: bpy.types.Context) -> None:
        model = self._model()
        if context.mode != "OBJECT" and context.active_object:
            bpy.ops.object.mode_set(mode="OBJECT")
        collection = context.collection
        head = make_head(model, name="Mien Face", scene=context.scene, identity=self._identity(model),
                         model_path=self.model_path, collection=None if collection.library else collection)
        head.matrix_basis = add_object_align_init(context, operator=self)
        _select_only(context, head)

    def _model(self) -> FaceModel:
        return load_model(bpy.path.abspath(self.model_path)) if self.model_path else default_model()

    def _identity(self, model: FaceModel) -> np.ndarray | None:
        if self.seed == 0:
            return None
        return np.clip(np.random.default_rng(self.seed).standard_normal(len(model.identity_basis)), -3, 3)


def _select_only(context: bpy.types.Context, head: bpy.types.Object) -> None:
    """As Blender does with what was just added; in local view it is there too."""
    for other in list(context.selected_objects):
        other.select_set(False)
    if context.space_data and context.space_data.type == "VIEW_3D" and context.space_data.local_view:
        head.local_view_set(context.space_data, True)
    if head.name in context.view_layer.objects:
        head.select_set(True)
        context.view_layer.objects.active = head


def _draw_menu(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator(MIEN_OT_add_face.bl_idname, icon="USER")


CLASSES: tuple[type, ...] = (MIEN_OT_add_face,)


def register() -> None:
    """Put the operator into the menu Add ▸ Mesh."""
    bpy.types.VIEW3D_MT_mesh_add.append(_draw_menu)


def unregister() -> None:
    """Take it out again."""
    bpy.types.VIEW3D_MT_mesh_add.remove(_draw_menu)
