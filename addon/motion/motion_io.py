# SPDX-License-Identifier: GPL-3.0-or-later
"""Import and export of motion files: .npz, .json, Live Link Face .csv."""

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...core.errors import BadInput
from ...core.keys import EXPRESSION_TOLERANCE
from ...core.motion import Motion
from ...core.motion_files import SUFFIXES, read_motion, save_motion
from ...core.motion_report import MotionReport
from ...core.retarget import Rules
from ..operator import HeadOperator, head_of
from . import head_motion, take_notes, takes
from .retargeting import retarget_to_head
from .takes import TakeReport

PLACES = (
    ("AUTO", "Automatic", "The motion's camera for a face without a camera of its own, else the face's own place"),
    ("CAMERA", "Motion's Camera", "Make the camera that saw the motion; the head moves in it as it was seen"),
    ("PLACE", "Face's Own Place", "Keep the face's camera, place and size, and move as the motion does from there"),
    ("NONE", "Still", "Only the expression moves"))

FORMATS = ((".npz", "Motion (.npz)", "Exact and small"), (".json", "JSON (.json)", "For people and scripts"),
           (".csv", "Live Link Face (.csv)", "52 shapes, head and eye rotations; no place, no camera"))


def import_motion(head: bpy.types.Object, path: str, *, scene: bpy.types.Scene, name: str = "",
                  start_frame: float | None = None, place: str = "AUTO", merge: bool = False,
                  keep_samples: bool = False, reduce: bool = False, tolerance: float = EXPRESSION_TOLERANCE,
                  use_motion_rate: bool = False, extend_scene: bool = False) -> TakeReport:
    """Read a motion file onto a head as a new take (see `takes.motion_to_head`).

    Args:
        place: one of `PLACES`.
        use_motion_rate: the scene takes the motion's frame rate.
        extend_scene: the scene ends no sooner than the motion.

    Raises:
        BadInput: the file cannot be used, or the head's animation may not be changed. Nothing has changed then.
    """
    motion, report = read_motion(path)
    matched, _ = takes.on_head(head, motion)
    takes.check_writable(head, matched.channels, pose=place != "NONE", merge=merge)
    if use_motion_rate:
        set_rate(scene, motion.fps)
    if place == "AUTO":
        place = "CAMERA" if head.mien.camera is None else "PLACE"
    common: dict[str, Any] = {"scene": scene, "name": name or Path(path).stem, "start_frame": start_frame,
                              "merge": merge, "reduce": reduce, "tolerance": tolerance,
                              "keep_samples": keep_samples}
    if place == "PLACE":
        made = retarget_to_head(head, motion, rules=Rules(relative=False), **common)
    else:
        made = takes.motion_to_head(head, motion, pose=place == "CAMERA", set_stage=True, **common)
    if extend_scene:
        scene.frame_end = max(scene.frame_end, int(np.ceil(made.frame_end - 1e-6)))
    return TakeReport(made.actions, made.frame_start, made.frame_end, made.keys, report + made.matching)


def export_motion(head: bpy.types.Object, path: str, *, scene: bpy.types.Scene, frame_start: float, frame_end: float,
                  fps: float | None = None) -> tuple[Motion, MotionReport]:
    """Write a head's animation to a motion file, chosen by its suffix; by default at the scene's rate.

    Raises:
        BadInput: another suffix, or as `head_motion.head_to_motion` does.
        CannotWrite: the place cannot be written.
    """
    motion = head_motion.head_to_motion(head, scene, frame_start, frame_end, fps=fps)
    return motion, save_motion(motion, path)


def set_rate(scene: bpy.types.Scene, fps: float) -> None:
    """Give a scene a frame rate; NTSC's rates by the base 1.001 as Blender has them."""
    whole = round(fps * 1.001)
    if abs(fps - whole / 1.001) < 0.001 and abs(fps - round(fps)) > 1e-6:
        scene.render.fps, scene.render.fps_base = whole, 1.001
    else:
        scene.render.fps = max(1, round(fps))
        scene.render.fps_base = scene.render.fps / fps


