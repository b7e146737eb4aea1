# SPDX-License-Identifier: GPL-3.0-or-later
"""A stretch of movement on a head, as keys in its take or as an additive layer."""

from collections.abc import Iterable
from dataclasses import dataclass

import bpy
import numpy as np

from ...core.errors import BadInput
from ...core.motion import Motion
from ...core.motion_report import MotionReport
from ...models.dynamics.codec import FPS
from ..face import pose as poses
from . import action_slots, curves, head_curves, head_motion, layers
from .action_slots import CurvePath
from .head_curves import Array
from .sampling import pose_paths, properties
from .takes import TakeReport

_HOME = 0.5
"""Seconds in which a layer goes back to what plays on below it"""


@dataclass(frozen=True, eq=False)
class Stretch:
    """Values of a head's properties by path, each (T,), at frames (T,)."""

    frames: Array
    values: dict[CurvePath, Array]

    @classmethod
    def of(cls, head: bpy.types.Object, scene: bpy.types.Scene, start: float, motion: Motion, move_head: bool, *,
           step: float = 1.0, only: set[CurvePath] | None = None) -> "Stretch":
        """A motion as the values of the shape keys that the head has, and of its pose going on from that at `start`."""
        columns = {name: i for i, name in enumerate(motion.channels)}
        values = {path: motion.expression[:, columns[name]].astype(np.float64)
                  for name, path in head_curves.expression_paths(head).items() if name in columns}
        if move_head:
            paths = pose_paths(head)
            there = properties(head, scene, head, paths, np.array([start]))[0]
            world = poses.stage_of(head, scene)[1]
            channels = poses.head_channels(head, motion.rotation, motion.translation, world)
            values |= poses.continued(head.rotation_mode, channels, dict(zip(paths, there.tolist(), strict=True)))
        frames = np.asarray(start + np.arange(len(motion)) * step, np.float64)
        return cls(frames, values if only is None else {p: v for p, v in values.items() if p in only})

    def of_shapes(self, really: bool) -> dict[CurvePath, Array]:
        """The shape keys' values, or those of the pose."""
        return {path: v for path, v in self.values.items() if path[0].startswith("key_blocks") == really}

    def from_rest(self) -> "Stretch":
        """Without the first frame, which is subtracted from the others."""
        return Stretch(self.frames[:-1], {path: v[1:] - v[0] for path, v in self.values.items()})


def written(head: bpy.types.Object, stretches: Iterable[Stretch], reduce: bool, sewn: tuple[bool, bool],
             notes: MotionReport) -> TakeReport:
    """Stretches as keys in the assigned Actions."""
    count, ends, blocks = 0, [], (head.data.shape_keys, head)
    for stretch in stretches:
        ends += [float(stretch.frames[0]), float(stretch.frames[-1])]
        for block, shapes in zip(blocks, (True, False), strict=True):
            values = stretch.of_shapes(shapes)
            if values:
                limits = head_curves.tolerances(head, values) if reduce else None
                found = head_curves.keyed(stretch.frames, values, limits, ends=True)
                curves.write(block, found, group_of=head_curves.group_of, frame_range=(ends[-2], ends[-1]), sewn=sewn)
                count += head_curves.count_keys(found)
    actions = [action_slots.current_action(block) for block in blocks]
    names = tuple(dict.fromkeys(action.name for action in actions if action is not None))
    return TakeReport(names, min(ends), max(ends), count, notes)


def layered(head: bpy.types.Object, scene: bpy.types.Scene, name: str, stretch: Stretch, *, reduce: bool,
             repeated: bool = False, notes: MotionReport | None = None) -> TakeReport:
    """A stretch as an additive layer; one that is repeated holds differences already."""
    blocks = (head.data.shape_keys, head)
    known = layers.extent(blocks)
    if known is None:
        raise BadInput(f"“{head.name}” plays nothing that a layer could be added to; choose new keys.")
    below: dict[CurvePath, Array] = {}
    home = None
    for block, shapes in zip(blocks, (True, False), strict=True):
        paths = list(stretch.of_shapes(shapes))
        if paths:
            frames = stretch.frames[:1] if repeated else stretch.frames
            there = properties(head, scene, block, paths, frames).astype(np.float64)
            below |= {path: np.broadcast_to(there[:, i], stretch.frames.shape) for i, path in enumerate(paths)}
    wanted = {path: below[path] + v for path, v in stretch.values.items()} if repeated else stretch.values
    if not repeated and known[1] > stretch.frames[-1]:
        home = float(stretch.frames[-1] + np.ceil(_HOME * head_motion.scene_fps(scene)))
    count = layers.add_layer(head, name, stretch.frames, wanted, below, reduce=reduce, home=home, repeated=repeated)
    names = tuple(dict.fromkeys(a.name for a in map(action_slots.current_action, blocks) if a is not None))
    told = notes if notes is not None else rate_note(scene)
    return TakeReport(names, float(stretch.frames[0]), float(stretch.frames[-1]), count, told)


def rate_note(scene: bpy.types.Scene) -> MotionReport:
    fps = head_motion.scene_fps(scene)
    if abs(fps / FPS - 1) < 1e-4:
        return MotionReport()
    return MotionReport(notes=(f"Made at {FPS:g} frames per second, sampled at the scene's {fps:.6g}.",))
