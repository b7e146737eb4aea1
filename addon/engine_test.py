# SPDX-License-Identifier: GPL-3.0-or-later
"""Test Engine: starts the engine and asks it what works."""

import time
from typing import Any

import bpy

from .engine import sentences, shared
from .engine.client import Engine, EngineError, Job, JobState
from .engine_choice import engine_log, engine_python

_TICK = 0.1
_test: "EngineTest | None" = None


class EngineTest:
    """Starts an engine and asks it what works; `lines` say so."""

    def __init__(self, python: str) -> None:
        self.lines: list[tuple[str, str]] = []
        """Icon and text"""
        self.running = True
        self._started = time.monotonic()
        self._engine: Engine | None = None
        self._job: Job | None = None
        if not python:
            self._end("ERROR", sentences.NO_PYTHON)
            return
        try:
            self._engine = shared.running_engine(shared.command(python), log=engine_log())
            self._job = self._engine.submit("test", {})
        except EngineError as error:
            self._end("ERROR", str(error))

    def poll(self) -> bool:
        """Whether it is still running."""
        if not self.running or self._job is None or self._engine is None:
            return False
        state = self._job.poll()
        if self._engine.facts and not self.lines:
            facts = self._engine.facts
            took = time.monotonic() - self._started
            self.lines.append(("CHECKMARK", f"Engine: Mien {facts.get('version')} in Python {facts.get('python')}, "
                                            f"{facts.get('device')}, ready after {took:.1f} s"))
        if state.final:
            self._conclude(self._job)
        return self.running

    def cancel(self) -> None:
        """Give up."""
        if self._job is not None:
            self._job.close()
        self.running = False

    def _conclude(self, job: Job) -> None:
        if job.state is not JobState.DONE:
            self._end("ERROR", job.error or sentences.STOPPED)
            return
        findings = job.result.get("findings")
        for finding in findings if isinstance(findings, list) else []:
            works, required = bool(finding.get("works")), bool(finding.get("required"))
            icon = "CHECKMARK" if works else "ERROR" if required else "REMOVE"
            self.lines.append((icon, f"{finding.get('part')}: {finding.get('detail')}"))
        self.running = False
        job.close()

    def _end(self, icon: str, text: str) -> None:
        self.lines.append((icon, text))
        self.running = False


class MIEN_OT_test_engine(bpy.types.Operator):
    """Start the engine and try every part of it"""

    bl_idname = "mien.test_engine"
    bl_label = "Test Engine"
    bl_options = {"INTERNAL"}

    _timer: Any = None

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """From a script: test, and print what works."""
        test = _begin_test()
        while test.poll():
            time.sleep(_TICK / 10)
        for icon, text in test.lines:
            self.report({"ERROR"} if icon == "ERROR" else {"INFO"}, text)
        return {"CANCELLED"} if any(icon == "ERROR" for icon, _ in test.lines) else {"FINISHED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Test while Blender goes on."""
        _begin_test()
        self._timer = context.window_manager.event_timer_add(_TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Redraw the preferences while lines come in."""
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        known = len(_test.lines) if _test else 0
        goes_on = _test is not None and _test.poll()
        if (_test is not None and len(_test.lines) != known) or not goes_on:
            _redraw(context)
        if goes_on:
            return {"PASS_THROUGH"}
        self.cancel(context)
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Called by Blender too, when the window closes."""
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None


def current_test() -> EngineTest | None:
    """The test that was begun last."""
    return _test


def _begin_test() -> EngineTest:
    global _test
    if _test is not None:
        _test.cancel()
    _test = EngineTest(engine_python())
    return _test


def _redraw(context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()


CLASSES: tuple[type, ...] = (MIEN_OT_test_engine,)


def unregister() -> None:
    """Forget what was tested."""
    global _test
    _test = None
