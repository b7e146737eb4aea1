# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that change a head's animation (see edits.py)."""


import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...core.channels import REGIONS
from ...core.errors import BadInput
from ...core.keys import EXPRESSION_TOLERANCE
from ..operator import HeadOperator, head_of
from . import edits
from .edits import Part

REGION_ITEMS = (("ALL", "Whole Face", "All expression controls"),
                *((region, region.title(), f"The controls of the {region}") for region in REGIONS))


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


CLASSES: tuple[type, ...] = (MIEN_OT_gain_motion, MIEN_OT_offset_motion, MIEN_OT_mirror_motion, MIEN_OT_smooth_motion,
                             MIEN_OT_reduce_keys)
