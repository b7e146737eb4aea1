# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel that says what the active face is: its source, how sure its fit is, its model, its camera."""

import bpy

from ..face.head import active_head
from ..face.identity import why_fixed
from .base import HeadPanel, SidebarPanel, wrapped

_SURE = 0.5
"""Below this confidence the panel warns"""


class MIEN_PT_head(SidebarPanel, bpy.types.Panel):
    """The active face"""

    bl_label = "Face"
    bl_idname = "MIEN_PT_head"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        """Source, confidence and warnings of the active head, or how to get one."""
        head = active_head(context)
        if head is None:
            self.layout.label(text="No Mien face is active", icon="INFO")
            self.layout.operator("mien.add_face", text="Add a Face", icon="USER")
            return
        _draw_source(self.layout, context, head.data.mien)
        reason = why_fixed(head.data)
        if reason:
            wrapped(self.layout.box(), context, reason, "LOCKED")
        shading = context.space_data.shading
        if shading.type == "SOLID" and shading.color_type != "TEXTURE":
            self.layout.prop_enum(shading, "color_type", "TEXTURE", text="Show Its Texture Here")


class MIEN_PT_head_details(HeadPanel, bpy.types.Panel):
    """The face model and the camera of the active face"""

    bl_label = "Model and Camera"
    bl_idname = "MIEN_PT_head_details"
    bl_parent_id = "MIEN_PT_head"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Model's name, hash and file; the stage camera; loading a saved fit."""
        head = active_head(context)
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        data = head.data.mien
        row = layout.row()
        row.enabled = False
        row.prop(data, "model_name")
        layout.prop(data, "model_path")
        layout.prop(head.mien, "camera", text="Camera")
        layout.prop(data, "photo_light", slider=True)
        layout.prop(data, "consent")
        layout.operator("mien.load_fit", icon="IMPORT")
        layout.operator("mien.set_texture", icon="TEXTURE")


def _draw_source(layout: bpy.types.UILayout, context: bpy.types.Context, data: bpy.types.PropertyGroup) -> None:
    column = layout.column(align=True)
    if not data.source:
        column.label(text="Not made from a photo", icon="USER")
        return
    wrapped(column, context, data.source, "IMAGE_DATA")
    column.label(text=f"Fit confidence {data.confidence:.0%}",
                 icon="CHECKMARK" if data.confidence >= _SURE else "ERROR")
    for warning in filter(None, data.warnings.split("\n")):
        wrapped(column.box(), context, warning, "ERROR")


CLASSES: tuple[type, ...] = (MIEN_PT_head, MIEN_PT_head_details)
