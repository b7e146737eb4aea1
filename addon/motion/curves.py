# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions, slots, groups and F-curves: the one module that touches them, the same from Blender 4.2 to 5.2.

A curve is named by its path, ``(data_path, array_index)``, on the ID block that it animates: a shape key's value lives
on ``mesh.shape_keys``, a pose on the object. Up to 4.3 an Action holds the curves of one ID block; from 4.4 on it has
a slot for each. Keys are read and written in bulk. Nothing is clamped: a shape key's slider limits are widened to
what its curve reaches.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import bpy
import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadInput
from ...core.keys import Keys
from .key_block import ATTRIBUTES, BEZIER, SAME_FRAME, Block, Samples, completed, mapped, merged, new_block, with_keys

CurvePath = tuple[str, int]
SLIDER_REACH = 10.0
"""Blender's own limit of a shape key's value"""


class Group(NamedTuple):
    """A group of curves; `colour` is that of its curves and its header, None leaves Blender's."""

    name: str
    colour: tuple[float, float, float] | None = None


class Take(NamedTuple):
    """An Action and the ID block that it was made for."""

    id_block: Any
    action: Any

    @property
    def fcurves(self) -> Any:
        """The collection of the ID block's F-curves in the Action."""
        return _channelbag(self.id_block, self.action, ensure=True).fcurves


def shape_key_path(name: str) -> CurvePath:
    """The curve of a shape key's value."""
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value', 0


def new_take(id_block: Any, name: str, *, beside: Take | None = None) -> Take:
    """Make an Action and assign it; the one that was assigned is kept in the file.

    `beside` is the take of another ID block: from 4.4 on both share its Action, each with its slot.

    Raises:
        BadInput: the ID block is linked from another file, or its animation is being edited in the NLA.
    """
    data = _editable(id_block)
    if data.action is not None and data.action.library is None:
        data.action.use_fake_user = True
    if beside is not None and has_slots(beside.action):
        action = beside.action
    else:
        action = bpy.data.actions.new(name)
        action.use_fake_user = True
    data.action = action
    _not_blended(data)
    _channelbag(id_block, action, ensure=True)
    return Take(id_block, action)


def assign(id_block: Any, action: Any) -> bool:
    """Let an ID block play an Action that has curves for its kind; whether it has.

    Raises:
        BadInput: as `new_take` does.
    """
    data = _editable(id_block)
    _not_blended(data)
    if not has_slots(action):
        data.action = action
        return data.action == action
    fitting = [slot for slot in action.slots if slot.target_id_type == id_block.id_type]
    if not fitting:
        return False
    if data.action is not None and data.action.library is None:
        data.action.use_fake_user = True
    data.action = action
    data.action_slot = next((slot for slot in fitting if slot.name_display == id_block.name), fitting[0])
    return True


def paths_in(action: Any, id_block: Any) -> set[CurvePath]:
    """The curves that an Action has for the kind of an ID block."""
    slots = [slot for slot in action.slots if slot.target_id_type == id_block.id_type] if has_slots(action) else [None]
    return {(curve.data_path, curve.array_index) for slot in slots for curve in curves_of(action, slot)}


def has_slots(action: Any) -> bool:
    """Whether Actions have slots: from Blender 4.4 on."""
    return hasattr(action, "slots")


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
    bag = _writable_bag(id_block, blocks)
    existing = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    present = key_frames(id_block)
    extent = (present[0], present[-1]) if len(present) and not easing else None
    for path, block in blocks.items():
        curve = existing.get(path)
        if curve is None:
            curve = bag.fcurves.new(path[0], index=path[1])
            _put_in_group(bag, curve, group_of(path))
        elif keep_outside and len(curve.keyframe_points):
            start, end = frame_range or (block["co"][0, 0], block["co"][-1, 0])
            if any(sewn) or present[0] < start or present[-1] > end:
                block = merged(_read_block(curve), block, start, end, extent, sewn)
        _write_block(curve, block)
    widen_limits(id_block, blocks)
    _tag(id_block)


def read(id_block: Any, paths: Sequence[CurvePath], frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """Values (T, C) of curves at frames (T,), as Blender evaluates them; where there is no curve, the property's own.

    The NLA and drivers are not looked at.
    """
    curves = {(curve.data_path, curve.array_index): curve for curve in _curves(id_block)}
    out = np.empty((len(frames), len(paths)), np.float32)
    for column, path in enumerate(paths):
        curve = curves.get(path)
        moves = curve is not None and not curve.mute and not curve.is_empty
        out[:, column] = _values(curve, frames) if moves else _static(id_block, path)
    return out


def curve_names(id_block: Any) -> list[CurvePath]:
    """The paths of the curves that the ID block's Action has for it."""
    return [(curve.data_path, curve.array_index) for curve in _curves(id_block)]


def key_frames(id_block: Any, paths: Iterable[CurvePath] | None = None) -> NDArray[np.float32]:
    """The frames, ascending and each once, at which any of the curves (by default all) has a key."""
    wanted = None if paths is None else set(paths)
    found = [_attribute(curve, "co")[:, 0] for curve in _curves(id_block)
             if wanted is None or (curve.data_path, curve.array_index) in wanted]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.float32)


