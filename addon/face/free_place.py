# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a head and the camera of its photo have room: a cube in between would be all that the camera sees."""

from dataclasses import dataclass

import bpy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.camera import Camera
from . import axes

Array = NDArray[np.float64]

_LOOKED_AT = np.array([[0, 0, 0], [0.06, 0, 0], [-0.06, 0, 0], [0, 0, 0.08], [0, 0, -0.08]])
"""Points of a face, metres in Blender's axes"""
_BEHIND = 1.2
"""Metres behind a face within which a box around face and camera hides the photo"""
_GAP = 0.1
_FURTHEST = 20.0
"""Metres; where there is no room within them, the head stays where it was wanted"""


@dataclass(frozen=True)
class Place:
    """Where a head goes, and the names of what is in the way where it was wanted."""

    location: tuple[float, float, float]
    moved: bool = False
    in_the_way: tuple[str, ...] = ()

    def sentence(self) -> str:
        """What to tell the user; empty when there was nothing in the way."""
        names = ", ".join(f"“{name}”" for name in self.in_the_way[:3])
        if not names:
            return ""
        if self.moved:
            return f". It stands beside {names}, which would hide it from its camera"
        return f". {names} is between the face and its camera: hide it to see the face"


def free_place(scene: bpy.types.Scene, layer: bpy.types.ViewLayer, camera: Camera,
               translation: NDArray[np.floating]) -> Place:
    """The 3D cursor, or the next place to its right where nothing hides a head from the camera of its photo.

    Args:
        camera: of the photo, with the head at `translation` (3,) metres in its axes.
    """
    units = float(scene.unit_settings.scale_length)
    wanted = np.array(scene.cursor.location, np.float64)
    location, names = wanted.copy(), list[str]()
    layer.update()
    while (box := _first_in_the_way(scene, layer, location, translation, units)) is not None:
        names.append(box.name)
        seen_from = axes.stage_matrix(location, translation, units)[:3, 3]
        depth = np.clip(box.corners[:, 1] - seen_from[1], 0, None)
        widest = box.corners[:, 0] - seen_from[0] + depth * camera.width / (2 * camera.focal)
        location[0] += max(float(widest.max()), 0.0) + _GAP / units
        if abs(location[0] - wanted[0]) * units > _FURTHEST:
            return Place(_numbers(wanted), False, tuple(names[:1]))
    return Place(_numbers(location), bool(names), tuple(dict.fromkeys(names)))


@dataclass(frozen=True)
class _Box:
    name: str
    corners: Array
    """(8, 3) in the world"""

    def surrounds(self, point: ArrayLike) -> bool:
        return bool(((self.corners.min(0) <= point) & (point <= self.corners.max(0))).all())


def _first_in_the_way(scene: bpy.types.Scene, layer: bpy.types.ViewLayer, location: Array,
                      translation: NDArray[np.floating], units: float) -> _Box | None:
    """What the camera sees in place of a head, or close behind it from within."""
    origin = axes.stage_matrix(location, translation, units)[:3, 3]
    for point in location + _LOOKED_AT / units:
        way = point - origin
        far = float(np.linalg.norm(way))
        hit, place, _, _, found, matrix = scene.ray_cast(layer.depsgraph, origin, way / far,
                                                         distance=far + _BEHIND / units)
        if not hit:
            continue
        corners = np.column_stack([np.array(found.bound_box), np.ones(8)]) @ np.array(matrix, np.float64)[:3].T
        box = _Box(found.name, corners)
        if np.linalg.norm(np.array(place) - origin) < far or box.surrounds(origin):
            return box
    return None



def _numbers(location: Array) -> tuple[float, float, float]:
    x, y, z = location.tolist()
    return x, y, z
