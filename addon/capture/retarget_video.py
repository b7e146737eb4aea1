# SPDX-License-Identifier: GPL-3.0-or-later
"""Retarget Video: the expressions of whoever is in a video, on any Mien head."""

from collections.abc import Mapping
from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...core.channels import REGIONS
from ...core.retarget import Rules
from ..engine.client import Job
from ..face.models import engine_path
from ..motion.retargeting import retarget_to_head
from ..operator import HeadOperator, head_of
from ..transaction import all_or_nothing
from .engine_operator import EngineOperator
from .jobs import Request
from .track_video import VIDEO_SUFFIXES, chosen_video, told, tracked_motion


class MIEN_OT_retarget_video(EngineOperator, HeadOperator, bpy.types.Operator):
    """Put the expressions of whoever is in a video on the active face, as a new take"""

    bl_idname = "mien.retarget_video"
    bl_label = "Retarget Video"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{s}" for s in VIDEO_SUFFIXES), options={"HIDDEN"})
    mode: EnumProperty(name="Transfer", default="RELATIVE", items=[
        ("RELATIVE", "Relative", "Add what changes in the video to how the face is at the start frame"),
        ("ABSOLUTE", "Absolute", "Take the expressions of the video as they are")])
    start_frame: IntProperty(name="Start Frame", description="Where the clip begins; the scene's first frame when it "
                             "is not set", options={"SKIP_SAVE"})
    calibrate: BoolProperty(name="Subtract Rest", description="Take away what the face in the video is like at rest",
                            default=False)
    use_pose: BoolProperty(name="Head Movement", description="The head moves as in the video", default=True)
    reduce_keys: BoolProperty(name="Few Keys", description="Few Bézier keys that are easy to edit, in place of one for "
                              "every frame", default=False)
    brows: FloatProperty(name="Brows", description="Factor on the brows", default=1.0, min=0.0, soft_max=2.0, max=10.0)
    eyes: FloatProperty(name="Eyes", description="Factor on the eyes", default=1.0, min=0.0, soft_max=2.0, max=10.0)
    jaw: FloatProperty(name="Jaw", description="Factor on the jaw", default=1.0, min=0.0, soft_max=2.0, max=10.0)
    mouth: FloatProperty(name="Mouth", description="Factor on the mouth", default=1.0, min=0.0, soft_max=2.0, max=10.0)
    cheeks: FloatProperty(name="Cheeks", description="Factor on the cheeks", default=1.0, min=0.0, soft_max=2.0,
                          max=10.0)
    nose: FloatProperty(name="Nose", description="Factor on the nose", default=1.0, min=0.0, soft_max=2.0, max=10.0)
    tongue: FloatProperty(name="Tongue", description="Factor on the tongue", default=1.0, min=0.0, soft_max=2.0,
                          max=10.0)
    movement: FloatProperty(name="Movement", description="Factor on the head's turns and shifts", default=1.0, min=0.0,
                            soft_max=2.0, max=10.0)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Ask for the video."""
        return self.begin(context) if self.filepath else self.ask_for_files(context)

    def draw(self, _context: bpy.types.Context) -> None:
        """All of it can be changed afterwards without tracking again."""
        layout = self.layout
        layout.use_property_split = True
        for name in ("mode", "calibrate", "start_frame", "reduce_keys", "use_pose"):
            layout.prop(self, name)
        column = layout.column(align=True)
        for name in (*REGIONS, "movement"):
            column.prop(self, name)

    def request(self, context: bpy.types.Context) -> Request:
        head = head_of(context)
        params = {"video": chosen_video(self.filepath), "model": engine_path(head)}
        return Request("track_video", params, self.bl_label, head)

    def apply(self, _context: bpy.types.Context, job: Job, scene: bpy.types.Scene,
              head: bpy.types.Object | None) -> str:
        assert head is not None
        motion, name = tracked_motion(job), Path(self.filepath).stem
        start = self.start_frame if self.properties.is_property_set("start_frame") else None
        with all_or_nothing(scene, head):
            report = retarget_to_head(head, motion, scene=scene, rules=self._rules(), name=name, start_frame=start,
                                      pose=self.use_pose, calibrate=self.calibrate, reduce=self.reduce_keys)
        return told(head, motion, report, job)

    def _rules(self) -> Rules:
        gains: Mapping[str, float] = {name: getattr(self, name) for name in REGIONS}
        return Rules(self.mode == "RELATIVE", gains, self.movement, self.movement)


CLASSES: tuple[type, ...] = (MIEN_OT_retarget_video,)
