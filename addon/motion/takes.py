# SPDX-License-Identifier: GPL-3.0-or-later
"""A Motion as a take of a head, and a head's animation as a Motion.

Expressions are curves of the shape keys, the pose is the head object's location and rotation as its stage camera sees
it (see pose.py). Frame 0 of a motion lies at `start_frame`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.channels import CHANNELS
from ...core.errors import BadInput
from ...core.keys import EXPRESSION_TOLERANCE, ROTATION_TOLERANCE, TRANSLATION_TOLERANCE, Keys, reduce_keys
from ...core.motion import MAX_FRAMES, Motion
from ...core.motion_report import MotionReport
from ...core.resampling import resample
from ..face import pose as poses
from ..face import stage
from ..face.head import expression_names, is_head
from ..face.models import model_of
from . import curves
from .curves import CurvePath, Group
from .key_block import Samples
from .sampling import curve_worlds, pose_paths, sample

Array = NDArray[np.float64]

_SAME_RATE = 1e-4
"""Rates nearer than this, relatively, are one: 23.976 is 24000/1001"""
_NOTE = "mien_motion"
"""Custom property of a take's Action: what its motion said of itself, as JSON"""
_POSE = "mien_pose"
"""Custom property of a take's Action up to Blender 4.3: the Action of its pose"""

REGION_GROUPS = {
    "brows": Group("Brows", (0.95, 0.62, 0.25)), "eyes": Group("Eyes", (0.30, 0.68, 0.95)),
    "cheeks": Group("Cheeks", (0.95, 0.50, 0.62)), "nose": Group("Nose", (0.78, 0.70, 0.42)),
    "jaw": Group("Jaw", (0.55, 0.80, 0.40)), "mouth": Group("Mouth", (0.88, 0.32, 0.32)),
    "tongue": Group("Tongue", (0.72, 0.45, 0.85))}
OTHER_GROUP = Group("Other Shapes", (0.65, 0.65, 0.65))
POSE_GROUP = Group("Head")
_REGION = {channel.name: channel.region for channel in CHANNELS}


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


def takes_in_file() -> list[bpy.types.Action]:
    """The Actions that are takes of faces, in their order by name."""
    return [action for action in bpy.data.actions if _NOTE in action]


def play_take(head: bpy.types.Object, action: bpy.types.Action) -> None:
    """Let a head play a take that was made before, its pose too if the take has one.

    Raises:
        BadInput: not a take of a face, one of another face model, or the head's animation may not be changed.
            Nothing has changed then.
    """
    check_head(head)
    for id_block in (head.data.shape_keys, head):
        curves.check_editable(id_block)
    moved = curves.paths_in(action, head.data.shape_keys)
    if _NOTE in action and moved and not moved & set(expression_paths(head).values()):
        raise BadInput(f"The take {action.name} moves none of the shape keys of “{head.name}”; choose a take of its "
                       "own face model.")
    if _NOTE not in action or not curves.assign(head.data.shape_keys, action):
        raise BadInput(f"The Action {action.name} is not a take of a face.")
    place = action if curves.has_slots(action) else action.get(_POSE)
    if place is not None:
        curves.assign(head, place)


def is_channel(name: str) -> bool:
    """Whether a shape key is one of ARKit's, not of the user's own."""
    return name in _REGION


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames per second of a scene: 23.976 is 24 by a base of 1.001."""
    return float(scene.render.fps / scene.render.fps_base)


def expression_paths(head: bpy.types.Object) -> dict[str, CurvePath]:
    """The curves of a head's shape keys, by name."""
    return {name: curves.shape_key_path(name) for name in expression_names(head.data)}


def group_of(path: CurvePath) -> Group:
    """The group of a head's curve: its region for a shape key, else the pose's."""
    data_path = path[0]
    if not data_path.startswith('key_blocks["'):
        return POSE_GROUP
    name = data_path.removeprefix('key_blocks["').rpartition('"]')[0]
    return REGION_GROUPS.get(_REGION.get(name, ""), OTHER_GROUP)


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
    if not keep_samples and abs(motion.fps / fps - 1) > _SAME_RATE:
        motion = resample(motion, fps)
        report += MotionReport(notes=(f"Sampled at the scene's {fps:.6g} frames per second.",))
    step = 1.0 if abs(motion.fps / fps - 1) <= _SAME_RATE else fps / motion.fps
    frames = np.asarray(start + np.arange(len(motion)) * step, np.float64)
    shapes = {curves.shape_key_path(key): motion.expression[:, column] for key, column in matched.items()}
    limits = dict.fromkeys(shapes, tolerance)
    place = _pose_values(head, motion, scene, set_stage) if pose else {}
    limits |= pose_tolerances(head, list(place))
    keyed_curves = keyed(frames, {**shapes, **place}, limits if reduce else None)
    actions = _write(head, keyed_curves, frames, _take_name(name, motion), merge)
    _write_note(head, motion, report, merge, frames)
    return TakeReport(actions, float(frames[0]), float(frames[-1]), count_keys(keyed_curves), report)


