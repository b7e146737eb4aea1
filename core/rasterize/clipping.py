# SPDX-License-Identifier: Apache-2.0
"""Clipping triangles in clip space, before the division by w (Sutherland & Hodgman 1974)."""

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled

Floats = NDArray[np.float32]
Corners = NDArray[np.float64]

PLANES = 7
MAX_CORNERS = 3 + PLANES
_GUARD = 32.0
"""Triangles are cut only this many half pictures off the centre: nearer ones are bounded while drawing."""
_SMALLEST_W = 1e-7


@compiled
def _distance(x: float, y: float, z: float, w: float, plane: int) -> float:
    """Signed distance to a clip plane, ≥ 0 on the side that is kept."""
    if plane == 0:
        return w - _SMALLEST_W
    if plane == 1:
        return w + z
    if plane == 2:
        return w - z
    if plane == 3:
        return _GUARD * w + x
    if plane == 4:
        return _GUARD * w - x
    if plane == 5:
        return _GUARD * w + y
    return _GUARD * w - y


@compiled
def is_inside(vertex: Floats) -> bool:
    """Whether a vertex needs no clipping."""
    x, y, z, w = float(vertex[0]), float(vertex[1]), float(vertex[2]), float(vertex[3])
    return w >= _SMALLEST_W and abs(z) <= w and abs(x) <= _GUARD * w and abs(y) <= _GUARD * w


@compiled
def is_outside(a: Floats, b: Floats, c: Floats) -> bool:
    """Whether a triangle lies wholly beyond one plane."""
    for plane in range(PLANES):
        if (_distance(a[0], a[1], a[2], a[3], plane) < 0 and _distance(b[0], b[1], b[2], b[3], plane) < 0
                and _distance(c[0], c[1], c[2], c[3], plane) < 0):
            return True
    return False


@compiled
def clip_triangle(a: Floats, b: Floats, c: Floats, polygon: Corners) -> tuple[int, int]:
    """Clip to the view volume; `polygon` (2, MAX_CORNERS, 4) is working space.

    Returns the number of corners and which half of `polygon` holds them.
    """
    for k in range(4):
        polygon[0, 0, k], polygon[0, 1, k], polygon[0, 2, k] = a[k], b[k], c[k]
    corners, side = 3, 0
    for plane in range(PLANES):
        corners = _cut(polygon[side], corners, plane, polygon[1 - side])
        side = 1 - side
    return corners, side


@compiled
def _cut(corner: Corners, corners: int, plane: int, out: Corners) -> int:
    """Keep the part of a convex polygon on the good side of one plane."""
    kept = 0
    for i in range(corners):
        j = (i + 1) % corners
        here = _distance(corner[i, 0], corner[i, 1], corner[i, 2], corner[i, 3], plane)
        there = _distance(corner[j, 0], corner[j, 1], corner[j, 2], corner[j, 3], plane)
        if here >= 0:
            out[kept] = corner[i]
            kept += 1
        if (here >= 0) != (there >= 0):
            # From the inner to the outer point, so that neighbours cut their common edge at the same place.
            if here >= 0:
                out[kept] = corner[i] + (corner[j] - corner[i]) * (here / (here - there))
            else:
                out[kept] = corner[j] + (corner[i] - corner[j]) * (there / (there - here))
            kept += 1
    return kept
