# SPDX-License-Identifier: Apache-2.0
"""Predict, In-between and Alive Idle in a Blender window, from the menu of the Graph Editor by the keyboard.

    blender --window-geometry 0 0 W H --python predicting.py -- FOLDER MOTION
"""

import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from window import Steps, area, check, clear, heads, picture, pointer, press, region, run, select, until, window, within

FOLDER, MOTION = sys.argv[sys.argv.index("--") + 1:]
END, AHEAD = 160, 90
SHOWN = ("jawOpen", "mouthSmileLeft", "mouthPucker", "mouthFunnel", "eyeBlinkLeft", "eyeLookDownLeft", "browInnerUp")
"""Curves in the picture"""
FREED = (60, 90)


def performance() -> Steps:
    """A face that plays the demo's motion, the Graph Editor below the whole view."""
    clear()
    with within():
        bpy.ops.mien.add_face()
        bpy.ops.mien.import_motion(filepath=MOTION, use_motion_rate=True, reduce=True)
    scene, view = bpy.context.scene, area()
    scene.frame_end, scene.frame_preview_end = END + AHEAD, END + AHEAD
    select(heads()[0])
    view.spaces.active.show_region_ui = True
    yield 0.5
    region(view, "UI").active_panel_category = "Mien"
    with within():
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    yield from picture(FOLDER, "predict_panel")
    with bpy.context.temp_override(window=window(), area=area("DOPESHEET_EDITOR")):
        area("DOPESHEET_EDITOR").type = "GRAPH_EDITOR"
    yield 0.5


def predicted() -> Steps:
    """The take goes on from the current frame, without a jump and without touching what was before."""
    scene = bpy.context.scene
    scene.frame_set(END)
    before = values(range(1, END + 1))
    with within():
        bpy.ops.ed.undo_push(message="Performance")
    yield from called("p", "MIEN_OT_predict")
    after = values(range(1, END + AHEAD + 1))
    steps = [largest(a, b) for a, b in pairwise(after)]
    check("Predict leaves what was before", largest_of(before, after) < 1e-4)
    check("Predict begins without a jump", steps[END - 1] <= 1.2 * max(steps[:END - 1]))
    check("Predict moves the face on", max(steps[END:]) > 0.02)
    press(*pointer("GRAPH_EDITOR"), "key", "ctrl+z")
    yield 1.5
    check("Ctrl Z takes the prediction back", heads() and last_key(heads()[0]) < 200)
    select(heads()[0])
    bpy.context.scene.frame_set(END)
    with within("GRAPH_EDITOR"):
        bpy.ops.mien.predict(frames=AHEAD, seed=1, reduce=True)
    yield 0.5
    yield from pictured()


def pictured() -> Steps:
    """The picture of the README: curves that go on after the current frame, their new keys selected."""
    for curve in fcurves(heads()[0].data.shape_keys):
        curve.hide = not any(f'"{name}"' in curve.data_path for name in SHOWN)
        curve.select = not curve.hide
        for point in curve.keyframe_points:
            point.select_control_point = point.co[0] > END + 0.5
            point.select_left_handle = point.select_right_handle = False
    with within("GRAPH_EDITOR"):
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    yield 1.0
    graph = area("GRAPH_EDITOR").spaces.active
    graph.dopesheet.show_transforms, graph.show_region_ui, graph.show_handles = False, False, False
    with within("GRAPH_EDITOR"):
        bpy.ops.anim.channels_expand(all=True)
    yield 0.5
    with within("GRAPH_EDITOR"):
        bpy.ops.graph.view_all()
    yield 1.0
    yield from picture(FOLDER, "predicted")
    with within("GRAPH_EDITOR"):
        bpy.ops.screen.screen_full_area(use_hide_panels=False)
    yield 0.5
    for curve in fcurves(heads()[0].data.shape_keys):
        curve.hide = False


