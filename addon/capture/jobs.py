# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of the engine as Blender sees them: one at a time, watched by a modal operator, or by a plain loop in scripts.

`EngineOperator` is the base of every operator that needs the engine: `request` says what is wanted, `apply` puts the
result into the scene. What it works on is remembered by name and number, so that it may be undone, deleted or closed
meanwhile.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import BoolProperty, FloatProperty, StringProperty

from ...core.errors import BadInput, MienError, MissingPart
from ..engine import shared
from ..engine.client import EngineError, Job, JobState
from ..preferences import engine_log, engine_python
from ..refs import Ref
from . import job_preview

_HANDS_ON = ("TRANSFORM_OT_", "SCULPT_OT_", "PAINT_OT_", "MESH_OT_", "GRAPH_OT_", "ACTION_OT_")
"""Operators that hold on to data while they run"""
_TICK = 0.1
_PLAIN_TICK = 0.01


@dataclass(frozen=True)
class Request:
    """What an operator wants of the engine; `head` must be there still when the result comes."""

    kind: str
    params: Mapping[str, Any]
    title: str
    head: bpy.types.Object | None = None


class Task:
    """A job and what its result is for."""

    def __init__(self, job: Job, request: Request, scene: bpy.types.Scene) -> None:
        self.job = job
        self.key = _key(request)
        self.title = request.title
        self.scene = Ref(scene)
        self.head = Ref(request.head) if request.head else None
        self.why_cancelled = ""

    def poll(self) -> JobState:
        """Where the job is; it is cancelled when what it is for is gone."""
        if not self.job.state.final:
            self._look_after()
        return self.job.poll()

    def cancel(self, why: str = "") -> None:
        """End the job; `why` is said to the user."""
        self.why_cancelled = self.why_cancelled or why
        self.job.cancel()

    def _look_after(self) -> None:
        for ref in (self.scene, self.head):
            if ref is not None and ref.get() is None:
                self.cancel(f"“{ref.name}” is gone; {self.title} was cancelled.")


class JobProperties(bpy.types.PropertyGroup):
    """On the window manager: what the running job is at, for panels and scripts."""

    running: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})
    title: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    fraction: FloatProperty(subtype="FACTOR", min=0.0, max=1.0, options={"HIDDEN", "SKIP_SAVE"})
    text: StringProperty(options={"HIDDEN", "SKIP_SAVE"})


_current: Task | None = None
_last: Task | None = None
"""The one that ended well last: its files are kept for changing the operator's settings afterwards"""


def running() -> Task | None:
    """The job that runs now."""
    return _current


def cancel(why: str = "") -> None:
    """Cancel the job that runs now, if there is one."""
    if _current is not None:
        _current.cancel(why)


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
            self._task = _start(self.request(context), context.scene)
        except (MienError, EngineError) as error:
            return self._refuse(str(error))
        window = context.window_manager
        self._timer = window.event_timer_add(_TICK, window=context.window)
        window.modal_handler_add(self)
        _show_progress(context)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Look how the job is now and then; Esc cancels it."""
        task = self._task
        if task is None or _current is not task:
            self.cancel(context)
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            task.cancel(f"{task.title} was cancelled.")
        elif event.type != "TIMER":
            return {"PASS_THROUGH"}
        if not task.poll().final or _user_is_busy(context):
            _show_progress(context)
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
            task = self._kept(request, context.scene) or _start(request, context.scene)
        except (MienError, EngineError) as error:
            return self._refuse(str(error))
        try:
            while not task.poll().final:
                time.sleep(_PLAIN_TICK)
        finally:
            task.job.cancel()
            _ended(task)
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
        options = self.options  # type: ignore[attr-defined]
        if not (options.is_repeat and _last is not None and _last.key == _key(request) and _last.job.folder.is_dir()):
            return None
        return Task(_last.job, request, scene)

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
            told = self.apply(context, task.job, scene, head)
        except (MienError, EngineError) as error:
            task.job.close()
            return self._refuse(str(error))
        _keep(task)
        self.report({"INFO"}, told)  # type: ignore[attr-defined]
        return {"FINISHED"}

    def _stop_watching(self, context: bpy.types.Context) -> None:
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
        self._timer = None
        if self._task is not None:
            _ended(self._task)
        _show_progress(context)

    def _refuse(self, why: str) -> set[str]:
        self.report({"ERROR"}, why)  # type: ignore[attr-defined]
        return {"CANCELLED"}


class MIEN_OT_cancel_job(bpy.types.Operator):
    """Stop what Mien's engine is doing; the scene stays as it is"""

    bl_idname = "mien.cancel_job"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Whether a job runs."""
        return _current is not None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Cancel it; the operator that watches it ends by itself."""
        if _current is not None:
            _current.cancel(f"{_current.title} was cancelled.")
        return {"FINISHED"}


