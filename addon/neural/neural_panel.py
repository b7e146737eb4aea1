# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel “Neural Render”: the photo that the active face was made from, moved as its curves say."""

import bpy

from ..capture.job_progress import draw_job
from ..face.head import active_head
from ..panels.base import HeadPanel, wrapped
from .neural_render import JOB


class MIEN_PT_neural(HeadPanel, bpy.types.Panel):
    """The photo that the active face was made from, moved as its curves say"""

    bl_label = "Neural Render"
    bl_idname = "MIEN_PT_neural"
    bl_order = 48

    def draw(self, context: bpy.types.Context) -> None:
        """The running job, else the photo, the settings and the buttons."""
        layout, head = self.layout, active_head(context)
        if head is None:
            return
        data = head.data.mien
        if draw_job(layout, context, JOB):
            return
        if not data.fit:
            wrapped(layout, context, "This face was not made from a photo: use Face from Photo", "INFO")
            return
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.enabled = not context.window_manager.mien_job.running
        if data.photo is None or not data.photo.packed_file:
            layout.template_ID(data, "photo", open="image.open")
        settings = context.scene.mien_neural
        column = layout.column()
        column.prop(settings, "renderer")
        column.operator("mien.neural_preview", icon="IMAGE_DATA")
        for name in ("filepath", "kind", *(["sound"] if settings.kind == "MP4" else []), "keep"):
            column.prop(settings, name)
        column.operator("mien.neural_render", icon="RENDER_ANIMATION")


CLASSES: tuple[type, ...] = (MIEN_PT_neural,)
