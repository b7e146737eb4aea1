# SPDX-License-Identifier: GPL-3.0-or-later
"""F-curves of ID blocks: written, merged, read and changed in bulk, the same from Blender 4.2 to 5.2.

A curve is named by its path, ``(data_path, array_index)``, on the ID block that it animates: a shape key's value lives
on ``mesh.shape_keys``, a pose on the object. Where its Action and slot are is action_slots.py's matter. Nothing is
clamped: a shape key's slider limits are widened to what its curve reaches.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.keys import Keys
from .action_slots import CurvePath, own_curves, writable_bag
from .fcurve import Group, attribute, put_in_group, read_block, values_at, write_block
from .key_block import BEZIER, SAME_FRAME, Block, Samples, completed, mapped, merged, new_block, with_keys

SLIDER_REACH = 10.0
"""Blender's own limit of a shape key's value"""


def shape_key_path(name: str) -> CurvePath:
    """The curve of a shape key's value."""
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value', 0


def write(id_block: Any, curves: Mapping[CurvePath, Samples | Keys], *,
          group_of: Callable[[CurvePath], Group | None] = lambda path: None, keep_outside: bool = True,
          frame_range: tuple[float, float] | None = None, easing: bool = False,
          sewn: tuple[bool, bool] = (False, False)) -> None:
    """Put curves into the ID block's Action, which is made when it has none.

    Keys within `frame_range`, by default from the first to the last frame of each curve, are replaced. The others
    are kept as they are with `keep_outside`, else removed too. Where the next one is more than a frame away, a key is
    set a frame from the range, so that the curve outside keeps its shape. With `easing` samples are not joined by
    straight lines but ease in and out of what is there, as keys that a person sets. Where the range's begin or end
    is `sewn` on (see `key_block.merged`), a curve that goes on outside keeps its shape and its value there.

    Raises:
        BadInput: the ID block or its Action is linked from another file, is being edited in the NLA, a curve is
            locked, or a number is not finite. Nothing has changed then.
    """
    blocks = {path: new_block(samples) for path, samples in curves.items()}
    for block in blocks.values():
        if easing:
            block["interpolation"][:] = BEZIER
    bag = writable_bag(id_block, blocks)
    existing = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    present = key_frames(id_block)
    extent = (present[0], present[-1]) if len(present) and not easing else None
    for path, block in blocks.items():
        curve = existing.get(path)
        if curve is None:
            curve = bag.fcurves.new(path[0], index=path[1])
            put_in_group(bag, curve, group_of(path))
        elif keep_outside and len(curve.keyframe_points):
            start, end = frame_range or (block["co"][0, 0], block["co"][-1, 0])
            if any(sewn) or present[0] < start or present[-1] > end:
                block = merged(read_block(curve), block, start, end, extent, sewn)
        write_block(curve, block)
    widen_limits(id_block, blocks)
    _tag(id_block)


def read(id_block: Any, paths: Sequence[CurvePath], frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Values (T, C) of curves at frames (T,), as Blender evaluates them; where there is no curve, the property's own.

    The NLA and drivers are not looked at.
    """
    curves = {(curve.data_path, curve.array_index): curve for curve in own_curves(id_block)}
    out = np.empty((len(frames), len(paths)), np.float32)
    for column, path in enumerate(paths):
        curve = curves.get(path)
        moves = curve is not None and not curve.mute and not curve.is_empty
        out[:, column] = values_at(curve, frames) if moves else _static(id_block, path)
    return out


def curve_names(id_block: Any) -> list[CurvePath]:
    """The paths of the curves that the ID block's Action has for it."""
    return [(curve.data_path, curve.array_index) for curve in own_curves(id_block)]


def key_frames(id_block: Any, paths: Iterable[CurvePath] | None = None) -> NDArray[np.float32]:
    """The frames, ascending and each once, at which any of the curves (by default all) has a key."""
    wanted = None if paths is None else set(paths)
    found = [attribute(curve, "co")[:, 0] for curve in own_curves(id_block)
             if wanted is None or (curve.data_path, curve.array_index) in wanted]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.float32)


def key_counts(id_block: Any, frame_range: tuple[float, float] = (-np.inf, np.inf)) -> dict[CurvePath, int]:
    """How many keys each curve has from one frame to another."""
    start, end = frame_range[0] - SAME_FRAME, frame_range[1] + SAME_FRAME
    frames = {(c.data_path, c.array_index): attribute(c, "co")[:, 0] for c in own_curves(id_block)}
    return {path: int(((at >= start) & (at <= end)).sum()) for path, at in frames.items()}


def selected(id_block: Any) -> dict[CurvePath, NDArray[np.float32]]:
    """The frames of the selected keys of each curve that has any."""
    found = {(curve.data_path, curve.array_index): attribute(curve, "co")[attribute(curve, "select_control_point"), 0]
             for curve in own_curves(id_block)}
    return {path: frames for path, frames in found.items() if len(frames)}


