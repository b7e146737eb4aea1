# SPDX-License-Identifier: GPL-3.0-or-later
"""Another face's motion on a head, by the rules of core/retarget.py."""

from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from ...core.motion import Motion
from ...core.motion_report import MotionReport
from ...core.retarget import Rules, retarget, suited
from ...core.shutting import shutting_ends
from ..face.models import model_of
from . import head_motion, takes
from .takes import TakeReport

_AS_THEY_ARE = Rules()


def retargeted(head: bpy.types.Object, motion: Motion, scene: bpy.types.Scene, rules: Rules = _AS_THEY_ARE, *,
               start_frame: float | None = None, calibrate: bool = False,
               match: Motion | None = None) -> tuple[Motion, MotionReport]:
    """A driver's motion turned to a head, in its camera, its place and size; what did not match.

    Args:
        rules: relative or absolute, with gains; a relative transfer starts from the head as it is at `start_frame`.
        calibrate: take away what the driver's face is like at rest.
        match: a motion of the head's own; regions are made as lively as they are in it, on top of the gains.

    Raises:
        BadInput: not a head, no channel matches, or a gain is for no region or channel.
    """
    start = float(scene.frame_start if start_frame is None else start_frame)
    driver, report = takes.on_head(head, motion)
    driver, rules = suited(driver, rules, calibrate=calibrate, match=match)
    own = head_motion.head_to_motion(head, scene, start, start)
    names = driver.channels
    face = [own.expression[0, own.channels.index(n)] if n in own.channels else 0.0 for n in names]
    ends = shutting_ends(model_of(head.data), driver, own.identity, names)
    played = retarget(driver, names, np.array(face, np.float32), own.rotation[0], own.translation[0], rules, ends=ends)
    return replace(driver, expression=played.expression, rotation=played.rotation, translation=played.translation,
                   camera=own.camera), report


def retarget_to_head(head: bpy.types.Object, motion: Motion, *, scene: bpy.types.Scene, rules: Rules = _AS_THEY_ARE,
                     start_frame: float | None = None, calibrate: bool = False, match: Motion | None = None,
                     **options: Any) -> TakeReport:
    """Play a driver's motion on a head that keeps its own place and size: `retargeted`, then `takes.motion_to_head`
    with its other options.

    Raises:
        BadInput: as both do. Nothing has changed then.
    """
    played, report = retargeted(head, motion, scene, rules, start_frame=start_frame, calibrate=calibrate, match=match)
    made = takes.motion_to_head(head, played, scene=scene, start_frame=start_frame, set_stage=False, **options)
    return replace(made, matching=replace(report, notes=report.notes + made.matching.notes))