class MIEN_OT_import_motion(HeadOperator, bpy.types.Operator):
    """Play a motion file on the active face: every expression control becomes an ordinary F-curve"""

    bl_idname = "mien.import_motion"
    bl_label = "Import Motion"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.npz;*.json;*.csv", options={"HIDDEN"})
    take_name: StringProperty(name="Name", description="Of the new Action; empty for the file's name")
    use_scene_start: BoolProperty(name="At Scene Start", description="The motion begins at the scene's first frame",
                                  default=True)
    frame_start: FloatProperty(name="Start Frame", description="Frame of the motion's beginning", default=1.0)
    place: EnumProperty(name="Head", description="How the head moves", items=PLACES, default="AUTO")
    merge: BoolProperty(name="Merge into Current Action",
                        description="Replace the keys within the motion's time and keep all others; else a new Action")
    keep_samples: BoolProperty(name="Keep Every Sample", description="Keys at the motion's own times, between frames "
                               "too; else the motion is sampled at the scene's frames")
    reduce: BoolProperty(name="Few Keys", description="Bézier keys within the stated error in place of one each frame")
    tolerance: FloatProperty(name="Error", description="Largest error of reduced keys at any frame; 1 is full effect",
                             default=EXPRESSION_TOLERANCE, min=0.0001, max=0.5, precision=3)
    use_motion_rate: BoolProperty(name="Set Frame Rate", description="The scene takes the motion's frame rate")
    extend_scene: BoolProperty(name="Extend Scene", description="Move the scene's end so that the motion fits",
                               default=True)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> None:
        made = import_motion(
            head_of(context), bpy.path.abspath(self.filepath), scene=context.scene, name=self.take_name,
            start_frame=None if self.use_scene_start else self.frame_start, place=self.place, merge=self.merge,
            keep_samples=self.keep_samples, reduce=self.reduce, tolerance=self.tolerance,
            use_motion_rate=self.use_motion_rate, extend_scene=self.extend_scene)
        tell(self, made)


class MIEN_OT_export_motion(HeadOperator, bpy.types.Operator):
    """Write the active face's animation to a motion file"""

    bl_idname = "mien.export_motion"
    bl_label = "Export Motion"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.npz;*.json;*.csv", options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})
    file_format: EnumProperty(name="Format", description="Where the file's name has no such ending", items=FORMATS)
    use_scene_range: BoolProperty(name="Scene Range", description="From the scene's first frame to its last",
                                  default=True)
    frame_start: IntProperty(name="Start", description="First frame", default=1)
    frame_end: IntProperty(name="End", description="Last frame", default=250)
    use_rate: BoolProperty(name="Other Frame Rate", description="Sample the animation at another rate than the scene's")
    fps: FloatProperty(name="Frame Rate", description="Frames per second of the file", default=60.0, min=1.0,
                       max=1000.0)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the file."""
        if not self.filepath:
            self.filepath = bpy.path.clean_name(head_of(context).name) + self.file_format
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context: bpy.types.Context) -> bool:
        """Keep the name's ending that of the chosen format."""
        path = Path(self.filepath)
        if path.suffix.lower() in SUFFIXES and path.suffix.lower() != self.file_format:
            self.filepath = str(path.with_suffix(self.file_format))
            return True
        return False

    def run(self, context: bpy.types.Context) -> None:
        scene = context.scene
        path = Path(bpy.path.abspath(self.filepath))
        if path.suffix.lower() not in SUFFIXES:
            path = path.with_name(path.name + self.file_format)
        start, end = (scene.frame_start, scene.frame_end) if self.use_scene_range else (self.frame_start,
                                                                                      self.frame_end)
        motion, report = export_motion(head_of(context), str(path), scene=scene, frame_start=start, frame_end=end,
                                       fps=self.fps if self.use_rate else None)
        for sentence in report.sentences():
            self.report({"WARNING"}, sentence)
        self.report({"INFO"}, f"{path.name}: {len(motion)} frames at {motion.fps:.6g} per second")


_take_items: list[tuple[str, str, str]] = []
"""Kept here: Blender does not hold on to the texts of menus that are made on the fly"""


def take_items(_operator: object, _context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    """A menu's entry for each take in the file."""
    _take_items[:] = [(action.name, action.name, "") for action in take_notes.takes_in_file()]
    return _take_items


class MIEN_OT_play_take(HeadOperator, bpy.types.Operator):
    """Let the active face play another take"""

    bl_idname = "mien.play_take"
    bl_label = "Play Take"
    bl_options = {"REGISTER", "UNDO"}

    take: EnumProperty(name="Take", description="The Action to play", items=take_items)

    def run(self, context: bpy.types.Context) -> None:
        action = bpy.data.actions.get(self.take)
        if action is None:
            raise BadInput("There is no take in this file yet; import a motion first.")
        takes.play_take(head_of(context), action)


def tell(operator: bpy.types.Operator, made: TakeReport) -> None:
    """Say what became of a motion: first what did not fit."""
    for sentence in made.matching.sentences():
        operator.report({"WARNING"}, sentence)
    operator.report({"INFO"}, f"{made.actions[0]}: frames {made.frame_start:g} to {made.frame_end:g}, {made.keys} keys")


def _import_entry(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator(MIEN_OT_import_motion.bl_idname, text="Mien Motion (.npz, .json, .csv)")


def _export_entry(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator(MIEN_OT_export_motion.bl_idname, text="Mien Motion (.npz, .json, .csv)")


CLASSES: tuple[type, ...] = (MIEN_OT_import_motion, MIEN_OT_export_motion, MIEN_OT_play_take)


def register() -> None:
    """Add the entries of the File menus."""
    bpy.types.TOPBAR_MT_file_import.append(_import_entry)
    bpy.types.TOPBAR_MT_file_export.append(_export_entry)


def unregister() -> None:
    """Take them away."""
    bpy.types.TOPBAR_MT_file_import.remove(_import_entry)
    bpy.types.TOPBAR_MT_file_export.remove(_export_entry)
