# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions and slots of ID blocks, the same from Blender 4.2 to 5.2.

Up to 4.3 an Action holds the curves of one ID block; from 4.4 on it has a slot for each.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import bpy

from ...core.errors import BadInput

CurvePath = tuple[str, int]
"""A curve's data path on its ID block, and its index there"""


class Take(NamedTuple):
    """An Action and the ID block that it was made for."""

    id_block: Any
    action: Any

    @property
    def fcurves(self) -> Any:
        """The collection of the ID block's F-curves in the Action."""
        return _channelbag(self.id_block, self.action, ensure=True).fcurves


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
    for curve in own_curves(id_block):
        if (curve.data_path, curve.array_index) in wanted and (curve.lock or (curve.group and curve.group.lock)):
            raise BadInput(f"The curve {curve.data_path} is locked; unlock it in the Graph Editor.")


def _editable(id_block: Any) -> Any:
    """The animation data of an ID block that may be changed."""
    check_editable(id_block)
    data = id_block.animation_data or id_block.animation_data_create()
    if data is None:
        raise BadInput(f"{id_block.name} cannot be animated.")
    return data


def writable_bag(id_block: Any, paths: Iterable[CurvePath]) -> Any:
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


def own_curves(id_block: Any) -> list[Any]:
    """The curves of the assigned Action that are the ID block's."""
    data = id_block.animation_data
    bag = _channelbag(id_block, data.action) if data and data.action else None
    return list(bag.fcurves) if bag else []
