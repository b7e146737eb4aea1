# SPDX-License-Identifier: GPL-3.0-or-later
"""The base of every operator that needs the engine: it asks, starts, watches, cancels, applies.

`request` says what is wanted, `apply` puts the result into the scene; in a script a plain loop waits, in a window a
modal operator watches.
"""

import time

import bpy

from ...core.errors import MienError
from ..engine.client import EngineError, Job, JobState
from .job_progress import show_progress
from .jobs import Request, Task, ended, keep, kept, running, start

_HANDS_ON = ("TRANSFORM_OT_", "SCULPT_OT_", "PAINT_OT_", "MESH_OT_", "GRAPH_OT_", "ACTION_OT_")
"""Operators that hold on to data while they run"""
_TICK = 0.1
_PLAIN_TICK = 0.01


class EngineOperator:
    """Mixin for operators that need the engine.

    A subclass's `invoke` asks for what it needs and ends with `return self.begin(context)`, or opens a file browser
    by `ask_for_files`.
    """

    _asked = False
    _task: Task | None = None
    _timer: bpy.types.Timer | None = None

    def request(self, context: bpy.types.Context) -> Request:
        """What is wanted; may raise a MienError."""
        raise NotImplementedError

    def apply(self, context: bpy.types.Context, job: Job, scene: bpy.types.Scene,
              head: bpy.types.Object | None) -> str:
        """Put the result into the scene, all or nothing; returns what to tell the user. May raise a MienError."""
        raise NotImplementedError

    def ask_for_files(self, context: bpy.types.Context) -> set[str]:
        """Open a file browser; its button calls `execute`."""
        self._asked = True
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def begin(self, context: bpy.types.Context) -> set[str]:
        """Start the job and watch it."""
        try:
            self._task = start(self.request(context), context.scene)
        except (MienError, EngineError) as error:
            return self._refuse(str(error))
        window = context.window_manager
        self._timer = window.event_timer_add(_TICK, window=context.window)
        window.modal_handler_add(self)
        show_progress(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look how the job is now and then; Esc cancels it."""
        task = self._task
        if task is None or running() is not task:
            self.cancel(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            task.cancel(f"{task.title} was cancelled.")
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        if not task.poll().final or _user_is_busy(context):
            show_progress(context)
            return {"PASS_THROUGH"}
        self._stop_watching(context)
        return self._finish(context, task)

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender too, when the window or the file closes."""
        if self._task is not None and not self._task.job.state.final:
            self._task.cancel()
        self._stop_watching(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Called by the file browser: go on in the background. By a script: do it and wait."""
        if self._asked:
            self._asked = False
            return self._again(context)
        try:
            request = self.request(context)
            task = self._kept(request, context.scene) or start(request, context.scene)
        except (MienError, EngineError) as error:
            return self._refuse(str(error))
        try:
            while not task.poll().final:
                time.sleep(_PLAIN_TICK)
        finally:
            task.job.cancel()
            ended(task)
        return self._finish(context, task)

    def _again(self, context: bpy.types.Context) -> set[str]:
        """A file browser ends its operator; the same operator with the same settings watches the job."""
        category, name = type(self).bl_idname.split(".")  # type: ignore[attr-defined]
        settings = self.as_keywords(ignore=("filter_glob", "files"))  # type: ignore[attr-defined]
        files = [{"name": file.name} for file in getattr(self, "files", ())]
        if files:
            settings["files"] = files
        getattr(getattr(bpy.ops, category), name)("INVOKE_DEFAULT", **settings)
        return {"CANCELLED"}

    def _kept(self, request: Request, scene: bpy.types.Scene) -> Task | None:
        """The last result, when only how it is used has changed since."""
        return kept(request, scene) if self.options.is_repeat else None  # type: ignore[attr-defined]

    def _finish(self, context: bpy.types.Context, task: Task) -> set[str]:
        """Use a job that has ended."""
        if task.job.state is JobState.CANCELLED:
            task.job.close()
            if task.why_cancelled:
                self.report({"WARNING"}, task.why_cancelled)  # type: ignore[attr-defined]
            return {"CANCELLED"}
        if task.job.state is JobState.FAILED:
            task.job.close()
            return self._refuse(task.job.error)
        scene, head = task.scene.get(), task.head.get() if task.head else None
        if scene is None or (task.head and head is None):
            task.job.close()
            return self._refuse(f"What {task.title} was for is gone.")
        try:
            told = self.apply(context, task.engine_job, scene, head)
        except (MienError, EngineError) as error:
            task.job.close()
            return self._refuse(str(error))
        keep(task)
        self.report({"INFO"}, told)  # type: ignore[attr-defined]
        return {"FINISHED"}

    def _stop_watching(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
        self._timer = None
        if self._task is not None:
            ended(self._task)
        show_progress(context)

    def _refuse(self, why: str) -> set[str]:
        self.report({"ERROR"}, why)  # type: ignore[attr-defined]
        return {"CANCELLED"}


def _user_is_busy(context: bpy.types.Context) -> bool:
    """Whether something is being moved or painted just now; the scene must not change under it."""
    windows = context.window_manager.windows if context.window_manager else ()
    return any(operator.bl_idname.startswith(_HANDS_ON) for window in windows
               for operator in getattr(window, "modal_operators", ()))
