# SPDX-License-Identifier: GPL-3.0-or-later
"""Sliders of the active face's identity."""

import bpy

from ..face.head import active_head
from ..face.identity import why_fixed
from .base import HeadPanel

_FIRST = 12
"""How many of the identity's modes are shown at once; they are sorted by how much they change"""


class MIEN_PT_identity(HeadPanel, bpy.types.Panel):
    """Who the active face is"""

    bl_label = "Identity"
    bl_idname = "MIEN_PT_identity"
    bl_order = 40
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """Random and average identity, and the modes that change most."""
        row = self.layout.row(align=True)
        row.operator("mien.random_identity", text="Random", icon="SHADERFX")
        row.operator("mien.reset_identity", text="Average", icon="LOOP_BACK")
        _draw_modes(self.layout, context, 0, _FIRST)


class MIEN_PT_identity_more(HeadPanel, bpy.types.Panel):
    """The identity's finer modes"""

    bl_label = "More"
    bl_idname = "MIEN_PT_identity_more"
    bl_parent_id = "MIEN_PT_identity"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the face model has more modes than the panel above shows."""
        head = active_head(context)
        return head is not None and len(head.data.mien.identity) > _FIRST

    def draw(self, context: bpy.types.Context) -> None:
        """The other modes."""
        _draw_modes(self.layout, context, _FIRST, None)


def _draw_modes(layout: bpy.types.UILayout, context: bpy.types.Context, first: int, last: int | None) -> None:
    mesh = active_head(context).data
    column = layout.column(align=True)
    column.enabled = not why_fixed(mesh)
    for index, coefficient in enumerate(mesh.mien.identity[first:last], first + 1):
        column.prop(coefficient, "value", text=f"Mode {index}", slider=True)


CLASSES: tuple[type, ...] = (MIEN_PT_identity, MIEN_PT_identity_more)
