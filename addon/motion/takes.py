# SPDX-License-Identifier: GPL-3.0-or-later
"""A Motion as a take of a head; the way back is in head_motion.py.

Expressions are curves of the shape keys, the pose is the head object's location and rotation as its stage camera sees
it (see pose.py). Frame 0 of a motion lies at `start_frame`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...core.errors import BadInput
from ...core.keys import EXPRESSION_TOLERANCE, Keys
from ...core.motion import Motion
from ...core.motion_report import MotionReport
from ...core.resampling import resample
from ..face import pose as poses
from ..face import stage
from ..face.head import expression_names
from . import action_slots, curves
from .action_slots import CurvePath
from .head_curves import Array, count_keys, expression_paths, group_of, keyed, pose_tolerances
from .head_motion import SAME_RATE, check_head, motion_channels, scene_fps
from .key_block import Samples
from .sampling import pose_paths
from .take_notes import NOTE, write_note

_POSE = "mien_pose"
"""Custom property of a take's Action up to Blender 4.3: the Action of its pose"""


@dataclass(frozen=True)
class TakeReport:
    """What became of a motion on a head."""

    actions: tuple[str, ...]
    """Names of the Actions: one, or up to Blender 4.3 one for the expressions and one for the pose"""
    frame_start: float
    frame_end: float
    keys: int
    """Keys written, all curves together"""
    matching: MotionReport


def play_take(head: bpy.types.Object, action: bpy.types.Action) -> None:
    """Let a head play a take that was made before, its pose too if the take has one.

    Raises:
        BadInput: not a take of a face, one of another face model, or the head's animation may not be changed.
            Nothing has changed then.
    """
    check_head(head)
    for id_block in (head.data.shape_keys, head):
        action_slots.check_editable(id_block)
    moved = action_slots.paths_in(action, head.data.shape_keys)
    if NOTE in action and moved and not moved & set(expression_paths(head).values()):
        raise BadInput(f"The take {action.name} moves none of the shape keys of “{head.name}”; choose a take of its "
                       "own face model.")
    if NOTE not in action or not action_slots.assign(head.data.shape_keys, action):
        raise BadInput(f"The Action {action.name} is not a take of a face.")
    place = action if action_slots.has_slots(action) else action.get(_POSE)
    if place is not None:
        action_slots.assign(head, place)


def motion_to_head(head: bpy.types.Object, motion: Motion, *, scene: bpy.types.Scene, name: str = "Take",
                   start_frame: float | None = None, pose: bool = True, set_stage: bool | None = None,
                   merge: bool = False, keep_samples: bool = False, reduce: bool = False,
                   tolerance: float = EXPRESSION_TOLERANCE) -> TakeReport:
    """Play a motion on a head as a new take, or merge it into the one it has.

    Args:
        start_frame: where the motion's first frame lies; None is the scene's first.
        pose: the head object moves too.
        set_stage: make the camera that saw the motion, placed so that the head stays where it is at the first frame
            with a face; None does so for a head without a camera.
        merge: replace the keys of the motion's channels within its time, in the assigned Action; else a new Action
            with a key for every channel.
        keep_samples: every sample is a key at its own time, between frames too; else the motion is sampled at the
            scene's frames where its rate is another.
        reduce: few Bézier keys, within `tolerance` for expressions and the stated ones for the pose (core/keys.py).

    Raises:
        BadInput: not a head, no channel matches, or the head's animation may not be changed. Nothing has changed then.
    """
    check_head(head)
    start = float(scene.frame_start if start_frame is None else start_frame)
    matched, report = _matched(head, motion)
    check_writable(head, matched, pose=pose, merge=merge)
    fps = scene_fps(scene)
    if not keep_samples and abs(motion.fps / fps - 1) > SAME_RATE:
        motion = resample(motion, fps)
        report += MotionReport(notes=(f"Sampled at the scene's {fps:.6g} frames per second.",))
    step = 1.0 if abs(motion.fps / fps - 1) <= SAME_RATE else fps / motion.fps
    frames = np.asarray(start + np.arange(len(motion)) * step, np.float64)
    shapes = {curves.shape_key_path(key): motion.expression[:, column] for key, column in matched.items()}
    limits = dict.fromkeys(shapes, tolerance)
    place = _pose_values(head, motion, scene, set_stage) if pose else {}
    limits |= pose_tolerances(head, list(place))
    keyed_curves = keyed(frames, {**shapes, **place}, limits if reduce else None)
    actions = _write(head, keyed_curves, frames, _take_name(name, motion), merge)
    write_note(head, motion, report, merge, frames)
    return TakeReport(actions, float(frames[0]), float(frames[-1]), count_keys(keyed_curves), report)


