# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which Python the engine runs in, and whether it works there."""

import os
import threading
import time
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from .engine import sentences, shared
from .engine.client import Engine, EngineError, Job, JobState
from .engine.discovery import Candidate, find_python, interpreter
from .panels.base import wrapped

ADDON = (__package__ or "").rpartition(".")[0]
"""The name that Blender knows the add-on by"""
_LOG = "engine.log"
_TICK = 0.1
_SEARCH_WITHIN = 0.03

_found: Candidate | None = None
_search: threading.Thread | None = None
_test: "EngineTest | None" = None


def preferences() -> "MienPreferences | None":
    """The add-on's preferences; None when it was registered without being enabled."""
    enabled = bpy.context.preferences.addons.get(ADDON)
    return enabled.preferences if enabled else None


def engine_python() -> str:
    """The interpreter to run the engine with, empty when none was found; looks at files for a moment at most."""
    chosen = _chosen()
    if chosen:
        found = find_python(chosen)
        return str(found.python) if found else ""
    if _search is not None:
        _search.join(_SEARCH_WITHIN)
    found = _found or find_python()
    return str(found.python) if found else ""


def known_python() -> bool:
    """Whether an interpreter was chosen or found, as far as is known now; for panels, looks at nothing."""
    return bool(_chosen() or _found or (_search is not None and _search.is_alive()))


def engine_log() -> Path | None:
    """Where the engine's standard error goes: a folder of the add-on's own."""
    try:
        return Path(bpy.utils.extension_path_user(ADDON, path="", create=True)) / _LOG
    except ValueError:  # not installed as an extension
        folder = bpy.utils.user_resource("CONFIG", path="mien", create=True)
        return Path(folder) / _LOG if folder else None


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


class MIEN_OT_find_python(bpy.types.Operator):
    """Look for a Python that has Mien in the usual places"""

    bl_idname = "mien.find_python"
    bl_label = "Find"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Put what is found into the preferences."""
        global _found
        _found = find_python()
        if _found is None:
            self.report({"ERROR"}, sentences.NO_PYTHON)
            return {"CANCELLED"}
        chosen = preferences()
        if chosen is not None:
            chosen.python = str(_found.python)
        self.report({"INFO"}, f"Found {_found.python} ({_found.origin})")
        return {"FINISHED"}


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


class MienPreferences(bpy.types.AddonPreferences):
    """Shown in Preferences ▸ Add-ons ▸ Mien."""

    bl_idname = ADDON

    python: StringProperty(
        name="Python", subtype="FILE_PATH",
        description="The interpreter of a Python environment in which Mien is installed, or the environment's folder. "
                    "Empty: it is looked for in the usual places")

    def draw(self, context: bpy.types.Context) -> None:
        """The interpreter, how to get one, and what works."""
        layout = self.layout
        row = layout.row(align=True)
        row.prop(self, "python")
        row.operator("mien.find_python", icon="VIEWZOOM")
        self._draw_state(layout)
        row = layout.row()
        row.enabled = _test is None or not _test.running
        row.operator("mien.test_engine", icon="PLAY")
        if _test is not None:
            box = layout.box().column(align=True)
            for icon, text in _test.lines:
                wrapped(box, context, text, icon)
            if _test.running:
                box.label(text="Testing…", icon="SORTTIME")

    def _draw_state(self, layout: bpy.types.UILayout) -> None:
        if self.python:
            if not os.path.isfile(interpreter(self.python)):  # noqa: PTH113
                layout.label(text="There is no such file", icon="ERROR")
            return
        if _found is not None:
            layout.label(text=f"In use: {_found.python} (from {_found.origin})", icon="CHECKMARK")
            return
        box = layout.box().column(align=True)
        box.label(text="No Python with Mien was found. It is needed for photos and videos only:", icon="INFO")
        for line in ("python3 -m venv mien-engine", "mien-engine/bin/pip install <folder or wheel of Mien>",
                     "then choose the folder mien-engine above, and press Test Engine"):
            box.label(text=line, icon="BLANK1")


def _chosen() -> str:
    chosen = preferences()
    return chosen.python.strip() if chosen else ""


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


def _look() -> None:
    global _found
    _found = find_python()


CLASSES: tuple[type, ...] = (MIEN_OT_find_python, MIEN_OT_test_engine, MienPreferences)


def register() -> None:
    """Look for a Python with Mien, off the main thread."""
    global _search
    _search = threading.Thread(target=_look, name="mien-find", daemon=True)
    _search.start()


def unregister() -> None:
    """Forget what was found and tested."""
    global _found, _search, _test
    if _search is not None:
        _search.join()
    _found = _search = _test = None
