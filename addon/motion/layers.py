# SPDX-License-Identifier: GPL-3.0-or-later
"""Additive layers: an Action whose values are added to what a head plays.

What was played goes into an NLA strip, as by Blender's Push Down; the layer is the Action that is assigned then, with
the blending “Add”, so that its curves are seen and edited like any. For properties that nothing below animates,
Blender adds to the property's default, not to its present value; the layer's numbers are made accordingly.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ..face.pose import Channels
from . import curves, takes
from .curves import CurvePath

_ENDLESS = 100_000
"""Frames from and to which a strip of repeated curves reaches"""


def add_layer(head: bpy.types.Object, name: str, frames: NDArray[np.floating], wanted: Channels, below: Channels, *,
              reduce: bool, home: float | None = None, repeated: bool = False) -> int:
    """Add the difference of what is wanted at frames (T,) and what is there; the keys written.

    Args:
        wanted: values (T,) of shape keys and pose, by path.
        below: what these have without the layer.
        home: a frame after the last one at which nothing is added any more; None holds the last value.
        repeated: the layer goes on for ever, by repeating.

    Raises:
        BadInput: the head's animation may not be changed.
    """
    keys = head.data.shape_keys
    parts = {block: {path: values for path, values in wanted.items() if _owner(head, path) == block}
             for block in (keys, head)}
    for block in parts:
        curves.check_editable(block)
    offsets = {block: _offsets(block, values, below) for block, values in parts.items()}
    offsets = {block: values for block, values in offsets.items() if values}
    for block in offsets:
        push_down(block)
    take, count = None, 0
    for block, values in offsets.items():
        take = curves.new_take(block, name, beside=take)
        block.animation_data.action_blend_type = "ADD"
        at = frames
        if home is not None:
            at = np.append(frames, home)
            values = {path: np.append(v, 0.0 if path in animated(block) else v[-1]) for path, v in values.items()}
        limits = takes.tolerances(head, values) if reduce else None
        found = takes.keyed(np.asarray(at, np.float64), values, limits, ends=not repeated)
        curves.write(block, found, group_of=takes.group_of)
        if repeated:
            curves.repeat(block, found)
        count += takes.count_keys(found)
    return count


def check_own(id_blocks: Iterable[Any]) -> None:
    """Refuse what plays in a way that keys in its Action would not mean what they say.

    Raises:
        BadInput: NLA strips move it and no Action is assigned, or the Action is blended with others.
    """
    for block in id_blocks:
        data = block.animation_data
        if data is None or not data.use_nla:
            continue
        if curves.in_nla(block) and data.action is None:
            raise BadInput(f"“{block.name}” is animated by NLA strips; choose an additive layer instead of new keys.")
        if data.action is not None and (data.action_blend_type != "REPLACE" or data.action_influence < 1):
            raise BadInput(f"The Action of “{block.name}” is a layer that is blended with others; choose an additive "
                           "layer instead of new keys.")


def animated(id_block: Any) -> set[CurvePath]:
    """The paths that an Action or a strip of an ID block animates."""
    return {(curve.data_path, curve.array_index) for action, slot in _actions(id_block)
            for curve in curves.curves_of(action, slot)}


def extent(id_blocks: Iterable[Any]) -> tuple[float, float] | None:
    """First and last frame of all that ID blocks play; None when they play nothing."""
    ends: list[float] = []
    for block in id_blocks:
        found = curves.key_frames(block)
        ends += [float(found[0]), float(found[-1])] if len(found) else []
        ends += [end for strip in _strips(block) for end in (strip.frame_start, strip.frame_end)]
    return (min(ends), max(ends)) if ends else None


def push_down(id_block: Any) -> None:
    """Put the assigned Action, if there is one, into a strip on top of the others, blended as it was."""
    data = id_block.animation_data
    if data is None or data.action is None:
        return
    action, slot = data.action, getattr(data, "action_slot", None)
    found = curves.key_frames(id_block)
    if not len(found):
        data.action = None
        return
    first, last = float(found[0]), float(found[-1])
    if curves.changed_by_modifiers(id_block):
        first, last = min(first, -_ENDLESS), max(last, _ENDLESS)
    track = data.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, int(np.floor(first)), action)
    if slot is not None:
        strip.action_slot = slot
    strip.action_frame_start, strip.action_frame_end = first, max(last, first + 1)
    strip.frame_start_raw, strip.frame_end_raw = first, max(last, first + 1)
    strip.blend_type, strip.influence = data.action_blend_type, data.action_influence
    strip.extrapolation = data.action_extrapolation
    data.action, data.use_nla = None, True


def _owner(head: bpy.types.Object, path: CurvePath) -> Any:
    return head.data.shape_keys if path[0].startswith("key_blocks") else head


def _offsets(id_block: Any, wanted: Mapping[CurvePath, NDArray[np.floating]], below: Channels) -> Channels:
    """What must be added; shape keys that stay as they are need nothing."""
    known = animated(id_block)
    still = {path for path in wanted if path[0].startswith("key_blocks") and not (wanted[path] - below[path]).any()}
    return {path: np.asarray(values - (below[path] if path in known else _default(path)), np.float64)
            for path, values in wanted.items() if path not in still}


def _default(path: CurvePath) -> float:
    """What Blender adds to where nothing is animated; a shape key's is 1 in 5.0, and 0 before and after."""
    if path[0].startswith("key_blocks"):
        return float(bpy.types.ShapeKey.bl_rna.properties["value"].default)
    return float(bpy.types.Object.bl_rna.properties[path[0]].default_array[path[1]])


def _strips(id_block: Any) -> list[Any]:
    if not curves.in_nla(id_block):
        return []
    tracks = [track for track in id_block.animation_data.nla_tracks if not track.mute]
    return [strip for track in tracks for strip in track.strips if not strip.mute]


def _actions(id_block: Any) -> list[tuple[Any, Any]]:
    """Actions with their slots; none has one up to Blender 4.3."""
    players = [one for one in (id_block.animation_data, *_strips(id_block)) if one is not None]
    actions = [(one.action, getattr(one, "action_slot", None)) for one in players]
    return [pair for pair in actions if pair[0] is not None]