def count_keys(keyed_curves: Mapping[CurvePath, Samples | Keys]) -> int:
    """Keys of all curves together."""
    return sum(len(k) if isinstance(k, Keys) else len(k[0]) for k in keyed_curves.values())


def prepare_take(head: bpy.types.Object, motion: Motion, name: str, *, pose: bool) -> None:
    """See to it that a head has a take to write into, its pose too with `pose`; what it plays already goes on.

    Raises:
        BadInput: the head's animation may not be changed.
    """
    keys = head.data.shape_keys
    action, place = curves.current_action(keys), curves.current_action(head)
    if action is None:
        shared = place is not None and place.is_editable
        action = curves.new_take(keys, name, beside=curves.Take(head, place) if shared else None).action
        if shared and action != place:
            action[_POSE] = place
    if pose and place is None:
        _pose_take(head, name, curves.Take(keys, action))
    if _NOTE not in action:
        _write_note(head, motion, MotionReport(), False)


def check_writable(head: bpy.types.Object, names: Iterable[str], *, pose: bool, merge: bool) -> None:
    """Refuse a head that cannot take a motion, before anything is changed.

    Raises:
        BadInput: it is linked from another file, is being edited in the NLA, or a curve to merge into is locked.
    """
    paths = [curves.shape_key_path(name) for name in names]
    for id_block, wanted in ((head.data.shape_keys, paths), (head, pose_paths(head))):
        if (pose or id_block != head) and merge:
            curves.check_writable(id_block, wanted)
        elif pose or id_block != head:
            curves.check_editable(id_block)


def take_note(head: bpy.types.Object) -> dict[str, Any]:
    """What is noted on a head's take: its motion's rate, model and metadata, and what of it did not fit."""
    try:
        note = json.loads(curves.current_action(head.data.shape_keys)[_NOTE])
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def on_head(head: bpy.types.Object, motion: Motion) -> tuple[Motion, MotionReport]:
    """A motion with the channels that a head has a shape key for, by that key's name.

    Raises:
        BadInput: not a head, or no channel matches.
    """
    check_head(head)
    matched, report = _matched(head, motion)
    return replace(motion, channels=tuple(matched), expression=motion.expression[:, list(matched.values())]), report


def head_to_motion(head: bpy.types.Object, scene: bpy.types.Scene, frame_start: float, frame_end: float, *,
                   fps: float | None = None) -> Motion:
    """A head's animation from one frame to another, as a motion at `fps`, by default the scene's rate.

    Curves are read as they are. Where the NLA, drivers, constraints or a parent take part, the scene is evaluated at
    every frame instead.

    Raises:
        BadInput: not a head, an empty range, or the head is behind its camera.
    """
    check_head(head)
    rate = scene_fps(scene)
    fps = rate if fps is None else fps
    step = 1.0 if abs(fps / rate - 1) <= _SAME_RATE else rate / fps
    count = int(np.floor((frame_end - frame_start) / step + 1e-6)) + 1
    if not 0 < count <= MAX_FRAMES:
        raise BadInput(f"From frame {frame_start:g} to {frame_end:g} there is nothing to make a motion of.")
    frames = frame_start + np.arange(count) * step
    names = motion_channels(head)
    expression, worlds, cameras = sample(head, scene, names, frames)
    camera, _ = poses.stage_of(head, scene)
    rotation, translation = poses.poses_of(head, worlds, cameras)
    mesh = head.data.mien
    identity = np.empty(len(mesh.identity), np.float32)
    mesh.identity.foreach_get("value", identity)
    return Motion(fps=fps, expression=expression, rotation=np.asarray(rotation, np.float32),
                  translation=np.asarray(translation, np.float32), identity=identity, channels=names,
                  model=mesh.model_name, model_hash=mesh.model_hash, camera=camera,
                  confidence=_confidence(head, frames), metadata=_metadata(head))


def action_motion(head: bpy.types.Object, scene: bpy.types.Scene, frames: NDArray[np.floating]) -> Motion:
    """What the head's own Actions say at frames (T,) one apart, the NLA and drivers left out."""
    check_head(head)
    names = expression_names(head.data)
    paths = [curves.shape_key_path(name) for name in names]
    camera, world = poses.stage_of(head, scene)
    worlds = poses.parent_matrix(head) @ curve_worlds(head, frames)
    rotation, translation = poses.poses_of(head, worlds, world)
    return Motion(fps=scene_fps(scene), expression=curves.read(head.data.shape_keys, paths, frames),
                  rotation=np.asarray(rotation, np.float32), translation=np.asarray(translation, np.float32),
                  identity=np.zeros(0, np.float32), channels=names, model=head.data.mien.model_name, model_hash="",
                  camera=camera, confidence=np.ones(len(frames), np.float32))


def motion_channels(head: bpy.types.Object) -> tuple[str, ...]:
    """The head's shape keys that its face model knows, in the model's order; all when the model's file is gone."""
    present = expression_names(head.data)
    try:
        known = model_of(head.data).expression_names
    except BadInput:
        return present
    return tuple(name for name in known if name in present)


