# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes to a head's animation: what the operators of the panel “Edit” do, for scripts.

Gain and offset change the values of the keys that are there, and set new ones only at the borders of a range. Mirror,
smooth and reduce go through samples at whole frames: dense curves stay dense, and curves with few keys get few again,
within a tolerance. All of them change the assigned Actions; the NLA and drivers are left alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core import motion_edit
from ...core.channels import mirror_name
from ...core.errors import BadInput
from ...core.keys import EXPRESSION_TOLERANCE
from ...core.motion import Motion
from ...core.presets import PRESETS, VISEME_REGIONS, preset_values
from ..face import pose
from ..face.head import expression_names, set_expression
from . import action_slots, curves, head_curves, head_motion
from .action_slots import CurvePath
from .sampling import pose_paths

_DENSE = 0.6
"""Curves with keys at more than this share of the frames are dense"""
_FINE = 0.25
"""Edited curves with few keys get keys within this share of the tolerance that reducing has"""

Change = Callable[[NDArray[np.floating], NDArray[np.floating]], NDArray[np.floating]]


@dataclass(frozen=True)
class Part:
    """Which part of an animation is meant."""

    wanted: tuple[str, ...] | None = None
    """Names of regions and of shape keys; None is all"""
    start: float = -np.inf
    """First frame"""
    end: float = np.inf
    """Last frame"""
    soft: float = 0.0
    """Frames inside both borders over which a change fades in and out"""

    def weights(self, frames: NDArray[np.floating]) -> NDArray[np.float64]:
        """How much frames (T,) are changed, 0..1."""
        return motion_edit.range_weights(frames, self.start, self.end, self.soft)


def gain(head: bpy.types.Object, factor: float, part: Part = Part(), *, about: float = 0.0) -> None:
    """Multiply curves' distance from `about`.

    Raises:
        BadInput: nothing is animated there, a name is unknown, or the head's animation may not be changed.
    """
    if not np.isfinite(factor):
        raise BadInput("The gain is not a finite number.")
    _transform(head, part, lambda values, weight: about + (values - about) * (1 + (factor - 1) * weight))


def offset(head: bpy.types.Object, amount: float, part: Part = Part()) -> None:
    """Add a number to curves.

    Raises:
        BadInput: as `gain` does.
    """
    if not np.isfinite(amount):
        raise BadInput("The offset is not a finite number.")
    _transform(head, part, lambda values, weight: values + amount * weight)


def mirror(head: bpy.types.Object, scene: bpy.types.Scene, part: Part = Part(), *, move_head: bool = True) -> None:
    """Exchange left and right; of a whole animation the curves themselves change sides.

    Raises:
        BadInput: as `gain` does.
    """
    names = _wanted_names(head, part)
    names = [n for n in expression_names(head.data) if n in names or mirror_name(n) in names]
    whole = part.start == -np.inf and part.end == np.inf
    pairs = [(n, mirror_name(n)) for n in names if n.endswith("Left") and mirror_name(n) in names]
    action_slots.check_writable(head.data.shape_keys, [curves.shape_key_path(n) for pair in pairs for n in pair])
    _sampled(head, scene, part, names=[] if whole else [n for n in names if mirror_name(n) != n], move_head=move_head,
             change=lambda motion, weight: motion_edit.mirror(motion, part.wanted, pose=move_head, weight=weight))
    if whole:
        paths = curves.shape_key_path
        curves.exchange(head.data.shape_keys, [(paths(left), paths(right)) for left, right in pairs])


def smooth(head: bpy.types.Object, scene: bpy.types.Scene, sigma: float, part: Part = Part(), *,
           keep_blinks: bool = True, move_head: bool = True) -> None:
    """Smooth by a Gaussian of `sigma` seconds (see core/motion_edit.py).

    Raises:
        BadInput: as `gain` does, or sigma is negative.
    """
    _sampled(head, scene, part, names=_wanted_names(head, part), move_head=move_head,
             change=lambda motion, weight: motion_edit.smooth(
                 motion, sigma, part.wanted, keep_blinks=keep_blinks, pose=move_head, weight=weight))


def reduce(head: bpy.types.Object, scene: bpy.types.Scene, tolerance: float = EXPRESSION_TOLERANCE,
           part: Part = Part(), *, move_head: bool = True) -> tuple[int, int]:
    """Few Bézier keys in place of many: within `tolerance` at every frame for expressions, within that over
    `EXPRESSION_TOLERANCE` of a quarter of a degree and half a millimetre for the head.

    Returns:
        how many keys there were, and how many there are.

    Raises:
        BadInput: as `gain` does, or the tolerance is not positive.
    """
    if not tolerance > 0:
        raise BadInput("The error that reduced keys may make must be more than 0.")
    before = _key_count(head)
    _sampled(head, scene, part, names=_wanted_names(head, part), move_head=move_head, change=lambda motion, _: motion,
             tolerance=tolerance)
    return before, _key_count(head)


