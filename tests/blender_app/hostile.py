# SPDX-License-Identifier: Apache-2.0
"""Does to running jobs what people and machines do, in a Blender window, and tells by JSON.

    blender --window-geometry 0 0 W H --python hostile.py -- FOLDER PYTHON PORTRAIT VIDEO

Esc, the panel's button, undo, deletion, a killed engine, a move that is not finished, another file, the file browser.
"""

import contextlib
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import NAME, Steps, check, heads, keys, over, run, told, until, within
from window import clear as remove_all

FOLDER, PYTHON, PORTRAIT, VIDEO = sys.argv[sys.argv.index("--") + 1:]
jobs = importlib.import_module(f"{NAME}.addon.capture.jobs")
shared = importlib.import_module(f"{NAME}.addon.engine.shared")
told["longest_ms"] = {}


def start(operator: Callable[..., set[str]], **settings: object) -> set[str]:
    """Start a job as a button does; how long that takes is remembered."""
    began = time.perf_counter()
    with within():
        answer = operator("INVOKE_DEFAULT", **settings)
    name = operator.idname_py()
    told["longest_ms"][name] = max(told["longest_ms"].get(name, 0.0), 1000 * (time.perf_counter() - began))
    return answer


def idle() -> bool:
    return jobs.running() is None


def counts() -> list[int]:
    return [len(getattr(bpy.data, name)) for name in ("objects", "meshes", "materials", "images", "cameras", "actions")]


def push(name: str) -> None:
    with within():
        bpy.ops.ed.undo_push(message=name)


def undo() -> None:
    with within():
        bpy.ops.ed.undo()


def clear() -> None:
    remove_all()
    push("clear")


def one_undo_step() -> Steps:
    clear()
    before = counts()
    check("a job starts", start(bpy.ops.mien.face_from_photo, filepath=PORTRAIT) == {"RUNNING_MODAL"})
    with contextlib.suppress(RuntimeError):
        start(bpy.ops.mien.face_from_photo, filepath=PORTRAIT)
    yield from until(idle)
    after = counts()
    check("one head, although it was asked for twice", len(heads()) == 1)
    undo()
    yield 0.3
    check("one undo takes it all away", counts() == before)
    with within():
        bpy.ops.ed.redo()
    yield 0.3
    check("redo brings it all back", counts() == after)


def cancelled() -> Steps:
    for name, act in (("Esc", lambda: keys("Escape")), ("the panel's button", bpy.ops.mien.cancel_job)):
        before = counts()
        start(bpy.ops.mien.track_video, filepath=VIDEO)
        yield 0.2
        ran = not idle()
        act()
        yield from until(idle, 10)
        check(f"{name} cancels and leaves all as it was", ran and idle() and counts() == before)


def killed() -> Steps:
    before = counts()
    process = shared._engine.pid
    start(bpy.ops.mien.track_video, filepath=VIDEO)
    os.kill(process, signal.SIGKILL)
    yield from until(idle, 10)
    check("a killed engine leaves all as it was", idle() and counts() == before and "signal 9" in shared._engine.error)


def deleted() -> Steps:
    bpy.context.view_layer.objects.active = heads()[0]
    start(bpy.ops.mien.track_video, filepath=VIDEO)
    yield 0.2
    bpy.data.objects.remove(heads()[0])
    yield from until(idle, 3)
    check("a deleted head cancels its job", idle() and not heads())


def undone() -> Steps:
    push("something")
    start(bpy.ops.mien.face_from_photo, filepath=PORTRAIT)
    yield 0.1
    undo()
    yield from until(idle)
    check("undo beside a job does no harm", idle())


def moving() -> Steps:
    """A result waits while something is being moved."""
    clear()
    cube = bpy.data.objects.new("cube", bpy.data.meshes.new("cube"))
    bpy.context.scene.collection.objects.link(cube)
    cube.select_set(True)
    bpy.context.view_layer.objects.active = cube
    start(bpy.ops.mien.face_from_photo, filepath=PORTRAIT)
    with within():
        bpy.ops.transform.translate("INVOKE_DEFAULT")
    yield from until(lambda: idle() or jobs.running().job.state.final)
    yield 0.5
    check("a result waits for a move to end", not idle() and not heads())
    keys("Return")
    yield from until(idle, 10)
    check("and comes then", len(heads()) == 1)


def browser() -> Steps:
    clear()
    start(bpy.ops.mien.face_from_photo)
    yield 1.0
    shown = bpy.context.window_manager.windows[-1]
    files = next(a for a in shown.screen.areas if a.type == "FILE_BROWSER")
    files.spaces.active.params.directory = str(Path(PORTRAIT).parent).encode()
    files.spaces.active.params.filename = Path(PORTRAIT).name
    yield 1.0
    with over(files, shown):
        bpy.ops.file.execute()
    yield 0.2
    yield from until(idle)
    check("the file browser leads to a head", len(heads()) == 1)
    undo()
    yield 0.3
    check("and one undo back", not heads())


def another_file() -> Steps:
    start(bpy.ops.mien.track_video, filepath=VIDEO)
    yield 0.2
    ran = not idle()
    bpy.ops.wm.read_homefile()
    yield 1.0
    check("another file cancels the job", ran and idle() and not heads())


def steps() -> Iterator[tuple[str, Steps]]:
    bpy.context.preferences.addons[NAME].preferences.python = PYTHON
    for step in (one_undo_step, cancelled, killed, deleted, undone, moving, browser, another_file):
        yield step.__name__, step()


run(steps(), FOLDER, "hostile")
