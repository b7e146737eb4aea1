# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel “Render and Export”, and the status bar while something renders."""

import bpy

from ..panels.base import SidebarPanel
from .watch import running, stop


class MIEN_OT_cancel_render(bpy.types.Operator):
    """Stop rendering; frames that are ready are kept for the next run"""

    bl_idname = "mien.cancel_render"
    bl_label = "Cancel Render"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether something renders."""
        return running() is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Stop; the operator that watches ends by itself."""
        stop()
        show(context)
        return {"FINISHED"}


class MIEN_PT_render(SidebarPanel, bpy.types.Panel):
    """The animated face as a video"""

    bl_label = "Render and Export"
    bl_idname = "MIEN_PT_render"
    bl_order = 50
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        """The running render, else the settings and the button that starts one."""
        layout = self.layout
        now = running()
        if now is not None:
            status = now.last
            row = layout.row(align=True)
            row.progress(factor=status.fraction, text=f"{status.text} {status.done}/{status.total}")
            row.operator("mien.cancel_render", text="", icon="X")
            return
        layout.use_property_split, layout.use_property_decorate = True, False
        settings = context.scene.mien_render
        column = layout.column()
        for name in ("filepath", "kind", "background", "engine", "samples", "even_light"):
            column.prop(settings, name)
        if settings.kind == "MP4":
            column.prop(settings, "sound")
        column.prop(settings, "keep")
        column.operator("mien.render_video", icon="RENDER_ANIMATION")
        layout.operator("mien.export_gltf", text="Export glTF", icon="EXPORT")


def show(context: bpy.types.Context) -> None:
    """Bring the status bar and the panels up to date."""
    if context.workspace:
        now = running()
        last = now.last if now else None
        context.workspace.status_text_set(
            f"{last.text}: {last.done}/{last.total} frames   {last.fraction:.0%}   Esc cancels" if last else None)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


CLASSES: tuple[type, ...] = (MIEN_OT_cancel_render, MIEN_PT_render)
