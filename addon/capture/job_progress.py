# SPDX-License-Identifier: GPL-3.0-or-later
"""The running job as the window shows it: properties for panels, the status bar, the button that cancels it."""

import bpy
from bpy.props import BoolProperty, FloatProperty, StringProperty

from . import job_preview
from .jobs import running


class JobProperties(bpy.types.PropertyGroup):
    """On the window manager: what the running job is at, for panels and scripts."""

    running: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})
    kind: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    title: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    fraction: FloatProperty(subtype="FACTOR", min=0.0, max=1.0, options={"HIDDEN", "SKIP_SAVE"})
    text: StringProperty(options={"HIDDEN", "SKIP_SAVE"})


class MIEN_OT_cancel_job(bpy.types.Operator):
    """Stop what Mien's engine is doing; the scene stays as it is"""

    bl_idname = "mien.cancel_job"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether a job runs."""
        return running() is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Cancel it; the operator that watches it ends by itself."""
        task = running()
        if task is not None:
            task.cancel(f"{task.title} was cancelled.")
        return {"FINISHED"}


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context, *kinds: str) -> bool:
    """Draw the running job with its picture and a button that cancels it; False when there is none of these kinds."""
    state = context.window_manager.mien_job
    if not state.running or state.kind not in kinds:
        return False
    column = layout.column()
    column.label(text=state.title, icon="SORTTIME")
    row = column.row(align=True)
    row.progress(factor=state.fraction, text=state.text)
    row.operator("mien.cancel_job", text="", icon="X")
    if job_preview.icon():
        column.template_icon(job_preview.icon(), scale=9.0)
    return True


def show_progress(context: bpy.types.Context) -> None:
    """Bring the window manager's properties, the status bar and the panels up to date."""
    manager = context.window_manager
    if manager is None:
        return
    state, task = manager.mien_job, running()
    text = task.job.text if task else ""
    fraction = task.job.fraction or 0.0 if task else 0.0
    fresh = job_preview.show(task.job.preview if task else None)
    if not fresh and state.running == bool(task) and state.text == text and state.fraction == fraction:
        return
    state.running, state.text, state.fraction = bool(task), text, fraction
    state.title, state.kind = (task.title, task.kind) if task else ("", "")
    if context.workspace:
        context.workspace.status_text_set(f"{task.title}: {text}   {fraction:.0%}   Esc cancels" if task else None)
    for window in manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


CLASSES: tuple[type, ...] = (JobProperties, MIEN_OT_cancel_job)


def register() -> None:
    """Show jobs on the window manager."""
    bpy.types.WindowManager.mien_job = bpy.props.PointerProperty(type=JobProperties)


def unregister() -> None:
    """Take them off again."""
    del bpy.types.WindowManager.mien_job