def key_counts(id_block: Any, frame_range: tuple[float, float] = (-np.inf, np.inf)) -> dict[CurvePath, int]:
    """How many keys each curve has from one frame to another."""
    start, end = frame_range[0] - SAME_FRAME, frame_range[1] + SAME_FRAME
    frames = {(c.data_path, c.array_index): _attribute(c, "co")[:, 0] for c in _curves(id_block)}
    return {path: int(((at >= start) & (at <= end)).sum()) for path, at in frames.items()}


def selected(id_block: Any) -> dict[CurvePath, NDArray[np.float32]]:
    """The frames of the selected keys of each curve that has any."""
    found = {(curve.data_path, curve.array_index): _attribute(curve, "co")[_attribute(curve, "select_control_point"), 0]
             for curve in _curves(id_block)}
    return {path: frames for path, frames in found.items() if len(frames)}


def changed_by_modifiers(id_block: Any) -> list[CurvePath]:
    """The curves that modifiers repeat, shake or otherwise change."""
    return [(curve.data_path, curve.array_index) for curve in _curves(id_block) if len(curve.modifiers)]


def repeat(id_block: Any, paths: Iterable[CurvePath]) -> None:
    """Let curves go on for ever, before and after their keys, by repeating these; those of one key stay as they are.

    Raises:
        BadInput: as `write` does.
    """
    wanted = set(paths)
    for curve in _writable_bag(id_block, wanted).fcurves:
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
    if not _curves(id_block):
        return
    bag = _writable_bag(id_block, wanted)
    for curve in [c for c in bag.fcurves if (c.data_path, c.array_index) in wanted]:
        block = merged(_read_block(curve), None, start, end)
        if len(block["co"]):
            _write_block(curve, block)
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
    bag = _writable_bag(id_block, change)
    blocks: dict[CurvePath, Block] = {}
    for curve in bag.fcurves:
        path = (curve.data_path, curve.array_index)
        if path in change and not curve.is_empty:
            block = with_keys(_read_block(curve), borders)
            weight = weights(block["co"][:, 0])
            moved = [change[path](block[name][:, 1], weight) for name in ("co", "handle_left", "handle_right")]
            blocks[path] = mapped(block, *moved)
            _write_block(curve, blocks[path])
    widen_limits(id_block, blocks)
    _tag(id_block)


def exchange(id_block: Any, pairs: Iterable[tuple[CurvePath, CurvePath]]) -> None:
    """Give both curves of each pair each other's keys; what has no curve gives its value as one key.

    Raises:
        BadInput: as `write` does.
    """
    pairs = list(pairs)
    bag = _writable_bag(id_block, {path for pair in pairs for path in pair})
    existing = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    blocks: dict[CurvePath, Block] = {}
    for pair in pairs:
        found = [existing.get(path) for path in pair]
        if any(found):
            kept = [_read_block(curve) if curve and not curve.is_empty else
                    completed(new_block((np.zeros(1), np.array([_static(id_block, path)]))))
                    for path, curve in zip(pair, found, strict=True)]
            for path, curve, block in zip(pair, found, reversed(kept), strict=True):
                blocks[path] = block
                _write_block(curve or bag.fcurves.new(path[0], index=path[1]), block)
    widen_limits(id_block, blocks)
    _tag(id_block)


def current_action(id_block: Any) -> Any:
    """The Action that is assigned to an ID block, or None."""
    return id_block.animation_data.action if id_block.animation_data else None


def driven(id_block: Any) -> set[CurvePath]:
    """The paths that drivers set, whatever their curves say."""
    data = id_block.animation_data
    return {(d.data_path, d.array_index) for d in data.drivers if not d.mute} if data else set()


def curves_of(action: Any, slot: Any) -> list[Any]:
    """The curves that an Action has for a slot; up to 4.3 all, where the slot is None."""
    if not has_slots(action):
        return list(action.fcurves)
    bags = [strip.channelbag(slot) for layer in action.layers for strip in layer.strips] if slot else []
    return [curve for bag in bags if bag is not None for curve in bag.fcurves]


def in_nla(id_block: Any) -> bool:
    """Whether NLA strips take part in the ID block's animation."""
    data = id_block.animation_data
    return bool(data and data.use_nla and any(t.strips for t in data.nla_tracks if not t.mute))


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


def check_editable(id_block: Any) -> None:
    """Refuse an ID block whose animation may not be changed.

    Raises:
        BadInput: it is linked from another file, or a strip of it is being edited in the NLA.
    """
    data = id_block.animation_data
    if id_block.library is not None or not id_block.is_editable:
        raise BadInput(f"{id_block.name} is linked from another file; make it local to animate it here.")
    if data and data.use_tweak_mode:
        raise BadInput(f"A strip of {id_block.name} is being edited in the NLA; leave its tweak mode first.")


