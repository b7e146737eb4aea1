# SPDX-License-Identifier: Apache-2.0
"""From the zip to a film, in a Blender that has never seen the extension, as somebody new to it goes.

    blender --window-geometry 0 0 W H --python newcomer.py -- FOLDER PYTHON ZIP PORTRAIT VIDEO

Install the zip, Face from Photo, Track Video, edit keys in the Graph Editor by mouse and keyboard, render 60 frames
to MP4, save. What the film must show is told, for tools/blender_app.py to look whether it does.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import (
    NAME,
    Steps,
    area,
    check,
    heads,
    job,
    keys,
    picture,
    press,
    region,
    run,
    select,
    told,
    until,
    values_of,
    window,
    within,
)

FOLDER, PYTHON, ZIP, PORTRAIT, VIDEO = sys.argv[sys.argv.index("--") + 1:]
FRAMES = 60
EDITED, UP = (20, 40), 0.25
"""Frames whose keys are moved, and by how much"""
KEYS = {".": "period"}
"""What X calls the keys whose sign is not their name"""
SECONDS_OF_A_FILM = 600


def installed() -> Steps:
    """What both “Install from Disk” and a zip dropped into the window call."""
    check("nothing is there before", NAME not in bpy.context.preferences.addons and "mien" not in dir(bpy.ops))
    bpy.ops.extensions.package_install_files(filepath=ZIP, repo="user_default", enable_on_install=True)
    yield 1.0
    check("the zip is installed and enabled", NAME in bpy.context.preferences.addons)
    bpy.context.preferences.addons[NAME].preferences.python = PYTHON
    view = area()
    view.spaces.active.show_region_ui = True
    yield 0.5
    region(view, "UI").active_panel_category = "Mien"
    yield 0.5


def face() -> Steps:
    yield from job("face_from_photo", lambda: bpy.ops.mien.face_from_photo("INVOKE_DEFAULT", filepath=PORTRAIT))
    check("the photo became a face", len(heads()) == 1 and heads()[0].data.mien.confidence > 0.5)
    check("the view looks through the photo's camera",
          area().spaces.active.region_3d.view_perspective == "CAMERA" and bpy.context.scene.camera)
    yield from picture(FOLDER, "newcomer_photo")


def take() -> Steps:
    head = heads()[0]
    yield from job("track_video", lambda: bpy.ops.mien.track_video("INVOKE_DEFAULT", filepath=VIDEO))
    data = head.data.shape_keys.animation_data
    jaw = values_of("jawOpen")
    check("the video became a take on the face", len(heads()) == 1 and data and data.action)
    check("the mouth moves in the take", max(jaw) - min(jaw) > 0.1)
    yield from picture(FOLDER, "newcomer_video")


def edit() -> Steps:
    """Some keys of one curve: selected by a box, moved by G Y, undone, done again."""
    bpy.context.scene.frame_set(1)
    select(heads()[0])
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR")):
        area("DOPESHEET_EDITOR").type = "GRAPH_EDITOR"
    yield 0.5
    graph = area("GRAPH_EDITOR").spaces.active
    graph.dopesheet.filter_text = "jawOpen"
    graph.show_region_ui = False
    yield 0.5
    with within("GRAPH_EDITOR"):
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    yield 1.0
    before = values_of("jawOpen")
    with within("GRAPH_EDITOR"):
        bpy.ops.anim.channels_expand(all=True)
        bpy.ops.graph.select_all(action="DESELECT")
        bpy.ops.graph.view_all()
    yield 0.5
    to_region = region(area("GRAPH_EDITOR")).view2d.view_to_region
    (left, low), (right, high) = (to_region(frame, value, clip=False)
                                  for frame, value in ((EDITED[0] - 0.5, -1), (EDITED[1] + 0.5, 2)))
    with within("GRAPH_EDITOR"):
        bpy.ops.graph.select_box(xmin=left, xmax=right, ymin=low, ymax=high, mode="SET")
    yield 0.5
    keys("g", "y", *(KEYS.get(sign, sign) for sign in str(UP)), "Return", kind="GRAPH_EDITOR")
    yield 3.0
    yield from picture(FOLDER, "newcomer_curves")
    after = values_of("jawOpen")
    first = bpy.context.scene.frame_start
    inside = range(EDITED[0] - first, EDITED[1] - first + 1)
    far = [i for i in range(len(before)) if i < inside[0] - 1 or i > inside[-1] + 1]
    check("the keys in the box went up, and the face with them",
          all(abs(after[i] - before[i] - UP) < 1e-3 for i in inside))
    check("all other keys stayed", all(abs(after[i] - before[i]) < 1e-5 for i in far))
    keys("ctrl+z", kind="GRAPH_EDITOR")
    yield from until(lambda: values_of("jawOpen") == before, 20)
    check("Ctrl Z takes the edit back", values_of("jawOpen") == before)
    keys("ctrl+shift+z", kind="GRAPH_EDITOR")
    yield from until(lambda: values_of("jawOpen") == after, 20)
    check("Ctrl Shift Z brings it again", values_of("jawOpen") == after)
    with within("GRAPH_EDITOR"):
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    yield 0.5


def film() -> Steps:
    """Sixty frames in another Blender, while this window lives."""
    scene = bpy.context.scene
    path, began, turns = Path(FOLDER, "newcomer.mp4"), time.monotonic(), 0
    with within():
        bpy.ops.mien.render_video("INVOKE_DEFAULT", filepath=str(path), engine="WORKBENCH",
                                  frame_start=1, frame_end=FRAMES)
    yield 3.0
    yield from picture(FOLDER, "newcomer_rendering")
    for pause in until(path.exists, SECONDS_OF_A_FILM):
        turns += 1
        yield pause
    told["seconds"]["render 60 frames"] = time.monotonic() - began
    check("the window lived while the film was rendered", turns > 10)
    told["film"] = {"path": str(path), "frames": FRAMES, "fps": scene.render.fps / scene.render.fps_base,
                    "size": [scene.render.resolution_x, scene.render.resolution_y],
                    "jaw": values_of("jawOpen")[:FRAMES]}
    yield 1.0


def saved() -> Steps:
    """For the way by the command line, and it opens again with everything."""
    path, jaw = str(Path(FOLDER, "newcomer.blend")), values_of("jawOpen")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    yield 1.0
    check("the saved file opens as it was", len(heads()) == 1 and values_of("jawOpen") == jaw)
    check("and the head follows its curves", max(jaw) > 0.3)


def steps() -> Iterator[tuple[str, Steps]]:
    press("mousemove", "400", "400")
    for step in (installed, face, take, edit, film, saved):
        yield step.__name__, step()


run(steps(), FOLDER, "newcomer")
