# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of one F-curve as arrays: made, merged, cut. Numpy alone; curves.py carries them to Blender and back."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.bezier import cut
from ...core.errors import BadInput
from ...core.keys import Keys, handles

Block = dict[str, NDArray[Any]]
"""Attribute to an array with a row for each key"""
Samples = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Frames (N,), ascending, and values (N,), joined by straight lines"""

FREE, AUTO, VECTOR, ALIGNED, AUTO_CLAMPED = range(5)
CONSTANT, LINEAR, BEZIER = range(3)
SAME_FRAME = 1e-4

ATTRIBUTES: dict[str, tuple[int, type, float]] = {
    "co": (2, np.float32, 0), "handle_left": (2, np.float32, 0), "handle_right": (2, np.float32, 0),
    "handle_left_type": (1, np.int32, AUTO_CLAMPED), "handle_right_type": (1, np.int32, AUTO_CLAMPED),
    "interpolation": (1, np.int32, LINEAR), "easing": (1, np.int32, 0), "type": (1, np.int32, 0),
    "amplitude": (1, np.float32, 0.8), "period": (1, np.float32, 4.1), "back": (1, np.float32, 1.70158),
    "select_control_point": (1, np.bool_, 0), "select_left_handle": (1, np.bool_, 0),
    "select_right_handle": (1, np.bool_, 0)}
"""Of a keyframe: how many numbers, their type, and what a new one has"""

_NEEDED = ("handle_left_type", "handle_right_type", "interpolation", "amplitude", "period", "back",
           "select_control_point", "select_left_handle", "select_right_handle")
"""What must be said of a new key, which Blender would select; of the rest its zeros will do"""


def new_block(samples: Samples | Keys) -> Block:
    """Samples as keys with straight lines between them, or Bézier keys as they are.

    Raises:
        BadInput: there are none, or a number is not finite.
    """
    if isinstance(samples, Keys):
        left, right = handles(samples)
        kinds = np.where(samples.smooth, ALIGNED, FREE).astype(np.int32)
        block: Block = {"co": np.column_stack([samples.frames, samples.values]).astype(np.float32),
                        "handle_left": left.astype(np.float32), "handle_right": right.astype(np.float32),
                        "handle_left_type": kinds, "handle_right_type": kinds,
                        "interpolation": np.full(len(kinds), BEZIER, np.int32)}
    else:
        block = {"co": np.column_stack(samples).astype(np.float32)}
    if len(block["co"]) == 0 or not np.isfinite(block["co"]).all():
        raise BadInput("A curve needs a key, and numbers that are finite.")
    for name in _NEEDED:
        if name not in block:
            _, kind, default = ATTRIBUTES[name]
            block[name] = np.full(len(block["co"]), default, kind)
    return block


def merged(old: Block, new: Block | None, start: float, end: float, extent: tuple[float, float] | None = None,
           sewn: tuple[bool, bool] = (False, False)) -> Block:
    """The old keys before `start` and after `end` with the new ones between.

    With `extent`, the first and last frame of the whole take, the curve outside stays as it is to within a frame of the
    range: where its next old key is farther away, one is set there. So it is held where it had ended.

    Where the range's begin or end is `sewn` on, the new curve has a key there, and the old one gets one too: it keeps
    its shape up to there, and the value there.
    """
    before, after = (0 if on else 1 for on in sewn)
    if extent is not None:
        old = with_keys(old, [start - before] if extent[0] < start - before else [])
        old = with_keys(old, [end + after] if extent[1] > end + after else [])
    frames = old["co"][:, 0]
    first, last = _rows(old, frames < start - SAME_FRAME), _rows(old, frames > end + SAME_FRAME)
    if len(first["co"]) + len(last["co"]) == len(frames) and new is None:
        return old
    middle = completed(new) if new else _rows(old, np.zeros(len(frames), bool))
    if not (sewn[0] and _sew(middle, old, 0)) and len(first["co"]):
        _hold_still(first, -1, (new["co"][0, 0] if new else end) - first["co"][-1, 0])
    elif len(first["co"]):
        _fix_handles(first, -1)
    if not (sewn[1] and _sew(middle, old, -1)) and len(last["co"]):
        _hold_still(last, 0, last["co"][0, 0] - (new["co"][-1, 0] if new else start))
    elif len(last["co"]):
        _fix_handles(last, 0)
    return {name: np.concatenate([first[name], middle[name], last[name]]) for name in ATTRIBUTES}


def _sew(new: Block, old: Block, index: int) -> bool:
    """Give the first or the last new key the value that the old curve's key there has, and what is outside of it."""
    at = np.flatnonzero(np.abs(old["co"][:, 0] - new["co"][index, 0]) <= SAME_FRAME)
    if not len(at):
        return False
    onwards = ("handle_right", "interpolation", "easing", "amplitude", "period", "back")
    kept = ("handle_left",) if index == 0 else onwards
    for name in ("co", "type", "select_control_point", "select_left_handle", "select_right_handle", *kept):
        new[name][index] = old[name][at[0]]
    new["handle_left_type"][index] = new["handle_right_type"][index] = FREE
    return True


