# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel for what the engine makes: faces from photos, takes from videos, and how far it is."""

import bpy

from ..capture.job_progress import draw_job
from ..engine.sentences import NO_PYTHON
from ..engine_choice import ADDON, known_python
from ..face.head import active_head
from .base import SidebarPanel, wrapped


class MIEN_PT_capture(SidebarPanel, bpy.types.Panel):
    """Faces from photos, takes from videos"""

    bl_label = "From Photo or Video"
    bl_idname = "MIEN_PT_capture"
    bl_order = 10

    def draw(self, context: bpy.types.Context) -> None:
        """The running job, else the buttons that start one."""
        layout = self.layout
        if draw_job(layout, context, "fit_photos", "track_video"):
            return
        layout.enabled = not context.window_manager.mien_job.running
        if not known_python():
            wrapped(layout.box(), context, NO_PYTHON, "INFO")
            layout.operator("preferences.addon_show", text="Preferences", icon="PREFERENCES").module = ADDON
        column = layout.column(align=True)
        column.operator("mien.face_from_photo", icon="IMAGE_DATA")
        head = active_head(context)
        column.operator("mien.track_video", icon="FILE_MOVIE",
                        text="Track Video" if head else "Face and Take from Video")
        if head:
            column.operator("mien.retarget_video", icon="MOD_ARMATURE")


CLASSES: tuple[type, ...] = (MIEN_PT_capture,)
