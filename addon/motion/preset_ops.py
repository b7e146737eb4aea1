# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that put an expression of the presets on a head."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty

from ...core.presets import PRESETS
from ..operator import HeadOperator, head_of
from . import edits

PRESET_ITEMS = tuple((p.name, p.label, "Mouth shape of speech" if p.kind == "viseme" else "Expression")
                     for p in PRESETS.values())


class PresetOperator(HeadOperator):
    """Mixin: an expression preset for the active head."""

    keyed = False
    preset: EnumProperty(name="Expression", description="Which expression", items=PRESET_ITEMS)
    strength: FloatProperty(name="Strength", description="1 is an everyday face", default=1.0, soft_min=0.0,
                            soft_max=1.5)
    mirrored: BoolProperty(name="Mirrored", description="Exchange left and right")

    def run(self, context: bpy.types.Context) -> None:
        frame = context.scene.frame_current_final if self.keyed else None
        edits.apply_preset(head_of(context), self.preset, strength=self.strength, mirrored=self.mirrored,
                           key_frame=frame)


class MIEN_OT_apply_preset(PresetOperator, bpy.types.Operator):
    """Put an expression on the active face"""

    bl_idname = "mien.apply_preset"
    bl_label = "Expression Preset"
    bl_options = {"REGISTER", "UNDO"}


class MIEN_OT_key_preset(PresetOperator, bpy.types.Operator):
    """Put an expression on the active face and key it at the current frame"""

    bl_idname = "mien.key_preset"
    bl_label = "Key Expression Preset"
    bl_options = {"REGISTER", "UNDO"}

    keyed = True


CLASSES: tuple[type, ...] = (MIEN_OT_apply_preset, MIEN_OT_key_preset)