def completed(block: Block) -> Block:
    """With every attribute; handles that Blender computes stand at their keys until then."""
    out: Block = {}
    for name, (_, kind, default) in ATTRIBUTES.items():
        if name in block:
            out[name] = block[name]
        else:
            out[name] = block["co"].copy() if name.startswith("handle") else np.full(len(block["co"]), default, kind)
    return out


def with_keys(block: Block, frames: Iterable[float]) -> Block:
    """The same curve with keys at more frames.

    Straight and Bézier segments keep their shape exactly; within others, which ease in some named way, a key is set on
    the straight line between its neighbours. Before the first and after the last key the curve is taken to be held.
    """
    for frame in frames:
        block = _with_key(block, float(frame))
    return block


def mapped(block: Block, values: NDArray[np.floating], left: NDArray[np.floating],
           right: NDArray[np.floating]) -> Block:
    """The block with other values of its keys and of both their handles, each (N,)."""
    out = dict(block)
    for name, new in (("co", values), ("handle_left", left), ("handle_right", right)):
        out[name] = np.column_stack([block[name][:, 0], new]).astype(np.float32)
    return out


def _rows(block: Block, keep: NDArray[np.bool_]) -> Block:
    return {name: values[keep] for name, values in block.items()}


def _hold_still(block: Block, index: int, gap: float) -> None:
    """Keep the handles of a key where they are now that its neighbour is another; the one towards it is cut to a
    third of the gap."""
    _fix_handles(block, index)
    handle, co = block["handle_right" if index else "handle_left"], block["co"][index]
    reach = abs(handle[index, 0] - co[0])
    if reach > gap / 3:
        handle[index] = co + (handle[index] - co) * (gap / 3 / reach)


def _fix_handles(block: Block, index: int) -> None:
    """From handles that Blender computes to handles of the same place that it leaves alone."""
    kinds = block["handle_left_type"][index], block["handle_right_type"][index]
    automatic = all(kind in (AUTO, AUTO_CLAMPED, ALIGNED) for kind in kinds)
    block["handle_left_type"][index] = block["handle_right_type"][index] = ALIGNED if automatic else FREE


def _with_key(block: Block, frame: float) -> Block:
    at = block["co"][:, 0]
    if np.abs(at - frame).min() <= SAME_FRAME:
        return block
    i = int(np.searchsorted(at, frame)) - 1
    copy = max(i, 0)
    new = i + 1
    order = np.insert(np.arange(len(at)), new, copy)
    out = {name: values[order] for name, values in block.items()}
    inside = 0 <= i < len(at) - 1
    if inside and block["interpolation"][i] == BEZIER:
        _cut_segment(out, new, frame)
        return out
    share = (frame - at[i]) / (at[i + 1] - at[i]) if inside else 0.0
    held = not inside or block["interpolation"][i] == CONSTANT
    value = block["co"][copy, 1] + (0 if held else share * (block["co"][copy + 1, 1] - block["co"][copy, 1]))
    out["co"][new] = out["handle_left"][new] = out["handle_right"][new] = frame, value
    out["handle_left"][new, 0], out["handle_right"][new, 0] = frame - 1 / 3, frame + 1 / 3
    out["handle_left_type"][new] = out["handle_right_type"][new] = ALIGNED
    return out


def _cut_segment(block: Block, new: int, frame: float) -> None:
    """Set the key at index `new`, a copy of the one before it, on the Bézier segment between its neighbours."""
    before, after = new - 1, new + 1
    _fix_handles(block, before)
    _fix_handles(block, after)
    points = np.stack([block["co"][before], block["handle_right"][before], block["handle_left"][after],
                       block["co"][after]])
    first, second = cut(points, frame)
    block["handle_right"][before], block["handle_left"][new] = first[1], first[2]
    block["co"][new] = frame, first[3, 1]
    block["handle_right"][new], block["handle_left"][after] = second[1], second[2]
    # An aligned handle would be pulled straight with the other one, which may be shorter now but not elsewhere.
    block["handle_left_type"][new] = block["handle_right_type"][new] = ALIGNED
