# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that change a head's animation (see edits.py and retargeting.py)."""

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...core.channels import REGIONS
from ...core.errors import BadInput
from ...core.keys import EXPRESSION_TOLERANCE
from ...core.motion import Motion
from ...core.motion_files import read_motion
from ...core.motion_report import MotionReport
from ...core.presets import PRESETS
from ...core.retarget import Rules
from ..face.head import is_head
from ..operator import HeadOperator, head_of
from . import curves, edits, takes
from .edits import Part
from .motion_io import tell
from .retargeting import retarget_to_head

REGION_ITEMS = (("ALL", "Whole Face", "All expression controls"),
                *((region, region.title(), f"The controls of the {region}") for region in REGIONS))
PRESET_ITEMS = tuple((p.name, p.label, "Mouth shape of speech" if p.kind == "viseme" else "Expression")
                     for p in PRESETS.values())


class PartOperator(HeadOperator):
    """Mixin: which channels and frames of the active head's animation are meant."""

    region: EnumProperty(name="Region", description="Which controls are changed", items=REGION_ITEMS)
    channels: StringProperty(name="Controls",
                             description="Names of controls, with commas between; empty for the region")
    use_range: BoolProperty(name="Frame Range", description="Change some frames only; the keys of others are kept")
    frame_start: IntProperty(name="Start", description="First frame that is changed", default=1)
    frame_end: IntProperty(name="End", description="Last frame that is changed", default=250)
    soft: IntProperty(name="Soft Borders", description="Frames inside both ends over which the change fades", min=0,
                      soft_max=30)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        """Begin with the preview range, or the scene's."""
        scene = context.scene
        if not self.properties.is_property_set("frame_start"):  # type: ignore[attr-defined]
            preview = scene.use_preview_range
            self.frame_start = scene.frame_preview_start if preview else scene.frame_start
            self.frame_end = scene.frame_preview_end if preview else scene.frame_end
        return self.execute(context)

    def part(self) -> Part:
        """The part that the properties mean."""
        names = tuple(name.strip() for name in self.channels.split(",") if name.strip())
        wanted = names or (None if self.region == "ALL" else (self.region,))
        if not self.use_range:
            return Part(wanted)
        if self.frame_end < self.frame_start:
            raise BadInput("The frame range ends before it starts.")
        return Part(wanted, self.frame_start, self.frame_end, self.soft)

    def draw(self, _context: bpy.types.Context) -> None:
        """What is special first, then the part."""
        layout = self.layout  # type: ignore[attr-defined]
        layout.use_property_split, layout.use_property_decorate = True, False
        common = {"region", "channels", "use_range", "frame_start", "frame_end", "soft"}
        for name in self.properties.bl_rna.properties.keys():  # type: ignore[attr-defined]  # noqa: SIM118
            if name not in common and name != "rna_type":
                layout.prop(self, name)
        layout.prop(self, "region")
        layout.prop(self, "channels")
        layout.prop(self, "use_range")
        column = layout.column()
        column.enabled = self.use_range
        for name in ("frame_start", "frame_end", "soft"):
            column.prop(self, name)


class MIEN_OT_gain_motion(PartOperator, bpy.types.Operator):
    """Make expressions stronger or weaker; keys stay where they are"""

    bl_idname = "mien.gain_motion"
    bl_label = "Gain"
    bl_options = {"REGISTER", "UNDO"}

    factor: FloatProperty(name="Factor", description="1 changes nothing", default=1.2, soft_min=0.0, soft_max=3.0)
    about: FloatProperty(name="About", description="The value that stays as it is", default=0.0)

    def run(self, context: bpy.types.Context) -> None:
        edits.gain(head_of(context), self.factor, self.part(), about=self.about)


class MIEN_OT_offset_motion(PartOperator, bpy.types.Operator):
    """Add a number to expression controls; keys stay where they are"""

    bl_idname = "mien.offset_motion"
    bl_label = "Offset"
    bl_options = {"REGISTER", "UNDO"}

    amount: FloatProperty(name="Amount", description="1 is a control's full effect", default=0.1, soft_min=-1.0,
                          soft_max=1.0)

    def run(self, context: bpy.types.Context) -> None:
        edits.offset(head_of(context), self.amount, self.part())