def changed_by_modifiers(id_block: Any) -> list[CurvePath]:
    """The curves that modifiers repeat, shake or otherwise change."""
    return [(curve.data_path, curve.array_index) for curve in own_curves(id_block) if len(curve.modifiers)]


def repeat(id_block: Any, paths: Iterable[CurvePath]) -> None:
    """Let curves go on for ever, before and after their keys, by repeating these; those of one key stay as they are.

    Raises:
        BadInput: as `write` does.
    """
    wanted = set(paths)
    for curve in writable_bag(id_block, wanted).fcurves:
        known = (curve.data_path, curve.array_index) in wanted
        if known and len(curve.keyframe_points) > 1 and not len(curve.modifiers):
            curve.modifiers.new("CYCLES")
            curve.update()
    _tag(id_block)


def remove_range(id_block: Any, paths: Iterable[CurvePath], start: float, end: float) -> None:
    """Remove the keys from frame `start` to `end`; a curve that has none left is removed.

    Raises:
        BadInput: as `write` does.
    """
    wanted = set(paths)
    if not own_curves(id_block):
        return
    bag = writable_bag(id_block, wanted)
    for curve in [c for c in bag.fcurves if (c.data_path, c.array_index) in wanted]:
        block = merged(read_block(curve), None, start, end)
        if len(block["co"]):
            write_block(curve, block)
        else:
            bag.fcurves.remove(curve)
    _tag(id_block)


def transform(id_block: Any, change: Mapping[CurvePath, Callable[[NDArray[np.floating], NDArray[np.floating]], Any]], *,
              weights: Callable[[NDArray[np.floating]], NDArray[np.floating]], borders: Sequence[float] = ()) -> None:
    """Change values of curves where they have keys, handles with them; the keys' frames stay.

    Args:
        change: for each curve a function of values (N,) and weights (N,) that gives the new values.
        weights: of frames (N,); 1 where a key is changed, 0 where it stays.
        borders: frames between which the weights change; keys are set there first, without a change of shape.

    Raises:
        BadInput: as `write` does, or the ID block has none of the curves.
    """
    bag = writable_bag(id_block, change)
    blocks: dict[CurvePath, Block] = {}
    for curve in bag.fcurves:
        path = (curve.data_path, curve.array_index)
        if path in change and not curve.is_empty:
            block = with_keys(read_block(curve), borders)
            weight = weights(block["co"][:, 0])
            moved = [change[path](block[name][:, 1], weight) for name in ("co", "handle_left", "handle_right")]
            blocks[path] = mapped(block, *moved)
            write_block(curve, blocks[path])
    widen_limits(id_block, blocks)
    _tag(id_block)


def exchange(id_block: Any, pairs: Iterable[tuple[CurvePath, CurvePath]]) -> None:
    """Give both curves of each pair each other's keys; what has no curve gives its value as one key.

    Raises:
        BadInput: as `write` does.
    """
    pairs = list(pairs)
    bag = writable_bag(id_block, {path for pair in pairs for path in pair})
    existing = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    blocks: dict[CurvePath, Block] = {}
    for pair in pairs:
        found = [existing.get(path) for path in pair]
        if any(found):
            kept = [read_block(curve) if curve and not curve.is_empty else
                    completed(new_block((np.zeros(1), np.array([_static(id_block, path)]))))
                    for path, curve in zip(pair, found, strict=True)]
            for path, curve, block in zip(pair, found, reversed(kept), strict=True):
                blocks[path] = block
                write_block(curve or bag.fcurves.new(path[0], index=path[1]), block)
    widen_limits(id_block, blocks)
    _tag(id_block)


def widen_limits(id_block: Any, blocks: Mapping[CurvePath, Block]) -> None:
    """Widen the slider limits of shape keys to all that their keys and handles reach; they are never narrowed."""
    if not isinstance(id_block, bpy.types.Key):
        return
    by_path = {shape_key_path(key.name): key for key in id_block.key_blocks}
    for path, block in blocks.items():
        key = by_path.get(path)
        if key is None:
            continue
        reach = [block["co"][:, 1]]
        if "handle_left" in block:
            reach += [block["handle_left"][:, 1], block["handle_right"][:, 1]]
        low, high = min(float(r.min()) for r in reach), max(float(r.max()) for r in reach)
        if low < key.slider_min:
            key.slider_min = max(low, -SLIDER_REACH)
        if high > key.slider_max:
            key.slider_max = min(high, SLIDER_REACH)


def _static(id_block: Any, path: CurvePath) -> float:
    value = id_block.path_resolve(path[0])
    return float(value[path[1]] if hasattr(value, "__len__") else value)


def _tag(id_block: Any) -> None:
    """Tell Blender that the animation has changed."""
    id_block.update_tag()
    id_block.animation_data.action.update_tag()