def pose_tolerances(head: bpy.types.Object, paths: Sequence[CurvePath]) -> dict[CurvePath, float]:
    """What reduced keys of the pose may be wrong: half a millimetre, a quarter of a degree."""
    length = TRANSLATION_TOLERANCE / poses.metres_per_unit(head)
    # A quaternion's numbers move half as much as the angle.
    turn = ROTATION_TOLERANCE / (2 if head.rotation_mode == "QUATERNION" else 1)
    return {path: length if path[0] == "location" else turn for path in paths}


def tolerances(head: bpy.types.Object, paths: Iterable[CurvePath]) -> dict[CurvePath, float]:
    """What reduced keys of curves may be wrong, of shape keys and of the pose."""
    shapes = [path for path in paths if path[0].startswith("key_blocks")]
    return dict.fromkeys(shapes, EXPRESSION_TOLERANCE) | pose_tolerances(
        head, [path for path in paths if path not in set(shapes)])


def check_head(head: bpy.types.Object) -> None:
    """Refuse what is not a head, or has nothing to animate.

    Raises:
        BadInput: it is so.
    """
    if not is_head(head):
        raise BadInput(f"“{head.name}” is not a Mien head; choose one that was made with Add ▸ Mesh ▸ Mien Face.")
    if not expression_names(head.data):
        raise BadInput(f"“{head.name}” has no shape keys left to animate.")


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


def keyed(frames: Array, values: Mapping[CurvePath, NDArray[np.floating]],
          tolerances: Mapping[CurvePath, float] | None, *, ends: bool = False) -> dict[CurvePath, Samples | Keys]:
    """Curves of columns (T,): every sample a key, or few keys within each curve's tolerance; with `ends`, each curve
    has keys at the first and the last frame, with these samples' values, however little it changes."""
    if tolerances is None:
        return {path: (frames, column) for path, column in values.items()}
    limits = np.array([tolerances[path] for path in values])
    reduced = reduce_keys(frames, np.column_stack(list(values.values())), limits)
    if ends:
        reduced = [_from_end_to_end(few, frames, column) for few, column in zip(reduced, values.values(), strict=True)]
    return dict(zip(values, reduced, strict=True))


def _from_end_to_end(keys: Keys, frames: Array, values: NDArray[np.floating]) -> Keys:
    if len(keys) > 1 or len(frames) < 2:
        return keys
    slope = np.full(2, (values[-1] - values[0]) / (frames[-1] - frames[0]))
    return Keys(frames[[0, -1]], np.asarray(values[[0, -1]], np.float64), slope, slope)


def _write(head: bpy.types.Object, keyed: dict[CurvePath, Samples | Keys], frames: Array, name: str,
           merge: bool) -> tuple[str, ...]:
    """Put curves where they belong; the Actions' names."""
    keys = head.data.shape_keys
    shape_paths = list(expression_paths(head).values())
    shapes = {path: curve for path, curve in keyed.items() if path in set(shape_paths)}
    place = {path: curve for path, curve in keyed.items() if path not in shapes}
    frame_range = (float(frames[0]), float(frames[-1]))
    if not merge:
        take = curves.new_take(keys, name)
        rest = (frames[:1], np.zeros(1))
        shapes |= {path: rest for path in shape_paths if path not in shapes}
        if place:
            _pose_take(head, name, take)
    curves.write(keys, shapes, group_of=group_of, frame_range=frame_range)
    if place:
        curves.write(head, place, group_of=group_of, frame_range=frame_range)
    blocks = (keys, head) if place else (keys,)
    return tuple(dict.fromkeys(curves.current_action(block).name for block in blocks))


def _pose_take(head: bpy.types.Object, name: str, take: curves.Take) -> None:
    """Make the part of a take that moves the head."""
    pose_take = curves.new_take(head, name, beside=take)
    if pose_take.action != take.action:
        take.action[_POSE] = pose_take.action


def _write_note(head: bpy.types.Object, motion: Motion, report: MotionReport, merge: bool,
                frames: Array | None = None) -> None:
    # What is merged into a take does not take away where the take is from.
    said = {**motion.metadata, **(_metadata(head) if merge else {})}
    note = {"fps": motion.fps, "model": motion.model, "metadata": said, "report": report.sentences()}
    if merge:
        note["confidence"] = take_note(head).get("confidence")
    elif frames is not None and (motion.confidence != 1).any():
        note["confidence"] = [frames[[0, -1]].tolist(), motion.confidence.tolist()]
    curves.current_action(head.data.shape_keys)[_NOTE] = json.dumps(note)


def _take_name(name: str, motion: Motion) -> str:
    return name or motion.metadata.get("source", "") or "Take"


def _confidence(head: bpy.types.Object, frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """How sure the take's motion was at frames (T,), as noted; 1 where nothing was."""
    try:
        (first, last), values = take_note(head)["confidence"]
        known = np.interp(frames, np.linspace(first, last, len(values)), values, left=1.0, right=1.0)
    except (KeyError, TypeError, ValueError):
        return np.ones(len(frames), np.float32)
    return np.clip(known, 0, 1).astype(np.float32)


def _metadata(head: bpy.types.Object) -> dict[str, str]:
    """What the take's motion said of itself."""
    said = take_note(head).get("metadata")
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}
