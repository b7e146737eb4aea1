# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that make movement: what comes next, what lies between keys, a face that only is there (prediction.py)."""

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ...core.errors import BadInput
from ...core.motion import Motion
from ..face.head import is_head
from ..operator import HeadOperator, head_of
from . import prediction
from .edit_ops import PRESET_ITEMS
from .motion_io import tell
from .takes import TakeReport

PLACES = (("KEYS", "New Keys", "Keys in the face's take, in place of those in these frames"),
          ("LAYER", "Additive Layer", "A new Action, added to what the face plays, which goes into an NLA strip"))
TARGETS = (("NONE", "Free", "Whatever comes next"),
           ("PRESET", "Expression", "The last frame shows an expression of the presets"),
           ("FRAME", "Frame", "The last frame shows what the face shows at another frame, pose and pace too"),
           ("FACE", "Other Face", "The last frame shows the present expression of another face"))


class PredictingOperator(HeadOperator):
    """Mixin: chance and keys."""

    seed: IntProperty(name="Seed", description="Another one is another movement", min=0)
    reduce: BoolProperty(name="Few Keys", description="Bézier keys within the usual error in place of one each frame")

    def finish(self, context: bpy.types.Context, made: TakeReport) -> None:
        """Let the scene end no sooner than what was made, and say what became of it."""
        if getattr(self, "extend_scene", False):
            context.scene.frame_end = max(context.scene.frame_end, int(np.ceil(made.frame_end - 1e-6)))
        tell(self, made)


class MIEN_OT_predict(PredictingOperator, bpy.types.Operator):
    """Continue the active face's performance from the current frame, freely or towards an expression"""

    bl_idname = "mien.predict"
    bl_label = "Predict"
    bl_options = {"REGISTER", "UNDO"}

    frames: IntProperty(name="Frames", description="How many frames are made after the current one", default=90,
                        min=1, soft_max=300, max=20_000)
    temperature: FloatProperty(name="Liveliness", description="0 is the most likely movement, 1 as lively as real "
                               "faces, above 1 livelier", default=1.0, min=0.0, max=3.0, soft_max=1.5)
    target: EnumProperty(name="Target", description="What the last frame shows", items=TARGETS)
    preset: EnumProperty(name="Expression", description="Which expression is reached", items=PRESET_ITEMS)
    strength: FloatProperty(name="Strength", description="How much of the expression is reached", default=1.0,
                            soft_min=0.0, soft_max=1.0, min=-1.0, max=2.0)
    target_frame: IntProperty(name="Frame", description="The frame that shows what is reached", default=1)
    target_face: StringProperty(name="Face", description="The face that shows what is reached")
    place: EnumProperty(name="As", description="Where the movement is written", items=PLACES)
    move_head: BoolProperty(name="Head Too", description="The head turns and moves too", default=True)
    extend_scene: BoolProperty(name="Extend Scene", description="Move the scene's end so that the frames fit",
                               default=True)

    def draw(self, _context: bpy.types.Context) -> None:
        """Amount and chance, the target, where it goes."""
        layout = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        for name in ("frames", "seed", "temperature", "target"):
            layout.prop(self, name)
        if self.target == "PRESET":
            layout.prop(self, "preset")
            layout.prop(self, "strength")
        elif self.target == "FRAME":
            layout.prop(self, "target_frame")
        elif self.target == "FACE":
            layout.prop_search(self, "target_face", bpy.data, "objects")
        for name in ("place", "move_head", "reduce", "extend_scene"):
            layout.prop(self, name)

    def run(self, context: bpy.types.Context) -> None:
        head, scene = head_of(context), context.scene
        made = prediction.predict_head(head, scene=scene, frames=self.frames, target=self.goal(head, scene),
                                       seed=self.seed, temperature=self.temperature, layer=self.place == "LAYER",
                                       move_head=self.move_head, reduce=self.reduce)
        self.finish(context, made)

    def goal(self, head: bpy.types.Object, scene: bpy.types.Scene) -> Motion | None:
        """The target that the properties mean."""
        if self.target == "PRESET":
            return prediction.preset_target(head, scene, self.preset, strength=self.strength)
        if self.target == "FRAME":
            return prediction.frame_target(head, scene, self.target_frame)
        if self.target == "FACE":
            other = scene.objects.get(self.target_face)
            if not is_head(other):
                raise BadInput(f"There is no Mien face “{self.target_face}” in the scene.")
            return prediction.face_target(head, scene, other)
        return None


class MIEN_OT_inbetween(PredictingOperator, bpy.types.Operator):
    """Fill the frames between selected keys, or between the keyed frames around the current one; the keys stay"""

    bl_idname = "mien.inbetween"
    bl_label = "In-between"
    bl_options = {"REGISTER", "UNDO"}

    temperature: FloatProperty(name="Liveliness", description="0 is the most likely way, 1 does more than needed to "
                               "get there", default=0.0, min=0.0, max=3.0, soft_max=1.5)
    reduce: BoolProperty(name="Few Keys", description="Bézier keys within the usual error in place of one each frame",
                         default=True)

    def run(self, context: bpy.types.Context) -> None:
        made = prediction.inbetween_head(head_of(context), scene=context.scene, seed=self.seed,
                                         temperature=self.temperature, reduce=self.reduce)
        self.finish(context, made)


class MIEN_OT_idle(PredictingOperator, bpy.types.Operator):
    """Keep the active face alive: it blinks, looks about and breathes, in a loop that repeats for ever"""

    bl_idname = "mien.idle"
    bl_label = "Alive Idle"
    bl_options = {"REGISTER", "UNDO"}

    amount: FloatProperty(name="Amount", description="0 none, 1 calm, 2 restless; blinks keep their depth",
                          default=1.0, min=0.0, max=3.0, soft_max=2.0)
    frames: IntProperty(name="Loop", description="After how many frames it repeats", default=300, min=2,
                        soft_min=60, soft_max=1800, max=20_000)
    place: EnumProperty(name="As", description="Where the movement is written", items=(
        ("LAYER", "Additive Layer", "Added to what the face plays; a new take where it plays nothing"),
        ("TAKE", "New Take", "A take of its own, the face otherwise as it is now")))
    reduce: BoolProperty(name="Few Keys", description="Bézier keys within the usual error in place of one each frame",
                         default=True)

    def run(self, context: bpy.types.Context) -> None:
        made = prediction.idle_head(head_of(context), scene=context.scene, frames=self.frames, amount=self.amount,
                                    seed=self.seed, layer=self.place == "LAYER", reduce=self.reduce)
        self.finish(context, made)


CLASSES: tuple[type, ...] = (MIEN_OT_predict, MIEN_OT_inbetween, MIEN_OT_idle)
