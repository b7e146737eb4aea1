# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel “Predict”: what the active face does next, between its keys, and while it only is there."""

import bpy

from .base import HeadPanel

PREDICTIONS = (("mien.predict", "FF"), ("mien.inbetween", "IPO_EASE_IN_OUT"), ("mien.idle", "HIDE_OFF"))
"""Operators and their icons"""


class MIEN_PT_predict(HeadPanel, bpy.types.Panel):
    """What the active face does next, between its keys, and while it only is there"""

    bl_label = "Predict"
    bl_idname = "MIEN_PT_predict"
    bl_order = 32

    def draw(self, _context: bpy.types.Context) -> None:
        """The operators; their settings are in the panel of the last operation."""
        column = self.layout.column(align=True)
        for idname, icon in PREDICTIONS:
            column.operator(idname, icon=icon)


CLASSES: tuple[type, ...] = (MIEN_PT_predict,)
