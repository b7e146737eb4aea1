# SPDX-License-Identifier: GPL-3.0-or-later
"""Retarget Video: the expressions of whoever is in a video, on any Mien head."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.motion import Motion
from ..core.retarget import Rules, neutral_of, retarget
from . import pose
from .engine.client import Job
from .identity import identity_of
from .jobs import EngineOperator, Request
from .operator import HeadOperator, head_of
from .takes import TakeReport, motion_channels, motion_to_head
from .track_video import VIDEO_SUFFIXES, chosen_video, model_path, told, tracked_motion
from .transaction import all_or_nothing

_REGION_NAMES = ("brows", "eyes", "jaw", "mouth", "cheeks", "nose", "tongue")


def retargeted(head: bpy.types.Object, motion: Motion, scene: bpy.types.Scene, rules: Rules) -> Motion:
    """Another face's motion as this head's own: on its channels, from its present expression and pose on."""
    names = motion_channels(head)
    blocks = head.data.shape_keys.key_blocks
    own = np.array([blocks[name].value for name in names], np.float32)
    camera, world = pose.stage_of(head, scene)
    rotation, translation = pose.poses_of(head, pose.world_matrix(head)[None], world)
    done = retarget(_on(motion, names), names, own, rotation[0], translation[0], rules,
                    neutral=_column(neutral_of(motion), motion, names) if rules.relative else None)
    return replace(motion, channels=names, expression=done.expression, rotation=done.rotation,
                   translation=done.translation, identity=identity_of(head.data), camera=camera,
                   model=head.data.mien.model_name, model_hash=head.data.mien.model_hash)


def retarget_on_head(head: bpy.types.Object, motion: Motion, scene: bpy.types.Scene, rules: Rules, *, name: str,
                     start_frame: int | None = None, use_pose: bool = True, reduce: bool = False) -> TakeReport:
    """Put another face's motion on a head as a new take, sampled at the scene's frame rate.

    Raises:
        BadInput: the head's animation may not be changed. Nothing has changed then.
    """
    with all_or_nothing(scene, head):
        return motion_to_head(head, retargeted(head, motion, scene, rules), scene=scene, name=name,
                              start_frame=start_frame, pose=use_pose, set_stage=False, reduce=reduce)


class MIEN_OT_retarget_video(EngineOperator, HeadOperator, bpy.types.Operator):
    """Put the expressions of whoever is in a video on the active face, as a new take"""

    bl_idname = "mien.retarget_video"
    bl_label = "Retarget Video"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=";".join(f"*{s}" for s in VIDEO_SUFFIXES), options={"HIDDEN"})
    mode: EnumProperty(name="Transfer", default="RELATIVE", items=[
        ("RELATIVE", "Relative", "Add what changes in the video, from rest, to the face's present expression and pose"),
        ("ABSOLUTE", "Absolute", "Take the expressions of the video as they are")])
    start_frame: IntProperty(name="Start Frame", description="Where the clip begins; the scene's first frame when it "
                             "is not set", options={"SKIP_SAVE"})
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
        for name in ("mode", "start_frame", "reduce_keys", "use_pose"):
            layout.prop(self, name)
        column = layout.column(align=True)
        for name in (*_REGION_NAMES, "movement"):
            column.prop(self, name)

    def request(self, context: bpy.types.Context) -> Request:
        head = head_of(context)
        params = {"video": chosen_video(self.filepath), "model": model_path(head)}
        return Request("track_video", params, self.bl_label, head)

    def apply(self, _context: bpy.types.Context, job: Job, scene: bpy.types.Scene,
              head: bpy.types.Object | None) -> str:
        assert head is not None
        motion, name = tracked_motion(job), Path(self.filepath).stem
        start = self.start_frame if self.properties.is_property_set("start_frame") else None
        report = retarget_on_head(head, motion, scene, self._rules(), name=name, start_frame=start,
                                  use_pose=self.use_pose, reduce=self.reduce_keys)
        return told(head, motion, report, job)

    def _rules(self) -> Rules:
        gains: Mapping[str, float] = {name: getattr(self, name) for name in _REGION_NAMES}
        return Rules(self.mode == "RELATIVE", gains, self.movement, self.movement)


def _on(motion: Motion, names: tuple[str, ...]) -> Motion:
    """The motion without the channels that the head lacks."""
    kept = [i for i, name in enumerate(motion.channels) if name in names]
    return replace(motion, channels=tuple(motion.channels[i] for i in kept), expression=motion.expression[:, kept])


def _column(values: np.ndarray, motion: Motion, names: tuple[str, ...]) -> np.ndarray:
    """Values by the motion's channels in the order of the head's."""
    by_name = dict(zip(motion.channels, values.tolist(), strict=True))
    return np.array([by_name.get(name, 0.0) for name in names], np.float32)


CLASSES: tuple[type, ...] = (MIEN_OT_retarget_video,)
