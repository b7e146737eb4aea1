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

from ..core.errors import BadInput
from ..core.keys import Keys, handles

CurvePath = tuple[str, int]
Samples = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Frames (N,), ascending, and values (N,), joined by straight lines"""

SLIDER_REACH = 10.0
"""Blender's own limit of a shape key's value"""
_SAME_FRAME = 1e-4

_FREE, _AUTO, _VECTOR, _ALIGNED, _AUTO_CLAMPED = range(5)
_LINEAR, _BEZIER = 1, 2
_ATTRIBUTES: dict[str, tuple[int, type, float]] = {
    "co": (2, np.float32, 0), "handle_left": (2, np.float32, 0), "handle_right": (2, np.float32, 0),
    "handle_left_type": (1, np.int32, _AUTO_CLAMPED), "handle_right_type": (1, np.int32, _AUTO_CLAMPED),
    "interpolation": (1, np.int32, _LINEAR), "easing": (1, np.int32, 0), "type": (1, np.int32, 0),
    "amplitude": (1, np.float32, 0.8), "period": (1, np.float32, 4.1), "back": (1, np.float32, 1.70158),
    "select_control_point": (1, np.bool_, 0), "select_left_handle": (1, np.bool_, 0),
    "select_right_handle": (1, np.bool_, 0)}
"""Of a keyframe: numbers, type, and what a new one has"""

_Block = dict[str, NDArray[Any]]
_NEEDED = ("co", "handle_left_type", "handle_right_type", "interpolation", "amplitude", "period", "back")


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
    _channelbag(id_block, action, ensure=True)
    return Take(id_block, action)


def has_slots(action: Any) -> bool:
    """Whether Actions have slots: from Blender 4.4 on."""
    return hasattr(action, "slots")


def write(id_block: Any, curves: Mapping[CurvePath, Samples | Keys], *,
          group_of: Callable[[CurvePath], Group | None] = lambda path: None, keep_outside: bool = True,
          frame_range: tuple[float, float] | None = None) -> None:
    """Put curves into the ID block's Action, which is made when it has none.

    Keys within `frame_range`, by default from the first to the last frame of each curve, are replaced. The others
    are kept as they are with `keep_outside`, else removed too.

    Raises:
        BadInput: the ID block or its Action is linked from another file, is being edited in the NLA, a curve is
            locked, or a number is not finite. Nothing has changed then.
    """
    blocks = {path: _new_block(samples) for path, samples in curves.items()}
    for path, block in blocks.items():
        if not np.isfinite(block["co"]).all():
            raise BadInput(f"The curve {path[0]} would hold numbers that are not finite.")
    bag = _writable_bag(id_block, blocks)
    existing = {(curve.data_path, curve.array_index): curve for curve in bag.fcurves}
    for path, block in blocks.items():
        curve = existing.get(path)
        if curve is None:
            curve = bag.fcurves.new(path[0], index=path[1])
            _put_in_group(bag, curve, group_of(path))
        elif keep_outside and len(curve.keyframe_points):
            block = _merged(_read_block(curve), block, frame_range)
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


def key_counts(id_block: Any) -> dict[CurvePath, int]:
    """How many keys each curve has."""
    return {(curve.data_path, curve.array_index): len(curve.keyframe_points) for curve in _curves(id_block)}


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
        block = _merged(_read_block(curve), None, (start, end))
        if len(block["co"]):
            _write_block(curve, block)
        else:
            bag.fcurves.remove(curve)
    _tag(id_block)


def driven(id_block: Any) -> set[CurvePath]:
    """The paths that drivers set, whatever their curves say."""
    data = id_block.animation_data
    return {(d.data_path, d.array_index) for d in data.drivers if not d.mute} if data else set()


def in_nla(id_block: Any) -> bool:
    """Whether NLA strips take part in the ID block's animation."""
    data = id_block.animation_data
    return bool(data and data.use_nla and any(t.strips for t in data.nla_tracks if not t.mute))


def widen_limits(id_block: Any, blocks: Mapping[CurvePath, _Block]) -> None:
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


def _editable(id_block: Any) -> Any:
    """The animation data of an ID block that may be changed."""
    check_editable(id_block)
    data = id_block.animation_data or id_block.animation_data_create()
    if data is None:
        raise BadInput(f"{id_block.name} cannot be animated.")
    return data