def submit(kind: str, params: Mapping[str, Any]) -> Job:
    """Ask the engine for a job; it is started when it does not run.

    Raises:
        MienError: there is no Python with Mien.
        EngineError: the engine cannot be started.
    """
    found = engine_python()
    if not found:
        from ..engine.sentences import NO_PYTHON

        raise MissingPart(NO_PYTHON)
    return shared.running_engine(shared.command(found), log=engine_log()).submit(kind, params)


def draw_job(layout: bpy.types.UILayout, context: bpy.types.Context) -> bool:
    """Draw the running job with its picture and a button that cancels it; False when there is none."""
    state = context.window_manager.mien_job
    if not state.running:
        return False
    column = layout.column()
    column.label(text=state.title, icon="SORTTIME")
    row = column.row(align=True)
    row.progress(factor=state.fraction, text=state.text)
    row.operator("mien.cancel_job", text="", icon="X")
    if job_preview.icon():
        column.template_icon(job_preview.icon(), scale=9.0)
    return True


def _start(request: Request, scene: bpy.types.Scene) -> Task:
    global _current
    if _current is not None:
        raise BadInput(f"{_current.title} is still running; wait for it or cancel it.")
    _forget_last()
    _current = Task(submit(request.kind, request.params), request, scene)
    return _current


def _key(request: Request) -> str:
    return json.dumps([request.kind, dict(request.params)], sort_keys=True)


def _keep(task: Task) -> None:
    global _last
    if _last is None or _last.job is not task.job:
        _forget_last()
    _last = task


def _forget_last() -> None:
    global _last
    if _last is not None:
        _last.job.close()
    _last = None


def _ended(task: Task) -> None:
    global _current
    if _current is task:
        _current = None


def _user_is_busy(context: bpy.types.Context) -> bool:
    """Whether something is being moved or painted just now; the scene must not change under it."""
    windows = context.window_manager.windows if context.window_manager else ()
    return any(operator.bl_idname.startswith(_HANDS_ON) for window in windows
               for operator in getattr(window, "modal_operators", ()))


def _show_progress(context: bpy.types.Context) -> None:
    """Bring the window manager's properties, the status bar and the panels up to date."""
    manager = context.window_manager
    if manager is None:
        return
    state, task = manager.mien_job, _current
    text = task.job.text if task else ""
    fraction = task.job.fraction or 0.0 if task else 0.0
    fresh = job_preview.show(task.job.preview if task else None)
    if not fresh and state.running == bool(task) and state.text == text and state.fraction == fraction:
        return
    state.running, state.text, state.fraction = bool(task), text, fraction
    state.title = task.title if task else ""
    if context.workspace:
        context.workspace.status_text_set(f"{task.title}: {text}   {fraction:.0%}   Esc cancels" if task else None)
    for window in manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


@persistent
def _before_load(*_: Any) -> None:
    """Another file comes: the job's scene goes."""
    global _current
    cancel()
    _current = None
    _forget_last()


CLASSES: tuple[type, ...] = (JobProperties, MIEN_OT_cancel_job)


def register() -> None:
    """Show jobs on the window manager, and watch for other files being opened."""
    bpy.types.WindowManager.mien_job = bpy.props.PointerProperty(type=JobProperties)
    bpy.app.handlers.load_pre.append(_before_load)


def unregister() -> None:
    """Cancel what runs and end the engine."""
    _before_load()
    shared.stop_engine()
    bpy.app.handlers.load_pre.remove(_before_load)
    del bpy.types.WindowManager.mien_job
