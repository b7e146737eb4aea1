# SPDX-License-Identifier: Apache-2.0
"""Uses the installed extension in a Blender window as a person would, takes pictures of the screen, and tells by JSON.

    blender --window-geometry 0 0 W H --python drive.py -- FOLDER PYTHON PORTRAIT VIDEO MOTION
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import (
    NAME,
    SECONDS_OF_A_JOB,
    Steps,
    area,
    check,
    clear,
    click,
    heads,
    job,
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

FOLDER, PYTHON, PORTRAIT, VIDEO, MOTION = sys.argv[sys.argv.index("--") + 1:]


def open_panel() -> Steps:
    """The N-panel on our tab, wide enough to be read, and the parts in it that the pictures show."""
    view = area("VIEW_3D")
    view.spaces.active.show_region_ui = True
    yield 0.5
    sidebar = region(view, "UI")
    sidebar.active_panel_category = "Mien"
    view.tag_redraw()
    yield 0.5
    check("panel is on the tab Mien", sidebar.active_panel_category == "Mien")


def add_by_menu() -> Steps:
    """Add ▸ (typed) Mien Face ▸ Enter: the way by the keyboard."""
    view = area("VIEW_3D")
    click_free = (view.x + view.width * 0.3, view.y + view.height * 0.3)
    press("mousemove", round(click_free[0]), round(window().height - click_free[1]), "sleep", "0.3", "key", "shift+a",
          "sleep", "0.7", "type", "--delay", "80", "mien face")
    yield 3.0
    press("key", "Return")
    yield 1.5
    check("Add menu makes a face", heads())
    check("the view comes near it", heads() and view.spaces.active.region_3d.view_distance < 1.5)
    press("key", "ctrl+z")
    yield 1.0
    check("Ctrl Z takes it away", not heads())
    press("key", "ctrl+shift+z")
    yield 1.0
    check("Ctrl Shift Z brings it back", len(heads()) == 1)


def add_by_button() -> Steps:
    """The panel's button “Add a Face”, pressed by the mouse, below the panel's header."""
    clear()
    yield 0.5
    yield from picture(FOLDER, "empty")
    sidebar = region(area("VIEW_3D"), "UI")
    for below_top in (62, 70, 54, 78, 86, 46):
        click(sidebar.x + sidebar.width * 0.45, sidebar.y + sidebar.height - below_top)
        yield 1.2
        if heads():
            break
    check("the panel's button makes a face", heads())
    area("VIEW_3D").spaces.active.shading.color_type = "TEXTURE"
    with within():
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    yield from picture(FOLDER, "face")


def face_from_photo() -> Steps:
    """The job runs while the window lives; then the head lies on the photo."""
    bpy.context.preferences.addons[NAME].preferences.python = PYTHON
    clear()
    yield from job("face_from_photo", lambda: bpy.ops.mien.face_from_photo("INVOKE_DEFAULT", filepath=PORTRAIT),
                   FOLDER)
    check("the photo became a face", heads() and heads()[0].data.mien.confidence > 0.5)
    check("a camera stands where the photo was taken", bpy.context.scene.camera is not None)
    area("VIEW_3D").spaces.active.shading.light = "FLAT"
    frame_camera()
    yield from picture(FOLDER, "photo")


def cancelled_job() -> Steps:
    """Esc ends a job, one of seconds so that it comes in time, and the scene is as it was."""
    before = things()
    select(heads()[0])
    with within():
        bpy.ops.mien.track_video("INVOKE_DEFAULT", filepath=VIDEO)
    yield 0.15
    view = area("VIEW_3D")
    press("mousemove", round(view.x + view.width * 0.3), round(window().height - view.y - view.height * 0.3),
          "key", "Escape")
    yield from until(lambda: not bpy.context.window_manager.mien_job.running, 20)
    check("Esc cancels and leaves nothing", things() == before)


def things() -> list[list[str]]:
    return [sorted(one.name for one in kind) for kind in (bpy.data.objects, bpy.data.actions, bpy.data.images)]


def track_video() -> Steps:
    """A take of a clip on the head, with the clip behind it."""
    head = heads()[0]
    yield from job("track_video", lambda: bpy.ops.mien.track_video("INVOKE_DEFAULT", filepath=VIDEO), FOLDER)
    keys = head.data.shape_keys
    check("the video became a take", keys.animation_data and keys.animation_data.action)
    moved = values_of("jawOpen")
    check("the mouth moves in the take", max(moved) - min(moved) > 0.1)
    bpy.context.scene.frame_set(bpy.context.scene.frame_start + moved.index(max(moved)))
    frame_camera()
    yield from picture(FOLDER, "video")


def talking() -> Steps:
    """The demo's motion on the face from the photo, by the import operator."""
    head = heads()[0]
    select(head)
    with within():
        bpy.ops.mien.import_motion(filepath=MOTION, reduce=True)
    yield 0.5
    check("the motion file became a take", "talking" in head.data.shape_keys.animation_data.action.name)


