# SPDX-License-Identifier: GPL-3.0-or-later
"""Expression controls by region: the shape keys' own sliders, so that keyframes and drivers are Blender's own."""

import bpy

from ...core.channels import ARKIT52, REGIONS, channels_of
from ..face.head import active_head, expression_names
from .base import HeadPanel

_KNOWN = frozenset(ARKIT52)


class MIEN_PT_expression(HeadPanel, bpy.types.Panel):
    """The active face's expression"""

    bl_label = "Expression"
    bl_idname = "MIEN_PT_expression"
    bl_order = 20

    def draw(self, _context: bpy.types.Context) -> None:
        """What acts on all controls; the controls are in the panels below."""
        self.layout.operator("mien.reset_expression", icon="LOOP_BACK")


class RegionPanel(HeadPanel):
    """Mixin: the controls of one region; `names` are the shape keys to show."""

    bl_parent_id = "MIEN_PT_expression"
    bl_options = {"DEFAULT_CLOSED"}
    names: tuple[str, ...] = ()

    def draw(self, context: bpy.types.Context) -> None:
        """A slider for each control, with a button whose tooltip is its FACS unit."""
        keys = active_head(context).data.shape_keys
        if keys is None:
            self.layout.label(text="The shape keys were removed", icon="ERROR")  # type: ignore[attr-defined]
            return
        column = self.layout.column(align=True)  # type: ignore[attr-defined]
        for name in self.shown(context):
            if name in keys.key_blocks:
                draw_control(column, keys.key_blocks[name])

    def shown(self, _context: bpy.types.Context) -> tuple[str, ...]:
        """Names of the shape keys."""
        return self.names


class MIEN_PT_region_other(RegionPanel, bpy.types.Panel):
    """Shape keys that are none of ARKit's"""

    bl_label = "Others"
    bl_idname = "MIEN_PT_region_other"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether the face has keys of its own."""
        head = active_head(context)
        return head is not None and bool(_others(head))

    def shown(self, context: bpy.types.Context) -> tuple[str, ...]:
        """Names of the shape keys that no region has."""
        return _others(active_head(context))


def draw_control(layout: bpy.types.UILayout, key: bpy.types.ShapeKey) -> None:
    """One slider and its button."""
    row = layout.row(align=True)
    row.prop(key, "value", text=key.name, slider=True)
    row.operator("mien.try_channel", text="", icon="INFO").channel = key.name


def _others(head: bpy.types.Object) -> tuple[str, ...]:
    return tuple(name for name in expression_names(head.data) if name not in _KNOWN)


def _region_panel(region: str) -> type:
    name = f"MIEN_PT_region_{region}"
    return type(name, (RegionPanel, bpy.types.Panel), {
        "__doc__": f"Expression controls of the {region}", "bl_label": region.capitalize(), "bl_idname": name,
        "names": channels_of(region), "__module__": __name__})


CLASSES: tuple[type, ...] = (MIEN_PT_expression, *map(_region_panel, REGIONS), MIEN_PT_region_other)