def _writable_bag(id_block: Any, paths: Iterable[CurvePath]) -> Any:
    """The curves of the assigned Action, or of a new one; none of `paths` is locked."""
    data = _editable(id_block)
    if data.action is None:
        new_take(id_block, id_block.name)
    action = data.action
    if action.library is not None or not action.is_editable:
        raise BadInput(f"The Action {action.name} is linked from another file; make it local or make a new take.")
    bag, wanted = _channelbag(id_block, action, ensure=True), set(paths)
    for curve in bag.fcurves:
        if (curve.data_path, curve.array_index) in wanted and (curve.lock or (curve.group and curve.group.lock)):
            raise BadInput(f"The curve {curve.data_path} is locked; unlock it in the Graph Editor.")
    return bag


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


def _new_block(samples: Samples | Keys) -> _Block:
    if isinstance(samples, Keys):
        left, right = handles(samples)
        co = np.column_stack([samples.frames, samples.values]).astype(np.float32)
        kinds = np.where(samples.smooth, _ALIGNED, _FREE).astype(np.int32)
        block = {"co": co, "handle_left": left.astype(np.float32), "handle_right": right.astype(np.float32),
                 "handle_left_type": kinds, "handle_right_type": kinds,
                 "interpolation": np.full(len(co), _BEZIER, np.int32)}
    else:
        block = {"co": np.column_stack(samples).astype(np.float32)}
    for name in _NEEDED:
        if name not in block:
            _, kind, default = _ATTRIBUTES[name]
            block[name] = np.full(len(block["co"]), default, kind)
    if len(block["co"]) == 0:
        raise BadInput("A curve needs a key.")
    return block


def _attribute(curve: Any, name: str) -> NDArray[Any]:
    width, kind, _ = _ATTRIBUTES[name]
    out = np.empty(len(curve.keyframe_points) * width, kind)
    curve.keyframe_points.foreach_get(name, out)
    return out.reshape(-1, width) if width > 1 else out


def _read_block(curve: Any) -> _Block:
    return {name: _attribute(curve, name) for name in _ATTRIBUTES}


def _write_block(curve: Any, block: _Block) -> None:
    points = curve.keyframe_points
    if len(points) != len(block["co"]):
        points.clear()
        points.add(len(block["co"]))
    for name, values in block.items():
        points.foreach_set(name, np.ascontiguousarray(values).ravel())
    curve.update()


def _merged(old: _Block, new: _Block | None, frame_range: tuple[float, float] | None) -> _Block:
    """New keys in their range between the old ones outside, whose side that faces away from it stays as it is."""
    frames = old["co"][:, 0]
    start, end = frame_range or (new["co"][0, 0], new["co"][-1, 0])  # type: ignore[index]
    before, after = frames < start - _SAME_FRAME, frames > end + _SAME_FRAME
    if (before | after).all() and new is None:
        return old
    first = {name: values[before] for name, values in old.items()}
    last = {name: values[after] for name, values in old.items()}
    if len(first["co"]):
        _hold_still(first, -1, (new["co"][0, 0] if new else end) - first["co"][-1, 0])
    if len(last["co"]):
        _hold_still(last, 0, last["co"][0, 0] - (new["co"][-1, 0] if new else start))
    middle = _completed(new) if new else {name: values[:0] for name, values in old.items()}
    return {name: np.concatenate([first[name], middle[name], last[name]]) for name in _ATTRIBUTES}


def _hold_still(block: _Block, index: int, gap: float) -> None:
    """Keep the handles of a key where they are now that its neighbour is another; the one towards it is cut to a
    third of the gap."""
    kinds = block["handle_left_type"][index], block["handle_right_type"][index]
    automatic = all(kind in (_AUTO, _AUTO_CLAMPED, _ALIGNED) for kind in kinds)
    block["handle_left_type"][index] = block["handle_right_type"][index] = _ALIGNED if automatic else _FREE
    handle, co = block["handle_right" if index else "handle_left"], block["co"][index]
    reach = abs(handle[index, 0] - co[0])
    if reach > gap / 3:
        handle[index] = co + (handle[index] - co) * (gap / 3 / reach)


def _completed(block: _Block) -> _Block:
    """With every attribute; handles that Blender computes stand at their keys until then."""
    out = {}
    for name, (_, kind, default) in _ATTRIBUTES.items():
        if name in block:
            out[name] = block[name]
        else:
            out[name] = block["co"].copy() if name.startswith("handle") else np.full(len(block["co"]), default, kind)
    return out


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