def curves() -> Steps:
    """The Graph Editor with the face's curves in their groups and colours, and a few keys edited there."""
    head = heads()[0]
    select(head)
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR")):
        area("DOPESHEET_EDITOR").type = "GRAPH_EDITOR"
    yield 0.5
    with within("GRAPH_EDITOR"):
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    yield 1.0
    graph = area("GRAPH_EDITOR").spaces.active
    graph.dopesheet.show_transforms = False
    graph.show_region_ui = False
    graph.use_only_selected_keyframe_handles = True
    with within("GRAPH_EDITOR"):
        bpy.ops.anim.channels_expand(all=True)
        bpy.ops.graph.select_all(action="DESELECT")
        bpy.ops.anim.channels_select_all(action="SELECT")
    yield 0.5
    with within("GRAPH_EDITOR"):
        bpy.ops.graph.view_all()
    yield 1.0
    yield from picture(FOLDER, "curves")
    before = values_of("jawOpen")
    graph.dopesheet.filter_text = "jawOpen"
    yield 0.5
    with within("GRAPH_EDITOR"):
        bpy.ops.graph.select_all(action="SELECT")
        bpy.ops.transform.resize(value=(1.0, 1.3, 1.0))
    yield 0.5
    check("keys edited in the Graph Editor move the face", max(values_of("jawOpen")) > max(before) + 0.01)
    yield from picture(FOLDER, "edited")
    graph.dopesheet.filter_text = ""
    with within("GRAPH_EDITOR"):
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    yield 0.5
    with bpy.context.temp_override(window=window(), area=area("GRAPH_EDITOR")):
        area("GRAPH_EDITOR").type = "DOPESHEET_EDITOR"
    yield 0.5


def controls() -> Steps:
    """The panel with the expression sliders over the talking face."""
    values = values_of("jawOpen")
    bpy.context.scene.frame_set(bpy.context.scene.frame_start + values.index(max(values)))
    frame_camera()
    sidebar = region(area("VIEW_3D"), "UI")
    open_part = (sidebar.x + 54, window().height - 509)
    click(*open_part)  # the part “Mouth” where the panel looks as in 5.2; only for the picture
    for _ in range(8):  # it opens step by step, each drawn
        sidebar.tag_redraw()
        yield 0.5
    yield from picture(FOLDER, "panel")
    click(*open_part)
    yield 0.5


def rendered() -> Steps:
    """Render Video by its operator: a film in another Blender while the window lives, and a picture."""
    scene = bpy.context.scene
    film, began = Path(FOLDER, "film.mp4"), time.monotonic()
    first = scene.frame_current
    with within():
        bpy.ops.mien.render_video("INVOKE_DEFAULT", filepath=str(film), engine="CYCLES", samples=4, frame_start=first,
                                  frame_end=first + 5)
    yield from until(film.exists, SECONDS_OF_A_JOB)
    check("the film is rendered", film.exists() and film.stat().st_size > 1000)
    told["seconds"]["render 6 frames"] = time.monotonic() - began
    yield 1.0
    bpy.ops.mien.render_video(filepath=str(Path(FOLDER, "frames")), kind="PNG", engine="CYCLES", samples=32,
                              frame_start=first, frame_end=first)
    pictures = sorted(Path(FOLDER).glob("frames*/*.png"))
    check("the frame is rendered", len(pictures) == 1)
    if pictures:
        pictures[0].rename(Path(FOLDER, "rendered.png"))
    yield 0.5


def frame_camera() -> None:
    """Look through the camera, as large as it fits beside the panel."""
    view = area("VIEW_3D")
    with within():
        view.spaces.active.region_3d.view_perspective = "CAMERA"
        bpy.ops.view3d.view_center_camera()
    view.spaces.active.region_3d.view_camera_zoom += 14
    view.spaces.active.region_3d.view_camera_offset = (0.06, 0.2)


STEPS = (open_panel, add_by_menu, add_by_button, face_from_photo, cancelled_job, track_video, talking, controls,
         curves, rendered)


def watch_ticks() -> None:
    """Take the time of every look at a job: for so long the window does not answer."""
    operator = sys.modules[f"{NAME}.addon.capture.engine_operator"].EngineOperator
    real = operator.modal

    def modal(self: object, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        start = time.perf_counter()
        answer: set[str] = real(self, context, event)
        if "PASS_THROUGH" in answer:  # not the last one, which puts the result into the scene
            took = time.perf_counter() - start
            told["seconds"]["longest tick of a job"] = max(took, told["seconds"].get("longest tick of a job", 0))
        return answer

    operator.modal = modal


def everything() -> Iterator[tuple[str, Steps]]:
    watch_ticks()
    check("the extension is enabled", NAME in bpy.context.preferences.addons)
    for step in STEPS:
        yield step.__name__, step()


run(everything(), FOLDER, "drive")
