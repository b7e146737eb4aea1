# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which Python the engine runs in, and whether it works there."""

import os

import bpy
from bpy.props import StringProperty

from .engine.discovery import interpreter
from .engine_choice import ADDON, found_python
from .engine_test import current_test
from .panels.base import wrapped


class MienPreferences(bpy.types.AddonPreferences):
    """Shown in Preferences ▸ Add-ons ▸ Mien."""

    bl_idname = ADDON

    python: StringProperty(
        name="Python", subtype="FILE_PATH",
        description="The interpreter of a Python environment in which Mien is installed, or the environment's folder. "
                    "Empty: it is looked for in the usual places")
    weights: StringProperty(
        name="Weights", subtype="FILE_PATH",
        description="The network's for Neural Render, a .safetensors file made by `mien train pgfg`. Empty: those that "
                    "the engine has in the box")

    def draw(self, context: bpy.types.Context) -> None:
        """The interpreter, how to get one, and what works."""
        layout = self.layout
        row = layout.row(align=True)
        row.prop(self, "python")
        row.operator("mien.find_python", icon="VIEWZOOM")
        self._draw_state(layout)
        layout.prop(self, "weights")
        row = layout.row()
        test = current_test()
        row.enabled = test is None or not test.running
        row.operator("mien.test_engine", icon="PLAY")
        if test is not None:
            box = layout.box().column(align=True)
            for icon, text in test.lines:
                wrapped(box, context, text, icon)
            if test.running:
                box.label(text="Testing…", icon="SORTTIME")

    def _draw_state(self, layout: bpy.types.UILayout) -> None:
        if self.python:
            if not os.path.isfile(interpreter(self.python)):  # noqa: PTH113
                layout.label(text="There is no such file", icon="ERROR")
            return
        known = found_python()
        if known is not None:
            layout.label(text=f"In use: {known.python} (from {known.origin})", icon="CHECKMARK")
            return
        box = layout.box().column(align=True)
        box.label(text="No Python with Mien was found. It is needed for photos and videos only:", icon="INFO")
        for line in ("python3 -m venv mien-engine", "mien-engine/bin/pip install <folder or wheel of Mien>",
                     "then choose the folder mien-engine above, and press Test Engine"):
            box.label(text=line, icon="BLANK1")


CLASSES: tuple[type, ...] = (MienPreferences,)


