# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's animation as a Motion."""

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.motion import MAX_FRAMES, Motion
from ..face import pose as poses
from ..face.head import expression_names, is_head
from ..face.models import model_of
from . import curves
from .sampling import curve_worlds, sample
from .take_notes import confidence_at, metadata_of

SAME_RATE = 1e-4
"""Rates nearer than this, relatively, are one: 23.976 is 24000/1001"""


def scene_fps(scene: bpy.types.Scene) -> float:
    """Frames per second of a scene: 23.976 is 24 by a base of 1.001."""
    return float(scene.render.fps / scene.render.fps_base)


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
    step = 1.0 if abs(fps / rate - 1) <= SAME_RATE else rate / fps
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
                  confidence=confidence_at(head, frames), metadata=metadata_of(head))


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


def check_head(head: bpy.types.Object) -> None:
    """Refuse what is not a head, or has nothing to animate.

    Raises:
        BadInput: it is so.
    """
    if not is_head(head):
        raise BadInput(f"“{head.name}” is not a Mien head; choose one that was made with Add ▸ Mesh ▸ Mien Face.")
    if not expression_names(head.data):
        raise BadInput(f"“{head.name}” has no shape keys left to animate.")
