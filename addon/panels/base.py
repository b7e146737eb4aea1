# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels of the tab “Mien” share."""

import bpy

from ..face.head import active_head


class SidebarPanel:
    """Mixin: a panel in the tab “Mien”."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Mien"


class HeadPanel(SidebarPanel):
    """Mixin: a panel that shows only while a Mien head is active."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Whether a Mien head is active."""
        return active_head(context) is not None


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """A paragraph, broken into lines that fit the sidebar's width."""
    width = context.region.width if context.region else 280
    scale = context.preferences.system.ui_scale or 1.0
    letters = max(int((width / scale - 60) / 6.5), 16)
    column = layout.column(align=True)
    for index, line in enumerate(_lines(text, letters)):
        column.label(text=line, icon=icon if index == 0 else "BLANK1" if icon != "NONE" else "NONE")


def _lines(text: str, letters: int) -> list[str]:
    from textwrap import wrap

    return wrap(text, letters) or [""]