def prepare_take(head: bpy.types.Object, motion: Motion, name: str, *, pose: bool) -> None:
    """See to it that a head has a take to write into, its pose too with `pose`; what it plays already goes on.

    Raises:
        BadInput: the head's animation may not be changed.
    """
    keys = head.data.shape_keys
    action, place = action_slots.current_action(keys), action_slots.current_action(head)
    if action is None:
        shared = place is not None and place.is_editable
        action = action_slots.new_take(keys, name, beside=action_slots.Take(head, place) if shared else None).action
        if shared and action != place:
            action[_POSE] = place
    if pose and place is None:
        _pose_take(head, name, action_slots.Take(keys, action))
    if NOTE not in action:
        write_note(head, motion, MotionReport(), False)


def check_writable(head: bpy.types.Object, names: Iterable[str], *, pose: bool, merge: bool) -> None:
    """Refuse a head that cannot take a motion, before anything is changed.

    Raises:
        BadInput: it is linked from another file, is being edited in the NLA, or a curve to merge into is locked.
    """
    paths = [curves.shape_key_path(name) for name in names]
    for id_block, wanted in ((head.data.shape_keys, paths), (head, pose_paths(head))):
        if (pose or id_block != head) and merge:
            action_slots.check_writable(id_block, wanted)
        elif pose or id_block != head:
            action_slots.check_editable(id_block)


def on_head(head: bpy.types.Object, motion: Motion) -> tuple[Motion, MotionReport]:
    """A motion with the channels that a head has a shape key for, by that key's name.

    Raises:
        BadInput: not a head, or no channel matches.
    """
    check_head(head)
    matched, report = _matched(head, motion)
    return replace(motion, channels=tuple(matched), expression=motion.expression[:, list(matched.values())]), report


def _matched(head: bpy.types.Object, motion: Motion) -> tuple[dict[str, int], MotionReport]:
    """Shape keys and the motion's columns for them, by name in any case."""
    names = expression_names(head.data)
    columns = {channel.lower(): i for i, channel in enumerate(motion.channels)}
    matched = {name: columns[name.lower()] for name in names if name.lower() in columns}
    if not matched:
        whose = f" of the face model {motion.model}" if motion.model else ""
        raise BadInput(f"The motion{whose} has none of the shape keys of “{head.name}”; take one of the face's own "
                       "model, or one with ARKit's channels.")
    known = {name.lower() for name in names}
    model_names = motion_channels(head)
    missing = tuple(name for name in model_names if name not in matched)
    return matched, MotionReport(missing, tuple(c for c in motion.channels if c.lower() not in known))


def _pose_values(head: bpy.types.Object, motion: Motion, scene: bpy.types.Scene,
                 set_stage: bool | None) -> dict[CurvePath, Array]:
    if set_stage is None:
        set_stage = head.mien.camera is None
    if set_stage:
        first = int(np.argmax(motion.confidence > 0))
        camera = poses.world_matrix(stage.make_stage(head, motion.camera, motion.translation[first], scene))
    else:
        camera = poses.stage_of(head, scene)[1]
    return poses.head_channels(head, motion.rotation, motion.translation, camera)


def _write(head: bpy.types.Object, keyed: dict[CurvePath, Samples | Keys], frames: Array, name: str,
           merge: bool) -> tuple[str, ...]:
    """Put curves where they belong; the Actions' names."""
    keys = head.data.shape_keys
    shape_paths = list(expression_paths(head).values())
    shapes = {path: curve for path, curve in keyed.items() if path in set(shape_paths)}
    place = {path: curve for path, curve in keyed.items() if path not in shapes}
    frame_range = (float(frames[0]), float(frames[-1]))
    if not merge:
        take = action_slots.new_take(keys, name)
        rest = (frames[:1], np.zeros(1))
        shapes |= {path: rest for path in shape_paths if path not in shapes}
        if place:
            _pose_take(head, name, take)
    curves.write(keys, shapes, group_of=group_of, frame_range=frame_range)
    if place:
        curves.write(head, place, group_of=group_of, frame_range=frame_range)
    blocks = (keys, head) if place else (keys,)
    return tuple(dict.fromkeys(action_slots.current_action(block).name for block in blocks))


def _pose_take(head: bpy.types.Object, name: str, take: action_slots.Take) -> None:
    """Make the part of a take that moves the head."""
    pose_take = action_slots.new_take(head, name, beside=take)
    if pose_take.action != take.action:
        take.action[_POSE] = pose_take.action


def _take_name(name: str, motion: Motion) -> str:
    return name or motion.metadata.get("source", "") or "Take"


