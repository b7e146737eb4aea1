# SPDX-License-Identifier: Apache-2.0
"""What the scripts that use a Blender window share: looking, pressing, waiting, and telling by JSON.

Buttons are pressed by xdotool, pictures are taken by ImageMagick's import: Blender's own screenshots are black on a
software renderer. Each step is a generator that yields the seconds to wait, in which the window lives on.
"""

import contextlib
import json
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import bpy

NAME = "bl_ext.user_default.mien"
SECONDS_OF_A_JOB = 240
told: dict = {"version": bpy.app.version_string, "checks": {}, "pictures": [], "seconds": {}}

Steps = Iterator[float]


def check(name: str, holds: object) -> None:
    """Remember whether something is as it should be."""
    told["checks"][name] = bool(holds)


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def area(kind: str = "VIEW_3D") -> bpy.types.Area:
    """The largest area of a kind."""
    return max((a for a in window().screen.areas if a.type == kind), key=lambda a: a.width * a.height)


def region(of: bpy.types.Area, kind: str = "WINDOW") -> bpy.types.Region:
    return next(r for r in of.regions if r.type == kind)


def within(kind: str = "VIEW_3D") -> contextlib.AbstractContextManager:
    """The context that an operator has when it is called over an area."""
    return over(area(kind))


def over(found: bpy.types.Area, of: bpy.types.Window | None = None) -> contextlib.AbstractContextManager:
    return bpy.context.temp_override(window=of or window(), area=found, region=region(found))


def press(*arguments: object) -> None:
    """Mouse and keyboard, by the X server; not waited for, since Blender must answer meanwhile."""
    subprocess.Popen(["xdotool", *map(str, arguments)])


def pointer(kind: str = "VIEW_3D") -> tuple[str, ...]:
    """What moves the mouse over an area, away from its middle."""
    of = area(kind)
    return ("mousemove", str(round(of.x + of.width * 0.3)), str(round(window().height - of.y - of.height * 0.3)),
            "sleep", "0.2")


def keys(*names: str, kind: str = "VIEW_3D") -> None:
    """Press keys one after another over an area."""
    press(*pointer(kind), *(word for name in names for word in ("key", name, "sleep", "0.2")))


def click(x: float, y: float) -> None:
    """Click on a place of the window; y counts from below, as Blender does."""
    press("mousemove", round(x), round(window().height - y), "sleep", "0.2", "click", "1")


def picture(folder: str, name: str) -> Steps:
    """What the screen shows, once it is drawn."""
    for one in window().screen.areas:
        one.tag_redraw()
    yield 1.0
    path = str(Path(folder, f"{name}.png"))
    subprocess.run(["import", "-window", "root", path], check=True, timeout=60)
    told["pictures"].append(path)


def until(holds: Callable[[], object], seconds: float = 60) -> Steps:
    """Wait for something, but not for ever."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        yield 0.05
    yield 0.3


def job(name: str, start: Callable[[], object], folder: str = "") -> Steps:
    """Start an operator of the engine and wait, while the window lives, until its job has ended."""
    began, state = time.monotonic(), bpy.context.window_manager.mien_job
    with within():
        start()
    told["seconds"][f"{name} (start)"] = time.monotonic() - began
    yield 0.3
    check(f"{name} runs in the background", state.running)
    shown = not folder
    while state.running:
        if not shown and state.fraction > 0.2:
            shown = True
            yield from picture(folder, f"{name}_progress")
        if time.monotonic() - began > SECONDS_OF_A_JOB:
            raise TimeoutError(f"{name} did not end; it was at {state.text}")
        yield 0.1
    told["seconds"][name] = time.monotonic() - began
    yield 0.5


def heads() -> list[bpy.types.Object]:
    return [o for o in bpy.data.objects if o.type == "MESH" and o.data.mien.is_head]


def select(head: bpy.types.Object) -> None:
    for one in bpy.data.objects:
        one.select_set(one == head)
    bpy.context.view_layer.objects.active = head


def values_of(channel: str) -> list[float]:
    """An expression's value at each frame of the scene; the frame stays where it was."""
    scene, values = bpy.context.scene, []
    now = scene.frame_current
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        values.append(heads()[0].data.shape_keys.key_blocks[channel].value)
    scene.frame_set(now)
    return values


def clear() -> None:
    for one in list(bpy.data.objects):
        bpy.data.objects.remove(one)


def run(steps: Iterator[tuple[str, Steps]], folder: str, name: str) -> None:
    """Take the steps once the window is there; at the end NAME.json is written and Blender quits."""
    running = _one_after_another(steps)

    def tick() -> float | None:
        try:
            return next(running)
        except StopIteration:
            pass
        except BaseException:
            told["error"] = traceback.format_exc()
            with contextlib.suppress(Exception):
                subprocess.run(["import", "-window", "root", str(Path(folder, f"{name}_error.png"))], timeout=60)
        Path(folder, f"{name}.json").write_text(json.dumps(told, indent=1))
        bpy.ops.wm.quit_blender()
        return None

    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.view.show_tooltips = False
    bpy.app.timers.register(tick, first_interval=2.0, persistent=True)


def _one_after_another(steps: Iterator[tuple[str, Steps]]) -> Steps:
    press("search", "--onlyvisible", "--class", "blender", "windowfocus")
    yield 1.0
    for name, step in steps:
        told["step"] = name
        yield from step
    told["step"] = ""
