# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels “Motion”, what the active face plays and where from, and “Edit”, what can be done to it."""

import bpy

from ..face.head import active_head
from ..motion.curves import current_action
from ..motion.takes import take_note
from .base import HeadPanel, wrapped
from .predict import PREDICTIONS

EDITS = (("mien.gain_motion", "FULLSCREEN_ENTER"), ("mien.offset_motion", "TRIA_UP"),
         ("mien.mirror_motion", "MOD_MIRROR"), ("mien.smooth_motion", "SMOOTHCURVE"),
         ("mien.reduce_keys", "IPO_BEZIER"))
"""Operators and their icons"""


class MIEN_PT_motion(HeadPanel, bpy.types.Panel):
    """What the active face plays"""

    bl_label = "Motion"
    bl_idname = "MIEN_PT_motion"
    bl_order = 30

    def draw(self, context: bpy.types.Context) -> None:
        """The current take, import and export."""
        layout, head = self.layout, active_head(context)
        keys = head.data.shape_keys
        action = current_action(keys) if keys else None
        if action is None:
            layout.label(text="No animation yet", icon="INFO")
        else:
            layout.operator_menu_enum("mien.play_take", "take", text=action.name, icon="ACTION")
            for line in take_note(head).get("report", ()):
                wrapped(layout.box(), context, str(line), "INFO")
        column = layout.column(align=True)
        column.operator("mien.import_motion", icon="IMPORT")
        column.operator("mien.export_motion", icon="EXPORT")
        column.operator("mien.retarget", icon="UV_SYNC_SELECT")


class MIEN_PT_edit(HeadPanel, bpy.types.Panel):
    """What can be done to the active face's animation"""

    bl_label = "Edit"
    bl_idname = "MIEN_PT_edit"
    bl_order = 31

    def draw(self, _context: bpy.types.Context) -> None:
        """Presets, and the edits; their settings are in the panel of the last operation."""
        layout = self.layout
        row = layout.row(align=True)
        row.operator_menu_enum("mien.apply_preset", "preset", text="Expression Preset", icon="SHAPEKEY_DATA")
        row.operator_menu_enum("mien.key_preset", "preset", text="", icon="KEY_HLT")
        column = layout.column(align=True)
        for idname, icon in EDITS:
            column.operator(idname, icon=icon)


class MIEN_MT_edit(bpy.types.Menu):
    """What can be done to the active face's animation"""

    bl_label = "Mien Face"
    bl_idname = "MIEN_MT_edit"

    def draw(self, _context: bpy.types.Context) -> None:
        """The edits."""
        for idname, icon in (*EDITS, *PREDICTIONS):
            self.layout.operator(idname, icon=icon)


def _entry(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    if active_head(context) is not None:
        menu.layout.separator()
        menu.layout.menu(MIEN_MT_edit.bl_idname, icon="USER")


CLASSES: tuple[type, ...] = (MIEN_PT_motion, MIEN_PT_edit, MIEN_MT_edit)


def register() -> None:
    """Add the edits to the Key menus of the animation editors."""
    for menu in (bpy.types.GRAPH_MT_key, bpy.types.DOPESHEET_MT_key):
        menu.append(_entry)


def unregister() -> None:
    """Take them away."""
    for menu in (bpy.types.GRAPH_MT_key, bpy.types.DOPESHEET_MT_key):
        menu.remove(_entry)