def inbetween() -> Steps:
    """Two keyed frames are selected, and what is between them is made anew."""
    head = heads()[0]
    select(head)
    for frame in FREED:
        bpy.context.scene.frame_set(frame)
        with within():
            bpy.ops.mien.key_preset(preset="smile" if frame == FREED[0] else "surprise")
    for curve in fcurves(head.data.shape_keys):
        for point in curve.keyframe_points:
            point.select_control_point = round(point.co[0]) in FREED and point.co[0] % 1 == 0
    before = values((*range(1, FREED[0] + 1), *range(FREED[1], END)))
    yield 0.5
    yield from called("i", "MIEN_OT_inbetween")
    after = values((*range(1, FREED[0] + 1), *range(FREED[1], END)))
    between = values(range(FREED[0], FREED[1] + 1))
    check("In-between keeps its keys and what is outside", largest_of(before, after) < 1e-4)
    steps = [largest(a, b) for a, b in pairwise(between)]
    check("In-between moves evenly", 0.01 < max(steps) < 0.25)


def idle() -> Steps:
    """A new face lives for ever, and one that plays something goes on below a layer."""
    clear()
    with within():
        bpy.ops.mien.add_face()
    select(heads()[0])
    bpy.context.scene.frame_set(1)
    yield 0.5
    yield from called("a", "MIEN_OT_idle")
    later = values(range(3001, 3301))
    check("Alive Idle blinks for ever", max(row[0] for row in later) > 0.7 > 0.3 > min(row[0] for row in later))
    check("Alive Idle repeats", largest_of(values(range(1, 301)), later) < 1e-3)
    yield from called("p", "MIEN_OT_predict", wanted=False)
    check("what repeats is not continued by keys", last_key(heads()[0]) < 310)
    yield from picture(FOLDER, "idle")


def called(letter: str, idname: str, wanted: bool = True) -> Steps:
    """The menu “Mien Face” of the Graph Editor at the mouse, and the letter that is underlined in it."""
    ran = operators()
    press(*pointer("GRAPH_EDITOR"))
    yield 0.8
    with within("GRAPH_EDITOR"):
        bpy.ops.wm.call_menu(name="MIEN_MT_edit")
    yield 1.0
    press("key", letter)
    yield from until(lambda: len(operators()) > len(ran), 15 if wanted else 3)
    yield 0.5
    check(f"the menu calls {idname}" if wanted else f"{idname} is refused",
          (operators() != ran and operators()[-1] == idname) == wanted)
    if not wanted:
        press("key", "Escape")
        yield 0.5


def operators() -> list[str]:
    return [one.bl_idname for one in bpy.context.window_manager.operators]


def fcurves(id_block: bpy.types.ID) -> list[bpy.types.FCurve]:
    data = id_block.animation_data
    if not hasattr(data.action, "slots"):
        return list(data.action.fcurves)
    return list(data.action.layers[0].strips[0].channelbag(data.action_slot).fcurves)


def last_key(head: bpy.types.Object) -> float:
    return max(float(curve.keyframe_points[-1].co[0]) for curve in fcurves(head.data.shape_keys))


Values = list[list[float]]


def values(frames: Iterator[int] | range | tuple[int, ...]) -> Values:
    """The expression and the head's turn at frames; the frame stays where it was."""
    scene, head, out = bpy.context.scene, heads()[0], []
    now = scene.frame_current
    for frame in frames:
        scene.frame_set(frame)
        out.append([*(key.value for key in head.data.shape_keys.key_blocks[1:]), *head.rotation_euler])
    scene.frame_set(now)
    return out


def largest(a: list[float], b: list[float]) -> float:
    return max(abs(x - y) for x, y in zip(a, b, strict=True))


def largest_of(a: Values, b: Values) -> float:
    """The largest difference in the frames that both have."""
    return max(largest(x, y) for x, y in zip(a, b, strict=False))


STEPS: tuple[Callable[[], Steps], ...] = (performance, predicted, inbetween, idle)
run(((step.__name__, step()) for step in STEPS), FOLDER, "predicting")
