# SPDX-License-Identifier: Apache-2.0
"""Drops files on a Blender window by the mouse: the zip installs, a photo becomes a face, a video moves it.

    blender --window-geometry 0 0 W H --python dropping.py -- FOLDER PYTHON ZIP PORTRAIT VIDEO
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import NAME, SECONDS_OF_A_JOB, Steps, area, check, heads, picture, press, run, told, until, window

FOLDER, PYTHON, ZIP, PORTRAIT, VIDEO = sys.argv[sys.argv.index("--") + 1:]


def drop(path: str) -> Steps:
    """Drag a file into the 3D view, beside its middle, and let it go there."""
    view = area("VIEW_3D")
    place = round(view.x + view.width * 0.4), round(window().height - view.y - view.height * 0.5)
    drag = subprocess.Popen(["python3", str(Path(__file__).with_name("drag.py")), path, *map(str, place)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield from until(lambda: drag.poll() is not None, 40)
    if drag.poll() != 0:
        drag.kill()
        told.setdefault("drags", []).append(drag.communicate()[0])
    check(f"{Path(path).suffix} can be dropped", drag.returncode == 0)
    yield 1.0


def install() -> Steps:
    """Blender asks whether to install the zip; Enter says yes."""
    yield from drop(ZIP)
    yield from picture(FOLDER, "dropped_zip")
    press("key", "Return")
    yield from until(lambda: NAME in bpy.context.preferences.addons, 60)
    check("the dropped zip is installed and enabled", NAME in bpy.context.preferences.addons)
    bpy.context.preferences.addons[NAME].preferences.python = PYTHON


def photo() -> Steps:
    """Blender could also show the photo as a picture, and asks; F chooses the face."""
    yield from drop(PORTRAIT)
    yield from picture(FOLDER, "dropped_photo")
    press("key", "f")
    yield from until(heads, SECONDS_OF_A_JOB)
    check("the dropped photo becomes a face", len(heads()) == 1 and heads()[0].data.mien.source)


def video() -> Steps:
    """The same for a video: T tracks it."""
    yield from drop(VIDEO)
    yield from picture(FOLDER, "dropped_video")
    press("key", "t")
    yield from until(lambda: bool(heads()) and heads()[0].data.shape_keys.animation_data, SECONDS_OF_A_JOB)
    check("the dropped video moves the face", heads() and heads()[0].data.shape_keys.animation_data)
    yield from until(lambda: not bpy.context.window_manager.mien_job.running)


def steps() -> Iterator[tuple[str, Steps]]:
    yield "install", install()
    yield "photo", photo()
    yield "video", video()


run(steps(), FOLDER, "dropping")
