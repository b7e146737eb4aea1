# SPDX-License-Identifier: GPL-3.0-or-later
"""One F-curve: its keys in bulk, its values, its group."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .key_block import ATTRIBUTES, Block


class Group(NamedTuple):
    """A group of curves; `colour` is that of its curves and its header, None leaves Blender's."""

    name: str
    colour: tuple[float, float, float] | None = None


def put_in_group(bag: Any, curve: Any, group: Group | None) -> None:
    """Give a curve of a channelbag a group, made where it is missing, and the group's colour."""
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


def attribute(curve: Any, name: str) -> NDArray[Any]:
    """One of `key_block.ATTRIBUTES` of all keys of a curve."""
    width, kind, _ = ATTRIBUTES[name]
    out: NDArray[Any] = np.empty(len(curve.keyframe_points) * width, kind)
    curve.keyframe_points.foreach_get(name, out)
    return out.reshape(-1, width) if width > 1 else out


def read_block(curve: Any) -> Block:
    """All keys of a curve."""
    return {name: attribute(curve, name) for name in ATTRIBUTES}


def write_block(curve: Any, block: Block) -> None:
    """Give a curve these keys in place of its own."""
    points = curve.keyframe_points
    if len(points) != len(block["co"]) or len(block) < len(ATTRIBUTES):
        points.clear()
        points.add(len(block["co"]))
    for name, values in block.items():
        points.foreach_set(name, np.ascontiguousarray(values).ravel())
    curve.update()


def values_at(curve: Any, frames: NDArray[np.floating]) -> NDArray[np.float32]:
    """The curve at frames: straight from its keys where there is one at each."""
    co = attribute(curve, "co")
    place = np.minimum(np.searchsorted(co[:, 0], frames), len(co) - 1)
    if not len(curve.modifiers) and (co[place, 0] == np.asarray(frames, np.float32)).all():
        return np.asarray(co[place, 1], np.float32)
    return np.fromiter(map(curve.evaluate, np.asarray(frames, float).tolist()), np.float32, len(frames))