def apply_preset(head: bpy.types.Object, name: str, *, strength: float = 1.0, mirrored: bool = False,
                 key_frame: float | None = None) -> None:
    """Put an expression on a head, and key it at a frame unless that is None.

    A mouth shape of speech changes jaw, mouth and tongue alone; an expression sets every shape key that a face has.

    Raises:
        BadInput: there is no such preset, or the head's animation may not be changed.
    """
    names = expression_names(head.data)
    known = preset_values(name, names, strength, mirrored=mirrored)
    regions = VISEME_REGIONS if PRESETS[name].kind == "viseme" else None
    chosen = motion_edit.selected(names, regions)
    values = {n: float(v) for n, v, use in zip(names, known, chosen, strict=True)
              if use and (head_curves.is_channel(n) or v)}
    keys = head.data.shape_keys
    action_slots.check_editable(keys)
    if key_frame is not None:
        at = np.array([float(key_frame)])
        curves.write(keys, {curves.shape_key_path(n): (at, np.array([v])) for n, v in values.items()},
                     group_of=head_curves.group_of, easing=True)
    set_expression(head.data, values)


def _wanted_names(head: bpy.types.Object, part: Part) -> list[str]:
    names = expression_names(head.data)
    chosen = motion_edit.selected(names, part.wanted)
    return [name for name, use in zip(names, chosen, strict=True) if use]


def _transform(head: bpy.types.Object, part: Part, change: Change) -> None:
    keys, names = head.data.shape_keys, _wanted_names(head, part)
    paths = [curves.shape_key_path(name) for name in names]
    action_slots.check_editable(keys)
    extent = _extent(head, paths)
    curves.transform(keys, dict.fromkeys(paths, change), weights=part.weights, borders=_borders(part, *extent))


def _extent(head: bpy.types.Object, paths: Iterable[CurvePath], move_head: bool = False) -> tuple[float, float]:
    """First and last key of curves."""
    frames = [curves.key_frames(head.data.shape_keys, paths)]
    if move_head:
        frames.append(curves.key_frames(head, pose_paths(head)))
    found = np.concatenate(frames)
    if not len(found):
        raise BadInput(f"Nothing of “{head.name}” that was chosen is animated; import a motion or set keys first.")
    return float(found.min()), float(found.max())


def _borders(part: Part, first: float, last: float) -> list[float]:
    """Frames at which a range of a curve from `first` to `last` needs keys: where its weight changes, and outside."""
    out: list[float] = []
    steps = np.arange(np.ceil(part.soft) + 1)
    if part.start > first:
        out += [part.start - 1, *(part.start + steps)]
    if part.end < last or part.start > last:
        out += [part.end + 1, *(part.end - steps)]
    return sorted({frame for frame in out if np.isfinite(frame)})


def _sampled(head: bpy.types.Object, scene: bpy.types.Scene, part: Part, *, names: list[str], move_head: bool,
             change: Callable[[Motion, NDArray[np.float64]], Motion], tolerance: float | None = None) -> None:
    """Change curves through samples at the whole frames of the part's range.

    `tolerance` says that all curves get few keys; else those that had few do, within a share of the usual one.
    """
    keys = head.data.shape_keys
    paths = {name: curves.shape_key_path(name) for name in names}
    move_head = move_head and bool(set(pose_paths(head)) & set(curves.curve_names(head)))
    action_slots.check_writable(keys, paths.values())
    if move_head:
        action_slots.check_writable(head, pose_paths(head))
    whole = _extent(head, curves.curve_names(keys), move_head)
    frames = np.arange(np.ceil(max(part.start, whole[0]) - 1e-4), np.floor(min(part.end, whole[1]) + 1e-4) + 1)
    if not len(frames):
        return
    # Smoothing looks beyond the range, so the whole animation is changed and the range taken out of it.
    context = np.arange(min(frames[0], np.ceil(whole[0] - 1e-4)), max(frames[-1], np.floor(whole[1] + 1e-4)) + 1)
    edited = change(head_motion.action_motion(head, scene, context), part.weights(context))
    rows = np.isin(context, frames)
    animated = set(curves.curve_names(keys))
    shapes = {path: edited.expression[rows, edited.channels.index(name)] for name, path in paths.items()
              if path in animated or curves.shape_key_path(mirror_name(name)) in animated}
    place: dict[CurvePath, NDArray[np.float64]] = {}
    if move_head:
        world = pose.stage_of(head, scene)[1]
        place = pose.head_channels(head, edited.rotation[rows], edited.translation[rows], world)
    for id_block, values in ((keys, shapes), (head, place)):
        if values:
            _write_back(head, id_block, frames, values, tolerance)


def _write_back(head: bpy.types.Object, id_block: object, frames: NDArray[np.float64],
                values: Mapping[CurvePath, NDArray[np.floating]], tolerance: float | None) -> None:
    counts = curves.key_counts(id_block, (frames[0], frames[-1]))
    scale = (tolerance or EXPRESSION_TOLERANCE * _FINE) / EXPRESSION_TOLERANCE
    limits = dict.fromkeys(values, EXPRESSION_TOLERANCE) | head_curves.pose_tolerances(
        head, [path for path in values if not path[0].startswith("key_blocks")])
    few = {path: column for path, column in values.items()
           if tolerance or counts.get(path, 0) <= _DENSE * len(frames)}
    dense = {path: column for path, column in values.items() if path not in few}
    found = head_curves.keyed(frames, few, {path: limits[path] * scale for path in few}) if few else {}
    curves.write(id_block, {**head_curves.keyed(frames, dense, None), **found}, group_of=head_curves.group_of,
                 frame_range=(frames[0], frames[-1]))


def _key_count(head: bpy.types.Object) -> int:
    return sum(curves.key_counts(head.data.shape_keys).values()) + sum(curves.key_counts(head).values())
