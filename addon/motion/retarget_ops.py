# SPDX-License-Identifier: GPL-3.0-or-later
"""Retarget: another head's animation or a motion file on the active head (see retargeting.py)."""

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, StringProperty

from ...core.channels import REGIONS
from ...core.errors import BadInput
from ...core.motion import Motion
from ...core.motion_files import read_motion
from ...core.motion_report import MotionReport
from ...core.retarget import Rules
from ..face.head import is_head
from ..operator import HeadOperator, head_of
from . import curves, head_motion, takes
from .motion_io import tell
from .retargeting import retarget_to_head


def _gain_property(region: str) -> Any:
    return FloatProperty(name=region.title(), description=f"How strongly the {region} follow the driver", default=1.0,
                         soft_min=0.0, soft_max=3.0)


class MIEN_OT_retarget(HeadOperator, bpy.types.Operator):
    """Play another face's animation, or a motion file, on the active face, which keeps its own place and size"""

    bl_idname = "mien.retarget"
    bl_label = "Retarget"
    bl_options = {"REGISTER", "UNDO"}

    source: StringProperty(name="From Face", description="The face whose animation is taken; empty for a file")
    filepath: StringProperty(name="Motion File", description="A .npz, .json or Live Link .csv file, where no face is "
                             "given", subtype="FILE_PATH")
    mode: EnumProperty(name="Mode", items=(
        ("RELATIVE", "Relative", "Add what changes since the driver's first frame to the face as it is"),
        ("ABSOLUTE", "Absolute", "Take the driver's values as they are")))
    take_name: StringProperty(name="Name", description="Of the new Action", default="Retarget")
    merge: BoolProperty(name="Merge into Current Action", description="Replace the keys within the motion's time and "
                        "keep all others; else a new Action")
    gain: FloatProperty(name="Gain", description="How strongly the whole face follows the driver", default=1.0,
                        soft_min=0.0, soft_max=3.0)
    gain_brows: _gain_property("brows")
    gain_eyes: _gain_property("eyes")
    gain_cheeks: _gain_property("cheeks")
    gain_nose: _gain_property("nose")
    gain_jaw: _gain_property("jaw")
    gain_mouth: _gain_property("mouth")
    gain_tongue: _gain_property("tongue")
    calibrate: BoolProperty(name="Driver's Rest Is Zero",
                            description="Take away what the driver's face is like at rest")
    match_own: BoolProperty(name="Match Own Liveliness",
                            description="Make each region as lively as it is in the face's present animation")
    move_head: BoolProperty(name="Head Too", description="The head turns and moves too", default=True)
    head_gain: FloatProperty(name="Head Gain", description="How strongly the head's turns and moves are followed",
                             default=1.0, soft_min=0.0, soft_max=3.0)
    reduce: BoolProperty(name="Few Keys", description="Bézier keys within the usual error in place of one each frame")

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for everything."""
        return context.window_manager.invoke_props_dialog(self, width=360)

    def draw(self, context: bpy.types.Context) -> None:
        """Source, mode, gains."""
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop_search(self, "source", context.scene, "objects")
        row = layout.row()
        row.enabled = not self.source
        row.prop(self, "filepath")
        layout.row().prop(self, "mode", expand=True)
        for name in ("take_name", "merge", "reduce", "calibrate", "match_own", "move_head", "head_gain", "gain"):
            layout.prop(self, name)
        column = layout.column(align=True)
        for region in REGIONS:
            column.prop(self, f"gain_{region}")

    def rules(self) -> Rules:
        """The transfer that the properties mean."""
        gains = {region: self.gain * getattr(self, f"gain_{region}") for region in REGIONS}
        return Rules(self.mode == "RELATIVE", {r: g for r, g in gains.items() if g != 1.0}, self.head_gain,
                     self.head_gain)

    def run(self, context: bpy.types.Context) -> None:
        head, scene = head_of(context), context.scene
        motion, start, report = self._driver(context)
        match = None
        if self.match_own:
            match = _whole(head, scene)[0]
        made = retarget_to_head(head, motion, scene=scene, rules=self.rules(), start_frame=start, match=match,
                                calibrate=self.calibrate, name=self.take_name, merge=self.merge, pose=self.move_head,
                                reduce=self.reduce)
        tell(self, takes.TakeReport(made.actions, made.frame_start, made.frame_end, made.keys,
                                    report + made.matching))

    def _driver(self, context: bpy.types.Context) -> tuple[Motion, float, MotionReport]:
        if self.source:
            source = context.scene.objects.get(self.source)
            if not is_head(source):
                raise BadInput(f"There is no Mien face “{self.source}” in the scene.")
            return *_whole(source, context.scene), MotionReport()
        if not self.filepath:
            raise BadInput("Choose the face or the motion file to take the animation from.")
        motion, report = read_motion(Path(bpy.path.abspath(self.filepath)))
        return motion, float(context.scene.frame_start), report


def _whole(head: bpy.types.Object, scene: bpy.types.Scene) -> tuple[Motion, float]:
    """A head's animation from its first key to its last, or the scene's frames without keys; and its start."""
    frames = np.concatenate([curves.key_frames(head.data.shape_keys), curves.key_frames(head)])
    if not len(frames):
        frames = np.array([scene.frame_start, scene.frame_end])
    start, end = float(np.floor(frames.min())), float(np.ceil(frames.max()))
    return head_motion.head_to_motion(head, scene, start, end), start


CLASSES: tuple[type, ...] = (MIEN_OT_retarget,)