def check_writable(id_block: Any, paths: Iterable[CurvePath]) -> None:
    """Refuse what `write` would refuse, before anything is changed.

    Raises:
        BadInput: as `check_editable`, or the Action is linked from another file, or one of the curves is locked.
    """
    check_editable(id_block)
    action, wanted = current_action(id_block), set(paths)
    if action is None:
        return
    if action.library is not None or not action.is_editable:
        raise BadInput(f"The Action {action.name} is linked from another file; make it local or make a new take.")
    for curve in _curves(id_block):
        if (curve.data_path, curve.array_index) in wanted and (curve.lock or (curve.group and curve.group.lock)):
            raise BadInput(f"The curve {curve.data_path} is locked; unlock it in the Graph Editor.")


def _editable(id_block: Any) -> Any:
    """The animation data of an ID block that may be changed."""
    check_editable(id_block)
    data = id_block.animation_data or id_block.animation_data_create()
    if data is None:
        raise BadInput(f"{id_block.name} cannot be animated.")
    return data


def _writable_bag(id_block: Any, paths: Iterable[CurvePath]) -> Any:
    """The curves of the assigned Action, or of a new one; none of `paths` is locked."""
    check_writable(id_block, paths)
    if current_action(id_block) is None:
        new_take(id_block, id_block.name)
    return _channelbag(id_block, current_action(id_block), ensure=True)


def _not_blended(data: Any) -> None:
    """A take replaces what is below it, also where a layer was played before (see layers.py)."""
    if data.action_blend_type != "REPLACE":
        data.action_blend_type, data.action_influence = "REPLACE", 1.0


def _channelbag(id_block: Any, action: Any, ensure: bool = False) -> Any:
    """What holds `fcurves` and `groups` of an ID block: the Action itself, or its slot's bag; None if there is none."""
    if not has_slots(action):
        return action
    data = id_block.animation_data
    slot = data.action_slot if data.action == action else None
    if slot is None or slot.target_id_type != id_block.id_type:
        if not ensure:
            return None
        slot = action.slots.new(id_type=id_block.id_type, name=id_block.name)
        data.action_slot = slot
    for strip in (strip for layer in action.layers for strip in layer.strips):
        bag = strip.channelbag(slot, ensure=ensure)
        if bag is not None:
            return bag
    if not ensure:
        return None
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    return layer.strips.new(type="KEYFRAME").channelbag(slot, ensure=True)


def _curves(id_block: Any) -> list[Any]:
    data = id_block.animation_data
    bag = _channelbag(id_block, data.action) if data and data.action else None
    return list(bag.fcurves) if bag else []


def _put_in_group(bag: Any, curve: Any, group: Group | None) -> None:
    if group is None:
        return
    found = bag.groups.get(group.name)
    if found is None:
        found = bag.groups.new(group.name)
        if group.colour is not None:
            found.color_set = "CUSTOM"
            found.colors.normal = found.colors.select = found.colors.active = group.colour
    curve.group = found
    if group.colour is not None:
        curve.color_mode, curve.color = "CUSTOM", group.colour
    else:
        curve.color_mode = "AUTO_RGB"


def _attribute(curve: Any, name: str) -> NDArray[Any]:
    width, kind, _ = ATTRIBUTES[name]
    out: NDArray[Any] = np.empty(len(curve.keyframe_points) * width, kind)
    curve.keyframe_points.foreach_get(name, out)
    return out.reshape(-1, width) if width > 1 else out


def _read_block(curve: Any) -> Block:
    return {name: _attribute(curve, name) for name in ATTRIBUTES}


def _write_block(curve: Any, block: Block) -> None:
    points = curve.keyframe_points
    if len(points) != len(block["co"]) or len(block) < len(ATTRIBUTES):
        points.clear()
        points.add(len(block["co"]))
    for name, values in block.items():
        points.foreach_set(name, np.ascontiguousarray(values).ravel())
    curve.update()


def _values(curve: Any, frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """The curve at frames: straight from its keys where there is one at each."""
    co = _attribute(curve, "co")
    place = np.minimum(np.searchsorted(co[:, 0], frames), len(co) - 1)
    if not len(curve.modifiers) and (co[place, 0] == np.asarray(frames, np.float32)).all():
        return np.asarray(co[place, 1], np.float32)
    return np.fromiter(map(curve.evaluate, np.asarray(frames, float).tolist()), np.float32, len(frames))


def _static(id_block: Any, path: CurvePath) -> float:
    value = id_block.path_resolve(path[0])
    return float(value[path[1]] if hasattr(value, "__len__") else value)


def _tag(id_block: Any) -> None:
    """Tell Blender that the animation has changed."""
    id_block.update_tag()
    id_block.animation_data.action.update_tag()
