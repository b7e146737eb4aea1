# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on the active head: its identity, its expression, and what a saved fit says of both."""

import random
from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty, FloatProperty, IntProperty, StringProperty

from ...core.channels import CHANNELS
from ...core.errors import BadInput
from ...core.fit_files import load_fit
from ..operator import HeadOperator, head_of
from . import stage
from .head import expression_names, set_expression, set_source
from .identity import check_reshapable, random_identity, set_identity
from .kept_fit import keep_fit
from .materials import load_texture, set_texture
from .models import model_of

FACS = {channel.name: channel.facs for channel in CHANNELS}


class MIEN_OT_random_identity(HeadOperator, bpy.types.Operator):
    """Give the face a random identity, drawn from the face model's own distribution"""

    bl_idname = "mien.random_identity"
    bl_label = "Random Identity"
    bl_options = {"REGISTER", "UNDO"}

    seed: IntProperty(name="Seed", description="The same number gives the same face", min=0)
    strength: FloatProperty(name="Strength", description="How far from the average face", default=1.0, min=0.0,
                            soft_max=2.0, max=3.0)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Another face with each press."""
        self.seed = random.randrange(100_000)
        return self.execute(context)

    def run(self, context: bpy.types.Context) -> None:
        random_identity(head_of(context).data, self.seed, self.strength)


class MIEN_OT_reset_identity(HeadOperator, bpy.types.Operator):
    """Take the face back to the face model's average; what was sculpted on top stays"""

    bl_idname = "mien.reset_identity"
    bl_label = "Average Identity"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        mesh = head_of(context).data
        set_identity(mesh, np.zeros(len(mesh.mien.identity), np.float32))


class MIEN_OT_reset_expression(HeadOperator, bpy.types.Operator):
    """Take every expression control to zero; keyframes stay as they are"""

    bl_idname = "mien.reset_expression"
    bl_label = "Rest"
    bl_options = {"REGISTER", "UNDO"}

    def run(self, context: bpy.types.Context) -> None:
        mesh = head_of(context).data
        check_editable_keys(mesh)
        set_expression(mesh, dict.fromkeys(expression_names(mesh), 0.0))


class MIEN_OT_try_channel(HeadOperator, bpy.types.Operator):
    """See an expression control at its full effect"""

    bl_idname = "mien.try_channel"
    bl_label = "Try Control"
    bl_options = {"REGISTER", "UNDO"}

    channel: StringProperty(name="Control", options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        """The control's FACS unit, and what a click does."""
        return channel_tooltip(properties.channel)

    def run(self, context: bpy.types.Context) -> None:
        mesh = head_of(context).data
        if self.channel not in expression_names(mesh):
            raise BadInput(f"“{mesh.name}” has no control {self.channel!r}.")
        check_editable_keys(mesh)
        value = mesh.shape_keys.key_blocks[self.channel].value
        set_expression(mesh, {self.channel: 1.0 if value == 0.0 else 0.0})


class MIEN_OT_load_fit(HeadOperator, bpy.types.Operator):
    """Give the face what a saved fit says: identity, expression, and the camera that took the photo"""

    bl_idname = "mien.load_fit"
    bl_label = "Load Fit"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.npz", options={"HIDDEN"})
    use_identity: BoolProperty(name="Identity", description="Reshape the face", default=True)
    use_expression: BoolProperty(name="Expression", description="Set the expression controls", default=True)
    use_camera: BoolProperty(name="Camera", description="Make the camera that sees the head as the photo did",
                             default=True)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> None:
        head = head_of(context)
        mesh = head.data
        fit = load_fit(bpy.path.abspath(self.filepath), model_of(mesh))
        if self.use_identity:
            check_reshapable(mesh)
        check_editable_keys(mesh)
        if self.use_identity:
            set_identity(mesh, fit.identity)
            set_source(mesh, Path(self.filepath).name, fit)
            keep_fit(mesh, fit, mesh.mien.photo)
        if self.use_expression:
            set_expression(mesh, dict(zip(model_of(mesh).expression_names, map(float, fit.expression), strict=True)))
        if self.use_camera:
            stage.match_fit(head, fit, context.scene)


class MIEN_OT_set_texture(HeadOperator, bpy.types.Operator):
    """Show another picture on the face, painted in the face model's UVs"""

    bl_idname = "mien.set_texture"
    bl_label = "Load Texture"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> None:
        head = head_of(context)
        check_editable_keys(head.data)
        set_texture(head, load_texture(bpy.path.abspath(self.filepath)))


def channel_tooltip(name: str) -> str:
    """What an expression control is in the Facial Action Coding System."""
    known = f"{name}: {FACS[name]}" if name in FACS else f"{name}: a shape key of your own"
    return f"{known}.\nClick to see it at full effect, or to take it back to zero"


def check_editable_keys(mesh: bpy.types.Mesh) -> None:
    """Refuse shape keys of another file.

    Raises:
        BadInput: the mesh is linked from a library.
    """
    if mesh.library is not None or not mesh.is_editable:
        raise BadInput(f"“{mesh.name}” belongs to another file; make it local to change it.")


CLASSES: tuple[type, ...] = (MIEN_OT_random_identity, MIEN_OT_reset_identity, MIEN_OT_reset_expression,
                             MIEN_OT_try_channel, MIEN_OT_load_fit, MIEN_OT_set_texture)
