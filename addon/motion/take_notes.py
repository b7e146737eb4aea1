# SPDX-License-Identifier: GPL-3.0-or-later
"""What a take's Action keeps of the motion that it was made from."""

import json
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.motion import Motion
from ...core.motion_report import MotionReport
from . import action_slots
from .head_curves import Array

NOTE = "mien_motion"
"""Custom property of a take's Action: what its motion said of itself, as JSON"""


def takes_in_file() -> list[bpy.types.Action]:
    """The Actions that are takes of faces, in their order by name."""
    return [action for action in bpy.data.actions if NOTE in action]


def take_note(head: bpy.types.Object) -> dict[str, Any]:
    """What is noted on a head's take: its motion's rate, model and metadata, and what of it did not fit."""
    try:
        note = json.loads(action_slots.current_action(head.data.shape_keys)[NOTE])
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(head: bpy.types.Object, motion: Motion, report: MotionReport, merge: bool,
               frames: Array | None = None) -> None:
    """Note on a head's take what its motion is; `frames` are those that the motion's confidence is for."""
    # What is merged into a take does not take away where the take is from.
    said = {**motion.metadata, **(metadata_of(head) if merge else {})}
    note = {"fps": motion.fps, "model": motion.model, "metadata": said, "report": report.sentences()}
    if merge:
        note["confidence"] = take_note(head).get("confidence")
    elif frames is not None and (motion.confidence != 1).any():
        note["confidence"] = [frames[[0, -1]].tolist(), motion.confidence.tolist()]
    action_slots.current_action(head.data.shape_keys)[NOTE] = json.dumps(note)


def confidence_at(head: bpy.types.Object, frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """How sure the take's motion was at frames (T,), as noted; 1 where nothing was."""
    try:
        (first, last), values = take_note(head)["confidence"]
        known = np.interp(frames, np.linspace(first, last, len(values)), values, left=1.0, right=1.0)
    except (KeyError, TypeError, ValueError):
        return np.ones(len(frames), np.float32)
    return np.clip(known, 0, 1).astype(np.float32)


def metadata_of(head: bpy.types.Object) -> dict[str, str]:
    """What the take's motion said of itself."""
    said = take_note(head).get("metadata")
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}