class MIEN_OT_mirror_motion(PartOperator, bpy.types.Operator):
    """Exchange the left and the right side of the face's animation"""

    bl_idname = "mien.mirror_motion"
    bl_label = "Mirror"
    bl_options = {"REGISTER", "UNDO"}

    move_head: BoolProperty(name="Head Too", description="The head's turns and place are mirrored too", default=True)

    def run(self, context: bpy.types.Context) -> None:
        edits.mirror(head_of(context), context.scene, self.part(), move_head=self.move_head)


class MIEN_OT_smooth_motion(PartOperator, bpy.types.Operator):
    """Take the jitter out of an animation without shifting it in time"""

    bl_idname = "mien.smooth_motion"
    bl_label = "Smooth"
    bl_options = {"REGISTER", "UNDO"}

    sigma: FloatProperty(name="Time", description="Standard deviation of the smoothing, in seconds", default=0.05,
                         min=0.0, soft_max=0.5, max=10.0, precision=3, step=1)
    keep_blinks: BoolProperty(name="Keep Blinks", description="Leave large quick movements as they are", default=True)
    move_head: BoolProperty(name="Head Too", description="The head's turns and place are smoothed too", default=True)

    def run(self, context: bpy.types.Context) -> None:
        edits.smooth(head_of(context), context.scene, self.sigma, self.part(), keep_blinks=self.keep_blinks,
                     move_head=self.move_head)


class MIEN_OT_reduce_keys(PartOperator, bpy.types.Operator):
    """Put few Bézier keys in place of many, within a stated error"""

    bl_idname = "mien.reduce_keys"
    bl_label = "Reduce Keys"
    bl_options = {"REGISTER", "UNDO"}

    tolerance: FloatProperty(
        name="Error", description="Largest error of an expression at any frame; 1 is full effect. At 0.02 the head is "
        "within a quarter of a degree and half a millimetre", default=EXPRESSION_TOLERANCE, min=0.0001, max=0.5,
        precision=3, step=1)
    move_head: BoolProperty(name="Head Too", description="The head's turns and place get few keys too", default=True)

    def run(self, context: bpy.types.Context) -> None:
        before, after = edits.reduce(head_of(context), context.scene, self.tolerance, self.part(),
                                     move_head=self.move_head)
        self.report({"INFO"}, f"{after} of {before} keys left ({after / max(before, 1):.0%})")


class PresetOperator(HeadOperator):
    """Mixin: an expression preset for the active head."""

    keyed = False
    preset: EnumProperty(name="Expression", description="Which expression", items=PRESET_ITEMS)
    strength: FloatProperty(name="Strength", description="1 is an everyday face", default=1.0, soft_min=0.0,
                            soft_max=1.5)
    mirrored: BoolProperty(name="Mirrored", description="Exchange left and right")

    def run(self, context: bpy.types.Context) -> None:
        frame = context.scene.frame_current_final if self.keyed else None
        edits.apply_preset(head_of(context), self.preset, strength=self.strength, mirrored=self.mirrored,
                           key_frame=frame)


class MIEN_OT_apply_preset(PresetOperator, bpy.types.Operator):
    """Put an expression on the active face"""

    bl_idname = "mien.apply_preset"
    bl_label = "Expression Preset"
    bl_options = {"REGISTER", "UNDO"}


class MIEN_OT_key_preset(PresetOperator, bpy.types.Operator):
    """Put an expression on the active face and key it at the current frame"""

    bl_idname = "mien.key_preset"
    bl_label = "Key Expression Preset"
    bl_options = {"REGISTER", "UNDO"}

    keyed = True


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
    return takes.head_to_motion(head, scene, start, end), start


CLASSES: tuple[type, ...] = (MIEN_OT_gain_motion, MIEN_OT_offset_motion, MIEN_OT_mirror_motion, MIEN_OT_smooth_motion,
                             MIEN_OT_reduce_keys, MIEN_OT_apply_preset, MIEN_OT_key_preset, MIEN_OT_retarget)
