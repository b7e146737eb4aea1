# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head's curves say, as a motion of the face in its photo, seen by the photo's own camera."""

from dataclasses import replace

import bpy
import numpy as np

from ...core.fit import Fit
from ...core.motion import Motion
from ...core.retarget import placed
from ..face import pose
from ..motion.head_motion import head_to_motion

_SAME_LENS = 1e-3


def photo_motion(head: bpy.types.Object, scene: bpy.types.Scene, fit: Fit, first: int, last: int) -> Motion:
    """The curves as they are, from one frame to another, in the photo's camera.

    While the head's camera is the photo's, the head is where the curves say. Before another camera, such as that of
    a clip which was tracked, it is in its photo's place at the scene's first frame, and moves from there.

    Raises:
        BadInput: as `head_to_motion` does.
    """
    motion = head_to_motion(head, scene, first, last)
    if not _is_before_photo(head, scene, fit):
        start = head_to_motion(head, scene, scene.frame_start, scene.frame_start).translation
        motion = replace(motion, translation=placed(fit.translation, np.concatenate([start, motion.translation]))[1:])
    return replace(motion, camera=fit.camera)


def _is_before_photo(head: bpy.types.Object, scene: bpy.types.Scene, fit: Fit) -> bool:
    """Whether the head's camera is the one that took the photo."""
    if head.mien.camera is None:
        return False
    ours, its = pose.stage_of(head, scene)[0], fit.camera
    return (ours.width, ours.height) == (its.width, its.height) and abs(ours.focal / its.focal - 1) < _SAME_LENS
